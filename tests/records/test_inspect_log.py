"""Logs of Inspect AI, written by it: golden/README.md says how."""

import json
from collections import Counter

import pytest

from ossay.core.errors import UsageError
from ossay.core.results import Stated
from ossay.records.read import read_records


def test_a_log(golden):
    records = read_records(golden("twice_one"), read_at=5.0)
    (source,) = records.sources
    assert (source.kind, source.name, source.read_at) == ("inspect", "twice_one", 5.0)
    assert source.made_with["harness"] == "inspect_ai"
    assert source.made_with["package inspect_ai"] == "0.3.285"
    assert source.made_with["task"] == "twice"
    assert source.made_with["task version"] == "3"
    assert source.made_at is not None
    assert [(row.item, row.score) for row in records.results] == [
        ("twice/q1", 1.0),
        ("twice/q2", 1.0),
        ("twice/q3", 1.0),
        ("twice/q4", 0.0),
        ("twice/q5", 0.0),
    ]
    first = records.results[0]
    assert (first.model, first.metric, first.attempt) == ("fake/one", "match", 1)
    assert (first.input_tokens, first.output_tokens) == (31, 3)  # 21 and 10 out of a cache
    assert first.seconds is not None
    assert first.cost_usd is None
    assert records.stated == (Stated("fake/one", 0.6, "match", n=5, source="twice_one"),)


def test_two_logs_of_one_task_ask_the_same(golden):
    one, three = (read_records(golden(name)) for name in ("twice_one", "twice_three"))
    assert [row.item for row in one.results] == [row.item for row in three.results]
    hashes = [records.sources[0].made_with["items sha256"] for records in (one, three)]
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) == 64


def test_scorers_epochs_letters_and_what_has_no_verdict(golden):
    records = read_records(golden("letters.eval"))
    assert {row.attempt for row in records.results} == {1, 2}
    found = Counter((row.item, row.metric, row.score, row.missing) for row in records.results)
    assert found["letters/q1", "letters", 0.5, ""] == 2  # P
    assert found["letters/q2", "letters", 0.0, ""] == 2  # N, as Inspect's accuracy counts it
    assert found["letters/q3", "letters", None, "grader_failed"] == 2  # NaN
    assert found["letters/q4", "letters", 0.0, ""] == 2
    assert found["letters/q4", "graded/near", 0.5, ""] == 2
    assert found["letters/q4", "graded/sure", 0.0, ""] == 2
    assert sum(found.values()) == 4 * 2 * 3


def test_what_the_log_states_is_what_its_rows_give(golden):
    for name in ("letters.eval", "twice_one", "twice_three"):
        records = read_records(golden(name))
        assert records.stated
        for stated in records.stated:
            scores = [row.score for row in records.results if row.metric == stated.metric]
            known = [score for score in scores if score is not None]
            assert sum(known) / len(known) == pytest.approx(stated.value)


def test_a_run_that_broke_off(golden):
    records = read_records(golden("stopped"))
    assert [(row.item[-2:], row.score, row.missing) for row in records.results] == [
        ("q1", 1.0, ""),
        ("q2", 1.0, ""),
        ("q3", None, "error"),
        ("q4", None, "cancelled"),
        ("q5", None, "not run"),
    ]
    assert records.stated == ()
    assert "The log's status is 'error', not 'success'." in records.sources[0].notes


def test_the_one_file_form(golden):
    records = read_records(golden("letters.json"))
    assert [(row.score, row.missing) for row in records.results] == [
        (0.5, ""),
        (0.0, ""),
        (None, "grader_failed"),
    ]
    assert records.stated[0].value == 0.25
    assert records.stated[0].n == 2


def test_clusters_by_metadata(golden):
    records = read_records(golden("twice_one"), columns={"cluster": "topic"})
    assert [row.cluster for row in records.results] == ["t1", "t0", "t1", "t0", "t1"]
    assert records.sources[0].columns["cluster"] == "metadata.topic"


def test_what_a_log_says_itself_is_not_taken_from_the_caller(golden):
    with pytest.raises(UsageError, match="leave out --column item"):
        read_records(golden("twice_one"), columns={"item": "id"})
    with pytest.raises(UsageError, match="its model is 'fake/one', not 'other'"):
        read_records(golden("twice_one"), model="other")


SPEC = {"task": "t", "model": "m", "created": "2026-01-02T03:04:05+00:00", "dataset": {}}
HEADER = {"version": 2, "status": "success", "eval": {**SPEC, "config": {"epochs": 1}}}


def sample(id_, value="C", **more):
    return {
        "id": id_,
        "epoch": 1,
        "input": "?",
        "target": "!",
        "scores": {"s": {"value": value}},
    } | more


def log(zip_of, path, header=HEADER, method=93, **members):
    body = {"header.json": header, "summaries.json": [sample(1), sample(2, "I")], **members}
    packed = {name: json.dumps(value).encode() for name, value in body.items() if value is not None}
    return zip_of(path / "log.eval", packed, method)


