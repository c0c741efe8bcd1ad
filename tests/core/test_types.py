"""Tokens and money."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.core.types import Price, Usage

counts = st.none() | st.integers(0, 10**9)
usages = st.builds(Usage, counts, counts, counts, counts)


def test_cost_is_tokens_times_price_unrounded():
    price = Price(input=0.15, output=0.60, date="2026-05-17", source="a price page")
    # 0.15 * 6667 / 1e6 + 0.60 * 100 / 1e6
    assert price.cost(Usage(6667, None, 100, None)) == pytest.approx(0.00106005, rel=1e-12)


def test_cached_input_has_its_own_price():
    price = Price(input=1.0, output=2.0, cached_input=0.1, date="2026-01-01", source="x")
    assert price.cost(Usage(1_000_000, 400_000, 0)) == pytest.approx(0.6 + 0.04)


def test_unknown_tokens_have_no_cost():
    price = Price(input=1.0, output=1.0, date="2026-01-01", source="x")
    assert price.cost(Usage(10, None, None)) is None


@given(usages, usages, usages)
def test_usage_adds_up_in_any_order(a, b, c):
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + Usage() == a
