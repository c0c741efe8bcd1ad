"""Ratings as records: what comparing commands take, people's and a judge's kept apart."""

import msgspec
import pytest
from numpy.random import PCG64, Generator

from ossay.compare.pair import compare_models
from ossay.core.errors import UsageError
from ossay.core.outcome import Outcome
from ossay.core.rating import Rating, Shown, undo
from ossay.core.records import CampaignRecord, RunKey, RunRecord
from ossay.records.ratings import NOT_RATED, mean_scores, ratings_as_records

TASKS = ("todo", "folder", "sums")


def run(model, task, seed, outcome=Outcome.PASSED, attempt=1):
    key = RunKey(model, "coding", task, seed, attempt)
    again = f"-{attempt}" if attempt > 1 else ""
    return RunRecord(f"{model}-{task}-{seed}{again}", key, "finished", outcome)


RUNS = tuple(run(model, task, seed) for task in TASKS for seed in (1, 2) for model in "ab")
NIGHT = CampaignRecord("night", 1.0, "", "", (), {"coding": "1"}, {}, RUNS)


def rating(run, score, rater="anna", **more):
    token = f"{run}-{rater}-{more.get('shown')}"
    return Rating(
        token, "night", run, rater, more.pop("kind", "human"), "todo", "1", "d", (), (), (),
        score, 1.0, token, **more,
    )  # fmt: skip


def test_each_answer_is_one_result_with_the_mean_of_its_raters():
    rows = [rating("a-todo-1", 8.5), rating("a-todo-1", 9.0, "ben"), rating("b-todo-1", 7.0)]
    records = ratings_as_records(NIGHT, rows)
    named = [(r.model, r.item, r.score, r.attempt, r.missing) for r in records.results]
    assert named == [
        ("a", "coding/todo/1", 8.75, 1, ""),
        ("b", "coding/todo/1", 7.0, 1, ""),
        ("a", "coding/todo/2", None, 1, NOT_RATED),
        ("b", "coding/todo/2", None, 1, NOT_RATED),
    ]
    assert {r.metric for r in records.results} == {"rating"}
    assert {r.cluster for r in records.results} == {"todo"}
    made_with = records.sources[0].made_with
    assert (made_with["raters"], made_with["rated by"]) == ("anna, ben", "people")
    assert made_with["rubric todo"] == "1"
    assert records.sources[0].notes == ("2 of 4 answers are not rated.",)


def test_an_answer_that_many_rated_weighs_as_one_that_one_rated():
    again = [run("a", task, 1, attempt=2) for task in TASKS]
    runs = (*[run(model, task, 1) for task in TASKS for model in "ab"], *again)
    night = msgspec.structs.replace(NIGHT, runs=runs)
    rows = [rating(one.id, 7.0 if one.key.model == "b" else 10.0) for one in runs]
    rows = [r for r in rows if r.run not in {one.id for one in again}]
    rows += [rating(f"a-{task}-1", 10.0, who) for task in TASKS for who in ("ben", "cy")]
    rows += [rating(one.id, 4.0) for one in again]
    found = compare_models(ratings_as_records(night, rows), "a", "b", rng=Generator(PCG64(1)))
    assert found.comparison.difference == 0.0  # 10 and 4 by a, 7 by b


def test_the_order_of_raters_makes_no_difference():
    scores = {"a-todo-1": (8.1, 8.2, 8.4), "b-todo-1": (8.4, 8.2, 8.1)}
    rows = [rating(of, s, f"r{n}") for of, all_ in scores.items() for n, s in enumerate(all_)]
    means = mean_scores(rows, "human")
    assert means["a-todo-1"] == means["b-todo-1"]
    # Rows from before scores were rounded.
    assert mean_scores([rating("a-todo-1", 8 + 0.1 + 0.2)], "human") == {"a-todo-1": 8.3}


def test_what_was_undone_or_replaced_does_not_count():
    first = rating("a-todo-1", 8.5)
    second = msgspec.structs.replace(first, id="2", token="2", score=9.0, supersedes=first.id)
    back = undo(second, id_="3", at=2.0, token="3")
    scores = [r.score for r in ratings_as_records(NIGHT, [first, second]).results if r.score]
    assert scores == [9.0]
    scores = [r.score for r in ratings_as_records(NIGHT, [first, second, back]).results if r.score]
    assert scores == [8.5]


def test_a_run_that_the_machine_spoiled_is_missing_for_that_reason():
    spoiled = run("a", "todo", 1, Outcome.INFRASTRUCTURE_ERROR)
    night = msgspec.structs.replace(NIGHT, runs=(spoiled, run("b", "todo", 1)))
    records = ratings_as_records(night, [rating("b-todo-1", 7.0)])
    assert [r.missing for r in records.results] == ["infrastructure_error", ""]


def test_a_judges_ratings_do_not_stand_for_peoples():
    rows = [rating("a-todo-1", 8.5, "lab/judge", kind="model")]
    with pytest.raises(
        UsageError, match=r"no ratings by people, only 1 by a judge.*--raters models"
    ):
        ratings_as_records(NIGHT, rows)
    records = ratings_as_records(NIGHT, rows, "model")
    assert records.sources[0].made_with["rated by"] == "models"
    assert "by a judge model, not by people" in records.sources[0].notes[0]
    both = [*rows, rating("a-todo-1", 6.0)]
    assert [r.score for r in ratings_as_records(NIGHT, both).results if r.score] == [6.0]
    with pytest.raises(UsageError, match="ossay rate night"):
        ratings_as_records(NIGHT, [])
    with pytest.raises(UsageError, match="ossay judge night"):
        ratings_as_records(NIGHT, [rating("a-todo-1", 6.0)], "model")


def test_each_rater_counts_once_however_often_a_judge_was_asked():
    shown = [rating("a-todo-1", s, "j", kind="model", shown=Shown(i)) for i, s in enumerate((4, 8))]
    other = rating("a-todo-1", 9.0, "k", kind="model")
    assert mean_scores([*shown, other], "model") == {"a-todo-1": 7.5}
    assert mean_scores([*shown, other], "human") == {}


def test_ratings_are_compared_as_any_scores():
    rows = [
        rating(f"{model}-{task}-{seed}", score, rater)
        for model, score in (("a", 9.0), ("b", 7.0))
        for task in TASKS
        for seed in (1, 2)
        for rater in ("anna", "ben")
    ]
    finding = compare_models(ratings_as_records(NIGHT, rows), "a", "b", rng=Generator(PCG64(1)))
    assert finding.comparison.difference == 2.0
    assert finding.comparison.p is not None
    assert finding.comparison.p >= 0.25  # three tasks: nothing can be shown
