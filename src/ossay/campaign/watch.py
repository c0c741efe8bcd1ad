"""Watching two models pair by pair: the evidence so far, and whether it is time to stop.

Knows nothing of runs and models; it takes what each side did at one item after the other.
"""

from __future__ import annotations

import math

from msgspec import Struct

from ossay.campaign.stop import Stop
from ossay.stats.prospect import prospect, tie_shown
from ossay.stats.sequential import Winner, decided, e_value
from ossay.stats.sequential_verdict import Ending

# Whether to give up is asked at so many looks, evenly spaced: after every item in a small plan.
FUTILITY_LOOKS = 200


class Look(Struct, frozen=True):
    """The state after so many items: pairs that only A, and only B, passed, and the e-value."""

    items: int
    only_a: int
    only_b: int
    e_value: float


class Watch:
    """The evidence on two models over `planned` items, taken in an order fixed beforehand.

    Attributes:
        planned: Items of the plan.
        items: Items taken; `pairs` of them have a result on both sides.
        only_a, only_b: Pairs that one of the two alone passed.
        reason: Why it is over, 'open' while it isn't.
        winner: Who is better, where that decided it.
        chance: Of the items left to decide it, where it was given up for that.
    """

    def __init__(self, stop: Stop, planned: int) -> None:
        self.planned = planned
        self.items = self.pairs = self.only_a = self.only_b = 0
        self.reason: Ending = "open"
        self.winner: Winner | None = None
        self.chance: float | None = None
        self._stop = stop
        self._bet = stop.bet
        self._every = max(1, math.ceil(planned / FUTILITY_LOOKS))
        self._path: list[Look] = []

    @property
    def over(self) -> bool:
        """Whether no further item counts."""
        return self.reason != "open"

    @property
    def look(self) -> Look:
        """The state now."""
        value = e_value(self.only_a, self.only_b, self._bet)
        return Look(self.items, self.only_a, self.only_b, value)

    @property
    def path(self) -> tuple[Look, ...]:
        """The state at each differing pair, and at the last item taken."""
        last = self.look
        ended = not self.items or (self._path and self._path[-1] == last)
        return tuple(self._path) if ended else (*self._path, last)

    def take(self, passed_a: bool | None, passed_b: bool | None) -> None:
        """Take the next item; None where a side has no result. Nothing happens once it is over."""
        if self.over:
            return
        self.items += 1
        if passed_a is not None and passed_b is not None:
            self.reason = self._judged(passed_a, passed_b)
        if self.reason == "open" and self.items == self.planned:
            self.reason = "used_up"
        elif self.reason == "open" and self._stop.futility and self.items % self._every == 0:
            self._ask_whether_to_go_on()

    def _judged(self, passed_a: bool, passed_b: bool) -> Ending:
        """Count a pair, and say what it shows."""
        stop = self._stop
        self.pairs += 1
        if passed_a != passed_b:
            self.only_a += passed_a
            self.only_b += passed_b
            self._path.append(self.look)
            self.winner = decided(self.only_a, self.only_b, stop.alpha, self._bet)
        if self.winner is not None:
            return "decided"
        counts = (self.only_a, self.only_b, self.pairs)
        if stop.margin is not None and tie_shown(*counts, stop.margin, stop.alpha):
            return "tied"
        return "open"

    def _ask_whether_to_go_on(self) -> None:
        stop = self._stop
        chance = prospect(
            self.only_a,
            self.only_b,
            self.pairs,
            self.planned - self.items,
            stop.alpha,
            self._bet,
            margin=stop.margin,
            enough=stop.futility,
        )
        if chance < stop.futility:
            self.reason, self.chance = "futile", chance
