"""Garbage: Python's collector of cycles and what was there before the first request.

Modules, routes and the names of weights stay until a server's end. Walking through all of them
whenever requests have made enough objects costs tens of milliseconds, in which nobody is answered.
How often it looks at the rest is left alone: what failed may leave a request in a cycle, and it is
this that frees it. Knows nothing of requests.
"""

from __future__ import annotations

import gc


def settle() -> None:
    """Never look again at what there is now. For a process that serves and does nothing else."""
    gc.collect()
    gc.freeze()
