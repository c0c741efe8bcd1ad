"""Brier, log score, calibration error: by hand, what must hold, quick cover."""

import math

import numpy as np
import pytest

from ossay.stats.calibration import brier, calibration_error, log_score


def test_by_hand():
    said, came = [0.9, 0.6, 0.2, 0.5], [1, 0, 0, 1]
    assert brier(said, came).mean == pytest.approx((0.01 + 0.36 + 0.04 + 0.25) / 4)
    nats = -(math.log(0.9) + math.log(0.4) + math.log(0.8) + math.log(0.5)) / 4
    assert log_score(said, came).mean == pytest.approx(nats)
    assert brier([0.5] * 9, [1, 0] * 4 + [1]).mean == 0.25
    found = calibration_error([0.2, 0.2, 0.8, 0.8], [0, 1, 1, 1], np.random.default_rng(0), bins=2)
    assert found.value == pytest.approx((0.3 + 0.2) / 2)
    assert found.bins == 2


def test_against_sklearns_definition_of_one_bin():
    rng = np.random.default_rng(1)
    said = rng.random(50)
    came = (rng.random(50) < 0.5) * 1.0
    found = calibration_error(said, came, rng, bins=1)
    assert found.value == pytest.approx(abs(said.mean() - came.mean()))


def test_equal_forecasts_share_a_bin():
    rng = np.random.default_rng(2)
    found = calibration_error([0.7] * 40, [1] * 28 + [0] * 12, rng, bins=10)
    assert found.bins == 1
    assert found.value == pytest.approx(0.0, abs=1e-12)


def test_something_impossible_happened():
    found = log_score([0.0, 0.5], [1, 1])
    assert found.mean == math.inf
    assert found.interval is None
    assert log_score([1.0, 0.0], [1, 0]).mean == 0.0


def test_one_forecast_has_no_interval():
    assert brier([0.7], [1]).interval is None
    assert log_score([0.7], [1]).interval is None


def test_quick_cover_of_the_calibration_error():
    """A perfect forecaster and one who overstates; the full grid is bench/stats_coverage.py."""
    rng, runs = np.random.default_rng(3), 250
    for pull in (1.0, 0.6):
        held, noise, values = 0, 0.0, 0.0
        for _ in range(runs):
            said = rng.uniform(0.05, 0.95, 400)
            came = (rng.random(400) < 0.5 + pull * (said - 0.5)) * 1.0
            found = calibration_error(said, came, rng, draws=300)
            held += found.interval.holds((1 - pull) * 0.225)
            noise, values = noise + found.noise / runs, values + found.value / runs
        assert held / runs >= 0.91
        if pull == 1.0:
            assert values == pytest.approx(noise, rel=0.06)


@pytest.mark.parametrize("score", [brier, log_score])
@pytest.mark.parametrize(
    ("said", "came", "message"),
    [
        ([], [], "at least 1"),
        ([1.2], [1], r"1\.2, outside"),
        ([0.5], [0.5], r"outcomes\[0\] is 0\.5"),
        ([0.5, math.nan], [1, 0], "nan"),
        ([0.5], [1, 0], "1 and 2"),
    ],
)
def test_bad_input_is_named(score, said, came, message):
    with pytest.raises(ValueError, match=message):
        score(said, came)


def test_bad_bins_are_named():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="bins=5"):
        calibration_error([0.5], [1], rng, bins=5)
    with pytest.raises(ValueError, match="draws=1"):
        calibration_error([0.5], [1], rng, bins=1, draws=1)


def test_rare_events_that_did_not_come_yet_widen_the_interval():
    """Twenty forecasts of 5 %, none came: the losses are equal, what they tell is not much."""
    said = [0.04, 0.06] * 10
    found = brier(said, [0] * 20)
    assert found.mean < 0.003
    assert found.interval.high > 0.08
    assert log_score(said, [0] * 20).interval.high > 0.3


def test_quick_cover_of_the_scores():
    rng, runs = np.random.default_rng(4), 400
    for low, high in ((0.05, 0.95), (0.01, 0.1)):
        held, f = np.zeros(2), np.linspace(low, high, 20_001)
        truth = (f * (1 - f)).mean(), -(f * np.log(f) + (1 - f) * np.log(1 - f)).mean()
        for _ in range(runs):
            said = rng.uniform(low, high, 60)
            came = (rng.random(60) < said) * 1.0
            held[0] += brier(said, came).interval.holds(truth[0])
            held[1] += log_score(said, came).interval.holds(truth[1])
        assert (held / runs >= 0.91).all()
