"""`[stop]` of a plan: which two models decide when a campaign is over, and how sure they must be.

Knows nothing of runs; `campaign.stopping` follows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite

from msgspec import Struct

from ossay.core.errors import nearest
from ossay.stats.sequential import SPREAD, Bet


class Stop(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """When the items run so far decide which of two models is better, or can't any more.

    Attributes:
        compare: The two models; empty: the plan's, where it has two.
        alpha: The chance allowed to name a better model where there is none; the same for a tie.
        futility: Give up where the chance that the items left decide it falls below this; 0: never.
        margin: The largest difference that doesn't matter, as a share: both within it is a tie.
        edge: The share of differing items that the better model is expected to win; None: unknown.
        spread: How the bet spreads without an edge; a large one suits small differences.
    """

    compare: tuple[str, ...] = ()
    alpha: float = 0.05
    futility: float = 0.05
    margin: float | None = None
    edge: float | None = None
    spread: float = SPREAD.spread

    @property
    def bet(self) -> Bet:
        """The bet, as `stats.sequential` takes it."""
        return Bet(self.edge, self.spread)

    def pair(self, models: Sequence[str]) -> tuple[str, str]:
        """The two models, A and B, of a plan with these models."""
        first, second = self.compare or models
        return first, second


def stop_problems(stop: Stop, models: Sequence[str], *, attempts: int, order: str) -> Iterable[str]:
    """Say what in `[stop]` makes no sense in such a plan."""
    yield from _pair_problems(stop, models)
    if attempts != 1:
        yield (
            f"attempts = {attempts!r} with [stop]: attempts at one item are no new items, and a "
            "majority of them answers another question; write attempts = 1, and more instances"
        )
    if order != "interleaved":
        yield f"order = {order!r} with [stop]: both models run an item together; leave it out"
    shares = (
        ("alpha", stop.alpha, 0.0, 0.5, "0.05 means 5 %"),
        ("margin", stop.margin, 0.0, 1.0, "0.05 means 5 points"),
        ("edge", stop.edge, 0.5, 1.0, "the share of differing items that the better model wins"),
    )
    for key, value, low, high, means in shares:
        if value is not None and not low < value < high:
            yield f"stop.{key} = {value!r}: must be above {low:g} and below {high:g}; {means}"
    if not 0.0 <= stop.futility < 1.0:
        yield f"stop.futility = {stop.futility!r}: must be from 0 (never) to below 1"
    if not (isfinite(stop.spread) and 0.0 < stop.spread <= 1e6):
        yield f"stop.spread = {stop.spread!r}: must be above 0, and at most 1,000,000"
    if stop.edge is not None and stop.spread != SPREAD.spread:
        yield f"stop.spread = {stop.spread!r} beside stop.edge: a bet takes one of them"


def _pair_problems(stop: Stop, models: Sequence[str]) -> Iterable[str]:
    if not stop.compare:
        if len(models) != 2:
            yield (
                f"[stop] in a plan of {len(models)} models: name the two that decide, "
                'compare = ["A", "B"]'
            )
        return
    if len(stop.compare) != 2 or stop.compare[0] == stop.compare[-1]:
        yield f"stop.compare = {list(stop.compare)!r}: name two models"
    for model in stop.compare:
        if model not in models:
            yield f"stop.compare: {model!r} is no model of the plan{nearest(model, models)}"
