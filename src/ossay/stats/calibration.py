"""How good probabilities are: Brier score, log score, expected calibration error.

A forecast is a chance that something holds; its outcome is 0 or 1. Knows nothing of forecasters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from ossay.stats.arrays import numbers, results, same_length
from ossay.stats.clustered import clustered_mean, item_interval
from ossay.stats.interval import Interval, check_level

if TYPE_CHECKING:
    import numpy as np

    from ossay.stats.arrays import Floats


class Score(Struct, frozen=True):
    """A mean score over n forecasts, less is better. The interval is None for one forecast."""

    mean: float
    n: int
    interval: Interval | None


class CalibrationError(Struct, frozen=True):
    """Mean gap between forecast and share of hits over bins, each weighed by its forecasts.

    `noise` is what chance alone would give a perfect forecaster: a value near it shows nothing.
    """

    value: float
    noise: float
    n: int
    bins: int
    interval: Interval


def brier(
    forecasts: Sequence[float] | Floats, outcomes: Sequence[float] | Floats, level: float = 0.95
) -> Score:
    """Mean of (forecast - outcome)^2, both of shape [n]: 0 perfect, 0.25 for always saying 1/2.

    G. Brier, Monthly Weather Review 78 (1950), 1-3, for one event. The interval is
    `clustered.item_interval` for independent forecasts. Its standard error is that of the losses
    seen, or that which the forecasts themselves imply where it is larger: rare events that did not
    come yet leave no trace in the losses. At 95 % it covers 92-100 % up to 50 forecasts, 93-98 %
    above.

    Raises:
        ValueError: a forecast outside [0, 1], an outcome that is no 0 or 1, no forecasts, or level
            outside (0, 1).
    """
    chance, outcome = _checked(forecasts, outcomes)
    check_level(level)
    losses = (chance - outcome) ** 2
    interval = None
    if losses.size > 1:
        least = _implied(chance, (1.0 - 2.0 * chance) ** 2)
        interval = item_interval(losses, level, least_se=least)
    return Score(float(losses.mean()), losses.size, interval)


def log_score(
    forecasts: Sequence[float] | Floats, outcomes: Sequence[float] | Floats, level: float = 0.95
) -> Score:
    """Mean of -ln(chance given to what happened), in nats; ln 2 = 0.693 for always saying 1/2.

    I. J. Good, "Rational decisions", Journal of the Royal Statistical Society B 14 (1952). It is
    infinite, and without an interval, where something held to be impossible happened. The interval
    is a t interval with the standard error as for `brier`: at 95 % it covers 93-100 % up to 50
    forecasts and 92-97 % from 200, rare events included.

    Raises:
        ValueError: as `brier`.
    """
    import numpy as np

    chance, outcome = _checked(forecasts, outcomes)
    check_level(level)
    given = np.where(outcome == 1.0, chance, 1.0 - chance)
    if (given <= 0.0).any():
        return Score(math.inf, given.size, None)
    losses = -np.log(given)
    if losses.size < 2:
        return Score(float(losses.mean()), losses.size, None)
    found = clustered_mean(losses, range(losses.size))
    inner = np.clip(chance, 1e-300, 1.0 - 1e-16)  # a sure forecast implies no spread
    least = _implied(chance, (np.log(inner) - np.log1p(-inner)) ** 2)
    ends = replace(found, se=max(found.se, least)).interval(level)
    interval = Interval(max(0.0, ends.low), ends.high, level, ends.method)
    return Score(float(losses.mean()), losses.size, interval)


def _implied(chance: Floats, squared_gap: Floats) -> float:
    """The standard error of a mean loss if the forecasts are right.

    `squared_gap` is that of the two losses that a forecast may bring. The spread of what a forecast
    expects to lose comes on top: the forecasts, too, are drawn from many.
    """
    import numpy as np

    variance = chance * (1.0 - chance) * squared_gap
    return float(np.sqrt(variance.sum())) / chance.size


def calibration_error(
    forecasts: Sequence[float] | Floats,
    outcomes: Sequence[float] | Floats,
    rng: np.random.Generator,
    *,
    bins: int = 10,
    draws: int = 2_000,
    level: float = 0.95,
) -> CalibrationError:
    """Expected calibration error over bins of about equally many forecasts, equal ones together.

    M. Pakdaman Naeini, G. Cooper, M. Hauskrecht, AAAI 2015; equal-mass bins: R. Roelofs et al.,
    "Mitigating bias in calibration error estimation", AISTATS 2022. The plug-in value is too high
    by up to `noise`, and a bootstrap repeats that. So the interval is for the true error over these
    bins, by inverting a test: the gaps are those seen, those less their noise, or equal ones, times
    c, plus normal noise, and every c stays in for which the value seen is not among the extremes.
    Own construction, checked by simulation in bench/stats_coverage.py.

    Where it fails: at 95 % it covers 91-100 % with 5 forecasts a bin and 94-100 % from 10, and is
    cautious for rare events and for a perfect forecaster. It speaks of these bins, whose error
    can't exceed that of finer ones.

    Raises:
        ValueError: as `brier`; fewer forecasts than bins, bins < 1, draws < 100.
    """
    import numpy as np

    check_level(level)
    chance, outcome = _checked(forecasts, outcomes)
    if not 1 <= bins <= chance.size:
        raise ValueError(f"bins={bins!r} is outside 1..{chance.size}, the number of forecasts")
    if draws < 100:
        raise ValueError(f"draws={draws!r}: an interval needs at least 100")
    place = _bins(chance, bins)
    n = chance.size
    gaps = (outcome - chance) / n
    sums = np.bincount(place, weights=gaps)  # the gap of each bin, times its share of forecasts
    value = float(np.abs(sums).sum())
    expected = np.bincount(place, weights=chance * (1.0 - chance))
    noise = math.sqrt(2.0 / math.pi) * float(np.sqrt(expected).sum()) / n
    each = np.bincount(place)
    seen = np.bincount(place, weights=(gaps - (sums / each)[place]) ** 2)
    seen = np.asarray(seen * (each / np.maximum(1, each - 1)), dtype=np.float64)
    spread = np.maximum(seen, expected / n**2)  # events that did not come yet leave no spread
    errors = rng.normal(size=(draws, sums.size)) * np.sqrt(spread)
    less = np.sign(sums) * np.sqrt(np.maximum(0.0, sums**2 - spread))  # less what may be noise
    even = np.asarray(each / n, dtype=np.float64)
    shapes = [one for one in (np.asarray(sums, dtype=np.float64), even, less) if one.any()]
    ends = [_ends(shape, errors, value, (1.0 - level) / 2.0) for shape in shapes]
    low, high = min(one[0] for one in ends), min(1.0, max(one[1] for one in ends))
    interval = Interval(low, high, level, "test_inversion")
    return CalibrationError(value, noise, n, sums.size, interval)


def _ends(shape: Floats, errors: Floats, value: float, tail: float) -> tuple[float, float]:
    """The errors, of gaps in proportion to `shape`, for which `value` is not among the extremes."""
    import numpy as np

    def too_high(scale: float) -> bool:
        return bool(np.mean(np.abs(scale * shape + errors).sum(axis=1) <= value) < tail)

    def not_too_low(scale: float) -> bool:
        return bool(np.mean(np.abs(scale * shape + errors).sum(axis=1) >= value) >= tail)

    base = max(float(np.abs(shape).sum()), 1e-9)
    return base * _turn(not_too_low, 1.0 / base), base * _turn(too_high, 1.0 / base)


def _turn(above: Callable[[float], bool], most: float) -> float:
    """The least scale at which `above` holds, from 0 to `most`."""
    if above(0.0):
        return 0.0
    low, high = 0.0, most
    for _ in range(30):
        middle = (low + high) / 2.0
        low, high = (low, middle) if above(middle) else (middle, high)
    return high


def _bins(chance: Floats, bins: int) -> Any:
    import numpy as np

    edges = np.unique(np.quantile(chance, np.arange(1, bins) / bins)) if bins > 1 else np.empty(0)
    found = np.searchsorted(edges, chance, side="left")
    return np.unique(found, return_inverse=True)[1]


def _checked(
    forecasts: Sequence[float] | Floats, outcomes: Sequence[float] | Floats
) -> tuple[Floats, Floats]:
    chance, outcome = numbers(forecasts, "forecasts"), results(outcomes, "outcomes")
    same_length(chance, outcome, "forecasts and outcomes")
    outside = chance[(chance < 0.0) | (chance > 1.0)]
    if outside.size:
        raise ValueError(f"a forecast is {float(outside[0])!r}, outside [0, 1]")
    return chance, outcome
