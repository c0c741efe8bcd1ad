"""A campaign of ours as records: what the machine spoiled or never ran has no score."""

from numpy.random import PCG64, Generator

from ossay.compare.pair import compare_models
from ossay.core.outcome import Outcome
from ossay.core.records import CampaignRecord, RunKey, RunRecord
from ossay.core.types import Usage
from ossay.records.campaign import clusters_of, records_of


def run(task, seed, outcome=None, model="m", **more):
    key = RunKey(model, more.pop("suite", "core"), task, seed, more.pop("attempt", 1))
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
        ("core/plan/1", 1.0, "", "plan"),
        ("core/plan/2", 0.0, "", "plan"),
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


STYLES = ("coding", "coding-concise", "coding-changes")


def test_a_problem_that_several_suites_ask_is_one_cluster():
    runs = [
        run(
            f"t{n}", 1, Outcome.PASSED if model == "a" else Outcome.WRONG_ANSWER, model, suite=style
        )
        for style in STYLES
        for n in range(5)
        for model in "ab"
    ]
    records = records_of(campaign(*runs))
    assert {row.cluster for row in records.results} == {f"t{n}" for n in range(5)}
    found = compare_models(records, "a", "b", rng=Generator(PCG64(1)))
    assert (found.comparison.clusters, found.verdict.kind) == (5, "not_enough_data")
    assert found.comparison.p == 0.0625


def test_what_belongs_together_goes_by_the_task_alone():
    plan, fix = ("core", "plan", 1), ("core", "fix", 1)
    assert clusters_of([plan, fix]) == {}
    assert clusters_of([plan, ("other", "plan", 7), fix]) == {
        plan: "plan",
        ("other", "plan", 7): "plan",
    }
    # Of one task alone: its seeds, and what several suites ask with one seed is one problem.
    assert clusters_of([plan, ("core", "plan", 2)]) == {}
    other = ("other", "plan", 1)
    assert clusters_of([plan, ("core", "plan", 2), other]) == {plan: "plan/1", other: "plan/1"}


def test_an_item_that_two_campaigns_have_lies_in_one_cluster():
    one = clusters_of([("core", "plan", 1), ("core", "plan", 2), ("core", "fix", 1)])
    two = clusters_of([("core", "plan", 1), ("other", "plan", 1), ("core", "fix", 1)])
    assert one["core", "plan", 1] == two["core", "plan", 1]
