"""Settling: Python's collector of cycles, told what a server's life is like. Knows nothing of it.

What is there once a server listens (modules, routes, weights' names) stays until its end; walking
through all of it whenever requests have made enough objects costs tens of milliseconds, in which
nobody is answered.
"""

from __future__ import annotations

import gc

# New objects before the youngest are looked at. Requests leave hardly a cycle behind.
_YOUNG = 10_000


def settle() -> None:
    """Never look again at what there is now. For a process that serves and does nothing else."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
