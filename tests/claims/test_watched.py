"""A campaign that stopped on its results is judged by the test that watched it."""

import numpy as np
import pytest

from ossay.campaign.plan import Plan, plan_to_toml
from ossay.campaign.stop import Stop
from ossay.claims.watched import judged_as_watched, stop_notes
from ossay.compare.apart import tell_apart
from ossay.compare.pair import compare_models
from ossay.core.errors import UsageError
from ossay.core.outcome import Outcome
from ossay.core.records import CampaignRecord, RunKey, RunRecord
from ossay.core.types import ModelCard
from ossay.records.campaign import records_of

MODELS = ("x/a", "x/b", "x/c")


def campaign(stop):
    """Item after item a and c pass and b fails."""
    plan = Plan("night", MODELS, ("suite",), instances=30, attempts=1, stop=stop)
    runs = tuple(
        RunRecord(
            f"{model}-{seed}",
            RunKey(model, "suite", f"task-{seed}", 1, 1),
            state="finished",
            outcome=Outcome.WRONG_ANSWER if model == "x/b" else Outcome.PASSED,
        )
        for seed in range(30)
        for model in MODELS
    )
    cards = tuple(map(ModelCard, MODELS))
    return CampaignRecord("night", 1.0, "", plan_to_toml(plan), cards, {}, {}, runs)


def compared(record, a, b):
    return compare_models(records_of(record), a, b, rng=np.random.default_rng(1))


def test_the_two_that_were_watched():
    record = campaign(Stop(("x/a", "x/b")))
    plain = compared(record, "x/b", "x/a")
    found = judged_as_watched(plain, [record], alpha=None, margin=None)
    assert found.verdict.kind == plain.verdict.kind == "b_better"
    assert found.verdict.sentence.startswith("x/a better")
    assert "e-value" in found.verdict.sentence
    assert "its e-value decides" in found.notes[0]
    assert judged_as_watched(plain, [record], alpha=0.05, margin=None) == found
    with pytest.raises(UsageError, match=r"--alpha 0\.01: the plan of 'night' watches these two"):
        judged_as_watched(plain, [record], alpha=0.01, margin=None)
    with pytest.raises(UsageError, match=r"--margin 0\.1"):
        judged_as_watched(plain, [record], alpha=None, margin=0.1)


def test_they_are_the_same_two_under_their_full_names():
    record = campaign(Stop(("x/a", "x/b")))
    records, names = tell_apart(records_of(record), ("x/b@night", "x/a@night"))
    plain = compare_models(records, *names, rng=np.random.default_rng(1))
    found = judged_as_watched(plain, [record], alpha=None, margin=None)
    assert found.verdict.kind == "b_better"
    assert "its e-value decides" in found.notes[0]


def test_others_of_the_same_campaign_are_warned_of():
    record = campaign(Stop(("x/a", "x/b")))
    found = judged_as_watched(compared(record, "x/b", "x/c"), [record], alpha=0.01, margin=None)
    assert "stopped on what it saw of x/a and x/b" in found.notes[-1]
    assert "e-value" not in found.verdict.sentence
    assert len(stop_notes([record])) == 1


def test_a_campaign_of_fixed_size_is_left_alone():
    record = campaign(None)
    plain = compared(record, "x/b", "x/a")
    assert judged_as_watched(plain, [record], alpha=0.01, margin=None) is plain
    assert stop_notes([record]) == ()
