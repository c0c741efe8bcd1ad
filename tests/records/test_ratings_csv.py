"""Ratings as a table: what comes back from it is judged as the ratings themselves are."""

import csv
import io

import pytest
from numpy.random import PCG64, Generator

from ossay.compare.pair import compare_models
from ossay.core.answer import Answer
from ossay.core.outcome import Outcome
from ossay.core.rating import Rating
from ossay.core.records import CampaignRecord, RunKey, RunRecord
from ossay.records.ratings import ratings_as_records
from ossay.records.ratings_csv import ratings_csv

STYLES = ("coding", "coding-concise", "coding-changes")
TASKS = tuple(f"task{n}" for n in range(5))


def keys(suites, seeds):
    return [
        RunKey(model, suite, task, seed, 1)
        for suite in suites
        for task in TASKS
        for seed in seeds
        for model in ("lab/a", "lab/b")
    ]


def rating(run, score):
    return Rating(
        run, "night", run, "ada", "human", "todo", "1", "d", (), (), (), score, 1.0, run
    )  # fmt: skip


@pytest.mark.parametrize(("suites", "seeds"), [(STYLES[:1], (1, 2, 3, 4)), (STYLES, (1,))])
def test_a_table_that_is_read_again_gives_the_same_verdict(table, suites, seeds):
    asked = {f"r{n}": key for n, key in enumerate(keys(suites, seeds))}
    rows = [rating(run, 8.0 if key.model == "lab/a" else 7.0) for run, key in asked.items()]
    answers = [Answer(run, 0, key, Outcome.PASSED) for run, key in asked.items()]
    runs = tuple(RunRecord(run, key, "finished", Outcome.PASSED) for run, key in asked.items())
    night = CampaignRecord("night", 1.0, "", "", (), {}, {}, runs)
    text = ratings_csv(answers, rows)
    found = []
    for records in (ratings_as_records(night, rows), table(text)):
        one = compare_models(records, "lab/a", "lab/b", rng=Generator(PCG64(1)))
        found.append((one.comparison.clusters, one.comparison.p, one.verdict.kind))
    assert found == [(5, 0.0625, "not_enough_data")] * 2


def test_where_each_task_has_one_instance_no_cluster_is_written():
    answers = [Answer(f"r{n}", n, key, Outcome.PASSED) for n, key in enumerate(keys(["c"], [1]))]
    assert {row["cluster"] for row in csv.DictReader(io.StringIO(ratings_csv(answers, [])))} == {""}
