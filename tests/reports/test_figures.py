"""Numbers as people read them: what no calendar, currency or clock has is unknown."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.reports import figures


@pytest.mark.parametrize("unix", [1e300, -1e300, 1e15, math.inf, math.nan, None])
def test_a_moment_that_no_calendar_has_is_unknown(unix):
    assert figures.moment(unix) == "unknown"


def test_a_moment():
    assert figures.moment(1_795_255_200.0) == "2026-11-21 10:00 UTC"


@given(st.floats())
def test_no_number_is_too_odd_to_be_written(number):
    for written in (figures.usd, figures.seconds, figures.speed, figures.moment):
        text = written(number)
        assert text == "unknown" if not math.isfinite(number) else text
        assert not {"nan", "inf"} & set(text.split())
