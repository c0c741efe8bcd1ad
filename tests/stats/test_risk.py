"""Promises about a risk: exact against fractions, and counted over many calibrations."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.stats.rates import clopper_pearson
from ossay.stats.risk import certify, conformal, naive, needed, p_values, upper_bound


def exact(failures, of, alpha):
    """P(Bin(of, alpha) <= failures) in whole numbers."""
    return float(sum(comb(of, k) * alpha**k * (1 - alpha) ** (of - k) for k in range(failures + 1)))


@pytest.mark.parametrize(("failures", "of"), [(0, 1), (0, 45), (3, 100), (20, 300), (7, 7)])
def test_the_p_value_is_the_binomial_tail(failures, of):
    found = p_values([failures], [of], 0.05)[0]
    assert found == pytest.approx(exact(failures, of, Fraction(1, 20)), rel=1e-9)


def test_no_rows_tell_nothing():
    assert p_values([0], [0], 0.05)[0] == 1.0
    assert certify([0], [0], 0.05, 0.1) is None
    assert upper_bound(0, 0, 0.1) == 1.0


@given(of=st.integers(1, 3000), data=st.data(), delta=st.sampled_from([0.01, 0.1, 0.3]))
def test_the_bound_is_the_p_value_turned_around(of, data, delta):
    failures = data.draw(st.integers(0, of))
    bound = upper_bound(failures, of, delta)
    if bound < 1.0:
        assert p_values([failures], [of], bound)[0] == pytest.approx(delta, rel=1e-6)
    both_sides = clopper_pearson(failures, of, 1.0 - 2.0 * delta)
    assert bound == pytest.approx(both_sides.high)


@pytest.mark.parametrize(("alpha", "delta"), [(0.05, 0.1), (0.02, 0.1), (0.2, 0.05), (0.1, 0.9)])
def test_needed_is_the_least_that_can_certify(alpha, delta):
    least = needed(alpha, delta)
    assert certify([0], [least], alpha, delta) == 0
    assert least == 1 or certify([0], [least - 1], alpha, delta) is None


def test_the_first_that_is_not_certified_ends_it():
    of = [1000] * 4
    assert certify([10, 30, 90, 0], of, 0.05, 0.1) == 1
    assert certify([90, 0, 0, 0], of, 0.05, 0.1) is None
    assert certify([0, 0, 0, 0], of, 0.05, 0.1) == 3
    assert naive([10, 30, 90, 50], of, 0.05) == 3


def test_a_setting_that_breaks_the_promise_is_rarely_certified():
    """20,000 calibrations of settings from safe to bad; what is taken may be bad in 10 % of them.

    Failures of one row grow along the settings, so counts are as dependent as they are in use.
    """
    rng = np.random.default_rng(3)
    risks = np.array([0.01, 0.03, 0.045, 0.0501, 0.055, 0.07])
    bad = {"certify": 0, "naive": 0}
    for _ in range(20_000):
        first = np.searchsorted(risks, rng.random(400))  # from which setting on each row fails
        failures = np.cumsum(np.bincount(first, minlength=risks.size + 1))[: risks.size]
        of = np.full(risks.size, 400)
        for name, place in (
            ("certify", certify(failures, of, 0.05, 0.1)),
            ("naive", naive(failures, of, 0.05)),
        ):
            bad[name] += place is not None and risks[place] > 0.05
    assert bad["certify"] <= 0.10 * 20_000
    assert bad["naive"] > 0.40 * 20_000


def test_conformal_bounds_the_mean():
    rng = np.random.default_rng(4)
    risks = np.linspace(0.0, 0.2, 101)[1:]
    taken = []
    for _ in range(4_000):
        first = np.searchsorted(risks, rng.random(100))
        failures = np.cumsum(np.bincount(first, minlength=risks.size + 1))[: risks.size]
        place = conformal(failures, np.full(risks.size, 100), 0.05)
        taken.append(0.0 if place is None else risks[place])
    assert np.mean(taken) <= 0.05
    assert np.mean(taken) > 0.045
    assert np.mean(np.array(taken) > 0.05) > 0.2  # and says nothing of the calibration at hand


def test_conformal_refuses_what_it_was_not_proved_for():
    with pytest.raises(ValueError, match="failures that grow"):
        conformal([3, 2], [100, 100], 0.05)
    with pytest.raises(ValueError, match="the same rows"):
        conformal([2, 3], [100, 200], 0.05)


@pytest.mark.parametrize(
    ("failures", "of", "says"),
    [([3], [2], "3.0 of 2.0"), ([-1], [2], "-1.0 of 2.0"), ([1, 2], [3], "can't be paired")],
)
def test_counts_that_cannot_be(failures, of, says):
    with pytest.raises(ValueError, match=says):
        p_values(failures, of, 0.05)


def test_levels_are_shares():
    with pytest.raises(ValueError, match="5"):
        p_values([1], [2], 5)
    with pytest.raises(ValueError, match="alpha"):
        upper_bound(1, 2, 1.0)
    with pytest.raises(ValueError, match=r"outside 0\.\.2"):
        upper_bound(3, 2, 0.1)
