"""Logistic regression: at its one minimum, and Platt's sigmoid on scores that mean something."""

import math

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from ossay.stats.logistic import Sigmoid, chance, fit_logistic, log_odds, platt


def drawn(n=2_000, seed=0):
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(n, 4))
    truth = np.array([1.0, -2.0, 0.5, 0.0])
    return columns, (rng.random(n) < chance(columns @ truth - 0.3)).astype(float), truth


def test_weights_are_found_again_and_the_slope_is_level():
    columns, right, truth = drawn()
    weights = fit_logistic(csr_matrix(columns), right, 0.5)
    assert weights[:-1] == pytest.approx(truth, abs=0.2)
    assert weights[-1] == pytest.approx(-0.3, abs=0.2)
    off = chance(columns @ weights[:-1] + weights[-1]) - right
    assert columns.T @ off + 0.5 * weights[:-1] == pytest.approx(np.zeros(4), abs=0.5)
    assert (fit_logistic(csr_matrix(columns), right, 0.5) == weights).all()


def test_it_agrees_with_statsmodels():
    from statsmodels.api import Logit, add_constant

    columns, right, _ = drawn()
    oracle = Logit(right, add_constant(columns)).fit(disp=0).params
    weights = fit_logistic(csr_matrix(columns), right, 1e-6)
    assert weights == pytest.approx([*oracle[1:], oracle[0]], abs=0.01)


def test_a_penalty_draws_in():
    columns, right, _ = drawn(200)
    loose, tight = (fit_logistic(csr_matrix(columns), right, p)[:-1] for p in (0.1, 100.0))
    assert np.linalg.norm(tight) < 0.5 * np.linalg.norm(loose)


def test_one_class_alone_stays_finite():
    weights = fit_logistic(csr_matrix(np.ones((10, 2))), np.ones(10), 1.0)
    assert np.isfinite(weights).all()


def test_platt_finds_the_sigmoid_that_made_the_outcomes():
    rng = np.random.default_rng(1)
    scores = rng.normal(size=20_000)
    made = Sigmoid(1.7, -0.6)
    found = platt(scores, (rng.random(20_000) < made(scores)).astype(float))
    assert (found.slope, found.intercept) == pytest.approx((1.7, -0.6), abs=0.1)


def test_platt_stays_finite_where_scores_part_the_rows_and_flat_where_they_mislead():
    scores = np.array([-2.0, -1.0, 1.0, 2.0])
    parted = platt(scores, np.array([0.0, 0.0, 1.0, 1.0]))
    assert 0.0 < parted.slope < math.inf
    misled = platt(scores, np.array([1.0, 1.0, 0.0, 0.0]))
    assert misled(scores) == pytest.approx(0.5, abs=0.01)
    assert (np.diff(misled(scores)) > 0).all()


def test_odds_and_chances_turn_into_each_other():
    odds = np.array([-20.0, -1.0, 0.0, 3.0])
    assert log_odds(chance(odds)) == pytest.approx(odds, rel=1e-6)
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()


def test_what_cannot_be():
    with pytest.raises(ValueError, match="penalty=0"):
        fit_logistic(csr_matrix(np.ones((2, 1))), np.array([0.0, 1.0]), 0.0)
    with pytest.raises(ValueError, match="3 rows and 2"):
        fit_logistic(csr_matrix(np.ones((3, 1))), np.array([0.0, 1.0]), 1.0)
    with pytest.raises(ValueError, match="0 or 1"):
        fit_logistic(csr_matrix(np.ones((2, 1))), np.array([0.5, 1.0]), 1.0)