@pytest.mark.parametrize("method", [0, 8, 93], ids=["stored", "deflate", "zstandard"])
def test_every_way_in_which_members_are_packed(tmp_path, zip_of, method):
    records = read_records(log(zip_of, tmp_path, method=method))
    assert [(row.item, row.score) for row in records.results] == [("t/1", 1.0), ("t/2", 0.0)]
    assert records.sources[0].made_at == 1767323045.0


def test_samples_are_opened_where_summaries_lack(tmp_path, zip_of):
    whole = {f"samples/{n}_epoch_1.json": sample(n, n == 1, error=None) for n in (1, 2, 3)}
    records = read_records(log(zip_of, tmp_path, **whole))
    assert [row.score for row in records.results] == [1.0, 0.0, 0.0]


def test_samples_are_opened_where_older_summaries_say_nothing_of_tokens(tmp_path, zip_of):
    usage = {"m": {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}}
    whole = {f"samples/{n}_epoch_1.json": sample(n, model_usage=usage) for n in (1, 2)}
    records = read_records(log(zip_of, tmp_path, **whole))
    assert [row.output_tokens for row in records.results] == [7, 7]


def test_a_run_that_was_killed_has_only_its_journal(tmp_path, zip_of):
    journal = {
        "_journal/start.json": {
            "version": 2,
            "eval": {**SPEC, "dataset": {"sample_ids": [1, 2, 3]}},
        },
        "_journal/summaries/10.json": [sample(2, "C")],
        "_journal/summaries/9.json": [sample(1, "I"), sample(2, "I")],
    }
    members = {"header.json": None, "summaries.json": None, **journal}
    records = read_records(log(zip_of, tmp_path, **members))
    assert [(row.item, row.score, row.missing) for row in records.results] == [
        ("t/1", 0.0, ""),
        ("t/2", 1.0, ""),  # run again, later
        ("t/3", None, "not run"),
    ]
    assert "The log's status is 'started', not 'success'." in records.sources[0].notes


def test_invalidated_samples_have_no_score(tmp_path, zip_of):
    whole = {
        "samples/1_epoch_1.json": sample(1, invalidation={"author": "x"}),
        "samples/2_epoch_1.json": sample(2),
    }
    header = {**HEADER, "invalidated": True}
    records = read_records(log(zip_of, tmp_path, header=header, **whole))
    assert [row.missing for row in records.results] == ["invalidated", ""]


@pytest.mark.parametrize(
    ("value", "score", "missing"),
    [
        (True, 1.0, ""),
        (0.25, 0.25, ""),
        ("yes", 1.0, ""),
        ("0.5", 0.5, ""),
        ("B", None, "unparsed"),
        ("", None, "empty"),
        (None, None, "unscored"),
        (float("nan"), None, "unscored"),
        (float("inf"), None, "infinite"),
        (10**400, None, "infinite"),
    ],
)
def test_values_that_scorers_give(tmp_path, zip_of, value, score, missing):
    members = {"summaries.json": [sample(1, value)]}
    (row,) = read_records(log(zip_of, tmp_path, **members)).results
    assert (row.score, row.missing) == (score, missing)


def test_several_values_are_several_metrics(tmp_path, zip_of):
    members = {"summaries.json": [sample(1, {"a": "C", "b": None}), sample(2, [1, 0])]}
    rows = read_records(log(zip_of, tmp_path, **members)).results
    assert [
        (row.item, row.metric, row.score, row.missing) for row in rows if row.score is not None
    ] == [
        ("t/1", "s/a", 1.0, ""),
        ("t/2", "s/1", 1.0, ""),
        ("t/2", "s/2", 0.0, ""),
    ]
    assert {row.missing for row in rows if row.score is None} == {"unscored", "not scored"}


def test_tokens_cost_and_the_judge_beside(tmp_path, zip_of):
    usage = {
        "m": {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12, "total_cost": 0.5},
        "judge": {"input_tokens": 900, "output_tokens": 9, "total_tokens": 909},
    }
    cached = {
        "input_tokens": 5,
        "output_tokens": 7,
        "total_tokens": 22,
        "input_tokens_cache_read": 10,
    }
    older = {
        "input_tokens": 15,
        "output_tokens": 7,
        "total_tokens": 22,
        "input_tokens_cache_read": 10,
    }
    members = {
        "summaries.json": [
            sample(1, model_usage=usage),
            sample(2, model_usage={"m": cached}),
            sample(3, model_usage={"m": older}),
        ]
    }
    records = read_records(log(zip_of, tmp_path, **members))
    assert [row.input_tokens for row in records.results] == [5, 15, 15]
    assert records.results[0].cost_usd == 0.5
    assert any("'judge', used beside 1 times" in note for note in records.sources[0].notes)


def test_a_reducer_other_than_the_mean_states_no_mean(tmp_path, zip_of):
    scores = [
        {"name": "s", "scorer": "s", "reducer": "max", "metrics": {"accuracy": {"value": 0.9}}},
        {"name": "x", "scorer": "x", "metrics": {"accuracy": {"value": 0.8}}},
        {"name": "s", "scorer": "s", "metrics": {"f1": {"value": 0.7}}},
    ]
    header = {**HEADER, "results": {"scores": scores}}
    assert read_records(log(zip_of, tmp_path, header=header)).stated == ()
