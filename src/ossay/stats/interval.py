"""Interval: two ends, the level they were made for, and the method that made them.

Knows nothing of how they were computed.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Literal

from msgspec import Struct

IntervalMethod = Literal[
    "wilson",
    "clopper_pearson",
    "jeffreys",
    "wilson_effective",
    "tango",
    "tango_effective",
    "newcombe",
    "clustered_t",
    "no_spread",
    "bootstrap_percentile",
    "test_inversion",
    "exact_conditional",
    "normal",
    "f_distribution",
    "confidence_sequence",
]


class Interval(Struct, frozen=True):
    """A two-sided interval at `level`, in the unit of what it bounds (a rate lies in [0, 1])."""

    low: float
    high: float
    level: float
    method: IntervalMethod

    def overlaps(self, other: Interval) -> bool:
        """Whether the two share a point; touching ends count."""
        return self.low <= other.high and other.low <= self.high

    def holds(self, value: float) -> bool:
        """Whether `value` lies inside; the ends count."""
        return self.low <= value <= self.high

    def inside(self, margin: float) -> bool:
        """Whether the interval lies strictly between -margin and +margin."""
        return -margin < self.low and self.high < margin


def check_level(level: float) -> None:
    """Refuse a level that is no share, such as 95 for 95 %.

    Raises:
        ValueError: level outside (0, 1).
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level={level!r} is outside (0, 1); 0.95 means 95 %")


def check_alpha(alpha: float) -> None:
    """Refuse an alpha that is no share.

    Raises:
        ValueError: alpha outside (0, 1).
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha={alpha!r} is outside (0, 1); 0.05 means 5 %")


def two_sided_z(level: float) -> float:
    """The normal quantile that leaves (1 - level) / 2 above it: 1.96 for 0.95.

    Raises:
        ValueError: level outside (0, 1).
    """
    check_level(level)
    return NormalDist().inv_cdf((1.0 + level) / 2.0)


def two_sided_t(level: float, df: float) -> float:
    """The same of Student's t with `df` degrees of freedom, which need not be whole.

    Raises:
        ValueError: level outside (0, 1).
    """
    check_level(level)
    from scipy.special import stdtrit

    return float(stdtrit(df, (1.0 + level) / 2.0))
