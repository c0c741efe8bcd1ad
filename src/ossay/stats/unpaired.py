"""Two models on different items: Fisher's and Barnard's tests, the z test, Newcombe's interval.

For pass counts of which no one knows which item is which, as articles print them. Where the items
are shared and known, `paired` is stronger. Knows nothing of models.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ossay.stats.binomial import at_least, at_most, pmf
from ossay.stats.counts import count, passes
from ossay.stats.interval import Interval, two_sided_z
from ossay.stats.rates import wilson_ends

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats


TABLES = 4_000_000  # tables that `barnard` looks through at most


def fisher(passed_a: int, n_a: int, passed_b: int, n_b: int) -> float:
    """Fisher's exact test, two-sided: all tables no likelier than this one, margins held.

    R. A. Fisher, "Statistical methods for research workers" (1934), section 21.02; the arithmetic
    is scipy's. Keeps its level always, and is cautious with few trials.

    Raises:
        ValueError: n < 1 on a side, or passed outside 0..n.
    """
    passed_a, n_a, passed_b, n_b = checked_table(passed_a, n_a, passed_b, n_b)
    from scipy.stats import fisher_exact

    table = [[passed_a, n_a - passed_a], [passed_b, n_b - passed_b]]
    return min(1.0, float(fisher_exact(table).pvalue))


def barnard(passed_a: int, n_a: int, passed_b: int, n_b: int) -> float:
    """Barnard's exact unconditional test, two-sided, ordered by the pooled z.

    G. A. Barnard, "Significance tests for 2x2 tables", Biometrika 34 (1947), 123-138; the pooled z
    as order: S. Suissa and J. Shuster, Journal of the Royal Statistical Society A 148 (1985). The
    largest chance, over all common rates, of a |z| at least as large. Keeps its level always and is
    stronger than Fisher's. Takes n_a x n_b steps; beyond 4,000,000 it is refused.

    Raises:
        ValueError: n < 1 on a side, passed outside 0..n, or n_a x n_b above 4,000,000.
    """
    passed_a, n_a, passed_b, n_b = checked_table(passed_a, n_a, passed_b, n_b)
    if n_a * n_b > TABLES:
        raise ValueError(f"n_a x n_b = {n_a * n_b!r} is too many tables: use `z_test`")
    import numpy as np

    observed = abs(_z(passed_a, n_a, passed_b, n_b))
    if observed == 0.0:
        return 1.0
    low, high = _tails(n_a, n_b, observed)
    coarse = (1.0 - np.cos(np.linspace(0.0, np.pi, 513))) / 2.0  # dense near 0 and 1
    chances = _chances(coarse, n_a, n_b, low, high)
    best = int(np.argmax(chances))
    found = float(chances[best])
    for _ in range(3):  # look closer around the highest point
        left, right = coarse[max(0, best - 1)], coarse[min(coarse.size - 1, best + 1)]
        coarse = np.linspace(left, right, 65)
        chances = _chances(coarse, n_a, n_b, low, high)
        best = int(np.argmax(chances))
        found = max(found, float(chances[best]))
    return min(1.0, found)


def z_test(passed_a: float, n_a: int, passed_b: float, n_b: int) -> float:
    """The two-sided z test with pooled variance, for large counts.

    Where only a rate was printed, `passed` may be rate x n and so not whole.

    Where it fails: it exceeds its level (up to 6.2 % at 5 %) where fewer than about 5 passes or
    failures are expected on a side. 1 where all passed or all failed.

    Raises:
        ValueError: n < 1 on a side, or passed outside 0..n.
    """
    n_a, n_b = count(n_a, "n_a", at_least=1), count(n_b, "n_b", at_least=1)
    for side, passed, n in (("a", passed_a, n_a), ("b", passed_b, n_b)):
        if not 0.0 <= passed <= n:
            raise ValueError(f"passed_{side}={passed!r} is outside 0..{n}")
    return math.erfc(abs(_z(passed_a, n_a, passed_b, n_b)) / math.sqrt(2.0))


def newcombe(passed_a: int, n_a: int, passed_b: int, n_b: int, level: float = 0.95) -> Interval:
    """Interval of rate(A) - rate(B) from the two Wilson intervals, in [-1, 1].

    R. G. Newcombe, "Interval estimation for the difference between independent proportions:
    comparison of eleven methods", Statistics in Medicine 17 (1998), 873-890, method 10.

    Where it fails: at 95 % it covers 93.5-97.5 % for most rates from 20 trials a side; it is
    cautious (up to 99.9 %) where both rates lie near the same end, and falls to 92.8 % with 10.

    Raises:
        ValueError: n < 1 on a side, passed outside 0..n, or level outside (0, 1).
    """
    passed_a, n_a, passed_b, n_b = checked_table(passed_a, n_a, passed_b, n_b)
    z = two_sided_z(level)
    a, b = passed_a / n_a, passed_b / n_b
    low_a, high_a = wilson_ends(a, n_a, z)
    low_b, high_b = wilson_ends(b, n_b, z)
    low = a - b - math.hypot(a - low_a, high_b - b)
    high = a - b + math.hypot(high_a - a, b - low_b)
    return Interval(max(-1.0, low), min(1.0, high), level, "newcombe")


def _z(passed_a: float, n_a: int, passed_b: float, n_b: int) -> float:
    pooled = (passed_a + passed_b) / (n_a + n_b)
    spread = math.sqrt(pooled * (1.0 - pooled) * (1.0 / n_a + 1.0 / n_b))
    return (passed_a / n_a - passed_b / n_b) / spread if spread > 0.0 else 0.0


def _tails(n_a: int, n_b: int, observed: float) -> tuple[Floats, Floats]:
    """For each count of A, shape [n_a + 1]: B's counts <= low and >= high are as extreme.

    For a fixed count of A the z falls as that of B grows, so the extreme tables are two tails.
    """
    import numpy as np

    a = np.arange(n_a + 1)[:, None]
    b = np.arange(n_b + 1)[None, :]
    pooled = (a + b) / (n_a + n_b)
    spread = np.sqrt(pooled * (1.0 - pooled) * (1.0 / n_a + 1.0 / n_b))
    gap = a / n_a - b / n_b
    z = np.divide(gap, spread, out=np.zeros_like(gap), where=spread > 0.0)
    near = observed * (1.0 - 1e-10)
    low = (z >= near).sum(axis=1) - 1.0
    high = n_b + 1.0 - (z <= -near).sum(axis=1)
    return low, high


def _chances(rates: Floats, n_a: int, n_b: int, low: Floats, high: Floats) -> Floats:
    """The chance of an extreme table at each common rate, shape of `rates`."""
    import numpy as np

    a = np.arange(n_a + 1.0)[None, :]
    rate = rates[:, None]
    weight = pmf(a, n_a, rate)
    below, above = at_most(low, n_b, rate), at_least(high, n_b, rate)
    chances: Floats = (weight * (below + above)).sum(axis=1)
    return chances


def checked_table(passed_a: int, n_a: int, passed_b: int, n_b: int) -> tuple[int, int, int, int]:
    """The four counts as plain ints.

    Raises:
        ValueError: n < 1 on a side, passed outside 0..n, or a count that is not whole.
    """
    return *passes(passed_a, n_a, side="_a"), *passes(passed_b, n_b, side="_b")
