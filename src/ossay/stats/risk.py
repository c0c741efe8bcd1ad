"""Promises about a rate of failures: the loosest setting that the data certify, or none.

A setting (a threshold, a pair of them) has an unknown risk; `failures` of `of` calibration rows
failed under it. Learn-then-Test turns each setting into a hypothesis "its risk is above alpha" and
promises only settings whose hypothesis was rejected: A. N. Angelopoulos, S. Bates, E. J. Candès,
M. I. Jordan, L. Lei, "Learn then test: calibrating predictive algorithms to achieve risk control",
arXiv 2110.01052 (2021), Annals of Applied Statistics 19 (2025). Beside it stand the two that
promise less. Knows nothing of models or queries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ossay.stats.arrays import numbers, same_length
from ossay.stats.binomial import at_most
from ossay.stats.interval import check_alpha

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats


def p_values(
    failures: Sequence[float] | Floats, of: Sequence[float] | Floats, alpha: float
) -> Floats:
    """The chance of so few failures or fewer if the risk were alpha, exact; shape [settings].

    Rows are independent draws. A setting that nothing was drawn for has p = 1.

    Raises:
        ValueError: lengths that differ, a count that is negative or above its `of`, bad alpha.
    """
    check_alpha(alpha)
    seen, total = _counts(failures, of)
    return at_most(seen, total, alpha)


def upper_bound(failures: int, of: int, delta: float) -> float:
    """The largest risk that the counts don't refute at delta: Clopper and Pearson, one-sided.

    It is at most alpha exactly where the p value against alpha is at most delta. 1 for no rows.

    Raises:
        ValueError: failures outside 0..of, or delta outside (0, 1).
    """
    check_alpha(delta)
    if not 0 <= failures <= of:
        raise ValueError(f"failures={failures!r} is outside 0..{of!r}")
    if failures == of:
        return 1.0
    from scipy.special import betaincinv

    return float(betaincinv(failures + 1, of - failures, 1.0 - delta))


def needed(alpha: float, delta: float) -> int:
    """The least rows that can certify anything: with no failure at all among them.

    Raises:
        ValueError: alpha or delta outside (0, 1).
    """
    check_alpha(alpha)
    check_alpha(delta)
    return max(1, math.ceil(math.log(delta) / math.log1p(-alpha) - 1e-12))


def certify(
    failures: Sequence[float] | Floats,
    of: Sequence[float] | Floats,
    alpha: float,
    delta: float,
) -> int | None:
    """Place of the last setting certified, testing in the order given; None where none is.

    Each is tested at the full delta and the first that is not rejected ends it, so the chance that
    any setting certified has a risk above alpha is at most delta, whatever the settings have to do
    with each other: P. Bauer, "Multiple testing in clinical trials", Statistics in Medicine 10
    (1991), 871-890; Learn then test, section 3.2. The order must not depend on the calibration
    rows: it comes from other rows, or from what a setting is.

    Raises:
        ValueError: as `p_values`, or delta outside (0, 1).
    """
    import numpy as np

    check_alpha(delta)
    failed = np.flatnonzero(p_values(failures, of, alpha) > delta)
    last = (int(failed[0]) if failed.size else len(failures)) - 1
    return last if last >= 0 else None


def naive(
    failures: Sequence[float] | Floats, of: Sequence[float] | Floats, alpha: float
) -> int | None:
    """The last setting whose share of failures is at most alpha: what tuning by hand would take.

    It promises nothing: about every second one lies above alpha.

    Raises:
        ValueError: as `p_values`.
    """
    import numpy as np

    check_alpha(alpha)
    seen, total = _counts(failures, of)
    kept = np.flatnonzero((seen <= alpha * total) & (total > 0.0))
    return int(kept[-1]) if kept.size else None


def conformal(
    failures: Sequence[float] | Floats, of: Sequence[float] | Floats, alpha: float
) -> int | None:
    """The last setting with (failures + 1) / (of + 1) <= alpha: conformal risk control.

    A. N. Angelopoulos, S. Bates, A. Fisch, L. Lei, T. Schuster, "Conformal risk control", ICLR
    2024. It bounds the risk on average over calibrations, not in the one at hand, and only for
    failures that grow along the settings, each over the same rows.

    Raises:
        ValueError: as `p_values`; failures that fall, or `of` that is not the same for all.
    """
    import numpy as np

    check_alpha(alpha)
    seen, total = _counts(failures, of)
    if (np.diff(seen) < 0.0).any() or (total != total[0]).any():
        raise ValueError("conformal risk control needs failures that grow, all over the same rows")
    kept = np.flatnonzero(seen + 1.0 <= alpha * (total + 1.0))
    return int(kept[-1]) if kept.size else None


def _counts(
    failures: Sequence[float] | Floats, of: Sequence[float] | Floats
) -> tuple[Floats, Floats]:
    seen, total = numbers(failures, "failures"), numbers(of, "of")
    same_length(seen, total, "failures and rows")
    bad = ((seen < 0.0) | (seen > total)).nonzero()[0]
    if bad.size:
        place = int(bad[0])
        raise ValueError(
            f"failures[{place}] is {float(seen[place])!r} of {float(total[place])!r}: can't be"
        )
    return seen, total
