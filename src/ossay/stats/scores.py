"""Two models on the same items, each with a score: sign-flip permutation, Wilcoxon's signed ranks.

The bootstrap of the same difference is in `bootstrap`. Knows nothing of what a score measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ossay.stats.arrays import cluster_codes, numbers, same_length
from ossay.stats.signs import in_steps, tail

if TYPE_CHECKING:
    import numpy as np

    from ossay.stats.arrays import Floats, Whole

EXACT_FLIPS = 18  # nonzero differences up to which all 2^n sign patterns are counted
EXACT_RANKS = 200  # nonzero differences up to which Wilcoxon's distribution is counted
_CELLS = 1 << 22
_SAME = 1e-9  # of the largest difference: what rounding can do, and no score means


class PairedTest(Struct, frozen=True):
    """A two-sided p value for "A and B could be swapped within each item".

    `used` differences are not zero; `exact` says that p was counted and not drawn or approximated;
    `floor` is the least p that so many differences can give.
    """

    statistic: float
    p: float
    n: int
    used: int
    exact: bool
    floor: float


def sign_flip(
    differences: Sequence[float] | Floats,
    rng: np.random.Generator | None = None,
    clusters: Sequence[Any] | None = None,
    *,
    draws: int = 9_999,
) -> PairedTest:
    """Permutation test of the mean difference: each item's sign, or each cluster's, may flip.

    R. A. Fisher, "The design of experiments" (1935), section 21. Counted over all patterns where
    the differences share a step (`signs`: 0/1 results, marks in quarters), or are at most
    `EXACT_FLIPS`; else `draws` random patterns, p = (1 + hits) / (1 + draws), which keeps the level
    too (B. Phipson and G. K. Smyth, Statistical Applications in Genetics and Molecular Biology 9
    (2010), 39) and is the same for the same seed. With 0/1 results and no clusters it is McNemar's
    exact test. It takes differences, or those of clusters, to lie evenly around 0 where neither
    model is better.

    Args:
        differences: Score of A less score of B, shape [n]. The statistic is their mean.
        rng: Needed where patterns are drawn.
        clusters: One label an item; a cluster flips as a whole.
        draws: How many random patterns.

    Raises:
        ValueError: no differences, NaN, one cluster, draws < 99, or rng missing where needed.
    """
    import numpy as np

    vector = numbers(differences, "differences")
    if draws < 99:
        raise ValueError(f"draws={draws!r}: at least 99 are needed")
    total = float(vector.sum())
    sums: Floats = vector
    if clusters is not None:
        codes = cluster_codes(clusters, vector.size)
        sums = np.asarray(np.bincount(codes, weights=vector), dtype=np.float64)
    moved = sums[np.abs(sums) > _SAME * float(np.abs(vector).max())]
    mean = total / vector.size
    if not moved.size:
        return PairedTest(mean, 1.0, vector.size, 0, True, 1.0)
    floor = 2.0 ** (1 - moved.size)
    steps = in_steps(moved)
    if steps is not None:
        p = tail(steps, int((np.sign(moved) * steps).sum()))
        return PairedTest(mean, p, vector.size, moved.size, True, floor)
    reach = abs(float(moved.sum())) - _SAME * float(np.abs(moved).sum())
    if moved.size <= EXACT_FLIPS:
        p = float(np.mean(np.abs(_all_sums(moved)) >= reach))
        return PairedTest(mean, p, vector.size, moved.size, True, floor)
    if rng is None:
        raise ValueError(
            f"rng={rng!r}: {moved.size} differences have too many sign patterns to count; "
            "give a numpy.random.Generator"
        )
    p = (1 + _hits(moved, reach, rng, draws)) / (1 + draws)
    return PairedTest(mean, p, vector.size, moved.size, False, max(floor, 1 / (1 + draws)))


def wilcoxon(differences: Sequence[float] | Floats) -> PairedTest:
    """Wilcoxon's signed-rank test, two-sided; zeros are dropped, equal sizes share their mean rank.

    Sizes that differ by rounding alone, such as 0.3 - 0.1 and 0.9 - 0.7, are equal.

    F. Wilcoxon, Biometrics Bulletin 1 (1945), 80-83. The statistic is the sum of ranks of positive
    differences. Exact, ties and all, up to `EXACT_RANKS` nonzero differences (the distribution of
    the sum of doubled ranks by convolution); above, normal with the tie correction. It tests
    whether differences lie evenly around 0, not whether their mean is 0.

    Raises:
        ValueError: no differences, or NaN.
    """
    import numpy as np

    vector = numbers(differences, "differences")
    moved = vector[np.abs(vector) > _SAME * float(np.abs(vector).max())]
    if not moved.size:
        return PairedTest(0.0, 1.0, vector.size, 0, True, 1.0)
    doubled = _doubled_ranks(np.abs(moved))
    positive = int(doubled[moved > 0].sum())
    total = int(doubled.sum())
    floor = 2.0 ** (1 - moved.size)
    if moved.size > EXACT_RANKS:
        from scipy.special import ndtr

        spread = float(np.sqrt((doubled.astype(np.float64) ** 2).sum()))
        gap = max(0.0, abs(2 * positive - total) - 2.0)  # 2 here is half a rank sum
        p = min(1.0, 2.0 * float(ndtr(-gap / spread)))
        return PairedTest(positive / 2, p, vector.size, moved.size, False, floor)
    p = tail(doubled, 2 * positive - total)
    return PairedTest(positive / 2, p, vector.size, moved.size, True, floor)


def differences_of(a: Sequence[float] | Floats, b: Sequence[float] | Floats) -> Floats:
    """Score of A less score of B, item by item, shape [n].

    Raises:
        ValueError: lengths that differ, no scores, or NaN.
    """
    first, second = numbers(a, "a"), numbers(b, "b")
    same_length(first, second, "scores of A and B")
    return first - second


def _all_sums(moved: Floats) -> Floats:
    import numpy as np

    sums = np.zeros(1)
    for size in np.abs(moved):
        sums = np.concatenate([sums + size, sums - size])
    return sums


def _hits(moved: Floats, reach: float, rng: np.random.Generator, draws: int) -> int:
    """How many random sign patterns reach as far as the observed sum."""
    import numpy as np

    hits, rows = 0, max(1, _CELLS // moved.size)
    total = float(moved.sum())
    for start in range(0, draws, rows):
        count = min(rows, draws - start)
        bits = np.unpackbits(
            np.frombuffer(rng.bytes(count * ((moved.size + 7) // 8)), dtype=np.uint8).reshape(
                count, -1
            ),
            axis=1,
            count=moved.size,
        )
        sums = 2.0 * (bits @ moved) - total
        hits += int((np.abs(sums) >= reach).sum())
    return hits


def _doubled_ranks(sizes: Floats) -> Whole:
    """Twice the mean ranks, so that ties stay whole numbers."""
    import numpy as np

    order = np.argsort(sizes, kind="stable")
    ranked = sizes[order]
    apart = np.diff(ranked, prepend=ranked[0]) > _SAME * ranked[-1]
    kind = np.cumsum(apart)
    counts = np.bincount(kind)
    doubled = np.empty(sizes.size, dtype=np.int64)
    doubled[order] = (2 * np.cumsum(counts) - counts + 1)[kind]
    return doubled
