"""A circuit breaker: a model that keeps failing is left alone for a while.

Closed, calls pass. After `trips_after` failures in a row it opens, and no call passes. After
`open_s` it is half-open: one call passes as a probe, and its end closes or opens it again, each
time twice as long, up to `most_s`. Knows nothing of models; time is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

State = Literal["closed", "open", "half_open"]
Told = Literal["answered", "failed", "no_matter"]


class BreakerLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """When it opens, and for how long."""

    trips_after: int = 5
    open_s: float = 10.0
    most_s: float = 300.0


class Pass:
    """Leave for one call; say once how it ended. What is said a second time is not heard."""

    __slots__ = ("_breaker", "_era")

    def __init__(self, breaker: Breaker, era: int) -> None:
        self._breaker: Breaker | None = breaker
        self._era = era

    def end(self, told: Told) -> None:
        """`no_matter`: the caller left, or the request was at fault; nothing is learnt."""
        breaker, self._breaker = self._breaker, None
        if breaker is not None:
            breaker._hear(told, self._era)


class Breaker:
    """One model's breaker, shared by all routes that ask it.

    Args:
        monotonic: Returns seconds that only go up.
        limits: As above.
    """

    def __init__(self, monotonic: Callable[[], float], limits: BreakerLimits | None = None) -> None:
        self._monotonic = monotonic
        self._limits = limits or BreakerLimits()
        self._failures = 0
        self._opened_at: float | None = None
        self._open_s = self._limits.open_s
        self._probing = False
        self._era = 0  # goes up with each change, so that late news of an earlier one is not heard
        self.trips = 0

    @property
    def state(self) -> State:
        """What it is right now."""
        if self._opened_at is None:
            return "closed"
        return "half_open" if self.wait_s == 0.0 else "open"

    @property
    def wait_s(self) -> float:
        """Seconds until a probe may pass."""
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + self._open_s - self._monotonic())

    def enter(self) -> Pass | None:
        """Return leave for a call, None where it is open or a probe is on its way."""
        if self._opened_at is not None:
            if self._probing or self.wait_s > 0.0:
                return None
            self._probing = True
        return Pass(self, self._era)

    def _hear(self, told: Told, era: int) -> None:
        if era != self._era:
            return
        if self._opened_at is not None:
            self._probing = False
            if told == "answered":
                self._close()
            elif told == "failed":
                self._open(min(self._open_s * 2.0, self._limits.most_s))
        elif told == "answered":
            self._failures = 0
        elif told == "failed":
            self._failures += 1
            if self._failures >= self._limits.trips_after:
                self._open(self._limits.open_s)

    def _open(self, seconds: float) -> None:
        self._opened_at = self._monotonic()
        self._open_s = seconds
        self._era += 1
        self.trips += 1

    def _close(self) -> None:
        self._opened_at = None
        self._failures = 0
        self._era += 1
