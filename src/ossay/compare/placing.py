"""What a leaderboard rests on: each model's value and interval, and the p of every pair.

Rows are placed on a grid of shared items, counts side by side. Knows nothing of ranks, costs or of
models that were left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from ossay.compare.counts import Counted, notes_of, shared_tasks, total
from ossay.compare.grid import Grid, grid_of
from ossay.compare.meeting import draws_for, interval_of
from ossay.compare.side import Side
from ossay.compare.together import p_together
from ossay.stats.flips import sign_flips
from ossay.stats.measure import Measure
from ossay.stats.ranks import leaderboard
from ossay.stats.rates import wilson

if TYPE_CHECKING:
    import numpy as np

    from ossay.stats.interval import Interval


class Pair(NamedTuple):
    """Two rows: on how many items each has the higher value, and p. Counts know no items."""

    a: int
    b: int
    higher_a: int | None
    higher_b: int | None
    p: float


class Placed(NamedTuple):
    """Rows in the order of the sides; `items` are what costs are added up over."""

    values: tuple[float, ...]
    intervals: tuple[Interval, ...]
    ns: tuple[int, ...]
    pairs: tuple[Pair, ...]
    items: tuple[str, ...]
    n: int
    share: bool
    notes: tuple[str, ...]


def place_grid(
    sides: Sequence[Side],
    measure: Measure,
    alpha: float,
    rng: np.random.Generator,
    *,
    intersect: bool = False,
) -> Placed:
    """Models with rows: McNemar's test for 0/1 from one attempt and no clusters, else sign flips.

    Raises:
        UsageError: as `grid.grid_of`.
        ValueError: one item, or one cluster, where the values aren't 0/1.
    """
    grid = grid_of(sides, intersect=intersect)
    if grid.binary and grid.clusters is None:
        ranked = leaderboard(grid.values, alpha)
        pairs = tuple(Pair(one.a, one.b, one.only_a, one.only_b, one.p) for one in ranked.pairs)
    else:
        pairs = _flipped(grid, alpha, rng)
    notes = []
    if grid.left_out:
        notes.append(f"{grid.left_out} items that not all models have were left out, as asked.")
    if grid.unscored:
        notes.append(f"{grid.unscored} more were left out, since a model has no score there.")
    if any(len(tried) > 1 for side in sides for tried in side.attempts.values()):
        notes.append("Each item's attempts were averaged, so an item counts once.")
    values = grid.values
    return Placed(
        tuple(sum(row) / len(row) for row in values),
        tuple(interval_of(row, grid.clusters, measure, 1.0 - alpha) for row in values),
        tuple(len(row) for row in values),
        pairs,
        grid.items,
        len(grid.items),
        not measure.less and all(0.0 <= value <= 1.0 for row in values for value in row),
        tuple(notes),
    )


def _flipped(grid: Grid, alpha: float, rng: np.random.Generator) -> tuple[Pair, ...]:
    import numpy as np

    index = list(combinations(range(len(grid.models)), 2))
    if not index:
        return ()
    values = np.array(grid.values)
    first, second = np.array(index).T
    differences = (values[first] - values[second]).T
    draws = draws_for(len(index), alpha)
    if len(grid.items) < 2:
        raise ValueError("one item tells nothing of how much items differ")
    ps = sign_flips(differences, rng, grid.clusters, draws=draws)
    higher, lower = (differences > 0).sum(axis=0), (differences < 0).sum(axis=0)
    return tuple(Pair(a, b, int(higher[i]), int(lower[i]), ps[i]) for i, (a, b) in enumerate(index))


def place_counts(
    sides: Sequence[Side], alpha: float, rng: np.random.Generator, *, intersect: bool = False
) -> Placed:
    """Models of which one at least has only k of n: Barnard's test, nothing is paired.

    Raises:
        UsageError: as `counts.count_both`.
    """
    tasks = shared_tasks(sides, intersect=intersect)
    sums = [total(side, tasks) for side in sides]
    index = list(combinations(range(len(sides)), 2))
    met = [Counted(*sums[a], *sums[b]) for a, b in index]
    level = 1.0 - alpha
    return Placed(
        tuple(passed / n for passed, n in sums),
        tuple(wilson(passed, n, level) for passed, n in sums),
        tuple(n for _, n in sums),
        tuple(
            Pair(a, b, None, None, 1.0 if p is None else p)
            for (a, b), p in zip(index, p_together(met, rng, alpha), strict=True)
        ),
        tasks or ("",),
        max(n for _, n in sums),
        True,
        notes_of(sides, tasks),
    )
