"""Who may come in: a bounded number of requests, none while the server drains.

Knows nothing of what they ask.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ossay.server.errors import ApiError

# A place is free when some answer ends; a second is the least that a client may be told.
_RETRY_S = 1
_RESTART_S = 10


class Admission:
    """Counts requests in flight.

    Args:
        limit: How many may be in flight, those included that wait in the model's queue.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_flight = 0
        self.draining = False

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place. Raises `ApiError`: 429 where none is free, 503 while draining."""
        if self.draining:
            raise draining()
        if self.in_flight >= self.limit:
            raise ApiError(
                429,
                f"{self.in_flight} requests are in flight, and no more are taken; try again",
                code="rate_limit_exceeded",
                retry_after_s=_RETRY_S,
            )
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1


def draining() -> ApiError:
    """Return the error for whoever comes, or still waits, while the server goes down."""
    return ApiError(
        503, "the server is shutting down", code="shutting_down", retry_after_s=_RESTART_S
    )
