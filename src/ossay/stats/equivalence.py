"""Tied within a margin: two one-sided tests that the difference lies inside it.

No difference found is not a tie; a tie has to be shown, and needs a margin that someone declared.
Knows nothing of what margin matters.
"""

from __future__ import annotations

import math

from msgspec import Struct

from ossay.stats.binomial import pmf
from ossay.stats.clustered import ClusteredMean
from ossay.stats.interval import Interval, check_alpha
from ossay.stats.paired import Pairs, score_statistic, tango
from ossay.stats.tie_region import EXACT, exact_p
from ossay.stats.unpaired import TABLES, checked_table, newcombe


class Tie(Struct, frozen=True):
    """Whether a tie within `margin` was shown, and the interval at 1 - 2 alpha.

    `p` is the larger of the two one-sided p values, None where the interval alone decides by lying
    inside the margin.
    """

    shown: bool
    p: float | None
    margin: float
    interval: Interval


def tie_of_pairs(pairs: Pairs, margin: float, alpha: float = 0.05) -> Tie:
    """Two one-sided score tests on paired 0/1 results; margin as a share, 0.05 is 5 points.

    T. Tango, Statistics in Medicine 17 (1998), 891-908; two one-sided tests: D. Schuirmann, Journal
    of Pharmacokinetics and Biopharmaceutics 15 (1987), 657-680.

    The p value is exact up to 20,000 items, by the largest chance over the share of items on which
    two models so far apart may differ; above, and far from alpha, it is the normal limit. So it
    keeps its level, and may refuse a tie whose interval lies just inside the margin.

    Raises:
        ValueError: no pairs, margin outside (0, 1), or alpha outside (0, 0.5).
    """
    check_margin(margin)
    interval = tango(pairs, _level(alpha))
    upper = score_statistic(pairs.only_a, pairs.only_b, pairs.n, margin)
    lower = -score_statistic(pairs.only_a, pairs.only_b, pairs.n, -margin)  # A and B swapped
    worse = max(upper, lower)
    p = _below(worse)
    if pairs.n <= EXACT and 0.1 * alpha < p <= 4.0 * alpha:
        p = max(p, exact_p(worse, pairs.n, margin))
    return Tie(p <= alpha, p, margin, interval)


def tie_of_means(gap: ClusteredMean, margin: float, alpha: float = 0.05) -> Tie:
    """Two one-sided t tests on the mean of paired score differences, in their unit.

    `gap` comes from `clustered.clustered_mean` on the differences, one cluster an item where they
    are independent. Where it fails: with skewed differences it calls more false ties than alpha: at
    5 %, exponential ones 15 % with 5 items, 10 % with 30, 8 % with 100; ones of which 95 % are 0
    and the others large 11 % with 100. In a bell shape it keeps its level.
    Without any spread there is no t, and no tie is shown: `clustered.flat_interval` is for that.

    Raises:
        ValueError: margin not above 0, or alpha outside (0, 0.5).
    """
    check_margin(margin, math.inf)
    interval = gap.interval(_level(alpha))
    if gap.se <= 0.0:
        return Tie(False, 1.0, margin, interval)
    from scipy.special import stdtr

    p = float(stdtr(gap.df, (abs(gap.mean) - margin) / gap.se))
    return Tie(p <= alpha, p, margin, interval)


def tie_of_counts(
    passed_a: int, n_a: int, passed_b: int, n_b: int, margin: float, alpha: float = 0.05
) -> Tie:
    """A tie of two rates on different items; the interval is Newcombe's at 1 - 2 alpha.

    Two exact unconditional tests: the largest chance, over all rates `margin` apart, of a table at
    least as extreme, ordered by the z of A. Agresti and B. Caffo, The American Statistician 54
    (2000), 280-288 (one pass and one failure added a side). It keeps its level; Newcombe's interval
    alone calls up to 7 % ties at 5 %. Beyond 4,000,000 tables that interval decides.

    Raises:
        ValueError: as `unpaired.newcombe`, margin outside (0, 1), or alpha outside (0, 0.5).
    """
    check_margin(margin)
    passed_a, n_a, passed_b, n_b = checked_table(passed_a, n_a, passed_b, n_b)
    interval = newcombe(passed_a, n_a, passed_b, n_b, _level(alpha))
    if n_a * n_b > TABLES:
        return tie_within(interval, margin)
    p = max(
        _worst_counts(passed_a, n_a, passed_b, n_b, margin),
        _worst_counts(passed_b, n_b, passed_a, n_a, margin),
    )
    return Tie(p <= alpha, p, margin, interval)


def _worst_counts(passed_a: int, n_a: int, passed_b: int, n_b: int, margin: float) -> float:
    """The one-sided exact p against A being better by `margin` or more."""
    import numpy as np

    a, b = np.arange(n_a + 1.0)[:, None], np.arange(n_b + 1.0)[None, :]
    rate_a, rate_b = (a + 1.0) / (n_a + 2.0), (b + 1.0) / (n_b + 2.0)
    spread = rate_a * (1.0 - rate_a) / (n_a + 2.0) + rate_b * (1.0 - rate_b) / (n_b + 2.0)
    z = (rate_a - rate_b - margin) / np.sqrt(spread)
    extreme = (z <= z[passed_a, passed_b] + 1e-9).astype(np.float64)
    rates = (1.0 - margin) * (1.0 - np.cos(np.linspace(0.0, np.pi, 129))) / 2.0
    over_a = pmf(a, n_a, np.minimum(1.0, rates + margin)[None, :])  # [n_a + 1, rates]
    over_b = pmf(b.T, n_b, rates[None, :])
    return min(1.0, float(np.max(np.sum(over_a * (extreme @ over_b), axis=0))))


def tie_within(interval: Interval, margin: float) -> Tie:
    """A tie by an interval that was made at 1 - 2 alpha.

    Raises:
        ValueError: margin not above 0.
    """
    check_margin(margin, math.inf)
    return Tie(interval.inside(margin), None, margin, interval)


def check_margin(margin: float, below: float = 1.0) -> None:
    """Refuse a margin that is none.

    Raises:
        ValueError: margin outside (0, below).
    """
    if not 0.0 < margin < below:
        raise ValueError(f"margin={margin!r} is outside (0, {below:g}); 0.05 means 5 points")


def _level(alpha: float) -> float:
    check_alpha(alpha)
    if alpha >= 0.5:
        raise ValueError(f"alpha={alpha!r} is outside (0, 0.5): a tie takes two tests")
    return 1.0 - 2.0 * alpha


def _below(z: float) -> float:
    return math.erfc(-z / math.sqrt(2.0)) / 2.0
