"""How far raters agree beyond chance: Krippendorff's alpha and Cohen's kappa.

`icc` does the same for measured scores. Knows nothing of raters or of what they rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from ossay.stats.interval import Interval, check_level, two_sided_z
from ossay.stats.rates import wilson, wilson_ends

if TYPE_CHECKING:
    import numpy as np

    from ossay.stats.arrays import Floats

Scale = Literal["nominal", "ordinal", "interval", "ratio"]
Weights = Literal["none", "linear", "quadratic"]
MOST_VALUES = 2_000  # different ratings: their distances take the square of that in memory


class Agreement(Struct, frozen=True):
    """A coefficient: 1 full agreement, 0 what chance gives, None where all ratings are equal.

    `units` are what was rated by two raters at least. The interval is None where the value is, or
    where none was asked for.
    """

    value: float | None
    units: int
    ratings: int
    interval: Interval | None


def krippendorff_alpha(
    ratings: Sequence[Sequence[float | None]] | Floats,
    scale: Scale = "nominal",
    rng: np.random.Generator | None = None,
    *,
    resamples: int = 2_000,
    level: float = 0.95,
) -> Agreement:
    """Krippendorff's alpha; ratings of shape [raters, units], None or NaN where one is missing.

    K. Krippendorff, "Content analysis", 3rd ed. (2013), chapter 12. With `rng`, an interval from
    drawing units (percentiles); units with fewer than two ratings don't count.

    Where raters always agreed, its lower end is that of a full quarrel in as many units as Wilson's
    interval for 0 of n allows.

    Where it fails: at 95 % the interval covers 78-100 % with 5 units and 82-97 % with 10 to 50, and
    91-96 % above where categories are about as frequent; where nine of ten units are of one
    category it covers 70-100 % up to 50 units and 82-97 % up to 300, least where raters agree
    little.

    Raises:
        ValueError: not two-dimensional, no unit with two ratings, negative values on a ratio scale,
            over `MOST_VALUES` different ratings, resamples < 100, or level outside (0, 1).
    """
    import numpy as np

    check_level(level)
    table = np.array(ratings, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"ratings have shape {table.shape!r}: give raters x units")
    if np.isinf(table).any():
        raise ValueError(f"a rating is {float(table[np.isinf(table)][0])!r}")
    seen = ~np.isnan(table)
    table, seen = table[:, seen.sum(axis=0) >= 2], seen[:, seen.sum(axis=0) >= 2]
    if not table.size:
        raise ValueError("ratings=... no unit has two ratings: agreement needs two raters on one")
    values, codes = np.unique(table[seen], return_inverse=True)
    if values.size > MOST_VALUES:
        raise ValueError(
            f"{values.size!r} different ratings are more than {MOST_VALUES}: round them, or use "
            "`icc` for measurements"
        )
    if scale == "ratio" and values[0] < 0.0:
        raise ValueError(f"a rating is {float(values[0])!r}: a ratio scale has no negative values")
    counts = np.zeros((table.shape[1], values.size))
    np.add.at(counts, (np.nonzero(seen.T)[0], _by_unit(table, seen, values)), 1.0)
    whole = np.ones(counts.shape[0])
    value = _alpha(counts, whole, values, scale)
    interval = None
    if rng is not None and value is not None:
        if resamples < 100:
            raise ValueError(f"resamples={resamples!r}: an interval needs at least 100")
        units = counts.shape[0]
        weights = rng.multinomial(units, np.full(units, 1.0 / units), size=resamples)
        drawn = [_alpha(counts, weight, values, scale) for weight in weights]
        known = [1.0 if one is None else one for one in drawn]  # only one value left: no quarrel
        tail = 50.0 * (1.0 - level)
        low, high = np.percentile(known, [tail, 100.0 - tail])
        if value == 1.0:  # no quarrel seen: as many as may be among units not seen
            low = _least_alpha(counts, values, scale, wilson(0, units, level).high)
        interval = Interval(float(low), float(high), level, "bootstrap_percentile")
    return Agreement(value, counts.shape[0], int(codes.size), interval)


def cohen_kappa(
    first: Sequence[Any],
    second: Sequence[Any],
    categories: Sequence[Any] | None = None,
    weights: Weights = "none",
    level: float = 0.95,
) -> Agreement:
    """Cohen's kappa of two raters of the same units, shape [n] each; with weights for ordered ones.

    J. Cohen, Educational and Psychological Measurement 20 (1960), 37-46; weights: Psychological
    Bulletin 70 (1968); the large-sample variance: J. Fleiss, J. Cohen, B. Everitt, Psychological
    Bulletin 72 (1969), 323-327. The interval is Wilson's for the observed agreement, on the number
    of units that gives this variance, and takes the expected agreement as known: the normal one has
    no width where the two always agree, and covers 50 % at 10 units with a kappa of 0.9.

    Where it fails: at 95 % it covers 86-100 % below 30 units and 90-96 % above; a category that
    hardly occurs makes the expected agreement uncertain, which is not counted: 78-99 % up to 100
    units where nine of ten are of one category, weighed or not.

    Args:
        first: Categories that the first rater gave.
        second: Those of the second.
        categories: Their order, needed for weights; by default those seen, sorted.
        weights: How a near miss counts, by the distance in `categories`.
        level: Level of the interval.

    Raises:
        ValueError: no units, lengths that differ, a missing rating, a category that is not listed,
            categories without an order, or level outside (0, 1).
    """
    import numpy as np

    z = two_sided_z(level)
    if len(first) != len(second) or not len(first):
        raise ValueError(f"{len(first)!r} and {len(second)!r} ratings: give one a unit from each")
    first, second = _named(first, "first"), _named(second, "second")
    listed = _sorted({*first, *second}) if categories is None else list(categories)
    strange = [one for one in (*first, *second) if one not in listed]
    if strange:
        raise ValueError(f"{strange[0]!r} is none of the categories {listed!r}")
    place = {category: index for index, category in enumerate(listed)}
    n, size = len(first), len(listed)
    table = np.zeros((size, size))
    for a, b in zip(first, second, strict=True):
        table[place[a], place[b]] += 1.0 / n
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    weight = _weights(size, weights)
    observed, expected = float((weight * table).sum()), float(rows @ weight @ columns)
    if 1.0 - expected <= 1e-12:
        return Agreement(None, n, 2 * n, None)
    kappa = (observed - expected) / (1.0 - expected)
    mean_row, mean_column = weight @ columns, weight.T @ rows
    pull = weight - (mean_row[:, None] + mean_column[None, :]) * (1.0 - kappa)
    shift = kappa - expected * (1.0 - kappa)
    variance = float((table * pull**2).sum() - shift**2) / (n * (1.0 - expected) ** 2)
    share = max(0.0, variance) * (1.0 - expected) ** 2  # the variance of the observed agreement
    room = observed * (1.0 - observed)
    units = min(room / share, 4.0 * n) if share > 1e-15 and room > 1e-15 else float(n)
    low, high = wilson_ends(observed, units, z)
    low, high = (low - expected) / (1.0 - expected), (high - expected) / (1.0 - expected)
    return Agreement(kappa, n, 2 * n, Interval(low, high, level, "wilson_effective"))


def _named(ratings: Sequence[Any], rater: str) -> list[Any]:
    listed = list(ratings.tolist() if hasattr(ratings, "tolist") else ratings)
    for place, one in enumerate(listed):
        if one is None or one != one:  # NaN differs from itself
            raise ValueError(f"{rater}[{place}] is {one!r}: leave out units that a rater left out")
    return listed


def _sorted(seen: set[Any]) -> list[Any]:
    try:
        return sorted(seen)
    except TypeError:
        raise ValueError(
            f"categories {sorted(map(repr, seen))} have no order: name them by `categories`"
        ) from None


def _by_unit(table: Floats, seen: Any, values: Floats) -> Any:
    import numpy as np

    return np.searchsorted(values, table.T[seen.T])


def _alpha(counts: Floats, weights: Floats, values: Floats, scale: Scale) -> float | None:
    """Alpha from counts of each value in each unit, shape [units, values], units weighed."""
    totals = weights @ counts
    n = float(totals.sum())
    distance = _distances(values, totals, scale)
    expected = float(totals @ distance @ totals)
    if expected <= 0.0:
        return None
    within = ((counts @ distance) * counts).sum(axis=1) / (counts.sum(axis=1) - 1.0)
    return 1.0 - (n - 1.0) * float(weights @ within) / expected


def _least_alpha(counts: Floats, values: Floats, scale: Scale, quarrels: float) -> float:
    import numpy as np

    totals = counts.sum(axis=0)
    distance = _distances(values, totals, scale)
    n = float(totals.sum())
    expected = float(totals @ distance @ totals) / (n * (n - 1.0))
    return max(-1.0, 1.0 - quarrels * float(np.max(distance)) / expected)


def _distances(values: Floats, totals: Floats, scale: Scale) -> Floats:
    """Squared distances between values, shape [values, values]."""
    import numpy as np

    left, right = values[:, None], values[None, :]
    if scale == "nominal":
        return np.asarray(left != right, dtype=np.float64)
    if scale == "interval":
        return np.asarray((left - right) ** 2)
    if scale == "ratio":
        both = left + right
        share = np.divide(left - right, both, out=np.zeros_like(both), where=both != 0.0)
        return np.asarray(share**2)
    middle = np.cumsum(totals) - totals / 2.0
    return np.asarray((middle[:, None] - middle[None, :]) ** 2)


def _weights(size: int, kind: Weights) -> Floats:
    import numpy as np

    gap = np.abs(np.arange(size)[:, None] - np.arange(size)[None, :]) / max(1, size - 1)
    if kind == "none":
        return np.asarray(gap == 0.0, dtype=np.float64)
    return np.asarray(1.0 - gap if kind == "linear" else 1.0 - gap**2)
