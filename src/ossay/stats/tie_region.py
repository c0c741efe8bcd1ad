"""Which paired counts show a tie: the region of Tango's two one-sided tests, and its chances.

For each count c of the loser the counts b that reject form one tail, so a chance over all tables is
a sum over c alone. Knows nothing of verdicts; `equivalence` and `power` use it.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

from ossay.stats.binomial import at_most, pmf
from ossay.stats.interval import two_sided_z

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats

EXACT = 20_000  # items up to which the exact p value is worth its time
EXACT_POWER = 400  # and the exact critical value


def exact_p(statistic: float, n: int, margin: float) -> float:
    """The largest chance, over all pairs `margin` apart, of a score statistic as low as this one.

    One side of the exact unconditional test of a tie: as Barnard's, over the unknown share of items
    on which the two differ, from `margin` to 1.
    """
    return _worst(statistic, n, margin, 3)


def _worst(statistic: float, n: int, margin: float, rounds: int) -> float:
    import numpy as np

    losses = np.arange(n + 1, dtype=np.float64)
    most = most_wins(losses, n, margin, statistic + 1e-9)
    differ = margin + (1.0 - margin) * (1.0 - np.cos(np.linspace(0.0, np.pi, 33))) / 2.0
    found = 0.0
    for _ in range(rounds):
        only_a, only_b = (differ + margin) / 2.0, (differ - margin) / 2.0
        chances = below(losses, most, n, only_a[:, None], only_b[:, None])
        best = int(np.argmax(chances))
        found = max(found, float(chances[best]))
        differ = np.linspace(differ[max(0, best - 1)], differ[min(differ.size - 1, best + 1)], 9)
    return min(1.0, found)


@cache
def critical(n: int, margin: float, alpha: float) -> float:
    """The score statistic at or below which one side's exact p is at most alpha, to 0.002."""
    low, high = -4.0, -two_sided_z(1.0 - 2.0 * alpha) / 2.0
    while high - low > 0.002:
        middle = (low + high) / 2.0
        low, high = (middle, high) if _worst(middle, n, margin, 1) <= alpha else (low, middle)
    return low


def tie_chance(n: int, only_a: float, only_b: float, margin: float, alpha: float) -> float:
    """The chance that both one-sided tests show a tie, for true shares.

    Exact up to `EXACT_POWER` items; above, for the tests in their normal limit.
    """
    import numpy as np

    spread = 9.0 * math.sqrt(n * only_b * (1.0 - only_b)) + 9.0
    first, last = max(0, math.floor(n * only_b - spread)), min(n, math.ceil(n * only_b + spread))
    losses = np.arange(first, last + 1, dtype=np.float64)
    z = two_sided_z(1.0 - 2.0 * alpha)
    bar = critical(n, margin, alpha) if n <= EXACT_POWER else -z
    most = most_wins(losses, n, margin, bar)
    under = most_wins(losses, n, -margin, -bar, strict=True)  # so many wins don't reject below
    inside = below(losses, most, n, only_a, only_b) - below(
        losses, np.minimum(under, most), n, only_a, only_b
    )
    return max(0.0, float(inside))


def most_wins(
    losses: Floats, n: int, difference: float, bar: float, *, strict: bool = False
) -> Floats:
    """For each count of losses the most wins with T(difference) <= bar (`strict`: < bar), or -1."""
    import numpy as np

    low, high = np.full(losses.size, -1.0), n - losses
    for _ in range(n.bit_length() + 1):
        middle = np.ceil((low + high) / 2.0)
        value = statistics(np.maximum(middle, 0.0), losses, n, difference)
        fits = (value < bar) if strict else (value <= bar)
        fits |= middle < 0.0
        low, high = np.where(fits, middle, low), np.where(fits, high, middle - 1.0)
        high = np.maximum(high, low)
    return low


def below(
    losses: Floats, most: Floats, n: int, only_a: Floats | float, only_b: Floats | float
) -> Floats:
    """The chance of at most `most` wins, summed over the losses; over the last axis."""
    import numpy as np

    share = np.minimum(1.0, np.asarray(only_a) / np.maximum(1e-300, 1.0 - np.asarray(only_b)))
    return np.asarray(np.sum(pmf(losses, n, only_b) * at_most(most, n - losses, share), axis=-1))


def statistics(only_a: Floats, only_b: Floats, n: int, difference: float) -> Floats:
    """`paired.score_statistic` for arrays of counts."""
    import numpy as np

    gap = only_a - only_b - n * difference
    linear = -only_a - only_b + (2.0 * n - only_a + only_b) * difference
    constant = -only_b * difference * (1.0 - difference)
    root = np.sqrt(np.maximum(0.0, linear**2 - 8.0 * n * constant))
    steep = np.divide(-2.0 * constant, linear + root, out=np.zeros_like(root), where=linear > 0.0)
    share = np.where(linear > 0.0, steep, (root - linear) / (4.0 * n))
    variance = n * (2.0 * np.maximum(share, 0.0) + difference * (1.0 - difference))
    flat = variance <= 1e-12 * n
    value = gap / np.sqrt(np.where(flat, 1.0, variance))
    edge = np.where(np.abs(gap) < 1e-9, 0.0, np.copysign(np.inf, gap))
    return np.asarray(np.where(flat, edge, value))
