"""How predictions come out: hit, miss or open, and what a forecaster's record makes of them."""

import math

import msgspec
import numpy as np
import pytest

from ossay.campaign.forecast import score_predictions
from ossay.campaign.forecaster import track_record
from ossay.campaign.plan import Plan, plan_to_toml
from ossay.core.errors import LedgerError
from ossay.core.outcome import Outcome
from ossay.core.predictions import Committed, Prediction, digest_of
from ossay.core.records import CampaignRecord, RunKey, RunRecord
from ossay.core.types import ModelCard, Usage

A, B = "lab/a", "lab/b"
WAITING = RunRecord("w", RunKey(A, "s", "t", 99, 1))


def ran(model, task, seed, passed=True, *, state="finished", **more):
    outcome = Outcome.PASSED if passed else Outcome.WRONG_ANSWER
    if passed is None:
        outcome = Outcome.INFRASTRUCTURE_ERROR
    key = RunKey(model, "s", task, seed, 1)
    fields = {"seconds": 2.0, "cost_usd": 0.01, "usage": Usage(10, None, 40), **more}
    return RunRecord(f"{model}{task}{seed}", key, state, outcome, **fields)


# A passes 8 of 10, B 5 of 10 and one run breaks.
RUNS = (
    *(ran(A, "t" if seed < 5 else "u", seed, seed >= 2) for seed in range(10)),
    *(ran(B, "t" if seed < 5 else "u", seed, seed % 2 == 0, seconds=4.0) for seed in range(10)),
    ran(B, "u", 10, None),
)


def predicted(*predictions, runs=RUNS, stopped="", forecaster="ada"):
    plan = Plan("night", (A, B), ("s",), forecaster=forecaster, predict=predictions)
    bare = Committed("night", forecaster, 1.0, predictions)
    committed = msgspec.structs.replace(bare, digest=digest_of(bare))
    cards = (ModelCard(A), ModelCard(B))
    return CampaignRecord(
        "night", 0.0, "ossay run", plan_to_toml(plan), cards, {}, {}, runs, (), stopped, committed
    )


def expect(kind, model=A, probability=0.8, **bounds):
    said = f"{kind} {model} {bounds}"
    return Prediction(said, kind, probability, model, **bounds)


def outcome(prediction, **options):
    (found,) = score_predictions(predicted(prediction, **options))
    return found


@pytest.mark.parametrize(
    ("prediction", "observed", "hit"),
    [
        (expect("range", low=0.7, high=0.8), 0.8, True),  # the ends count
        (expect("range", low=0.81, high=0.9), 0.8, False),
        (expect("point", value=0.7, within=0.1), 0.8, True),  # 0.7 + 0.1 < 0.8 in floats
        (expect("point", value=0.69, within=0.1), 0.8, False),
        (expect("boolean", low=0.8), 0.8, True),
        (expect("boolean", high=0.79), 0.8, False),
        (expect("comparison", over=B), 0.3, True),
        (expect("comparison", over=B, by=0.3), 0.3, True),
        (expect("comparison", over=B, by=0.31), 0.3, False),
        (expect("comparison", B, over=A), -0.3, False),
        (expect("comparison", task="t", over=B), 0.0, False),  # both 3 of 5: not above
        (expect("range", B, low=0.0, high=1.0), 0.5, True),  # the broken run does not count
        (expect("range", task="u", low=1.0, high=1.0), 1.0, True),
        (expect("range", metric="passes", low=8, high=8), 8.0, True),
        (expect("boolean", B, metric="cost_usd", high=0.11), 0.11, True),  # errors are paid too
        (expect("boolean", metric="usd_per_pass", high=0.0125), 0.0125, True),
        (expect("point", metric="seconds", value=2, within=0.0), 2.0, True),
        (expect("point", metric="output_tokens", value=40, within=0.0), 40.0, True),
        (expect("comparison", B, metric="seconds", over=A, by=2.0), 2.0, True),
    ],
)
def test_a_prediction_is_held_against_the_runs(prediction, observed, hit):
    found = outcome(prediction)
    assert found.observed == pytest.approx(observed)
    assert found.hit is hit
    assert (found.campaign, found.forecaster, found.why_open) == ("night", "ada", "")


def test_brier_and_log_score_by_hand():
    hit = outcome(expect("boolean", low=0.5, probability=0.8))
    assert hit.brier == pytest.approx(0.04)
    assert hit.log_score == pytest.approx(-math.log(0.8))
    miss = outcome(expect("boolean", low=0.9, probability=0.8))
    assert miss.brier == pytest.approx(0.64)
    assert miss.log_score == pytest.approx(-math.log(0.2))


