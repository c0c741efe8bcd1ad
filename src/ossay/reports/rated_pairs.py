"""Pairs of models compared by what people rated, and what so many tasks can show: RatedPairs.

A test by signs of five tasks has no p below 0.0625, so nothing can be shown by it. Knows nothing
of how it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from msgspec import Struct
from msgspec.structs import replace

from ossay.compare.finding import Finding
from ossay.compare.pair import compare_models
from ossay.compare.reach import out_of_reach
from ossay.core.errors import UsageError
from ossay.core.rating import Rating
from ossay.core.records import CampaignRecord
from ossay.core.results import RATING
from ossay.records.ratings import ratings_as_records
from ossay.reports.compared import ALL_PAIRS, ALPHA, MOST_COMPARED, SEED, NotCompared
from ossay.stats.comparison import Comparison
from ossay.stats.many import holm
from ossay.stats.power import mean_power
from ossay.stats.verdict import verdict

CHANCE = 0.8
_STEP = 0.05  # points of a scale; raters give quarters
_WIDEST = 1_000.0  # points of any scale


class RatedPair(Struct, frozen=True):
    """Two models. `least` is the smallest difference that is shown in 8 of 10 such campaigns.

    It takes from the ratings how much tasks differ, never the difference that was seen; None where
    none is shown, however large.
    """

    finding: Finding
    least: float | None


class RatedPairs(Struct, frozen=True):
    """All pairs of rated models, corrected together by Holm.

    Attributes:
        pairs: In the order of the plan.
        not_compared: Pairs that can't be, and why.
        units, noun: What signs are flipped of, 'task' or 'instance', and how many the pair with
            the fewest has; 0 where nothing is shared.
        least_p: The smallest two-sided p that so many can give; None of 0.
        reach: One sentence where nothing can be shown, '' where something can.
    """

    pairs: tuple[RatedPair, ...] = ()
    not_compared: tuple[NotCompared, ...] = ()
    units: int = 0
    noun: str = "task"
    least_p: float | None = None
    reach: str = ""


NO_PAIRS = RatedPairs()


def pairs_of(
    record: CampaignRecord, ratings: Sequence[Rating], models: Sequence[str]
) -> RatedPairs:
    """Compare every two of `models` by people's ratings. Pure."""
    from numpy.random import PCG64, Generator

    if not 2 <= len(models) <= MOST_COMPARED:
        return NO_PAIRS
    records = ratings_as_records(record, ratings)
    found, failed = list[Finding](), list[NotCompared]()
    for a, b in combinations(models, 2):
        try:
            found.append(
                compare_models(
                    records, a, b, metric=RATING, intersect=True, rng=Generator(PCG64(SEED))
                )
            )
        except UsageError as error:
            failed.append(NotCompared(a, b, str(error)))
    family = len(found) + len(failed)
    judged = _judged(found, family)
    units = min((_units(one.comparison) for one in judged), default=0)
    several = len({(run.key.suite, run.key.task) for run in record.runs}) > 1
    noun = "task" if several else "instance"
    return RatedPairs(
        pairs=tuple(RatedPair(one, _least(one.comparison, family)) for one in judged),
        not_compared=tuple(failed),
        units=units,
        noun=noun,
        least_p=2.0 ** (1 - units) if units else None,
        reach=out_of_reach(units, ALPHA, noun=noun, family=family),
    )


def _judged(found: Sequence[Finding], family: int) -> list[Finding]:
    """The findings by p after Holm; a pair that can't be compared counts with p = 1."""
    missing = family - len(found)
    adjusted = holm([one.comparison.p for one in found] + [1.0] * missing)
    return [
        replace(
            one,
            verdict=verdict(one.comparison, None, adjusted=p, family=family),
            family=ALL_PAIRS if family > 1 else "",
            family_size=family,
        )
        for one, p in zip(found, adjusted, strict=False)
    ]


def _units(found: Comparison) -> int:
    return found.n_a if found.clusters is None else found.clusters


def _least(found: Comparison, family: int) -> float | None:
    """The least difference, in steps, that so many items show with a chance of `CHANCE`."""
    if found.n_a < 2 or not found.variance:
        return None
    alpha = ALPHA / family

    def shown(steps: int) -> bool:
        gap = steps * _STEP
        return mean_power(found.n_a, gap, found.variance, alpha, found.clustering) >= CHANCE

    high = 1
    while not shown(high):  # from below: far above, the noncentral t has no numbers
        high *= 2
        if high * _STEP > _WIDEST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return round(high * _STEP, 2)
