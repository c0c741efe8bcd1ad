"""Costs: the rows' own, else prices, else calls of the strong model."""

import pytest

from ossay.core.errors import UsageError
from ossay.core.graded import Charge
from ossay.router.costs import Prices, break_even, costs_of

CHARGED = {"cheap": Charge(0.01, 1.0), "strong": Charge(0.2, 9.0)}


def test_the_rows_own_costs(traffic):
    costs = costs_of(traffic(3, **CHARGED), None, validated=False)
    assert (costs.unit, costs.cheap.tolist(), costs.strong.tolist()) == (
        "USD",
        [0.01] * 3,
        [0.2] * 3,
    )
    assert costs.seconds is not None
    assert costs.seconds[1].tolist() == [9.0] * 3
    assert costs.validator.tolist() == [0.0] * 3


def test_prices_win_over_columns_and_calls_are_counted_without_either(traffic):
    rows = traffic(3, **CHARGED)
    assert costs_of(rows, Prices(1.0, 2.0), validated=False).cheap.tolist() == [1.0] * 3
    plain = costs_of(traffic(3), None, validated=False)
    assert (plain.unit, plain.cheap[0], plain.strong[0]) == ("strong calls", 0.0, 1.0)
    assert plain.seconds is None
    ratio = costs_of(rows, Prices.of_ratio(24.5), validated=False)
    assert ratio.strong[0] / ratio.cheap[0] == pytest.approx(24.5)


def test_a_validator_has_a_price(traffic):
    with pytest.raises(UsageError, match="--prices CHEAP,STRONG,VALIDATOR"):
        costs_of(traffic(3, approves=(1, 0)), None, validated=True)
    paid = {**CHARGED, "validator": Charge(0.05, 2.0)}
    costs = costs_of(traffic(3, approves=(1, 0), **paid), None, validated=True)
    assert costs.validator.tolist() == [0.05] * 3


def test_half_a_column_of_costs_is_no_column(traffic):
    rows = [*traffic(2, **CHARGED), *traffic(1)]
    with pytest.raises(UsageError, match="1 of 3 rows lack the cost of the cheap call"):
        costs_of(rows, None, validated=False)
    with pytest.raises(UsageError, match="3 of 3 rows lack the cost of the strong call"):
        costs_of(traffic(3, cheap=Charge(0.01)), None, validated=False)


def test_break_even():
    """A draft for 0.04, validated for 0.15 of a strong call, pays until 81 % are redone."""
    assert break_even(0.04, 1.0, 0.15) == pytest.approx(0.81)
    assert break_even(0.4, 1.0, 0.7) == pytest.approx(-0.1)
    assert break_even(0.0, 0.0, 0.0) == 0.0
