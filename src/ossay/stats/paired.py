"""Two models on the same items, each right or wrong: McNemar's test, the difference of rates.

Only the items on which they differ tell them apart. Knows nothing of models; A and B are columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import force_setattr

from ossay.stats.arrays import results, same_length
from ossay.stats.binomial import at_most
from ossay.stats.counts import count, discordant
from ossay.stats.interval import Interval, two_sided_z

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats


class Pairs(Struct, frozen=True):
    """How many items both got right, only A, only B, neither."""

    both: int
    only_a: int
    only_b: int
    neither: int

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            force_setattr(self, name, count(getattr(self, name), name))

    @property
    def n(self) -> int:
        """Shared items."""
        return self.both + self.only_a + self.only_b + self.neither

    @property
    def discordant(self) -> int:
        """Items on which the two differ."""
        return self.only_a + self.only_b


class McNemar(Struct, frozen=True):
    """Two-sided p values; `only_a` and `only_b` are the discordant counts b and c."""

    only_a: int
    only_b: int
    p_exact: float
    p_mid: float


def pairs_of(a: Sequence[float] | Floats, b: Sequence[float] | Floats) -> Pairs:
    """Count the pairs; a and b hold 0 or 1 for the same items in the same order, shape [n].

    Raises:
        ValueError: lengths that differ, or a value that is no 0 or 1.
    """
    first, second = results(a, "a", at_least=0), results(b, "b", at_least=0)
    same_length(first, second, "results of A and B")
    both = int((first * second).sum())
    only_a, only_b = int(first.sum()) - both, int(second.sum()) - both
    return Pairs(both, only_a, only_b, first.size - both - only_a - only_b)


def mcnemar(only_a: int, only_b: int) -> McNemar:
    """McNemar's test on the discordant counts: exact conditional, and its mid-p form.

    M. W. Fagerland, S. Lydersen, P. Laake, "The McNemar test for binary matched-pairs data: mid-p
    and asymptotic are better than exact conditional", BMC Medical Research Methodology 13 (2013),
    91. The exact p never exceeds its level and is cautious (a true level of 0-4.7 % at 5 %). The
    mid-p form kept 5 % in all of their 9,595 cases, but isn't guaranteed: where nearly all pairs
    differ it reaches 6.5 %. Both are 1 where no pair differs.

    Raises:
        ValueError: a count that is negative or not whole.
    """
    only_a, only_b = discordant(only_a, only_b)
    n, least = only_a + only_b, min(only_a, only_b)
    if n == 0:
        return McNemar(only_a, only_b, 1.0, 1.0)
    exact = min(1.0, 2.0 * float(at_most(least, n, 0.5)))
    point = math.exp(
        math.lgamma(n + 1) - math.lgamma(least + 1) - math.lgamma(n - least + 1) - n * math.log(2)
    )
    mid = 1.0 - point / 2.0 if only_a == only_b else exact - point
    return McNemar(only_a, only_b, exact, max(0.0, mid))


def tango(pairs: Pairs, level: float = 0.95) -> Interval:
    """The score interval of rate(A) - rate(B) for paired results, in [-1, 1].

    T. Tango, "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Statistics in Medicine 17 (1998), 891-908, equation 9: the differences d
    at which |T(d)| <= z, with the other parameter at its most likely value given d. It has a width
    even where no pair differs: 0 plus and minus z^2 / (n + z^2).

    Where it fails: below n = 20, or where fewer than about 5 pairs are expected to differ, it is
    cautious (97-100 % at 95 %). It covered at least 94.5 % on the grid of bench/results/stats.md.

    Raises:
        ValueError: no pairs, or level outside (0, 1).
    """
    if pairs.n < 1:
        raise ValueError(f"no interval for n={pairs.n!r}: a difference needs at least one pair")
    low, high = tango_ends(pairs.only_a, pairs.only_b, pairs.n, two_sided_z(level))
    return Interval(low, high, level, "tango")


def score_statistic(only_a: float, only_b: float, n: float, difference: float) -> float:
    """Tango's T(d), normal where the true difference is d; infinite where d can't be."""
    gap = only_a - only_b - n * difference
    rest = _least_share(only_a, only_b, n, difference)
    variance = n * (2.0 * rest + difference * (1.0 - difference))
    if variance <= 1e-12 * n:
        return 0.0 if abs(gap) < 1e-9 else math.copysign(math.inf, gap)
    return gap / math.sqrt(variance)


def tango_ends(only_a: float, only_b: float, n: float, z: float) -> tuple[float, float]:
    """The two d at which |T(d)| = z; counts may be effective ones, so not whole."""
    estimate = (only_a - only_b) / n

    def end(side: float) -> float:
        inner, outer = estimate, side  # T falls as d grows
        for _ in range(60):
            middle = (inner + outer) / 2.0
            if abs(score_statistic(only_a, only_b, n, middle)) <= z:
                inner = middle
            else:
                outer = middle
        return inner

    low = -1.0 if abs(score_statistic(only_a, only_b, n, -1.0)) <= z else end(-1.0)
    high = 1.0 if abs(score_statistic(only_a, only_b, n, 1.0)) <= z else end(1.0)
    return low, high


def likeliest_shares(
    only_a: float, only_b: float, n: float, difference: float
) -> tuple[float, float, float]:
    """Shares of only A, only B and neither of the two, likeliest given the difference."""
    second = max(_least_share(only_a, only_b, n, difference), -difference, 0.0)
    first = max(0.0, second + difference)
    return first, second, max(0.0, 1.0 - first - second)


def _least_share(only_a: float, only_b: float, n: float, difference: float) -> float:
    """The likeliest share of "only B" given the difference: a root of 2n q^2 + B q + C."""
    linear = -only_a - only_b + (2.0 * n - only_a + only_b) * difference
    constant = -only_b * difference * (1.0 - difference)
    root = math.sqrt(max(0.0, linear * linear - 8.0 * n * constant))
    # The form without cancellation where linear > 0.
    if linear > 0.0:
        return max(0.0, -2.0 * constant / (linear + root)) if root + linear > 0.0 else 0.0
    return max(0.0, (root - linear) / (4.0 * n))
