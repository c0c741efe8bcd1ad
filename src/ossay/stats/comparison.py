"""Comparison: two models measured against each other, before anyone puts it into words.

One function for each design. `verdict` reads what is made here. Knows nothing of files or reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from ossay.stats.clustered import clustered_difference, clustered_mean, flat_interval
from ossay.stats.design import ALONE, Clustering
from ossay.stats.interval import Interval, check_alpha
from ossay.stats.measure import PLAIN as PLAIN
from ossay.stats.measure import Measure as Measure
from ossay.stats.paired import Pairs, mcnemar, pairs_of, tango
from ossay.stats.scores import differences_of, sign_flip
from ossay.stats.unpaired import TABLES, barnard, fisher, newcombe

if TYPE_CHECKING:
    import numpy as np

    from ossay.stats.arrays import Floats

Design = Literal["pairs", "scores", "counts"]
Test = Literal["exact McNemar", "sign-flip", "Barnard", "Fisher"]
Noun = Literal["item", "attempt", "run"]
DRAWS = 9_999  # random sign patterns, where they can't all be counted


class Comparison(Struct, frozen=True):
    """A against B; `difference` is A less B, in shares for 0/1 results, else in the scores' unit.

    `interval` is at 1 - alpha and `tie_interval` at 1 - 2 alpha. `p` is that of `test`, which
    decides; `p_exact` and `p_mid` are McNemar's, or for counts Fisher's and Barnard's. `variance`
    is that of the difference of one item (for counts: of one item a side). `noun` is what n counts:
    attempts or runs, where an item may have been tried more than once. `measure` tells which sign
    is the better one.
    """

    a: str
    b: str
    design: Design
    n_a: int
    n_b: int
    value_a: float
    value_b: float
    difference: float
    interval: Interval
    tie_interval: Interval
    test: Test
    p: float
    variance: float
    alpha: float
    only_a: int | None = None
    only_b: int | None = None
    p_exact: float | None = None
    p_mid: float | None = None
    p_barnard: float | None = None
    clusters: int | None = None
    clustering: Clustering = ALONE
    measure: Measure = PLAIN
    noun: Noun = "item"

    @property
    def ahead(self) -> float:
        """By how much A is the better one: above 0 where it is, below where B is."""
        return -self.difference if self.measure.less else self.difference


def compare_pairs(a: str, b: str, pairs: Pairs, alpha: float = 0.05) -> Comparison:
    """Two models on the same independent items, right or wrong: exact McNemar, Tango's interval.

    Raises:
        ValueError: no pairs, or alpha outside (0, 0.5).
    """
    _check(alpha)
    if pairs.n < 1:
        raise ValueError(f"{a!r} and {b!r} share n={pairs.n!r} items: nothing to compare")
    found = mcnemar(pairs.only_a, pairs.only_b)
    difference = (pairs.only_a - pairs.only_b) / pairs.n
    return Comparison(
        a=a,
        b=b,
        design="pairs",
        n_a=pairs.n,
        n_b=pairs.n,
        value_a=(pairs.both + pairs.only_a) / pairs.n,
        value_b=(pairs.both + pairs.only_b) / pairs.n,
        difference=difference,
        interval=tango(pairs, 1.0 - alpha),
        tie_interval=tango(pairs, 1.0 - 2.0 * alpha),
        test="exact McNemar",
        p=found.p_exact,
        variance=pairs.discordant / pairs.n - difference**2,
        alpha=alpha,
        only_a=pairs.only_a,
        only_b=pairs.only_b,
        p_exact=found.p_exact,
        p_mid=found.p_mid,
    )


def compare_results(
    a: str,
    b: str,
    results: tuple[Sequence[float] | Floats, Sequence[float] | Floats],
    clusters: Sequence[Any],
    rng: np.random.Generator,
    alpha: float = 0.05,
    *,
    draws: int = DRAWS,
) -> Comparison:
    """Two models on the same items in clusters, right or wrong: sign flips of whole clusters.

    `results` are A's and B's, 0 or 1, and `clusters` the labels, each of shape [n]. McNemar's
    p values are given beside, though with clusters they don't hold. `draws` is that of `sign_flip`;
    where sign flips are drawn, p can't fall below 1 / (1 + draws), so a large family needs more.

    Raises:
        ValueError: lengths that differ, values that are no 0 or 1, one cluster, or alpha outside
            (0, 0.5).
    """
    plain = compare_pairs(a, b, pairs_of(*results), alpha)
    differences = differences_of(*results)
    found = clustered_mean(differences, clusters)
    fields = {name: getattr(plain, name) for name in plain.__struct_fields__}
    fields |= {
        "interval": clustered_difference(*results, clusters, 1.0 - alpha),
        "tie_interval": clustered_difference(*results, clusters, 1.0 - 2.0 * alpha),
        "test": "sign-flip",
        "p": sign_flip(differences, rng, clusters, draws=draws).p,
        "clusters": found.clusters,
        "clustering": _clustering(found.n, found.clusters, found.design_effect),
    }
    return Comparison(**fields)


def compare_scores(
    a: str,
    b: str,
    scores: tuple[Sequence[float] | Floats, Sequence[float] | Floats],
    rng: np.random.Generator,
    clusters: Sequence[Any] | None = None,
    alpha: float = 0.05,
    *,
    draws: int = DRAWS,
) -> Comparison:
    """Two models on the same items, each with a score: sign flips, t interval of the difference.

    `scores` are A's and B's, of shape [n]. Where all differences are equal the intervals are
    `clustered.flat_interval` on the largest score seen. `draws` as in `compare_results`.

    Raises:
        ValueError: fewer than two items or clusters, lengths that differ, NaN, or alpha outside
            (0, 0.5).
    """
    _check(alpha)
    differences = differences_of(*scores)
    n = differences.size
    found = clustered_mean(differences, range(n) if clusters is None else clusters)
    interval, tie_interval = found.interval(1.0 - alpha), found.interval(1.0 - 2.0 * alpha)
    variance = float(differences.var(ddof=1))
    if found.se <= 1e-12:  # equal differences have no spread to judge by, but they are few
        scale = max(*map(abs, scores[0]), *map(abs, scores[1])) or 1.0
        interval = flat_interval(found.mean, scale, found.clusters, 1.0 - alpha)
        tie_interval = flat_interval(found.mean, scale, found.clusters, 1.0 - 2.0 * alpha)
        variance = max(variance, scale**2 / n)
    return Comparison(
        a=a,
        b=b,
        design="scores",
        n_a=n,
        n_b=n,
        value_a=float(sum(scores[0]) / n),
        value_b=float(sum(scores[1]) / n),
        difference=found.mean,
        interval=interval,
        tie_interval=tie_interval,
        test="sign-flip",
        p=sign_flip(differences, rng, clusters, draws=draws).p,
        variance=variance,
        alpha=alpha,
        clusters=None if clusters is None else found.clusters,
        clustering=ALONE
        if clusters is None
        else _clustering(n, found.clusters, found.design_effect),
    )


def compare_counts(
    a: tuple[str, int, int], b: tuple[str, int, int], alpha: float = 0.05
) -> Comparison:
    """Two models by (name, passed, n), items not known to be shared: Barnard, Newcombe's interval.

    Fisher's p is given beside and decides where there are over 4,000,000 tables.

    Raises:
        ValueError: n < 1 on a side, passed outside 0..n, or alpha outside (0, 0.5).
    """
    _check(alpha)
    (name_a, passed_a, n_a), (name_b, passed_b, n_b) = a, b
    counts = (passed_a, n_a, passed_b, n_b)
    by_fisher = fisher(*counts)
    by_barnard = barnard(*counts) if n_a * n_b <= TABLES else None
    rate_a, rate_b = passed_a / n_a, passed_b / n_b
    return Comparison(
        a=name_a,
        b=name_b,
        design="counts",
        n_a=n_a,
        n_b=n_b,
        value_a=rate_a,
        value_b=rate_b,
        difference=rate_a - rate_b,
        interval=newcombe(*counts, 1.0 - alpha),
        tie_interval=newcombe(*counts, 1.0 - 2.0 * alpha),
        test="Fisher" if by_barnard is None else "Barnard",
        p=by_fisher if by_barnard is None else by_barnard,
        variance=rate_a * (1.0 - rate_a) + rate_b * (1.0 - rate_b),
        alpha=alpha,
        p_exact=by_fisher,
        p_barnard=by_barnard,
    )


def _clustering(n: int, clusters: int, effect: float | None) -> Clustering:
    """Clusters of the mean size with the resemblance that the design effect implies."""
    size = n / clusters
    if size <= 1.0:
        return ALONE
    return Clustering(size, min(1.0, max(0.0, ((effect or 1.0) - 1.0) / (size - 1.0))))


def _check(alpha: float) -> None:
    check_alpha(alpha)
    if alpha >= 0.5:
        raise ValueError(f"alpha={alpha!r} is outside (0, 0.5)")
