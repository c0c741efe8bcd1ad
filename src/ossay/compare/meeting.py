"""How two models meet: which design the data allow, and the numbers of that design.

Knows nothing of names that somebody typed, of families or of words.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ossay.compare.counts import Counted, count_both
from ossay.compare.side import Side
from ossay.compare.units import Matched, match
from ossay.core.errors import UsageError
from ossay.stats.clustered import clustered_mean, clustered_rate, flat_interval, item_interval
from ossay.stats.comparison import (
    DRAWS,
    Comparison,
    compare_counts,
    compare_pairs,
    compare_results,
    compare_scores,
)
from ossay.stats.interval import Interval
from ossay.stats.measure import PLAIN, Measure
from ossay.stats.paired import pairs_of
from ossay.stats.rates import wilson

if TYPE_CHECKING:
    import numpy as np

Labels = Sequence[Hashable] | None


def meet(a: Side, b: Side, *, intersect: bool = False) -> Matched | Counted:
    """Pair the two where both have rows, else count.

    Raises:
        UsageError: a side has nothing, or as `units.match` and `counts.count_both`.
    """
    for side in (a, b):
        if not side.attempts and not side.counts:
            raise UsageError(
                f"{side.model!r} has no results on this metric: name one that it has with --metric"
            )
    if a.attempts and b.attempts:
        return match(a, b, intersect=intersect)
    return count_both(a, b, intersect=intersect)


def compare_sides(
    names: tuple[str, str],
    met: Matched | Counted,
    measure: Measure,
    rng: np.random.Generator,
    alpha: float = 0.05,
    *,
    family: int = 1,
) -> Comparison:
    """The comparison of two sides; in a family as many sign flips as its size needs.

    Raises:
        ValueError: as the function of the design in `stats.comparison`.
    """
    a, b = names
    if isinstance(met, Counted):
        sides = ((a, met.passed_a, met.n_a), (b, met.passed_b, met.n_b))
        return replace(compare_counts(*sides, alpha), measure=measure, noun="run")
    labels = met.clusters or tuple(unit.label for unit in met.units)
    if len(set(labels)) < 2 and not (met.binary and met.clusters is None):
        if met.clusters:
            raise ValueError(
                f"all {len(labels)} {met.noun}s that both have lie in one cluster: nothing tells "
                "how much clusters differ; add some, or read the file with --column cluster="
            )
        raise ValueError("both have one item alone: nothing tells how much items differ; add some")
    values = ([unit.a for unit in met.units], [unit.b for unit in met.units])
    draws = draws_for(family, alpha)
    if met.binary and met.clusters is None:
        found = compare_pairs(a, b, pairs_of(*values), alpha)
    elif met.binary and met.clusters is not None:
        found = compare_results(a, b, values, met.clusters, rng, alpha, draws=draws)
    else:
        found = compare_scores(a, b, values, rng, met.clusters, alpha, draws=draws)
    return replace(found, measure=measure, noun=met.noun)


def draws_for(tests: int, alpha: float) -> int:
    """How many sign flips a family of tests needs: the least p, corrected, is a tenth of alpha."""
    return max(DRAWS, round(10 * tests / alpha))


def interval_of(
    values: Sequence[float], labels: Labels, measure: Measure = PLAIN, level: float = 0.95
) -> Interval:
    """The interval of one model's mean, by what the values are.

    Wilson's for 0/1, on the effective number in clusters; for shares Wilson's on the effective
    number of trials; else t, or `flat_interval` where all are equal.

    Raises:
        ValueError: no values, or fewer than two where they aren't 0/1, or all in one cluster.
    """
    if all(value in (0.0, 1.0) for value in values):
        if labels is None:
            return wilson(int(sum(values)), len(values), level)
        return clustered_rate(values, labels, level)
    if not measure.unit and labels is None and all(0.0 <= value <= 1.0 for value in values):
        return item_interval(values, level)
    found = clustered_mean(values, range(len(values)) if labels is None else labels)
    if found.se <= 1e-12:
        return flat_interval(found.mean, max(map(abs, values)) or 1.0, found.clusters, level)
    return found.interval(level)
