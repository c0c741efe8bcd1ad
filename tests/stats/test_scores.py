"""Sign flips and Wilcoxon: scipy, counted by hand, ties, clusters, degenerate differences."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.stats.effects import cohens_g, cohens_h, odds_ratio
from ossay.stats.paired import mcnemar
from ossay.stats.scores import differences_of, sign_flip, wilcoxon

differences = st.lists(st.integers(-6, 6).map(lambda k: k / 4), min_size=1, max_size=9)


def by_hand(values, statistic):
    moved = [v for v in values if v]
    observed = abs(statistic(moved))
    flips = list(product([1, -1], repeat=len(moved)))
    return np.mean(
        [
            abs(statistic([s * v for s, v in zip(f, moved, strict=True)])) >= observed - 1e-9
            for f in flips
        ]
    )


def signed_ranks(values):
    from scipy.stats import rankdata

    return float(np.sum(np.sign(values) * rankdata(np.abs(values)))) if values else 0.0


@settings(deadline=None, max_examples=60)
@given(differences)
def test_all_patterns_counted_by_hand(values):
    assert sign_flip(values).p == pytest.approx(by_hand(values, sum))
    assert wilcoxon(values).p == pytest.approx(by_hand(values, signed_ranks))


def test_wilcoxon_against_scipy():
    from scipy import stats

    rng = np.random.default_rng(1)
    few = rng.normal(0.4, 1, 40)
    assert wilcoxon(few).p == pytest.approx(stats.wilcoxon(few, method="exact").pvalue, rel=1e-9)
    assert wilcoxon(few).exact
    many = np.round(rng.normal(0.1, 1, 400), 1)
    theirs = stats.wilcoxon(many, method="approx", correction=True, zero_method="wilcox").pvalue
    assert wilcoxon(many).p == pytest.approx(theirs, rel=1e-9)
    assert not wilcoxon(many).exact


def test_wilcoxon_of_darwins_plants():
    """R. A. Fisher, "The design of experiments" (1935), section 21: Darwin's maize, 15 pairs.

    The flips leave 863 of 32,768 sums on one side beyond the observed one or at it: p = 0.0527.
    """
    gaps = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    assert sum(gaps) == 314
    assert sign_flip(gaps).p * 2**15 == pytest.approx(2 * 863)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 5))
@settings(deadline=None, max_examples=40)
def test_with_results_it_is_mcnemar(b, c, same):
    gaps = [1.0] * b + [-1.0] * c + [0.0] * same
    if gaps:
        assert sign_flip(gaps).p == pytest.approx(mcnemar(b, c).p_exact)


def test_drawn_patterns_come_near_the_counted_ones():
    rng = np.random.default_rng(2)
    gaps = np.concatenate([rng.normal(0.35, 1, 18), np.zeros(3)])
    counted = sign_flip(gaps)
    assert counted.exact
    assert (counted.used, counted.n) == (18, 21)
    drawn = sign_flip(np.repeat(gaps, 2) / 2, rng, np.repeat(np.arange(21), 2))
    assert drawn.p == pytest.approx(counted.p)  # clusters of two flip together: the same 18 sums
    more = np.concatenate([gaps, [1e-3, -1e-3]])
    assert sign_flip(more, rng).p == pytest.approx(counted.p, abs=0.02)
    assert not sign_flip(more, rng).exact


def test_quick_level_of_the_cluster_flips():
    rng = np.random.default_rng(3)
    labels, wrong = np.repeat(np.arange(14), 6), 0
    for _ in range(1000):
        own = rng.choice([-0.6, 0.6], 14)[labels]
        gaps = np.sign(rng.random(84) - 0.5 + own / 2) * (rng.random(84) < 0.4)
        wrong += sign_flip(gaps, rng, labels).p <= 0.05
    assert wrong <= 71  # 50 and three standard deviations


def test_nothing_moved():
    for test in (sign_flip, wilcoxon):
        found = test([0.0, 0.0])
        assert (found.p, found.used, found.floor) == (1.0, 0, 1.0)
        assert test([2.0]).p == 1.0
        assert test([1.0] * 5).p == test([1.0] * 5).floor == 0.0625


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sign_flip([]), "at least 1"),
        (lambda: wilcoxon([1.0, float("inf")]), r"differences\[1\] is inf"),
        (lambda: sign_flip(np.sqrt(np.arange(2.0, 40.0))), "rng=None"),
        (lambda: sign_flip([1.0, 2.0], clusters=[1, 1]), "one cluster"),
        (lambda: sign_flip(np.ones(30), np.random.default_rng(0), draws=5), "draws=5"),
        (lambda: differences_of([1.0], [1.0, 2.0]), "1 and 2"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_effect_sizes():
    assert cohens_g(15, 5) == 0.25
    assert cohens_g(0, 0) is None
    assert cohens_h(1.0, 0.0) == pytest.approx(np.pi)
    found = odds_ratio(16, 6)
    assert found.value == pytest.approx(16 / 6)
    assert found.interval.low < 16 / 6 < found.interval.high
    assert odds_ratio(3, 0).value == float("inf")
    assert odds_ratio(0, 0).value is None
    assert odds_ratio(0, 0).interval.high == float("inf")
    with pytest.raises(ValueError, match=r"rate_a=1\.5"):
        cohens_h(1.5, 0.5)
    with pytest.raises(ValueError, match="only_b=-1"):
        cohens_g(1, -1)
    with pytest.raises(ValueError, match="level=95"):
        odds_ratio(0, 0, 95)


def test_odds_ratio_against_scipys_binomial_interval():
    from scipy.stats import binomtest

    ends = binomtest(16, 22).proportion_ci(method="exact")
    found = odds_ratio(16, 6).interval
    assert found.low == pytest.approx(ends.low / (1 - ends.low))
    assert found.high == pytest.approx(ends.high / (1 - ends.high))


def test_against_scipys_permutation_test():
    from scipy.stats import permutation_test

    gaps = np.random.default_rng(4).normal(0.3, 1, 12)
    theirs = permutation_test((gaps,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip(gaps).p == pytest.approx(theirs.pvalue, rel=1e-9)


def test_results_and_marks_are_counted_however_many():
    """Differences that share a step need no draws: 0/1 results are McNemar's, clusters too."""
    assert sign_flip([1.0] * 700 + [-1.0] * 600).p == pytest.approx(mcnemar(700, 600).p_exact)
    rng = np.random.default_rng(5)
    labels = np.repeat(np.arange(60), 4)
    gaps = rng.choice([1.0, -1.0, 0.0], 240, p=[0.25, 0.15, 0.6])
    found = sign_flip(gaps, clusters=labels)
    assert found.exact
    noisy = gaps + rng.normal(scale=1e-6, size=240)  # no step: drawn
    drawn = sign_flip(noisy, rng, labels, draws=40_000)
    assert not drawn.exact
    assert drawn.p == pytest.approx(found.p, abs=0.01)
    quarters = sign_flip(rng.integers(-3, 5, 90) / 4)
    assert quarters.exact
    assert sign_flip([0.1, 0.2, 0.3, -0.1] * 6).exact  # tenths are no whole floats


