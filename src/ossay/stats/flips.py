"""Sign flips of many columns at once: every pair of a leaderboard on the same items.

The patterns are shared by all columns, so the tests depend on each other; Holm's correction holds
under any dependence. Knows nothing of what a column is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ossay.stats.arrays import cluster_codes
from ossay.stats.scores import EXACT_FLIPS, sign_flip

if TYPE_CHECKING:
    import numpy as np

    from ossay.stats.arrays import Floats

_CELLS = 1 << 23  # numbers held at once, 64 MB


def sign_flips(
    differences: Floats,
    rng: np.random.Generator,
    clusters: Sequence[Any] | None = None,
    *,
    draws: int = 9_999,
) -> tuple[float, ...]:
    """Two-sided p of each column's mean: `scores.sign_flip` on `differences`, shape [items, pairs].

    Columns with at most `EXACT_FLIPS` nonzero items, or clusters, are counted exactly; the others
    share `draws` random patterns, p = (1 + hits) / (1 + draws).

    Raises:
        ValueError: not two-dimensional, no items, NaN, one cluster, or draws < 99.
    """
    import numpy as np

    table = np.asarray(differences, dtype=np.float64)
    if table.ndim != 2 or not table.shape[0] or not np.isfinite(table).all():
        raise ValueError(
            f"differences of shape {table.shape!r}: give items x pairs, every one a number"
        )
    if draws < 99:
        raise ValueError(f"draws={draws!r}: at least 99 are needed")
    sums = table if clusters is None else _summed(table, cluster_codes(clusters, table.shape[0]))
    scale = np.maximum(1.0, np.abs(table).max(axis=0, initial=0.0))
    moved = np.abs(sums) > 1e-12 * scale
    many = moved.sum(axis=0) > EXACT_FLIPS
    ps = np.ones(table.shape[1])
    for column in np.flatnonzero(~many):
        ps[column] = sign_flip(table[:, column], rng, clusters).p
    if many.any():
        ps[many] = (1 + _hits(np.where(moved, sums, 0.0)[:, many], rng, draws)) / (1 + draws)
    return tuple(map(float, ps))


def _summed(table: Floats, codes: np.ndarray[Any, np.dtype[np.int64]]) -> Floats:
    import numpy as np

    sums = np.zeros((int(codes.max()) + 1, table.shape[1]))
    np.add.at(sums, codes, table)
    return sums


def _hits(sums: Floats, rng: np.random.Generator, draws: int) -> Floats:
    """For each column, how many random sign patterns reach as far as the observed sum."""
    import numpy as np

    rows, columns = sums.shape
    total = sums.sum(axis=0)
    reach = np.abs(total) - 1e-9 * np.abs(sums).sum(axis=0)
    hits = np.zeros(columns)
    step = max(1, _CELLS // max(rows, columns))
    for start in range(0, draws, step):
        count = min(step, draws - start)
        bits = np.unpackbits(
            np.frombuffer(rng.bytes(count * ((rows + 7) // 8)), dtype=np.uint8).reshape(count, -1),
            axis=1,
            count=rows,
        ).astype(np.float64)
        hits += (np.abs(2.0 * (bits @ sums) - total) >= reach).sum(axis=0)
    return hits
