"""Ladders: counts beside plain counting, and an order that never wastes a rung."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ossay.router.costs import Costs
from ossay.router.ladder import Graph, Target, build, tally
from ossay.router.policy import Thresholds
from ossay.router.stratum import seen_under


def graph(n, seed, *, validated=True):
    rng = np.random.default_rng(seed)
    score = np.round(rng.random(n), 2)  # with ties
    coin = (rng.random((3, n)) < np.array([score, np.full(n, 0.9), 0.3 + 0.6 * score])).astype(
        float
    )
    money = [rng.random(n) * scale for scale in (0.1, 1.0, 0.2)]
    costs = Costs(*money, (money[0], money[1], money[2]), "USD")
    return Graph(score, coin[0], coin[1], coin[2] if validated else None, costs)


@pytest.mark.parametrize("estimand", ["escape", "selective"])
@given(seed=st.integers(0, 50), n=st.integers(1, 60), validated=st.booleans())
def test_the_tally_counts_as_one_would_row_by_row(estimand, seed, n, validated):
    rows = graph(n, seed, validated=validated)
    thresholds = np.array([np.inf, 0.8, 0.5, 0.21, 0.0])
    counted = tally(rows, thresholds, estimand)
    for publish in range(5):
        for validate in range(publish, 5):
            cuts = Thresholds(
                thresholds[publish] if publish else None,
                thresholds[validate] if validate > publish else None,
            )
            seen = seen_under(rows, cuts, estimand)
            assert counted.failures[publish, validate] == pytest.approx(seen.failures)
            assert counted.of[publish, validate] == pytest.approx(seen.of)
            assert counted.cost[publish, validate] == pytest.approx(n * seen.expected.cost)


@pytest.mark.parametrize("validated", [False, True])
def test_each_rung_saves_more_and_risks_more(validated):
    rows = graph(2_000, 1, validated=validated)
    ladder = build(rows, Target("escape", 0.05, 0.1), 2_000)
    counted = tally(rows, ladder.thresholds, "escape")
    publish, validate = ladder.levels.T
    assert (np.diff(counted.cost[publish, validate]) < 0).all()
    assert (np.diff(counted.failures[publish, validate]) >= 0).all()
    assert (counted.cost[publish, validate] < rows.costs.strong.sum()).all()
    assert (validate > publish).any() == validated


def test_a_ladder_of_shares_starts_where_rows_can_certify():
    """Under alpha 0.05 nothing can be certified from 10 rows, however good."""
    rows = graph(4_000, 2, validated=False)
    ladder = build(rows, Target("selective", 0.05, 0.1), 4_000)
    counted = tally(rows, ladder.thresholds, "selective")
    first = tuple(ladder.levels[0])
    assert counted.of[first] >= 45
    assert counted.failures[first] / counted.of[first] < 0.05


def test_nothing_is_left_where_a_cheap_call_costs_no_less():
    rows = graph(500, 3, validated=False)
    dear = replace(rows, costs=replace(rows.costs, cheap=rows.costs.strong * 1.01))
    assert build(dear, Target("escape", 0.05, 0.1), 500).levels.shape == (0, 2)


def test_scores_that_are_all_the_same_leave_all_or_nothing():
    rows = replace(graph(500, 4, validated=False), score=np.full(500, 0.5))
    ladder = build(rows, Target("escape", 0.5, 0.1), 500)
    assert ladder.thresholds.tolist() == [np.inf, 0.5]
    assert ladder.levels.tolist() == [[1, 1]]
