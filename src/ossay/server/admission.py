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
# Bodies on their way for each request in flight: each may be as large as a body may be.
_BODIES = 4


class Admission:
    """Counts requests in flight, and bodies that are still being read.

    Args:
        limit: How many may be in flight, those included that wait in the model's queue. Four
            times as many bodies may be on their way.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_flight = 0
        self.bodies = 0
        self.draining = False

    def place(self) -> Place:
        """A place, for a `with`. Raises `ApiError`: 429 where none is free, 503 while draining."""
        if self.draining:
            raise draining()
        if self.in_flight >= self.limit:
            raise _full(f"{self.in_flight} requests are in flight")
        return Place(self)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Be counted while a body is read. Raises `ApiError` 429 where too many are."""
        if self.bodies >= _BODIES * self.limit:
            raise _full(f"{self.bodies} requests are being read")
        self.bodies += 1
        try:
            yield
        finally:
            self.bodies -= 1


class Place:
    """One place, held while it is entered."""

    __slots__ = ("_admission",)

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def __enter__(self) -> None:
        self._admission.in_flight += 1

    def __exit__(self, *error: object) -> None:
        self._admission.in_flight -= 1


def draining() -> ApiError:
    """Return the error for whoever comes, or still waits, while the server goes down."""
    return ApiError(
        503, "the server is shutting down", code="shutting_down", retry_after_s=_RESTART_S
    )


def _full(said: str) -> ApiError:
    return ApiError(
        429,
        f"{said}, and no more are taken; try again",
        code="rate_limit_exceeded",
        retry_after_s=_RETRY_S,
    )
