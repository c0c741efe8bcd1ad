"""Clustered means, rates, differences and the bootstrap: closed forms, oracles, quick cover."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.stats import bootstrap
from ossay.stats.clustered import (
    clustered_difference,
    clustered_mean,
    clustered_rate,
    flat_interval,
    item_interval,
)
from ossay.stats.equivalence import tie_of_means
from ossay.stats.gap import gap_of
from ossay.stats.paired import pairs_of, tango
from ossay.stats.rates import wilson


def test_each_item_its_own_cluster_is_the_plain_standard_error():
    values = [1.0, 4.0, 2.5, 0.0, 3.0]
    found = clustered_mean(values, "abcde")
    assert found.se == pytest.approx(np.std(values, ddof=1) / np.sqrt(5))
    assert found.df == pytest.approx(4.0)
    assert found.design_effect == pytest.approx(5 / 4)


def test_equal_clusters_are_the_standard_error_of_their_means():
    values = np.arange(12.0) ** 1.5
    labels = np.repeat([3, 1, 2, 9], 3)
    found = clustered_mean(values, labels)
    means = values.reshape(4, 3).mean(axis=1)
    assert found.se == pytest.approx(means.std(ddof=1) / 2)
    assert found.df == pytest.approx(3.0)


def test_against_statsmodels():
    """OLS on a constant, cov_type="cluster": equal clusters, where CR1 and CR2 are one."""
    api = pytest.importorskip("statsmodels.api")
    values = np.random.default_rng(1).normal(size=60)
    labels = np.repeat(np.arange(12), 5)
    fit = api.OLS(values, np.ones(60)).fit(cov_type="cluster", cov_kwds={"groups": labels})
    assert clustered_mean(values, labels).se == pytest.approx(fit.bse[0], rel=1e-9)


def test_uneven_clusters_by_brute_force():
    """CR2 and its degrees of freedom from the matrices that define them."""
    sizes = [1, 2, 5, 9]
    labels = np.repeat(range(4), sizes)
    n = len(labels)
    y = np.random.default_rng(2).normal(size=n)
    centre = np.eye(n) - 1 / n
    weights = np.zeros((n, n))
    for cluster in range(4):
        mine = (labels == cluster).astype(float)
        row = centre @ mine / np.sqrt(1 - mine.sum() / n)
        weights += np.outer(row, row)
    found = clustered_mean(y, labels)
    assert found.se**2 == pytest.approx(y @ weights @ y / n**2)
    assert found.df == pytest.approx(np.trace(weights) ** 2 / np.trace(weights @ weights))


def test_clusters_of_copies_weigh_as_one():
    once = clustered_rate([1, 1, 0, 1, 0, 1, 1, 0], list("abcdefgh"))
    copied = clustered_rate(
        np.repeat([1, 1, 0, 1, 0, 1, 1, 0], 10), np.repeat(list("abcdefgh"), 10)
    )
    plain = wilson(5, 8)
    assert (once.low, once.high) == pytest.approx((plain.low, plain.high))
    assert copied.high - copied.low > 0.95 * (plain.high - plain.low)


def test_all_equal_results_still_have_a_width():
    found = clustered_rate(np.ones(30), np.repeat(np.arange(10), 3))
    assert found.high == 1.0
    assert found.low == pytest.approx(wilson(10, 10).low)
    assert item_interval([1.0] * 10).low == pytest.approx(wilson(10, 10).low)
    same = clustered_difference(np.ones(30), np.ones(30), np.repeat(np.arange(10), 3))
    assert same.low == pytest.approx(-same.high)
    assert same.high > 0.2


def test_differences_of_single_items_are_tangos():
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 2, 50), rng.integers(0, 2, 50)
    found, plain = clustered_difference(a, b, range(50)), tango(pairs_of(a, b))
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))


def test_welch_against_scipy():
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(4)
    x, y = rng.normal(size=12), rng.normal(1, 3, size=25)
    found = gap_of(clustered_mean(x, range(12)), clustered_mean(y, range(25)))
    theirs = ttest_ind(x, y, equal_var=False)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-9)
    ends = theirs.confidence_interval()
    assert (found.interval.low, found.interval.high) == pytest.approx((ends.low, ends.high))


def test_quick_cover_of_clustered_intervals():
    """The full grid is bench/stats_coverage.py; here two shapes with strong clustering."""
    rng = np.random.default_rng(5)
    for count, size in [(12, 5), (40, 8)]:
        labels, held, runs = np.repeat(np.arange(count), size), np.zeros(3), 600
        for _ in range(runs):
            rate = np.repeat(rng.beta(0.7 * 4, 0.3 * 4, count), size)  # icc 0.2
            values = (rng.random(labels.size) < rate) * 1.0
            held[0] += clustered_rate(values, labels).holds(0.7)
            held[1] += wilson(int(values.sum()), values.size).holds(0.7)
            scores = rng.normal(size=labels.size) + rng.normal(size=count)[labels]
            held[2] += clustered_mean(scores, labels).interval().holds(0.0)
        assert 0.92 <= held[0] / runs <= 0.99
        assert 0.92 <= held[2] / runs <= 0.98
        assert held[1] / runs < 0.91  # what ignoring the clusters does


def test_bootstrap_by_kinds_and_by_index_agree():
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 40, 300)
    values = rng.integers(0, 2, 300) * 1.0
    few = bootstrap.bootstrap_means(values, rng, labels, resamples=20_000)
    noise = values + rng.normal(scale=1e-9, size=300)  # too many kinds to count
    sums = np.bincount(labels, weights=noise)
    sizes = np.bincount(labels).astype(float)
    many = bootstrap._by_index(sums, sizes, rng, 20_000)
    assert np.mean(few) == pytest.approx(np.mean(many), abs=2e-3)
    assert np.quantile(few, [0.025, 0.5, 0.975]) == pytest.approx(
        np.quantile(many, [0.025, 0.5, 0.975]), abs=3e-3
    )


def test_bootstrap_is_the_same_for_the_same_seed():
    values = np.arange(50.0)
    first, second = (bootstrap.bootstrap_mean(values, np.random.default_rng(9)) for _ in range(2))
    assert first == second
    assert first.holds(24.5)
    gap = bootstrap.bootstrap_difference(values, values - 1, np.random.default_rng(9))
    assert (gap.low, gap.high) == (1.0, 1.0)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 1), min_size=4, max_size=60), st.integers(2, 4))
def test_intervals_hold_the_rate_and_stay_in_the_unit_range(values, clusters):
    labels = [i % clusters for i in range(len(values))]
    found = clustered_rate(values, labels)
    assert 0.0 <= found.low <= np.mean(values) + 1e-12
    assert np.mean(values) - 1e-12 <= found.high <= 1.0


@pytest.mark.parametrize("function", [clustered_mean, clustered_rate])
@pytest.mark.parametrize(
    ("values", "labels", "message"),
    [
        ([], [], "at least 1"),
        ([1, 0], [1], "1 and 2"),
        ([1, 0], [7, 7], "one cluster"),
        ([1, float("nan")], [1, 2], r"values\[1\] is nan"),
        ([1, 0], [1, None], r"clusters\[1\] is None"),
        ([1, 0], [1, float("nan")], r"clusters\[1\] is nan"),
    ],
)
def test_bad_input_is_named(function, values, labels, message):
    with pytest.raises(ValueError, match=message):
        function(values, labels)


def test_other_bad_input_is_named():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="resamples=5"):
        bootstrap.bootstrap_mean([1.0, 2.0], rng, resamples=5)
    with pytest.raises(ValueError, match=r"1\.5, outside"):
        item_interval([0.0, 1.5])
    with pytest.raises(ValueError, match="at least 2"):
        item_interval([0.5])
    with pytest.raises(ValueError, match="2 and 3"):
        bootstrap.bootstrap_difference([1.0, 2.0], [1.0, 2.0, 3.0], rng)


def test_equal_but_for_rounding_is_equal():
    gaps = [0.7 - 0.5, 0.2, 0.9 - 0.7]
    assert len(set(gaps)) == 3
    found = clustered_mean(gaps, "abc")
    assert (found.se, found.design_effect) == (0.0, None)
    assert clustered_mean([0.1] * 3, "abc").se == 0.0
    assert not tie_of_means(found, 0.3).shown  # three items never are


def test_two_means_without_spread_are_as_rare_as_shuffles_say():
    few = gap_of(clustered_mean([0.7, 0.7], "ab"), clustered_mean([0.71, 0.71], "ab"))
    assert few.p == pytest.approx(2 / 6)
    assert few.interval.method == "no_spread"
    same = clustered_mean([0.7, 0.7], "ab")
    assert gap_of(same, same).p == 1.0
    many = gap_of(clustered_mean([1.0] * 20, range(20)), clustered_mean([0.0] * 20, range(20)))
    assert many.p < 1e-9


def test_a_tie_of_means_against_statsmodels():
    weights = pytest.importorskip("statsmodels.stats.weightstats")
    gaps = np.random.default_rng(8).normal(0.02, 0.1, 40)
    theirs = weights.ttost_paired(gaps, np.zeros(40), -0.05, 0.05)[0]
    found = tie_of_means(clustered_mean(gaps, range(40)), 0.05)
    assert found.p == pytest.approx(theirs, rel=1e-9)


def test_the_bootstrap_against_scipy():
    from scipy.stats import bootstrap as theirs

    values = np.random.default_rng(9).exponential(size=40)
    ends = theirs(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    found = bootstrap.bootstrap_mean(values, np.random.default_rng(2), resamples=20_000)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), abs=0.015)


@pytest.mark.parametrize("n", [1, 5, 40])
def test_no_spread_is_wide_enough(n):
    """Of differences of 0 and, a share q of them, of 2: missed only where all n seen are 0."""
    half = flat_interval(0.0, 1.0, n).high
    for share in np.linspace(0.0, 1.0, 101):
        missed = (1 - share) ** n if 2 * share > half + 1e-9 else 0.0
        assert missed <= 0.025 + 1e-9
