"""Tied within a margin: two one-sided tests that the difference lies inside it.

No difference found is not a tie; a tie has to be shown, and needs a margin that someone declared.
Knows nothing of what margin matters.
"""

from __future__ import annotations

import math

from msgspec import Struct

from ossay.stats.clustered import ClusteredMean
from ossay.stats.interval import Interval, check_alpha
from ossay.stats.paired import Pairs, score_statistic, tango
from ossay.stats.tie_region import EXACT, exact_p
from ossay.stats.unpaired import newcombe


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
    are independent. Fails where the t interval does: with few clusters and skewed differences.
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
    """A tie of two rates on different items, by Newcombe's interval at 1 - 2 alpha.

    Where it fails: at alpha 5 % a difference just at the margin is called a tie in up to 5.8 % of
    cases, by enumeration at 50 to 200 items a side.

    Raises:
        ValueError: as `unpaired.newcombe`, margin outside (0, 1), or alpha outside (0, 0.5).
    """
    check_margin(margin)
    return tie_within(newcombe(passed_a, n_a, passed_b, n_b, _level(alpha)), margin)


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
