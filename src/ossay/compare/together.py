"""The p values of many pairs at once, each by the test that its design takes alone.

Sign flips on the same units share their patterns. Knows nothing of names or corrections.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from ossay.compare.counts import Counted
from ossay.compare.meeting import draws_for
from ossay.compare.units import Matched
from ossay.stats.comparison import compare_counts
from ossay.stats.flips import sign_flips
from ossay.stats.paired import mcnemar

if TYPE_CHECKING:
    import numpy as np


def p_together(
    met: Sequence[Matched | Counted], rng: np.random.Generator, alpha: float
) -> tuple[float | None, ...]:
    """The p of each pair, in their order; None where one item or cluster allows no test."""
    found: dict[int, float | None] = {}
    counted: dict[tuple[int, int, int, int], float] = {}
    alike: dict[Hashable, list[int]] = {}
    for place, one in enumerate(met):
        if isinstance(one, Counted):
            found[place] = _of_counts(one, counted)
        elif one.binary and one.clusters is None:
            above = sum(unit.a > unit.b for unit in one.units)
            found[place] = mcnemar(above, sum(unit.a < unit.b for unit in one.units)).p_exact
        else:
            units = tuple((unit.item, unit.attempt) for unit in one.units)
            alike.setdefault((units, one.clusters), []).append(place)
    draws = draws_for(len(met), alpha)
    for places in alike.values():
        group = [one for one in (met[place] for place in places) if isinstance(one, Matched)]
        found |= dict(zip(places, _of_units(group, rng, draws), strict=True))
    return tuple(found[place] for place in range(len(met)))


def _of_counts(one: Counted, before: dict[tuple[int, int, int, int], float]) -> float:
    key = (one.passed_a, one.n_a, one.passed_b, one.n_b)
    if key not in before:
        before[key] = compare_counts(("a", *key[:2]), ("b", *key[2:])).p
    return before[key]


def _of_units(
    group: Sequence[Matched], rng: np.random.Generator, draws: int
) -> tuple[float | None, ...]:
    import numpy as np

    units = group[0].units
    if len(units) < 2 or len(set(group[0].clusters or units)) < 2:
        return (None,) * len(group)
    differences = np.array([[unit.a - unit.b for unit in one.units] for one in group]).T
    return sign_flips(differences, rng, group[0].clusters, draws=draws)
