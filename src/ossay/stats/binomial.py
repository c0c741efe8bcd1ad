"""The binomial distribution on arrays: chances and tails, through the incomplete beta function.

scipy.special has `bdtr` for whole-number types only and scipy.stats is slow to load. Knows nothing
of trials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats


def pmf(k: Floats, n: Floats | float, p: Floats | float) -> Floats:
    """The chance of k of n, for 0 <= k <= n; shapes broadcast."""
    import numpy as np
    from scipy.special import gammaln, xlog1py, xlogy

    ways = gammaln(np.asarray(n) + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return np.asarray(np.exp(ways + xlogy(k, p) + xlog1py(n - k, -np.asarray(p))))


def at_most(k: Floats | float, n: Floats | float, p: Floats | float) -> Floats:
    """The chance of at most k of n: 0 below k = 0, 1 from k = n on; shapes broadcast."""
    import numpy as np
    from scipy.special import betainc

    k, n, p = (np.asarray(one, dtype=np.float64) for one in (k, n, p))
    inside = betainc(np.maximum(n - k, 1.0), np.maximum(k, 0.0) + 1.0, 1.0 - p)
    return np.asarray(np.where(k < 0.0, 0.0, np.where(k >= n, 1.0, inside)))


def at_least(k: Floats | float, n: Floats | float, p: Floats | float) -> Floats:
    """The chance of at least k of n, exact in its own tail; shapes broadcast."""
    import numpy as np

    n, p = np.asarray(n, dtype=np.float64), np.asarray(p, dtype=np.float64)
    return at_most(n - k, n, 1.0 - p)
