"""Intervals: published values, the defining equations, and what must hold for every k and n."""

import math
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.stats.rates import Interval, clopper_pearson, jeffreys, wilson

METHODS = [wilson, clopper_pearson, jeffreys]

counts = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.floats(0.5, 0.999)


def in_percent(interval: Interval) -> tuple[float, float]:
    return round(100 * interval.low, 1), round(100 * interval.high, 1)


@pytest.mark.parametrize(
    ("passed", "n", "by_wilson", "by_clopper_pearson"),
    [
        (23, 30, (59.1, 88.2), (57.7, 90.1)),
        (46, 60, (64.6, 85.6), (64.0, 86.6)),
        (2, 6, (9.7, 70.0), (4.3, 77.7)),
        (1, 3, (6.1, 79.2), (0.8, 90.6)),
    ],
)
def test_published_values(passed, n, by_wilson, by_clopper_pearson):
    assert in_percent(wilson(passed, n)) == by_wilson
    assert in_percent(clopper_pearson(passed, n)) == by_clopper_pearson


def test_published_value_of_task_09_over_all_campaigns():
    assert in_percent(clopper_pearson(18, 111)) == (9.9, 24.4)


def test_the_extremes_reach_zero_and_one_exactly():
    for method in METHODS:
        assert method(0, 30).low == 0.0
        assert method(30, 30).high == 1.0
        assert 0.0 < method(0, 30).high < 0.2
        assert 0.8 < method(30, 30).low < 1.0


def test_nothing_passed_of_n_has_the_closed_form_of_clopper_and_pearson():
    assert clopper_pearson(0, 20).high == pytest.approx(1 - 0.025 ** (1 / 20))


def test_it_says_its_level_and_method():
    assert wilson(1, 2, 0.9) == Interval(
        wilson(1, 2, 0.9).low, wilson(1, 2, 0.9).high, 0.9, "wilson"
    )
    assert clopper_pearson(1, 2).level == 0.95


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("passed", "n", "level"), [(0, 0, 0.95), (3, 2, 0.95), (-1, 2, 0.95), (1, 2, 95)]
)
def test_impossible_counts_and_levels_are_refused(method, passed, n, level):
    with pytest.raises(ValueError, match=r"n=0|outside"):
        method(passed, n, level)


def test_overlap_counts_touching_ends():
    a, b, c = (
        Interval(low, high, 0.95, "wilson") for low, high in [(0, 0.4), (0.4, 0.7), (0.71, 1)]
    )
    assert a.overlaps(b)
    assert b.overlaps(a)
    assert not b.overlaps(c)


@settings(deadline=None)  # the first call imports scipy
@given(counts, levels)
def test_an_interval_lies_in_the_unit_range_and_holds_the_rate(count, level):
    passed, n = count
    for method in METHODS:
        interval = method(passed, n, level)
        assert 0.0 <= interval.low <= passed / n <= interval.high <= 1.0


@settings(deadline=None)
@given(counts, levels)
def test_failures_mirror_passes(count, level):
    passed, n = count
    for method in METHODS:
        interval, mirrored = method(passed, n, level), method(n - passed, n, level)
        assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-9)
        assert interval.high == pytest.approx(1 - mirrored.low, abs=1e-9)


@settings(deadline=None)
@given(counts, levels)
def test_one_more_pass_moves_both_ends_up(count, level):
    passed, n = count
    for method in METHODS:
        here, more = method(min(passed, n - 1), n, level), method(min(passed, n - 1) + 1, n, level)
        assert here.low <= more.low + 1e-12
        assert here.high <= more.high + 1e-12


@settings(deadline=None)
@given(counts, levels, levels)
def test_a_higher_level_contains_a_lower_one(count, a, b):
    for method in METHODS:
        narrow, wide = method(*count, min(a, b)), method(*count, max(a, b))
        assert wide.low <= narrow.low + 1e-12
        assert narrow.high <= wide.high + 1e-12


@settings(deadline=None)
@given(counts, levels)
def test_the_ends_of_wilson_solve_its_equation(count, level):
    passed, n = count
    z = NormalDist().inv_cdf((1 + level) / 2)
    interval = wilson(passed, n, level)
    for end in (interval.low, interval.high):
        assert (passed / n - end) ** 2 == pytest.approx(z * z * end * (1 - end) / n, abs=1e-9)


@pytest.mark.parametrize("n", [1, 3, 10, 30])
def test_clopper_pearson_never_covers_less_than_it_says_and_wilson_covers_about_that(n):
    def coverage(method, rate):
        intervals = [method(k, n) for k in range(n + 1)]
        return sum(
            math.comb(n, k) * rate**k * (1 - rate) ** (n - k)
            for k, interval in enumerate(intervals)
            if interval.low <= rate <= interval.high
        )

    rates = [i / 200 for i in range(1, 200)]
    exact = [coverage(clopper_pearson, rate) for rate in rates]
    score = [coverage(wilson, rate) for rate in rates]
    assert min(exact) >= 0.95 - 1e-9
    assert sum(score) / len(score) <= sum(exact) / len(exact)
    assert 0.93 <= sum(score) / len(score) <= 0.98


def test_jeffreys_as_published_and_by_scipy():
    """L. Brown, T. Cai, A. DasGupta (2001), table 5: n = 10, 2 passes: 0.044 to 0.503."""
    from scipy.stats import beta

    found = jeffreys(2, 10)
    assert (round(found.low, 3), round(found.high, 3)) == (0.044, 0.503)
    ends = beta.ppf([0.025, 0.975], 23.5, 7.5)
    assert (jeffreys(23, 30).low, jeffreys(23, 30).high) == pytest.approx(tuple(ends))


@pytest.mark.parametrize(
    ("passed", "n", "by_wilson", "by_clopper_pearson"),
    [
        (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
        (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
        (0, 20, (0.0, 0.1611), (0.0, 0.1684)),
        (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
    ],
)
def test_the_four_examples_of_newcombe(passed, n, by_wilson, by_clopper_pearson):
    """R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, methods 3 and 5."""
    for method, ends in ((wilson, by_wilson), (clopper_pearson, by_clopper_pearson)):
        found = method(passed, n)
        assert (round(found.low, 4), round(found.high, 4)) == ends


@pytest.mark.parametrize(
    ("method", "theirs"), [(wilson, "wilson"), (clopper_pearson, "beta"), (jeffreys, "jeffreys")]
)
def test_against_statsmodels(method, theirs):
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    for passed, n, level in [(1, 5, 0.95), (7, 30, 0.9), (1500, 2000, 0.99), (3, 400, 0.95)]:
        found = method(passed, n, level)
        ends = proportion.proportion_confint(passed, n, alpha=1 - level, method=theirs)
        assert (found.low, found.high) == pytest.approx(ends, abs=1e-9)


@pytest.mark.parametrize("n", [5, 20, 100, 1000])
def test_quick_cover(n):
    """Exact, at 24 rates; what the docstrings say of the dips holds."""
    from scipy.stats import binom

    rates = [i / 50 for i in range(1, 25)]
    for method, least in ((wilson, 0.83), (clopper_pearson, 0.95), (jeffreys, 0.88)):
        ends = [method(k, n) for k in range(n + 1)]
        cover = [
            sum(p for p, end in zip(binom.pmf(range(n + 1), n, rate), ends, strict=True)
                if end.holds(rate))
            for rate in rates
        ]  # fmt: skip
        assert min(cover) >= least - 1e-9
        if n == 1000:
            assert min(cover) >= 0.935
            assert max(cover) <= 0.975
