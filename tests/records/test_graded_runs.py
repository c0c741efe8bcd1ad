"""A campaign as graded queries: one row an instance, both models' first finished attempt."""

import pytest

from ossay.core.errors import UnknownName, UsageError
from ossay.core.outcome import Outcome
from ossay.core.records import CallRecord, CampaignRecord, RunKey, RunRecord
from ossay.core.task import Transcript
from ossay.core.types import ModelCard
from ossay.records.graded_runs import graded_runs


def run(model, seed, outcome=Outcome.PASSED, *, attempt=1, task="plan", cost=0.01):
    id = f"{model}-{task}-{seed}-{attempt}"
    state = "planned" if outcome is None else "finished"
    key = RunKey(f"lab/{model}", "core", task, seed, attempt)
    return RunRecord(id, key, state, outcome, cost_usd=cost, tries=1)


def graded(*runs, calls=(), **more):
    cards = (ModelCard("lab/small"), ModelCard("lab/big"))
    record = CampaignRecord("first", 0.0, "", "", cards, {}, {}, runs, calls)

    def transcript(id):
        _, task, seed, _ = id.split("-")
        return Transcript(task, int(seed), "", f"do {task} {seed}", "answered")

    given = {"cheap": "lab/small", "strong": "lab/big", **more}
    return graded_runs(record, transcript, **given)


def test_both_models_on_one_instance_make_a_row():
    found = graded(run("small", 1, Outcome.WRONG_ANSWER), run("big", 1, cost=0.2))
    (row,) = found.rows
    assert (row.query, row.cheap_right, row.strong_right) == ("do plan 1", False, True)
    assert (row.task, row.stratum) == ("core/plan", "")
    assert (row.cheap.usd, row.strong.usd) == (0.01, 0.2)


def test_what_only_one_finished_is_counted_and_left_out():
    found = graded(
        run("small", 1), run("big", 1),
        run("small", 2), run("big", 2, None),
        run("small", 3), run("big", 3, Outcome.INFRASTRUCTURE_ERROR),
    )  # fmt: skip
    assert (len(found.rows), found.ungraded) == (1, 2)


def test_of_several_attempts_the_first_that_both_finished_counts():
    found = graded(
        run("small", 1, Outcome.INFRASTRUCTURE_ERROR), run("big", 1),
        run("small", 1, Outcome.WRONG_ANSWER, attempt=2), run("big", 1, attempt=2),
        run("small", 1, attempt=3), run("big", 1, attempt=3),
    )  # fmt: skip
    (row,) = found.rows
    assert not row.cheap_right


def test_seconds_are_those_of_the_calls():
    calls = [
        CallRecord("small-plan-1-1", 1, turn, "done", 0.0, total_s=seconds)
        for turn, seconds in ((1, 1.5), (2, 2.0))
    ]
    found = graded(run("small", 1), run("big", 1), calls=tuple(calls))
    assert found.rows[0].cheap.seconds == 3.5
    assert found.rows[0].strong.seconds is None


def test_where_the_strong_model_is_free_costs_tell_nothing():
    (row,) = graded(run("small", 1, cost=0.0), run("big", 1, cost=0.0)).rows
    assert (row.cheap.usd, row.strong.usd) == (None, None)


def test_strata_are_suites_or_tasks():
    found = graded(run("small", 1), run("big", 1), stratum="task")
    assert found.rows[0].stratum == "plan"
    with pytest.raises(UnknownName, match="no stratum of a campaign 'seed'"):
        graded(run("small", 1), run("big", 1), stratum="seed")


def test_the_same_rows_have_the_same_hash_and_others_another():
    runs = run("small", 1), run("big", 1)
    assert graded(*runs).sha256 == graded(*runs).sha256
    assert graded(*runs).sha256 != graded(run("small", 1, Outcome.NO_ACTION), runs[1]).sha256


def test_models_that_are_not_there():
    with pytest.raises(UnknownName, match="did you mean 'lab/big'"):
        graded(run("small", 1), run("big", 1), strong="lab/bigg")
    with pytest.raises(UsageError, match="no instance that both"):
        graded(run("small", 1), run("big", 2))
