"""What plans cost: each call of each row, and when a validated draft is cheaper than the strong.

Money is in one unit throughout: USD, or calls of the strong model where nobody gave a price. Knows
nothing of thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from ossay.core.errors import UsageError
from ossay.core.graded import Charge, Graded

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats

Unit = Literal["USD", "strong calls"]


class Prices(Struct, frozen=True):
    """The mean price of one request, for each model that may serve it."""

    cheap: float
    strong: float
    validator: float = 0.0
    unit: Unit = "USD"

    @classmethod
    def of_ratio(cls, ratio: float) -> Prices:
        """The strong model costs `ratio` times the cheap one; a call of it is the unit."""
        return cls(1.0 / ratio, 1.0, 0.0, "strong calls")


# Where nobody says what anything costs, calls of the strong model are counted.
CALLS = Prices(0.0, 1.0, 0.0, "strong calls")


class Costs(Struct, frozen=True):
    """What each row's calls cost, shape [n]; seconds are None where a row lacks them."""

    cheap: Floats
    strong: Floats
    validator: Floats
    seconds: tuple[Floats, Floats, Floats] | None
    unit: Unit


def costs_of(rows: Sequence[Graded], prices: Prices | None, *, validated: bool) -> Costs:
    """Take the rows' own costs, else `prices`, else count calls of the strong model.

    Raises:
        UsageError: some rows have a cost and others don't, or a validator without any price.
    """
    import numpy as np

    n = len(rows)
    calls: list[tuple[str, list[Charge]]] = [
        ("cheap", [row.cheap for row in rows]),
        ("strong", [row.strong for row in rows]),
    ]
    if validated:
        calls.append(("validator", [row.validator for row in rows]))
    if prices is None and any(one.usd is not None for _, each in calls for one in each):
        money = [_complete([one.usd for one in each], name) for name, each in calls]
        unit: Unit = "USD"
    else:
        if prices is None and validated:
            raise UsageError(
                "a validator costs money too, and nothing says how much: give its price and the "
                "models' (--prices CHEAP,STRONG,VALIDATOR), or columns with costs"
            )
        flat = prices or CALLS
        money = [np.full(n, one) for one in (flat.cheap, flat.strong, flat.validator)]
        unit = flat.unit
    waits = [[one.seconds for one in each] for _, each in calls]
    seconds = None
    if all(None not in each for each in waits):
        times = [np.array(each, dtype=np.float64) for each in waits] + [np.zeros(n)]
        seconds = (times[0], times[1], times[2])
    money.append(np.zeros(n))
    return Costs(money[0], money[1], money[2], seconds, unit)


def break_even(cheap: float, strong: float, validator: float) -> float:
    """The share of validated drafts redone, above which always-strong would be cheaper.

    c_cheap + c_validator + r c_strong < c_strong. At or below 0 validation never saves.
    """
    return 1.0 - (cheap + validator) / strong if strong > 0.0 else 0.0


def _complete(values: Sequence[float | None], name: str) -> Floats:
    import numpy as np

    missing = sum(value is None for value in values)
    if missing:
        raise UsageError(
            f"{missing:,} of {len(values):,} rows lack the cost of the {name} call; "
            "fill them in, or give --prices for all"
        )
    return np.array(values, dtype=np.float64)
