"""The difference of two means of different items, each in clusters of its own.

Where the items are shared, the differences item by item are stronger. Knows nothing of items.
"""

from __future__ import annotations

import math

from msgspec import Struct

from ossay.stats.clustered import ClusteredMean
from ossay.stats.interval import Interval, check_level, two_sided_t


class Gap(Struct, frozen=True):
    """The difference of two independent means, its t interval and two-sided p value."""

    difference: float
    interval: Interval
    p: float
    df: float


def gap_of(a: ClusteredMean, b: ClusteredMean, level: float = 0.95) -> Gap:
    """Compare two clustered means of different items, as B. L. Welch, Biometrika 34 (1947), does.

    The variances add; the degrees of freedom are Satterthwaite's from those of the two. Where
    neither mean varies there is no t: p is 1 if they are equal, else the chance that shuffled
    clusters part as these do, and the interval, without a width, bears the method 'no_spread'.

    Where it fails: for 0/1 values with 5 clusters on a side it covers 91-98 % at 95 %; from 20
    clusters a side 93-97 %, as for scores in a bell shape.

    Raises:
        ValueError: level outside (0, 1).
    """
    from scipy.special import stdtr

    difference, variance = a.mean - b.mean, a.se**2 + b.se**2
    if variance <= 0.0:
        check_level(level)
        ends = Interval(difference, difference, level, "no_spread")
        shuffled = min(1.0, 2.0 / math.comb(a.clusters + b.clusters, a.clusters))
        return Gap(difference, ends, shuffled if difference else 1.0, a.df + b.df)
    df = variance**2 / (a.se**4 / a.df + b.se**4 / b.df)
    se = math.sqrt(variance)
    half = two_sided_t(level, df) * se
    p = 2.0 * float(stdtr(df, -abs(difference) / se))
    return Gap(
        difference, Interval(difference - half, difference + half, level, "clustered_t"), p, df
    )
