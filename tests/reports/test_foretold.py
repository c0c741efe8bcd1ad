"""Predictions in words."""

import math

import pytest

from ossay.campaign.forecast import Scored
from ossay.core.predictions import Prediction
from ossay.reports.foretold import asked, observed, totals


def prediction(type_="range", metric="score", **bounds):
    return Prediction("said", type_, 0.8, "x/a", metric, **bounds)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (prediction(low=0.6, high=0.8), "score of x/a: 60% to 80%"),
        (prediction(low=0.6, high=0.8, task="t"), "score of x/a at t: 60% to 80%"),
        (prediction("boolean", "cost_usd", low=0.0), "cost of all runs of x/a: at least $0"),
        (prediction("boolean", "passes", high=12.0), "passing runs of x/a: at most 12"),
        (prediction("point", value=0.5, within=0.05), "score of x/a: 50% ± 5 points"),
        (
            prediction("point", "seconds", value=90.0, within=5.0),
            "seconds of a run of x/a: 90.0 s ± 5.00 s",
        ),
        (prediction("comparison", over="x/b"), "score of x/a above that of x/b"),
        (
            prediction("comparison", over="x/b", by=0.2),
            "score of x/a above that of x/b by at least 20 points",
        ),
        (
            prediction("comparison", "usd_per_pass", over="x/b", by=0.001),
            "cost of a passing run of x/a above that of x/b by at least $0.00100",
        ),
    ],
)
def test_what_was_asked(found, said):
    assert asked(found) == said


@pytest.mark.parametrize(
    ("found", "value", "said"),
    [
        (prediction(low=0.6, high=0.8), 0.7, "70%"),
        (prediction("comparison", over="x/b"), -0.125, "−12.5 points"),
        (prediction("range", "output_tokens", low=1.0, high=2.0), 12_345.6, "12,346"),
        (
            prediction("range", "usd_per_pass", low=1.0, high=2.0),
            math.inf,
            "no end: nothing passed",
        ),
        (prediction(low=0.6, high=0.8), None, "not over"),
    ],
)
def test_what_was_observed(found, value, said):
    assert observed(Scored("night", "ada", found, value, why_open="not over")) == said


def test_no_forecast_says_nothing():
    assert totals(None) == []
