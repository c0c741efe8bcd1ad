"""Confidence sequences: intervals that hold at every n at once, so one may look and stop at will.

At any one n they are wider than a fixed interval; all together they cover at least their level.
Knows nothing of tests; `sequential` decides who is better.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ossay.stats.arrays import numbers
from ossay.stats.counts import count, discordant, passes
from ossay.stats.interval import Interval, check_level
from ossay.stats.paired import likeliest_shares

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats


def rate_sequence(passed: int, n: int, level: float = 0.95) -> Interval:
    """The rates that the counts after n trials don't refute, at every n at once.

    The rates p at which the Beta(1/2, 1/2) mixture of likelihoods is below 1 / (1 - level) times
    that of p: H. Robbins (1970), as in `sequential.log_wealth`. [0, 1] at n = 0. A caller that has
    looked before may intersect with what earlier looks left.

    Cover: all n together at least `level`: 96-98 % over 500 looks at 95 %.

    Raises:
        ValueError: n < 0, passed outside 0..n, or level outside (0, 1).
    """
    check_level(level)
    n = count(n, "n")
    if n == 0 and passed == 0:
        return Interval(0.0, 1.0, level, "confidence_sequence")
    passed, n = passes(passed, n)

    def evidence(rate: float) -> float:
        return rate_evidence(passed, n, rate)

    limit = -math.log1p(-level)
    low = 0.0 if passed == 0 else _edge(evidence, limit, passed / n, 0.0)
    high = 1.0 if passed == n else _edge(evidence, limit, passed / n, 1.0)
    return Interval(low, high, level, "confidence_sequence")


def rate_evidence(passed: int, n: int, rate: float) -> float:
    """Log e-value against a true rate, valid at every n at once; refuted from -ln(alpha) on."""
    mixture = math.lgamma(passed + 0.5) + math.lgamma(n - passed + 0.5) - math.lgamma(n + 1.0)
    return mixture - math.log(math.pi) - _xlog(passed, rate) - _xlog(n - passed, 1.0 - rate)


def difference_sequence(only_a: int, only_b: int, n: int, level: float = 0.95) -> Interval:
    """The differences rate(A) - rate(B) that n shared items don't refute, at every n at once.

    The d at which the Dirichlet(1/2, 1/2, 1/2) mixture over (only A, only B, the rest) is below
    1 / (1 - level) times the largest likelihood with difference d. The mixture over the true shares
    is a martingale that this can only undercut: L. Wasserman, A. Ramdas, S. Balakrishnan,
    "Universal inference", PNAS 117 (2020), section 7. [-1, 1] at n = 0.

    Cover: all n together at least `level`: 99.7 % over 500 looks at 95 %, so it is cautious.

    Raises:
        ValueError: counts that don't fit n, or level outside (0, 1).
    """
    check_level(level)
    n = count(n, "n")
    only_a, only_b = discordant(only_a, only_b, n)
    if n == 0:
        return Interval(-1.0, 1.0, level, "confidence_sequence")

    def evidence(difference: float) -> float:
        return difference_evidence(only_a, only_b, n, difference)

    limit, estimate = -math.log1p(-level), (only_a - only_b) / n
    low = -1.0 if evidence(-1.0) < limit else _edge(evidence, limit, estimate, -1.0)
    high = 1.0 if evidence(1.0) < limit else _edge(evidence, limit, estimate, 1.0)
    return Interval(low, high, level, "confidence_sequence")


def difference_evidence(only_a: int, only_b: int, n: int, difference: float) -> float:
    """Log e-value against a true difference, valid at every n at once."""
    counts = (only_a, only_b, n - only_a - only_b)
    mixture = math.fsum(math.lgamma(count + 0.5) for count in counts)
    mixture += math.lgamma(1.5) - math.lgamma(n + 1.5) - 3.0 * math.lgamma(0.5)
    shares = likeliest_shares(only_a, only_b, n, difference)
    return mixture - math.fsum(_xlog(c, p) for c, p in zip(counts, shares, strict=True))


def mean_sequence(
    values: Sequence[float] | Floats,
    low: float = 0.0,
    high: float = 1.0,
    level: float = 0.95,
    *,
    steps: int = 1_000,
) -> Interval:
    """Interval after the last of `values` for a mean of scores that lie in [low, high].

    For paired differences of scores in [0, 1] give low = -1. Hedged bets, half of the wealth on a
    larger and half on a smaller mean, sized by the variance so far: I. Waudby-Smith and A. Ramdas
    (2024), section 4.2 and theorem 3, with the running intersection over all earlier n. The order
    of the values matters and must not depend on them. Ends are found to 1 / steps of the range.

    Cover: all n together at least `level`: 97-99 % over 500 looks at 95 %. Time grows with
    n x steps.

    Raises:
        ValueError: no values, one outside [low, high], low >= high, or level outside (0, 1).
    """
    import numpy as np

    check_level(level)
    vector = numbers(values, "values", at_least=0)
    if not low < high:
        raise ValueError(f"low={low!r} is not below high={high!r}")
    outside = vector[(vector < low) | (vector > high)]
    if outside.size:
        raise ValueError(f"a value is {float(outside[0])!r}, outside [{low!r}, {high!r}]")
    unit = (vector - low) / (high - low)
    grid = np.arange(steps + 1) / steps
    peak = mean_wealth(unit, grid, level)
    kept = grid[peak < -math.log1p(-level)]
    if not kept.size:  # the values refute every mean: they are no draws of one mean
        kept = np.array([unit.mean()])
    step = (high - low) / steps
    left = max(low, low + (high - low) * float(kept[0]) - step)
    right = min(high, low + (high - low) * float(kept[-1]) + step)
    return Interval(left, right, level, "confidence_sequence")


def mean_wealth(unit: Floats, means: Floats, level: float = 0.95) -> Floats:
    """The largest log wealth so far against each mean; values and means in [0, 1].

    Values of shape [n], or [n, runs] with one mean a run; shape of `means` out. A mean whose wealth
    ever reached 1 / (1 - level) is refuted for good.
    """
    import numpy as np

    up, down = np.zeros(means.size), np.zeros(means.size)
    peak = np.zeros(means.size)
    cap_up = 0.5 / np.maximum(means, 1e-9)
    cap_down = 0.5 / np.maximum(1.0 - means, 1e-9)
    total, squares = 0.5, 0.25  # the running mean and variance start as of one guess
    for t, value in enumerate(unit, start=1):
        variance = squares / t
        size = np.sqrt(-2.0 * math.log1p(-level) / (variance * t * math.log(1.0 + t)))
        up += np.log1p(np.minimum(size, cap_up) * (value - means))
        down += np.log1p(np.minimum(size, cap_down) * (means - value))
        np.maximum(peak, np.logaddexp(up, down) - math.log(2.0), out=peak)
        total += value
        squares += (value - total / (t + 1)) ** 2
    return peak


def _edge(evidence: Callable[[float], float], limit: float, inner: float, outer: float) -> float:
    """Where the evidence, which grows away from `inner`, reaches the limit."""
    for _ in range(60):
        middle = (inner + outer) / 2.0
        inner, outer = (middle, outer) if evidence(middle) < limit else (inner, middle)
    return outer


def _xlog(count: float, share: float) -> float:
    if count == 0:
        return 0.0
    return count * math.log(share) if share > 0.0 else -math.inf
