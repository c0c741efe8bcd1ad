"""Predictions of a campaign: committed before its first run, unchangeable, scored at its end."""

import contextlib
import sqlite3

import pytest

from ossay.campaign.forecast import score_predictions
from ossay.core.errors import ConfigError, LedgerError, UnknownName, UsageError
from ossay.core.predictions import Prediction, digest_of
from ossay.core.types import ModelCard

HALF = Prediction("half pass", "range", 0.9, "lab/two", low=0.4, high=0.6)
CHEAP = Prediction("cheap", "boolean", 0.7, "lab/two", "usd_per_pass", high=0.5)


def foreseen(stage, *predictions, **changes):
    return stage.plan(**{"instances": 2, "forecaster": "ada", "predict": predictions, **changes})


def test_they_are_in_the_ledger_before_the_first_run_starts(stage):
    seen = []

    def entered(header):
        with_runs = stage.ledger.campaign("night")
        seen.append((header.committed, {run.state for run in with_runs.runs}))

    stage.go(foreseen(stage, HALF, CHEAP), on_entered=entered)
    ((committed, states),) = seen
    assert states == {"planned"}
    assert committed == stage.ledger.campaign("night").committed
    assert committed.digest == digest_of(committed)
    assert (committed.forecaster, committed.predictions) == ("ada", (HALF, CHEAP))
    hit, miss = score_predictions(stage.ledger.campaign("night"))
    assert (hit.observed, hit.hit) == (0.5, True)
    assert (miss.observed, miss.hit) == (2.0, False)  # 12 USD for 6 passes


def test_none_can_be_added_changed_or_taken_away_after_the_start(stage):
    stage.go(foreseen(stage, HALF))
    bolder = Prediction("half pass", "range", 0.99, "lab/two", low=0.4, high=0.6)
    for predict in ((HALF, CHEAP), (bolder,), ()):
        with pytest.raises(UsageError, match=r"predict: .* before, .* now"):
            stage.go(foreseen(stage, *predict))
    with pytest.raises(UsageError, match="forecaster: 'ada' before, 'bob' now"):
        stage.go(foreseen(stage, HALF, forecaster="bob"))
    assert stage.ledger.campaign("night").committed.predictions == (HALF,)


def test_none_can_be_added_to_a_campaign_that_ran_without(stage):
    stage.go(stage.plan(instances=2))
    with pytest.raises(UsageError, match="predict: "):
        stage.go(foreseen(stage, HALF))
    assert stage.ledger.campaign("night").committed is None


def test_a_resumed_campaign_keeps_its_first_commitment(stage):
    stage.go(foreseen(stage, HALF))
    first = stage.ledger.campaign("night").committed
    seen = []
    stage.go(foreseen(stage, HALF), on_entered=seen.append)
    assert seen[0].committed == stage.ledger.campaign("night").committed == first


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE commitments SET predictions = replace(predictions, '0.9', '0.1')",
        "UPDATE commitments SET committed_at = committed_at - 1000",
        "UPDATE commitments SET forecaster = 'bob'",
        "DELETE FROM commitments",
    ],
)
def test_a_row_that_was_tampered_with_is_found(stage, change):
    stage.go(foreseen(stage, HALF))
    with contextlib.closing(sqlite3.connect(stage.place / "ledger.sqlite")) as vandal:
        assert vandal.execute(change).rowcount == 1
        vandal.commit()
    with pytest.raises(LedgerError, match="changed"):
        score_predictions(stage.ledger.campaign("night"))


def test_a_prediction_on_money_needs_a_price(stage):
    stage.models["lab/two"].card = ModelCard("lab/two")
    with pytest.raises(ConfigError, match=r"'cheap': usd_per_pass needs a price of 'lab/two'"):
        stage.go(foreseen(stage, CHEAP))
    assert stage.ledger.campaigns() == []


def test_a_prediction_on_a_task_that_is_not_run(stage):
    odd = Prediction("odd", "boolean", 0.9, "lab/two", task="ad", low=0.1)
    with pytest.raises(UnknownName, match="no task 'ad'; did you mean 'add'"):
        stage.go(foreseen(stage, odd))
    assert stage.ledger.campaigns() == []