def test_counting_keeps_small_chances():
    assert sign_flip([1.0] * 300).p == pytest.approx(2.0**-299)
    assert sign_flip([2.0] * 40 + [4.0] * 10).p == pytest.approx(2.0**-49)


def test_rounding_makes_no_difference():
    """0.3 - 0.1 and 0.9 - 0.7 are 0.2 to everyone but a float."""
    rounded = [0.3 - 0.1, -0.2, 0.9 - 0.7, 0.4, 0.6, 0.8, -0.1]
    assert len({abs(one) for one in rounded}) == 7
    assert wilcoxon(rounded).p == wilcoxon([2, -2, 2, 4, 6, 8, -1]).p
    assert sign_flip(rounded).p == sign_flip([2, -2, 2, 4, 6, 8, -1]).p
    assert sign_flip([0.1, 0.2, -0.3, 0.5], clusters=[1, 1, 1, 2]).used == 1
    cents = [one * 1e-7 for one in (3, 1, -2, 4, 5, 6)]  # no score is too small to count
    assert sign_flip(cents).used == wilcoxon(cents).used == 6


def test_effect_size_against_statsmodels():
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    for a, b in [(0.66, 0.69), (0.87, 0.73), (0.0, 0.5)]:
        assert cohens_h(a, b) == pytest.approx(proportion.proportion_effectsize(a, b))
