"""Effect sizes: Cohen's g and h, and the odds ratio of discordant pairs.

They say how large a difference is in units that don't depend on n. Knows nothing of tests.
"""

from __future__ import annotations

import math

from msgspec import Struct

from ossay.stats.counts import discordant
from ossay.stats.interval import Interval
from ossay.stats.rates import clopper_pearson


class OddsRatio(Struct, frozen=True):
    """Items that only A got right over items that only B got right.

    `value` is None where no pair differs and infinite where only A wins. The interval is exact,
    and [0, inf] where no pair differs.
    """

    value: float | None
    interval: Interval


def odds_ratio(only_a: int, only_b: int, level: float = 0.95) -> OddsRatio:
    """The conditional odds ratio of matched pairs with its exact interval.

    N. E. Breslow and N. E. Day, "Statistical methods in cancer research" I (1980), section 5.2: the
    share of discordant pairs that A wins is binomial, p / (1 - p) its odds; the ends are those of
    Clopper and Pearson. Covers at least `level`, and more where few pairs differ.

    Raises:
        ValueError: a count that is negative or not whole, or level outside (0, 1).
    """
    only_a, only_b = discordant(only_a, only_b)
    if only_a + only_b == 0:
        clopper_pearson(0, 1, level)  # refuses a level that is none
        return OddsRatio(None, Interval(0.0, math.inf, level, "exact_conditional"))
    share = clopper_pearson(only_a, only_a + only_b, level)
    value = only_a / only_b if only_b else math.inf
    return OddsRatio(
        value, Interval(_odds(share.low), _odds(share.high), level, "exact_conditional")
    )


def cohens_g(only_a: int, only_b: int) -> float | None:
    """Cohen's g with its sign: the share of discordant pairs that A wins, less one half.

    J. Cohen, "Statistical power analysis for the behavioral sciences", 2nd ed. (1988), section 5.2:
    0.05 small, 0.15 medium, 0.25 large. None where no pair differs.

    Raises:
        ValueError: a count that is negative or not whole.
    """
    only_a, only_b = discordant(only_a, only_b)
    if only_a + only_b == 0:
        return None
    return only_a / (only_a + only_b) - 0.5


def cohens_h(rate_a: float, rate_b: float) -> float:
    """Cohen's h: 2 asin sqrt(A) - 2 asin sqrt(B), in radians, -pi to pi.

    J. Cohen (1988), section 6.2: 0.2 small, 0.5 medium, 0.8 large.

    Raises:
        ValueError: a rate outside [0, 1].
    """
    for name, rate in (("rate_a", rate_a), ("rate_b", rate_b)):
        if not 0.0 <= rate <= 1.0:
            raise ValueError(f"{name}={rate!r} is outside [0, 1]")
    return 2.0 * (math.asin(math.sqrt(rate_a)) - math.asin(math.sqrt(rate_b)))


def _odds(share: float) -> float:
    return share / (1.0 - share) if share < 1.0 else math.inf
