"""Queries as numbers: fixed, finite, and the same whatever the text holds."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.router.features import SHAPE, WORDS, shape_values, word_columns, word_values


@given(st.text(max_size=300))
def test_any_text_has_finite_numbers(text):
    values = word_values(text)
    assert list(values) == sorted(values)
    assert all(0 <= column < WORDS and math.isfinite(one) for column, one in values.items())
    length = math.sqrt(math.fsum(one * one for one in values.values()))
    assert length == pytest.approx(2.0) if values else length == 0.0
    assert all(map(math.isfinite, shape_values(text)))
    assert len(shape_values(text)) == len(SHAPE)


@pytest.mark.parametrize("text", ["", " \n", "\ud800", "\0", "é" * 50, "漢字" * 20, "a" * 10**6])
def test_odd_texts(text):
    assert word_columns([text]).shape == (1, WORDS)
    assert all(map(math.isfinite, shape_values(text)))


def test_words_and_their_order_count_and_case_does_not():
    assert word_values("Sort THE list") == word_values("sort the list")
    assert word_values("the list sort") != word_values("sort the list")
    assert word_values("sort sort sort") != word_values("sort")


def test_columns_are_the_same_in_every_process():
    """CRC-32 of a, of b, and of b going on from a; Python's own hash differs at each start."""
    assert list(word_values("a b")) == [2157, 12281, 15939]


def test_a_long_text_is_known_by_its_ends():
    body = "x" * 50_000
    assert word_values(f"start {body} end").keys() != word_values(f"other {body} end").keys()
