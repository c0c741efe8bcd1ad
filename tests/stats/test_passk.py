"""pass@k and pass^k: published values, brute force over all draws, and the shape of the curve."""

import csv
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.stats.passk import pass_at_k, pass_curve, pass_hat_k, pass_interval

PUBLISHED = Path(__file__).parents[3] / "shared/data/published/agentic_core_per_task.csv"

trials = st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


def published(*columns: str) -> list[tuple[int, int]]:
    if not PUBLISHED.exists():
        pytest.skip("the published table is not on this machine")
    rows = list(csv.DictReader(PUBLISHED.read_text(encoding="utf-8").splitlines()))
    return [
        (int(row["n_per_run"]) * len(columns), sum(int(row[column]) for column in columns))
        for row in rows
    ]


def curve(items: list[tuple[int, int]]) -> list[float]:
    return [round(point.pass_hat, 3) for point in pass_curve(items)]


def test_published_campaigns():
    assert curve(published("run1_passes")) == [0.767, 0.667, 0.6]
    assert curve(published("run2_passes")) == [0.767, 0.633, 0.6]
    pooled = curve(published("run1_passes", "run2_passes"))
    assert pooled[:3] == [0.767, 0.653, 0.59]
    assert pooled[5] == 0.5


def test_two_of_three():
    assert pass_hat_k(3, 2, 1) == pytest.approx(2 / 3)
    assert pass_hat_k(3, 2, 2) == pytest.approx(1 / 3)
    assert pass_hat_k(3, 2, 3) == 0.0
    assert pass_at_k(3, 2, 2) == 1.0


@given(trials)
def test_both_are_what_drawing_every_subset_gives(trial):
    n, c = trial
    passes = [index < c for index in range(n)]
    for k in range(1, n + 1):
        draws = list(combinations(passes, k))
        assert pass_hat_k(n, c, k) == pytest.approx(sum(map(all, draws)) / len(draws))
        assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))


@given(trials)
def test_more_trials_are_harder_to_pass_all_of_and_easier_to_pass_once(trial):
    n, c = trial
    hats = [pass_hat_k(n, c, k) for k in range(1, n + 1)]
    ats = [pass_at_k(n, c, k) for k in range(1, n + 1)]
    assert hats == sorted(hats, reverse=True)
    assert ats == sorted(ats)
    assert hats[0] == pytest.approx(c / n)
    assert ats[0] == pytest.approx(c / n)


@given(st.integers(1, 400), st.data())
def test_large_counts_stay_exact(n, data):
    c = data.draw(st.integers(0, n))
    k = data.draw(st.integers(1, n))
    assert 0.0 <= pass_hat_k(n, c, k) <= c / n + 1e-12
    assert c / n - 1e-12 <= pass_at_k(n, c, k) <= 1.0


def test_an_item_with_too_few_trials_is_left_out_and_counted():
    points = pass_curve([(3, 3), (3, 0), (1, 1)])
    assert [(point.k, point.items, point.left_out) for point in points] == [
        (1, 3, 0),
        (2, 2, 1),
        (3, 2, 1),
    ]
    assert points[0].pass_hat == pytest.approx(2 / 3)
    assert points[2].pass_hat == 0.5


def test_no_item_left_is_unknown_not_zero():
    (point,) = pass_curve([(2, 2)], ks=[5])
    assert point.pass_hat is None
    assert point.pass_at is None
    assert pass_curve([]) == []
    assert pass_curve([(0, 0)]) == []


@pytest.mark.parametrize(("n", "c", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 0), (3, 1, 4)])
def test_impossible_counts_are_refused(n, c, k):
    for function in (pass_hat_k, pass_at_k):
        with pytest.raises(ValueError, match="outside"):
            function(n, c, k)


def test_the_interval_is_over_items():
    items = [(3, 2), (3, 3), (3, 3), (3, 3), (3, 3), (3, 2), (3, 1), (3, 3), (3, 0), (3, 3)]
    found = pass_interval(items, 3)
    assert found.holds(0.6)
    assert 0.25 < found.low < 0.4
    assert found.high < 0.9
    once = pass_interval(items, 1, "pass_at")
    assert once.holds(23 / 30)
    assert once.high - once.low < found.high - found.low
    assert pass_interval([(3, 3)] * 10, 3).high == 1.0
    assert pass_interval([(3, 3)] * 10, 3).low < 0.8


@pytest.mark.parametrize(
    ("items", "k", "message"),
    [([(3, 3)], 3, "1 items have k=3"), ([(3, 3), (3, 4)], 2, "outside"), ([(3, 3)] * 3, 0, "k=0")],
)
def test_intervals_that_cant_be_are_refused(items, k, message):
    with pytest.raises(ValueError, match=message):
        pass_interval(items, k)
