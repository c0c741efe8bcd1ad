"""Intraclass correlation: how much of the spread of scores is the targets' own, not the raters'.

Knows nothing of raters or targets; they are columns and rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from ossay.stats.interval import Interval, check_level

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats

Form = Literal["one_way", "two_way_random", "two_way_fixed"]


class Correlation(Struct, frozen=True):
    """`single` is of one rating, `average` of the mean of all k.

    None where nothing varies, or where the squares leave no ratio: two targets that two raters put
    in opposite order. Without intervals where each rater gives all targets one score. `average` has
    no lower bound: it is -inf where all targets have one mean.
    """

    single: float | None
    average: float | None
    single_interval: Interval | None
    average_interval: Interval | None
    targets: int
    raters: int


def icc(
    ratings: Sequence[Sequence[float]] | Floats,
    form: Form = "two_way_random",
    level: float = 0.95,
) -> Correlation:
    """ICC(1), ICC(2) or ICC(3): P. Shrout and J. Fleiss, Psychological Bulletin 86 (1979), 420-428.

    Ratings of shape [targets, raters], none missing. `one_way`: each target has its own raters;
    `two_way_random`: the same raters, drawn from many, and their bias counts as disagreement;
    `two_way_fixed`: these raters only, and their bias doesn't count. Intervals rest on the F
    distribution and so on scores in a bell shape; for ICC(2) they are approximate, with degrees of
    freedom as of Satterthwaite.

    Where it fails: at 95 % all three cover 93-97 % from 5 targets on with 2 to 10 raters, but that
    of ICC(2) falls to 88-93 % with 500 targets: so many say less about the bias of few raters than
    the approximation takes. With marks of 0 and 1 all three fail.

    Raises:
        ValueError: fewer than two targets or raters, NaN, or level outside (0, 1).
    """
    import numpy as np

    check_level(level)
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2:
        raise ValueError(
            f"ratings have shape {table.shape!r}: give two targets x two raters at least"
        )
    if not np.isfinite(table).all():
        bad = float(table[~np.isfinite(table)][0])
        raise ValueError(f"a rating is {bad!r}: drop targets that a rater left out")
    n, k = table.shape
    mean = float(table.mean())
    between = k * float(((table.mean(axis=1) - mean) ** 2).sum())
    columns = n * float(((table.mean(axis=0) - mean) ** 2).sum())
    total = float(((table - mean) ** 2).sum())
    if total <= table.size * (1e-12 * float(np.abs(table).max())) ** 2:  # equal but for rounding
        return Correlation(None, None, None, None, n, k)

    def some(squares: float) -> float:
        return squares if squares > 1e-12 * total else 0.0

    squares = _Squares(
        some(between) / (n - 1),
        some(columns) / (k - 1),
        some(total - between - columns) / ((n - 1) * (k - 1)),
        some(total - between) / (n * (k - 1)),
        n,
        k,
    )
    value = _value(squares, form)
    if value is None:
        return Correlation(None, None, None, None, n, k)
    if form == "two_way_random" and squares.targets == squares.rest == 0.0:
        # Each rater gives all targets one score: all spread is bias, and nothing bounds it.
        return Correlation(value, _average(value, k), None, None, n, k)
    low, high = _ends(squares, form, value, (1.0 + level) / 2.0)
    return Correlation(
        value,
        _average(value, k),
        Interval(low, high, level, "f_distribution"),
        Interval(_average(low, k), _average(high, k), level, "f_distribution"),
        n,
        k,
    )


class _Squares(Struct, frozen=True):
    """Mean squares between targets, between raters, of the rest, and within targets."""

    targets: float
    raters: float
    rest: float
    within: float
    n: int
    k: int


def _value(s: _Squares, form: Form) -> float | None:
    if form == "one_way":
        return (s.targets - s.within) / (s.targets + (s.k - 1) * s.within)
    bias = s.k * (s.raters - s.rest) / s.n if form == "two_way_random" else 0.0
    whole = s.targets + (s.k - 1) * s.rest + bias
    return (s.targets - s.rest) / whole if whole > 1e-12 * (s.targets + s.rest) else None


def _ends(s: _Squares, form: Form, value: float, upper: float) -> tuple[float, float]:
    from scipy.special import fdtri

    n, k = s.n, s.k
    if form != "two_way_random":
        error = s.within if form == "one_way" else s.rest
        df = n * (k - 1) if form == "one_way" else (n - 1) * (k - 1)
        if error <= 0.0:
            return 1.0, 1.0
        ratio = s.targets / error
        low = ratio / float(fdtri(n - 1, df, upper))
        high = ratio * float(fdtri(df, n - 1, upper))
        return (low - 1.0) / (low + k - 1.0), (high - 1.0) / (high + k - 1.0)
    if value >= 1.0:
        return 1.0, 1.0
    a = k * value / (n * (1.0 - value))
    b = 1.0 + k * value * (n - 1) / (n * (1.0 - value))
    top = (a * s.raters + b * s.rest) ** 2
    free = top / ((a * s.raters) ** 2 / (k - 1) + (b * s.rest) ** 2 / ((n - 1) * (k - 1)))
    noise = k * s.raters + (k * n - k - n) * s.rest
    f_low, f_high = float(fdtri(n - 1, free, upper)), float(fdtri(free, n - 1, upper))
    low = n * (s.targets - f_low * s.rest) / (f_low * noise + n * s.targets)
    high = n * (f_high * s.targets - s.rest) / (noise + n * f_high * s.targets)
    return low, high


def _average(value: float, k: int) -> float:
    """Spearman and Brown: the reliability of a mean of k ratings."""
    room = 1.0 + (k - 1) * value
    return k * value / room if room > 1e-12 else -math.inf
