"""How many items are needed, and which difference a given number can show.

Power turned round. It rises with n in small saws, since counts are whole: the n found here reaches
the wanted power, and a slightly smaller one may too. Knows nothing of costs.
"""

from __future__ import annotations

from collections.abc import Callable

from ossay.stats.design import ALONE, Clustering, Discordance, discordance_of
from ossay.stats.interval import check_alpha
from ossay.stats.power import (
    PairedTestName,
    equivalence_power,
    mean_power,
    paired_power,
    tie_power,
    unpaired_power,
)

MOST = 100_000_000  # items beyond which a need is called none


def needed_pairs(
    shares: Discordance,
    power: float = 0.8,
    alpha: float = 0.05,
    test: PairedTestName = "exact",
    clustering: Clustering = ALONE,
    *,
    at_least: int = 1,
) -> int | None:
    """Shared items needed to show this difference; None where it is 0 or needs over `MOST`.

    The search begins at `at_least`, the items that there are.

    Raises:
        ValueError: power or alpha outside (0, 1).
    """
    _check(power, alpha)
    if abs(shares.difference) < 1e-12:
        return None
    first = max(at_least, _first(clustering))
    return _least(lambda n: paired_power(n, shares, alpha, test, clustering), power, first)


def needed_each(
    rate_a: float,
    rate_b: float,
    power: float = 0.8,
    alpha: float = 0.05,
    clustering: Clustering = ALONE,
) -> int | None:
    """Items needed on each side when they aren't shared; None where the rates are equal.

    Raises:
        ValueError: a rate outside [0, 1], power or alpha outside (0, 1).
    """
    _check(power, alpha)
    if abs(rate_a - rate_b) < 1e-12:
        return None
    first = _first(clustering)
    return _least(lambda n: unpaired_power(n, n, rate_a, rate_b, alpha, clustering), power, first)


def needed_mean(
    difference: float,
    variance: float,
    power: float = 0.8,
    alpha: float = 0.05,
    clustering: Clustering = ALONE,
) -> int | None:
    """Shared items needed to show a mean difference of scores; None where it is 0.

    Raises:
        ValueError: a negative variance, power or alpha outside (0, 1).
    """
    _check(power, alpha)
    if difference == 0.0:
        return None
    first = max(2, _first(clustering))
    return _least(lambda n: mean_power(n, difference, variance, alpha, clustering), power, first)


def needed_pairs_to_tie(
    shares: Discordance,
    margin: float,
    power: float = 0.8,
    alpha: float = 0.05,
    *,
    at_least: int = 1,
) -> int | None:
    """Independent shared items needed to show a tie; None where the difference reaches the margin.

    The search begins at `at_least`, the items that there are.

    Raises:
        ValueError: margin outside (0, 1), power or alpha outside (0, 1).
    """
    _check(power, alpha)
    tie_power(1, shares, margin, alpha)  # refuses a margin that is none
    if abs(shares.difference) >= margin:
        return None
    return _least(lambda n: tie_power(n, shares, margin, alpha), power, max(1, at_least))


def needed_to_tie(
    difference: float,
    variance: float,
    margin: float,
    power: float = 0.8,
    alpha: float = 0.05,
    clustering: Clustering = ALONE,
) -> int | None:
    """Items needed to show a mean difference within `margin`; None where it reaches that.

    Raises:
        ValueError: a negative variance, margin not above 0, power or alpha outside (0, 1).
    """
    _check(power, alpha)

    def reach(n: int) -> float:
        return equivalence_power(n, difference, variance, margin, alpha, clustering)

    reach(1)  # refuses what is impossible
    return _least(reach, power, _first(clustering)) if abs(difference) < margin else None


def smallest_paired(
    n: int,
    differ: float,
    power: float = 0.8,
    alpha: float = 0.05,
    test: PairedTestName = "exact",
    clustering: Clustering = ALONE,
) -> float | None:
    """The least difference of rates that n shared items show, as a share (0.05 is 5 points).

    `differ` is the share of items on which the two differ; the difference can't exceed it, so the
    answer is None where even that is too little.

    Raises:
        ValueError: n < 1, differ outside (0, 1], power or alpha outside (0, 1).
    """
    _check(power, alpha)
    if not 0.0 < differ <= 1.0:
        raise ValueError(f"differ={differ!r} is outside (0, 1]")

    def reach(gap: float) -> float:
        shares = Discordance((differ + gap) / 2.0, max(0.0, (differ - gap) / 2.0))
        return paired_power(n, shares, alpha, test, clustering)

    return _least_gap(reach, differ, power)


def smallest_unpaired(
    n_each: int,
    rate: float,
    power: float = 0.8,
    alpha: float = 0.05,
    clustering: Clustering = ALONE,
) -> float | None:
    """The least rise above `rate` that n separate items a side show; None where 1 - rate won't do.

    Raises:
        ValueError: n < 1, rate outside [0, 1), power or alpha outside (0, 1).
    """
    _check(power, alpha)
    if not 0.0 <= rate < 1.0:
        raise ValueError(f"rate={rate!r} is outside [0, 1)")
    return _least_gap(
        lambda gap: unpaired_power(n_each, n_each, min(1.0, rate + gap), rate, alpha, clustering),
        1.0 - rate,
        power,
    )


def needed_for_rates(
    rate_a: float, rate_b: float, differ: float | None = None, power: float = 0.8
) -> int | None:
    """`needed_pairs` from two rates and the share of items on which the models differ.

    Raises:
        ValueError: as `power.discordance_of`, or power outside (0, 1).
    """
    return needed_pairs(discordance_of(rate_a, rate_b, differ), power)


def _least(power_of: Callable[[int], float], wanted: float, first: int) -> int | None:
    """The least n with the wanted power, as if power never fell with n."""
    high = first
    while power_of(high) < wanted:
        high *= 2
        if high > MOST:
            return None
    low = max(first, high // 2)
    while low < high:
        middle = (low + high) // 2
        if power_of(middle) >= wanted:
            high = middle
        else:
            low = middle + 1
    return high


def _least_gap(power_of: Callable[[float], float], most: float, wanted: float) -> float | None:
    if power_of(most) < wanted:
        return None
    low, high = 0.0, most
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (low, middle) if power_of(middle) >= wanted else (middle, high)
    return high


def _first(clustering: Clustering) -> int:
    return 1 if clustering.size == 1.0 else int(2 * clustering.size + 1)


def _check(power: float, alpha: float) -> None:
    check_alpha(alpha)
    if not 0.0 < power < 1.0:
        raise ValueError(f"power={power!r} is outside (0, 1); 0.8 means 80 %")
