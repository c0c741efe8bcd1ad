"""How a gateway serves: bounds on what comes in, and how long things may take.

Knows nothing of the file in which they are set.
"""

from __future__ import annotations

from msgspec import Struct


class Options(Struct, frozen=True):
    """Bounds of one gateway.

    Attributes:
        max_body: Bytes of a request's body; beyond that: 413.
        in_flight: Requests that may be answered at once; beyond that: 429.
        deadline_s: Seconds for one answer, all its stages together.
        body_s: Seconds for a whole body to come; beyond that: 408.
        last_word_s: Seconds for a stream's last event, the one that says why it failed.
    """

    max_body: int = 8 * 2**20
    in_flight: int = 1_024
    deadline_s: float = 600.0
    body_s: float = 60.0
    last_word_s: float = 5.0
