"""What a design would show: the chance that a test finds a difference that is there.

For pairs and for separate items, each also in clusters. Effects are shares, not points. Knows
nothing of budgets; `planning` turns these round into a needed n.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from ossay.stats.binomial import at_least, at_most, pmf
from ossay.stats.counts import count
from ossay.stats.design import ALONE, Clustering, Discordance, check_rates
from ossay.stats.interval import check_alpha, two_sided_z
from ossay.stats.tie_region import tie_chance

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats

NORMAL = 5_000  # expected discordant pairs from which the normal formula is as good, to 0.5 points
PairedTestName = Literal["exact", "mid"]


def paired_power(
    n: int,
    shares: Discordance,
    alpha: float = 0.05,
    test: PairedTestName = "exact",
    clustering: Clustering = ALONE,
) -> float:
    """The chance that n shared items show the difference, either way, at two-sided alpha.

    Independent items: exact for McNemar's test, summed over the number of discordant pairs (M.
    Fagerland et al., BMC Medical Research Methodology 13 (2013), 91, section "power").

    Clusters: "exact" is for sign flips of whole clusters, "mid" for the t test of
    `clustered.clustered_mean`; by the noncentral t with n / size - 1 degrees of freedom and the
    design effect. The flips can move the sum of wins by two at the least, and so ask for one more
    on average. From 20 clusters both are within 2 points where the power is 60 % or more, the flips
    up to 4 off below that; fewer clusters, or under 10 items that differ, show less than it says.

    Raises:
        ValueError: n < 1, or alpha outside (0, 1), or fewer than two clusters.
    """
    _size(n)
    check_alpha(alpha)
    if clustering.size == 1.0:
        return _mcnemar_power(n, shares, alpha, test)
    variance = shares.variance * clustering.design_effect / n
    clusters, more = n / clustering.size, 1.0 / n if test == "exact" else 0.0
    power = _t_power(shares.difference, variance, clusters - 1.0, alpha, more)
    return power if test == "mid" or _can_reject(clusters, alpha) else 0.0


def unpaired_power(
    n_a: int,
    n_b: int,
    rate_a: float,
    rate_b: float,
    alpha: float = 0.05,
    clustering: Clustering = ALONE,
) -> float:
    """The chance that separate items show the difference of two rates at two-sided alpha.

    Independent items: the normal formula for the pooled z test (J. Fleiss, "Statistical methods for
    rates and proportions", 2nd ed. (1981), section 3.2); it is within 2 points for Barnard's test
    and the z test from 30 items a side with 5 expected passes and failures, while Fisher's test
    has up to 11 points less. Clusters: for `gap.gap_of`, by the noncentral t with the design
    effect; within 2 points from 20 clusters a side.

    Raises:
        ValueError: n < 1, a rate outside [0, 1], alpha outside (0, 1), fewer than two clusters a
            side.
    """
    _size(n_a)
    _size(n_b)
    check_rates(rate_a=rate_a, rate_b=rate_b)
    z = two_sided_z(1.0 - alpha)
    gap = abs(rate_a - rate_b)
    spread = rate_a * (1.0 - rate_a) / n_a + rate_b * (1.0 - rate_b) / n_b
    if clustering.size > 1.0:
        df = min(n_a, n_b) / clustering.size - 1
        df = df if n_a != n_b else 2 * df
        return _t_power(gap, spread * clustering.design_effect, df, alpha)
    pooled = (n_a * rate_a + n_b * rate_b) / (n_a + n_b)
    null = math.sqrt(pooled * (1.0 - pooled) * (1.0 / n_a + 1.0 / n_b))
    if not _can_reject(n_a + n_b, alpha):  # not even all passed against all failed
        return 0.0
    if spread <= 0.0:
        return 1.0 if gap > z * null else 0.0
    from scipy.special import ndtr

    upper, lower = (gap - z * null) / math.sqrt(spread), (-gap - z * null) / math.sqrt(spread)
    return float(ndtr(upper) + ndtr(lower))


def mean_power(
    n: int,
    difference: float,
    variance: float,
    alpha: float = 0.05,
    clustering: Clustering = ALONE,
) -> float:
    """The chance that n shared items show a mean difference of scores, by the noncentral t.

    `variance` is that of the difference of one item; the unit is that of the scores. For the t test
    of `clustered.clustered_mean` and, within 2 points from 20 items, for sign flips; 0 where even
    flips that all point one way don't reach alpha, with 5 items or clusters at 5 %.

    Raises:
        ValueError: n < 2, a negative variance, or alpha outside (0, 1).
    """
    _finite(difference=difference, variance=variance)
    if count(n, "n") < 2 or variance < 0.0:
        raise ValueError(f"n={n!r} items with variance={variance!r}: two items, not below 0")
    effect = variance * clustering.design_effect / n
    power = _t_power(difference, effect, n / clustering.size - 1.0, alpha)
    return power if _can_reject(n / clustering.size, alpha) else 0.0


def tie_power(n: int, shares: Discordance, margin: float, alpha: float = 0.05) -> float:
    """The chance that n independent shared items show a tie within `margin` (`tie_of_pairs`).

    Exact up to 400 items; above, of the tests in their normal limit, up to 2 points too high; by
    the normal formula from `NORMAL` expected discordant pairs.

    Raises:
        ValueError: n < 1, margin outside (0, 1), or alpha outside (0, 0.5).
    """
    _size(n)
    if not 0.0 < margin < 1.0:
        raise ValueError(f"margin={margin!r} is outside (0, 1); 0.05 means 5 points")
    if n * shares.total > NORMAL:
        return equivalence_power(n, shares.difference, shares.variance, margin, alpha)
    return tie_chance(n, shares.only_a, shares.only_b, margin, alpha)


def equivalence_power(
    n: int,
    difference: float,
    variance: float,
    margin: float,
    alpha: float = 0.05,
    clustering: Clustering = ALONE,
) -> float:
    """The chance that a mean difference is shown to lie within `margin` (`tie_of_means`).

    Normal formula (S.-C. Chow, J. Shao, H. Wang, "Sample size calculations in clinical research"
    (2003), chapter 3, for means): both one-sided tests reject. `variance` is that of the difference
    of one item, the unit that of the difference. With no variance seen it asks for
    as many clusters as Tango's interval around 0 needs to fit into the margin. For independent 0/1
    pairs `tie_power` is better: this is up to 10 points too high where few differ.

    Raises:
        ValueError: n < 1, a negative variance, margin not above 0, or alpha outside (0, 0.5).
    """
    _size(n)
    _finite(difference=difference, variance=variance)
    if not margin > 0.0 or variance < 0.0:
        raise ValueError(f"margin={margin!r} with variance={variance!r}: above 0, and not below 0")
    z = two_sided_z(1.0 - 2.0 * alpha)
    if variance <= 1e-15:
        enough = n / clustering.size * margin > z * z * (1.0 - margin)
        return 1.0 if enough and abs(difference) < margin else 0.0
    from scipy.special import ndtr

    se = math.sqrt(variance * clustering.design_effect / n)
    inside = ndtr((margin - difference) / se - z) + ndtr((margin + difference) / se - z)
    return max(0.0, float(inside) - 1.0)


def _mcnemar_power(n: int, shares: Discordance, alpha: float, test: PairedTestName) -> float:
    import numpy as np
    from scipy.special import ndtr

    if shares.total <= 0.0:
        return 0.0
    if n * shares.total > NORMAL:
        far = math.sqrt(n) * shares.difference / math.sqrt(max(shares.variance, 1e-12))
        bar = two_sided_z(1.0 - alpha) * math.sqrt(shares.total / max(shares.variance, 1e-12))
        if test == "exact":  # its steps are two wins wide: one more on average
            bar += 1.0 / math.sqrt(n * max(shares.variance, 1e-12))
        return float(ndtr(far - bar) + ndtr(-far - bar))
    spread = math.sqrt(n * shares.total * (1.0 - shares.total))
    low = max(0, math.floor(n * shares.total - 9 * spread - 9))
    high = min(n, math.ceil(n * shares.total + 9 * spread + 9))
    counts = np.arange(max(1, low), high + 1, dtype=np.float64)
    weights = pmf(counts, n, min(1.0, shares.total))
    limit = critical_wins(counts, alpha, test)
    share = shares.only_a / shares.total
    below = np.where(limit >= 0, at_most(limit, counts, share), 0.0)
    above = np.where(limit >= 0, at_least(counts - limit, counts, share), 0.0)
    return float(np.sum(weights * (below + above)))


def critical_wins(counts: Floats, alpha: float, test: PairedTestName = "exact") -> Floats:
    """The most wins of the loser at which McNemar's test rejects, for each discordant count.

    -1 where no result does. Shape as `counts`.
    """
    import numpy as np

    size = counts
    limit = np.floor(size / 2 - two_sided_z(1.0 - alpha) * np.sqrt(size) / 2) + 2

    def p_value(wins: Floats) -> Floats:
        kept = np.maximum(wins, 0)
        p = 2.0 * at_most(kept, size, 0.5)
        if test == "mid":
            p = p - pmf(kept, size, 0.5)
        return np.asarray(np.where(wins < 0, 0.0, np.where(2 * kept >= size, 1.0, p)))

    for _ in range(64):
        too_many = p_value(limit) > alpha
        if not too_many.any():
            break
        limit = np.where(too_many, limit - 1, limit)
    found: Floats = np.maximum(limit, -1.0)
    return found


def _t_power(gap: float, variance: float, df: float, alpha: float, more: float = 0.0) -> float:
    """The power of a t test that asks for a difference by `more` larger than t does."""
    check_alpha(alpha)
    if df < 1.0:
        raise ValueError(f"{df + 1.0!r} clusters: a difference between clusters needs at least two")
    if variance <= 0.0:
        return 1.0 if gap else 0.0
    from scipy.special import nctdtr, stdtrit

    limit = float(stdtrit(df, 1.0 - alpha / 2.0)) + more / math.sqrt(variance)
    shift = abs(gap) / math.sqrt(variance)
    return float(1.0 - nctdtr(df, shift, limit) + nctdtr(df, shift, -limit))


def _can_reject(signs: float, alpha: float) -> bool:
    """Whether so many fair signs, all alike, are rare enough: 2^(1 - signs) <= alpha."""
    return math.floor(signs + 1e-9) >= 1.0 - math.log2(alpha) - 1e-9


def _size(n: int) -> int:
    return count(n, "n", at_least=1)


def _finite(**values: float) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise ValueError(f"{name}={value!r} is no number")
