"""A campaign of ours as records: what the machine spoiled or never ran has no score."""

from ossay.core.outcome import Outcome
from ossay.core.records import CampaignRecord, RunKey, RunRecord
from ossay.core.types import Usage
from ossay.records.campaign import records_of


def run(task, seed, outcome=None, model="m", **more):
    key = RunKey(model, "core", task, seed, more.pop("attempt", 1))
    state = "planned" if outcome is None else "finished"
    return RunRecord(f"{task}-{seed}", key, state, outcome, **more)


def campaign(*runs, **more):
    return CampaignRecord(
        "c", 7.0, "ossay run", "", (), {"core": "1.2"}, {"ossay": "0.1"}, runs, **more
    )


def test_outcomes_as_scores():
    usage = Usage(input_tokens=5, output_tokens=3)
    records = records_of(
        campaign(
            run("plan", 1, Outcome.PASSED, cost_usd=0.5, seconds=2.0, usage=usage),
            run("plan", 2, Outcome.WRONG_ANSWER),
            run("fix", 1, Outcome.INFRASTRUCTURE_ERROR),
            run("sql", 1),
        )
    )
    assert [(row.item, row.score, row.missing, row.cluster) for row in records.results] == [
        ("core/plan/1", 1.0, "", "core/plan"),
        ("core/plan/2", 0.0, "", "core/plan"),
        ("core/fix/1", None, "infrastructure_error", None),
        ("core/sql/1", None, "not run", None),
    ]
    first = records.results[0]
    assert (first.cost_usd, first.seconds, first.input_tokens, first.output_tokens) == (
        0.5,
        2,
        5,
        3,
    )
    assert (first.run_id, first.source) == ("plan-1", "c")


def test_a_run_that_was_cut_off_has_no_score_and_no_cost():
    running = RunRecord("x", RunKey("m", "core", "fix", 1, 1), "running", cost_usd=0.1)
    (row,) = records_of(campaign(running)).results
    assert (row.score, row.missing, row.cost_usd) == (None, "not run", None)


def test_where_it_came_from():
    (source,) = records_of(campaign(run("fix", 1), stopped="max_usd")).sources
    assert (source.name, source.kind, source.file, source.made_at) == ("c", "campaign", "", 7.0)
    assert source.made_with == {"harness": "ossay", "suite core": "1.2", "ossay": "0.1"}
    assert source.notes == (
        "1 of 1 runs have no score (not run).",
        "It stopped before its plan ended: max_usd.",
    )
