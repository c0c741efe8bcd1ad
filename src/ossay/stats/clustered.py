"""Means of items that come in clusters: standard errors and intervals between clusters.

Runs of one task, questions on one text, paraphrases of one prompt resemble each other; an interval
that takes them as independent is too narrow. Clusters are taken as independent draws. Knows nothing
of what a cluster is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ossay.stats.arrays import cluster_codes, numbers, results, same_length
from ossay.stats.interval import Interval, check_level, two_sided_t, two_sided_z
from ossay.stats.paired import tango_ends
from ossay.stats.rates import wilson_ends

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats


class ClusteredMean(Struct, frozen=True):
    """A mean over n items in `clusters` clusters; every item weighs the same.

    `se` is its standard error between clusters, `df` the degrees of freedom of a t for it, and
    `design_effect` the variance as a multiple of that of n independent items (1 where items of a
    cluster don't resemble each other; None where all values are equal).
    """

    mean: float
    se: float
    df: float
    n: int
    clusters: int
    design_effect: float | None

    def interval(self, level: float = 0.95) -> Interval:
        """The mean plus and minus t standard errors.

        At 95 %, scores in a bell shape, it covers 94-96 % from 5 clusters on, also where their
        sizes differ tenfold. Where it fails: it has no width where all values are equal, and skewed
        values need more clusters. For 0/1 results use `clustered_rate`: this one covers 40-96 %
        with 5 clusters, 59-96 % with 10 and 86-96 % with 50, least near 0 and 1.

        Raises:
            ValueError: level outside (0, 1).
        """
        half = two_sided_t(level, self.df) * self.se
        return Interval(self.mean - half, self.mean + half, level, "clustered_t")


def clustered_mean(values: Sequence[float] | Floats, clusters: Sequence[Any]) -> ClusteredMean:
    """Mean and cluster-robust standard error; values and labels of shape [n].

    The sum of squared cluster residuals, each divided by 1 - n_g / N (the correction "CR2"), with
    the degrees of freedom of R. M. Bell and D. F. McCaffrey, "Bias reduction in standard errors for
    linear regression with multi-stage samples", Survey Methodology 28 (2002), 169-181; here for a
    mean alone. With equal clusters it is the estimator of E. Miller, "Adding error bars to evals"
    (2024), arXiv:2411.00640, section 2.2, times G / (G - 1), and df = G - 1.

    Raises:
        ValueError: no values, NaN, labels that don't match, fewer than two clusters.
    """
    import numpy as np

    vector = numbers(values, "values")
    codes = cluster_codes(clusters, vector.size)
    n = vector.size
    sizes = np.bincount(codes).astype(np.float64)
    mean = float(vector.mean())
    flat = float(np.ptp(vector)) <= 1e-12 * float(np.abs(vector).max())  # equal but for rounding
    residuals = np.bincount(codes, weights=vector - mean)  # one a cluster
    shrink = 1.0 - sizes / n
    variance = 0.0 if flat else float(np.sum(residuals**2 / shrink)) / n**2
    # Var = y'Wy with tr(W) = N; df = tr(W)^2 / tr(W^2), both for independent items.
    crossed = float(np.sum(sizes**2 / shrink)) ** 2 - float(np.sum(sizes**4 / shrink**2))
    df = n**2 / (float(np.sum(sizes**2)) + crossed / n**2)
    effect = None if flat else variance / (float(vector.var()) / n)
    return ClusteredMean(mean, math.sqrt(variance), df, n, sizes.size, effect)


def flat_interval(value: float, scale: float, n: int, level: float = 0.95) -> Interval:
    """What n equal differences leave possible for their mean, if one can differ by 2 `scale`.

    With confidence `level` fewer than 1 - ((1 - level) / 2)^(1/n) of all items differ from those
    seen (Clopper and Pearson at n of n), about 3.7 / n at 95 %; each may move the mean by 2 scale.

    Raises:
        ValueError: n < 1, scale not above 0, or level outside (0, 1).
    """
    check_level(level)
    if n < 1 or not scale > 0.0:
        raise ValueError(f"n={n!r} differences on scale={scale!r}: both are above 0")
    half = 2.0 * scale * (1.0 - ((1.0 - level) / 2.0) ** (1.0 / n))
    return Interval(value - half, value + half, level, "no_spread")


def clustered_rate(
    values: Sequence[float] | Floats, clusters: Sequence[Any], level: float = 0.95
) -> Interval:
    """Wilson's interval for a rate on the effective number of runs; values 0/1, shape [n].

    The effective number is rate (1 - rate) / se^2, times (z / t)^2 for the few clusters, at most n;
    where all are equal it is the number of clusters. N. Dean and M. Pagano, "Evaluating confidence
    interval methods for binomial proportions in clustered surveys", Journal of Survey Statistics
    and Methodology 3 (2015), 484-503; E. L. Korn and B. I. Graubard, Survey Methodology 24 (1998).

    Where it fails: at 95 % it is cautious with 5 to 10 small clusters (96-99.9 %), and covers 90 %
    where items resemble each other much (icc 0.5) and few clusters hold the rarer result: a rate of
    0.1 over 10 clusters, of 0.95 over 50. Elsewhere on the grid of bench/results/stats.md, to 500
    clusters, it covers 92-99 %.

    Raises:
        ValueError: a value that is no 0 or 1, fewer than two clusters, level outside (0, 1).
    """
    vector = results(values, "values")
    found = clustered_mean(vector, clusters)
    z = two_sided_z(level)
    if found.clusters == found.n:
        low, high = wilson_ends(found.mean, found.n, z)
    else:
        spread = found.mean * (1.0 - found.mean)
        low, high = wilson_ends(found.mean, _effective(found, spread, level), z)
    if found.mean == 0.0:
        low = 0.0
    if found.mean == 1.0:
        high = 1.0
    return Interval(low, high, level, "wilson_effective")


def item_interval(
    values: Sequence[float] | Floats, level: float = 0.95, *, least_se: float = 0.0
) -> Interval:
    """Interval for the mean of independent values in [0, 1], shape [n], such as rates of items.

    Wilson's on the effective number of yes/no trials, as in `clustered_rate` with one value a
    cluster; it stays in [0, 1] and has a width where all values are equal. `least_se` is a standard
    error known from elsewhere: where the values seen vary less, it counts.

    Where it fails: at 95 % it covers 84-99 % with 5 to 10 items, 92-97 % with 30 and 94-97 % from
    100; but where nearly all values lie at one end, 82 % with 30 and 89 % with 100: rare values far
    from the others may not have come yet.

    Raises:
        ValueError: fewer than two values, one outside [0, 1], or level outside (0, 1).
    """
    vector = numbers(values, "values", at_least=2)
    outside = vector[(vector < 0.0) | (vector > 1.0)]
    if outside.size:
        raise ValueError(f"a value is {float(outside[0])!r}, outside [0, 1]")
    found = clustered_mean(vector, range(vector.size))
    spread = found.mean * (1.0 - found.mean)
    se = max(found.se, least_se)
    if se <= 1e-12 or bool(((vector == 0.0) | (vector == 1.0)).all()):
        size = float(found.n)
    else:
        ratio = two_sided_z(level) / two_sided_t(level, found.df)
        size = max(1.0, spread / se**2 * ratio**2)
    low, high = wilson_ends(found.mean, size, two_sided_z(level))
    return Interval(
        0.0 if found.mean == 0.0 else low,
        1.0 if found.mean == 1.0 else high,
        level,
        "wilson_effective",
    )


def clustered_difference(
    a: Sequence[float] | Floats,
    b: Sequence[float] | Floats,
    clusters: Sequence[Any],
    level: float = 0.95,
) -> Interval:
    """Score interval of rate(A) - rate(B) on shared, clustered items; 0/1, three times shape [n].

    Tango's interval (`paired.tango`) on counts scaled to the effective number of items, found as in
    `clustered_rate` from the differences of the items. Own construction, checked by simulation in
    bench/stats_coverage.py: at 95 % it covers 94-97 % from 50 clusters of 10, and is cautious below
    (96-100 % with 5 to 20 clusters). Where it fails: its level as a test of a tie holds where both
    models win some items; where one wins all that differ, in clusters that resemble each other
    (icc 0.3), 90 % intervals lie inside the margin in up to 9 % with 10 clusters, 8 % with 20.

    Raises:
        ValueError: as `clustered_rate`, or lengths that differ.
    """
    first, second = results(a, "a"), results(b, "b")
    same_length(first, second, "results of A and B")
    gaps = first - second
    found = clustered_mean(gaps, clusters)
    only_a, only_b = float((gaps > 0).sum()), float((gaps < 0).sum())
    if found.clusters == found.n:
        size = float(found.n)
    else:
        spread = (only_a + only_b) / found.n - found.mean**2
        size = _effective(found, spread, level)
    scale = size / found.n
    low, high = tango_ends(only_a * scale, only_b * scale, size, two_sided_z(level))
    return Interval(low, high, level, "tango_effective")


def _effective(found: ClusteredMean, spread: float, level: float) -> float:
    """How many independent items with variance `spread` tell as much; from 1 to n."""
    if found.se <= 1e-12 or spread <= 1e-12:
        return float(found.clusters)
    ratio = two_sided_z(level) / two_sided_t(level, found.df)
    return max(1.0, min(float(found.n), spread / found.se**2) * ratio**2)
