"""Deadline: how long one step may still take.

Only waiting for the model counts, and for another attempt. While the caller takes what it was
given the step's own time stands still; the request's end bounds all. Knows nothing of models.
"""

from __future__ import annotations

from ossay.core.errors import ModelCallError
from ossay.router.breaker import Told
from ossay.router.clock import Clock
from ossay.router.failure import told_of


class Deadline:
    """Of a step that begins now.

    Args:
        clock: Time.
        seconds: The step's own.
        ends_at: Monotonic time at which the whole request ends.
    """

    __slots__ = ("_began", "_clock", "_ends_at", "_given_at", "_held_s", "_is_over", "_until")

    def __init__(self, clock: Clock, seconds: float, ends_at: float) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._ends_at = ends_at
        self._until = min(self._began + seconds, ends_at)
        self._given_at: float | None = None
        self._held_s = 0.0  # that the caller took
        self._is_over = False  # the request ended while the caller had it

    @property
    def spent_s(self) -> float:
        """Seconds since it began, the caller's among them."""
        return self._clock.monotonic() - self._began

    @property
    def left_s(self) -> float:
        """Seconds for which the model may be awaited now."""
        return min(self._until, self._ends_at) - self._clock.monotonic()

    @property
    def all_left_s(self) -> float:
        """Seconds until the request ends."""
        return self._ends_at - self._clock.monotonic()

    def give(self) -> None:
        """The caller has a piece of the answer now."""
        self._given_at = self._clock.monotonic()

    def take_back(self) -> None:
        """The caller wants the next one."""
        given_at, self._given_at = self._given_at, None
        if given_at is None:
            return
        now = self._clock.monotonic()
        taken_s = now - given_at
        self._until += taken_s
        self._held_s += taken_s
        self._is_over = self._is_over or now >= self._ends_at > given_at

    def told_of(self, error: ModelCallError) -> Told:
        """What a failed call tells its breaker: nothing where the caller used up the time."""
        if error.kind == "deadline":
            cut = self._until > self._ends_at  # the request's end came before the step's
            if self._is_over or (cut and self._held_s > self.spent_s - self._held_s):
                return "no_matter"
        return told_of(error)
