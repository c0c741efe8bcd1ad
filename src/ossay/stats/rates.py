"""Intervals for a rate: Wilson's score interval and the exact one of Clopper and Pearson.

Both take the runs as independent draws of one rate. Knows nothing of what passed.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal

from msgspec import Struct

IntervalMethod = Literal["wilson", "clopper_pearson"]


class Interval(Struct, frozen=True):
    """A two-sided confidence interval of a rate; `low` and `high` lie in [0, 1]."""

    low: float
    high: float
    level: float
    method: IntervalMethod

    def overlaps(self, other: Interval) -> bool:
        """Whether the two share a point; touching ends count."""
        return self.low <= other.high and other.low <= self.high


def wilson(passed: int, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval, without continuity correction.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal
    of the American Statistical Association 22 (1927), 209-212: the rates p0 for which
    (p - p0)^2 <= z^2 p0 (1 - p0) / n.

    Raises:
        ValueError: n < 1, passed outside 0..n, or level outside (0, 1).
    """
    _check(passed, n, level)
    z = NormalDist().inv_cdf((1.0 + level) / 2.0)
    rate = passed / n
    weight = 1.0 + z * z / n
    centre = (rate + z * z / (2 * n)) / weight
    half = z / weight * math.sqrt(rate * (1.0 - rate) / n + z * z / (4 * n * n))
    low = 0.0 if passed == 0 else max(0.0, centre - half)
    high = 1.0 if passed == n else min(1.0, centre + half)
    return Interval(low, high, level, "wilson")


def clopper_pearson(passed: int, n: int, level: float = 0.95) -> Interval:
    """The exact interval, from the two one-sided binomial tests at (1 - level) / 2 each.

    C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the
    case of the binomial", Biometrika 26 (1934), 404-413; the bounds are quantiles of
    Beta(k, n-k+1) and Beta(k+1, n-k). It covers at least `level` for every rate and n.

    Raises:
        ValueError: n < 1, passed outside 0..n, or level outside (0, 1).
    """
    _check(passed, n, level)
    from scipy.special import betaincinv

    tail = (1.0 - level) / 2.0
    low = 0.0 if passed == 0 else float(betaincinv(passed, n - passed + 1, tail))
    high = 1.0 if passed == n else float(betaincinv(passed + 1, n - passed, 1.0 - tail))
    return Interval(low, high, level, "clopper_pearson")


def _check(passed: int, n: int, level: float) -> None:
    if n < 1:
        raise ValueError(f"no interval for n={n!r}: a rate needs at least one trial")
    if not 0 <= passed <= n:
        raise ValueError(f"passed={passed!r} is outside 0..{n}")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level={level!r} is outside (0, 1); 0.95 means 95 %")
