"""What models cost beside what they are worth: each attempt once, whoever tells of it."""

import pytest
from msgspec.structs import replace

from ossay.compare.board import rank_models
from ossay.core.results import Count, Records, Source


def named(board):
    return {standing.model: standing for standing in board.standings}


def test_rows_in_two_sources_count_once(rows, rng):
    first = rows({"a": [1] * 8 + [0] * 2, "b": [1] * 4 + [0] * 6}, source="x", cost_usd=0.1)
    second = replace(
        first,
        sources=(Source("y", "csv"),),
        results=tuple(replace(row, source="y") for row in first.results),
    )
    both = Records(first.sources + second.sources, first.results + second.results)
    found = named(rank_models(both, rng=rng))
    assert found["a"].cost_usd == pytest.approx(1.0)
    assert found["a"].usd_per_pass == pytest.approx(1.0 / 8)
    silent = tuple(replace(row, cost_usd=None, source="w") for row in first.results)
    both = Records((Source("w", "csv"), *first.sources), silent + first.results)
    found = named(rank_models(both, rng=rng))
    assert found["a"].usd_per_pass == pytest.approx(1.0 / 8)  # w tells no cost, and hides none


def test_counts_in_two_sources_count_once(rng):
    def of(source, cost):
        return (
            Count("a", 28, 30, cost_usd=3.0 if cost else None, source=source),
            Count("b", 5, 30, cost_usd=9.0 if cost else None, source=source),
        )

    records = Records((), (), of("x", False) + of("y", True) + of("z", True))
    found = named(rank_models(records, rng=rng))
    assert (found["a"].cost_usd, found["b"].cost_usd) == (3.0, 9.0)
    assert found["a"].usd_per_pass == pytest.approx(3.0 / 28)


def test_dearer_is_by_attempt(rows, rng):
    """b was asked three times an item at half the price: $150 against $100, and not dearer."""
    a = rows({"a": [1] * 95 + [0] * 5}, cost_usd=1.0)
    b = rows({"b": ([1, 0, 0] * 40 + [0] * 180)}, attempts=3, cost_usd=0.5)
    board = rank_models(Records(a.sources, a.results + b.results), rng=rng)
    found = named(board)
    assert (found["a"].cost_usd, found["b"].cost_usd) == (100.0, 150.0)
    assert board.top == ("a",)
    assert found["b"].dominated_by == ()
    dear = tuple(replace(row, cost_usd=1.5) for row in b.results)
    board = rank_models(Records(a.sources, a.results + dear), rng=rng)
    assert named(board)["b"].dominated_by == ("a",)


def test_dearer_is_by_run_where_there_are_counts(rng):
    def dominated_by(usd):
        counts = (Count("a", 95, 100, cost_usd=10.0), Count("b", 500, 1000, cost_usd=usd))
        return named(rank_models(Records((), (), counts), rng=rng))["b"].dominated_by

    assert dominated_by(50.0) == ()
    assert dominated_by(110.0) == ("a",)


def test_the_cheapest_of_those_that_win_goes_first(rows, rng):
    a = rows({"a": [1] * 40}, cost_usd=0.4)
    b = rows({"b": [1] * 80}, attempts=2, cost_usd=0.3)
    c = rows({"c": [0] * 40}, cost_usd=0.5)
    records = Records(a.sources, a.results + b.results + c.results)
    assert named(rank_models(records, rng=rng))["c"].dominated_by == ("b", "a")