@pytest.mark.parametrize(
    ("prediction", "options", "why"),
    [
        (expect("boolean", low=0.5), {"runs": (*RUNS, WAITING)}, "not over"),
        (expect("boolean", low=0.5), {"runs": RUNS[10:]}, "no counted run of 'lab/a'"),
        (expect("boolean", low=0.5, task="v"), {}, "no counted run"),
        (expect("comparison", B, over=A), {"runs": RUNS[10:]}, "no counted run of 'lab/a'"),
        (expect("boolean", metric="cost_usd", low=0.0), {"runs": (ran(A, "t", 1, cost_usd=None),)},
         "the cost of 1 runs of 'lab/a' is not known"),
        (expect("boolean", metric="cost_usd", low=0.0),
         {"runs": (ran(A, "t", 1, lost_calls_unpriced=1),)}, "cut off"),
        (expect("boolean", metric="seconds", low=0.0), {"runs": (ran(A, "t", 1, seconds=None),)},
         "seconds of 1 runs of 'lab/a' are not known"),
        (expect("boolean", metric="usd_per_pass", low=0.0),
         {"runs": (ran(A, "t", 1, False, cost_usd=0.0),)}, "no run of 'lab/a' passed"),
    ],
)  # fmt: skip
def test_what_was_not_measured_is_open_and_no_miss(prediction, options, why):
    found = outcome(prediction, **options)
    assert (found.hit, found.observed, found.brier, found.log_score) == (None, None, None, None)
    assert why in found.why_open


def test_a_cost_without_a_pass_is_above_any_bound():
    runs = (ran(A, "t", 1, False),)
    assert outcome(expect("boolean", metric="usd_per_pass", high=1.0), runs=runs).hit is False
    assert outcome(expect("boolean", metric="usd_per_pass", low=1.0), runs=runs).hit is True


def test_a_campaign_that_decided_is_over_and_one_at_its_limit_is_not():
    runs = (*RUNS, WAITING)
    prediction = expect("boolean", low=0.5)
    for stopped in ("decided", "undecidable"):
        assert outcome(prediction, runs=runs, stopped=stopped).hit is True
    for stopped in ("", "max_usd", "interrupted"):
        assert outcome(prediction, runs=runs, stopped=stopped).hit is None


def test_a_campaign_without_predictions_has_none():
    plan = Plan("night", (A, B), ("s",))
    record = msgspec.structs.replace(predicted(), plan_toml=plan_to_toml(plan), committed=None)
    assert score_predictions(record) == ()


def test_what_was_changed_after_it_was_committed_is_found():
    record = predicted(expect("boolean", low=0.9))
    kinder = msgspec.structs.replace(record.committed, predictions=(expect("boolean", low=0.7),))
    cases = [
        msgspec.structs.replace(record, committed=kinder),
        msgspec.structs.replace(record, committed=None),
        msgspec.structs.replace(record, name="day"),
        msgspec.structs.replace(
            record, committed=msgspec.structs.replace(record.committed, committed_at=2.0)
        ),
    ]
    for case in cases:
        with pytest.raises(LedgerError, match="were changed after they were committed"):
            score_predictions(case)


def test_two_of_six_with_its_interval():
    """2/6: Wilson 9.7 to 70.0 %, Clopper-Pearson 4.3 to 77.7 %."""
    hits = [expect("boolean", low=0.5, task=task, probability=0.6) for task in ("t", "u")]
    misses = [expect("range", low=0.1 * k, high=0.1 * k, probability=0.7) for k in range(4)]
    scored = score_predictions(predicted(*hits, *misses))
    found = track_record("ada", scored, np.random.default_rng(1))
    assert (found.hits, found.scored, found.open) == (2, 6, 0)
    assert found.expected == pytest.approx(2 * 0.6 + 4 * 0.7)
    ends = [found.wilson.low, found.wilson.high, found.clopper_pearson.low]
    assert [round(100 * end, 1) for end in ends] == [9.7, 70.0, 4.3]
    assert round(100 * found.clopper_pearson.high, 1) == 77.7
    assert found.brier.mean == pytest.approx((2 * 0.16 + 4 * 0.49) / 6)
    assert found.log_score.mean == pytest.approx(-(2 * math.log(0.6) + 4 * math.log(0.3)) / 6)
    assert found.calibration is None


def test_calibration_once_there_are_enough():
    many = [
        expect("boolean", low=0.01 * k, probability=0.8) for k in range(1, 61)
    ]  # all of them come true
    found = track_record("ada", score_predictions(predicted(*many)), np.random.default_rng(1))
    assert found.calibration.value == pytest.approx(0.2)
    assert found.campaigns == ("night",)


def test_a_record_of_open_predictions_only():
    scored = score_predictions(predicted(expect("boolean", low=0.5, task="v")))
    found = track_record("ada", scored, np.random.default_rng(1))
    assert (found.hits, found.scored, found.open, found.wilson, found.brier) == (
        0,
        0,
        1,
        None,
        None,
    )
