"""When to try again, and after how long."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.models.retry import RetryPolicy, retry_after_s

NOW = 784_111_777.0  # 1994-11-06 08:49:37 UTC, the date of RFC 9110's example


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": " 1.5 "}, 1.5),
        ({"Retry-After": "Sun, 06 Nov 1994 08:50:37 GMT"}, 60.0),
        ({"Retry-After": "Sun Nov  6 08:50:37 1994"}, 60.0),
        ({"Retry-After": "Sun, 06 Nov 1994 08:40:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": "Sun, 99 Nov 1994 08:50:37 GMT"}, None),
        ({"retry-after-ms": "250", "Retry-After": "1"}, 0.25),
    ],
)
def test_what_a_server_asked_for(headers: dict[str, str], seconds: float | None):
    assert retry_after_s(headers, NOW) == seconds


@settings(deadline=None)
@given(st.text())
def test_no_header_breaks_it(value: str):
    seconds = retry_after_s({"Retry-After": value}, NOW)
    assert seconds is None or seconds >= 0


@settings(deadline=None)
@given(st.integers(1, 2000), st.integers(0, 2**32))
def test_back_off_grows_to_its_cap_with_jitter(attempt: int, seed: int):
    policy = RetryPolicy(attempts=3000, base_s=0.5, cap_s=30.0)
    wait = policy.wait_s(attempt, None, random.Random(seed))
    assert wait is not None
    ceiling = min(30.0, 0.5 * 2 ** (min(attempt, 10) - 1))
    assert ceiling / 2 <= wait <= ceiling


@settings(deadline=None)
@given(st.floats(0, 1e6), st.integers(0, 2**32))
def test_a_wait_that_was_asked_for_is_never_cut(asked: float, seed: int):
    wait = RetryPolicy().wait_s(1, asked, random.Random(seed))
    assert wait is not None
    assert asked <= wait <= asked + RetryPolicy().base_s


def test_the_last_attempt_is_the_last():
    assert RetryPolicy(attempts=3).wait_s(2, None, random.Random(1)) is not None
    assert RetryPolicy(attempts=3).wait_s(3, None, random.Random(1)) is None
    assert RetryPolicy(attempts=3).wait_s(3, 1.0, random.Random(1)) is None
