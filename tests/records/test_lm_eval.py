"""Samples of lm-evaluation-harness, written by it: golden/README.md says how."""

import json
import shutil

import pytest

from ossay.core.errors import UsageError
from ossay.core.results import Stated
from ossay.records.read import read_records


def test_samples_with_the_results_beside_them(golden):
    records = read_records(golden("samples_twice_choice"), name="choice")
    (source,) = records.sources
    assert (source.kind, source.name) == ("lm_eval", "choice")
    assert source.made_with["package lm_eval"] == "0.4.13"
    assert source.made_with["task version"] == "1.0"
    assert source.made_with["n-shot"] == "0"
    assert source.made_at is not None
    assert [row.item for row in records.results] == [f"twice_choice/{n}" for n in range(6)]
    assert {(row.model, row.metric) for row in records.results} == {("demo/small", "acc")}
    assert records.stated == (Stated("demo/small", 1 / 6, "acc", n=6, source="choice"),)
    assert sum(row.score for row in records.results) == 1


def test_each_filter_is_a_metric_of_its_own(golden):
    records = read_records(golden("samples_twice_said"))
    by = {row.metric: [] for row in records.results}
    for row in records.results:
        by[row.metric].append(row.score)
    assert by == {
        "exact_match,digits": [0.0] * 6,
        "exact_match,as-is": [1.0, 0.0] * 3,
    }
    assert {(one.metric, one.value) for one in records.stated} == {
        ("exact_match,digits", 0.0),
        ("exact_match,as-is", 0.5),
    }


def test_without_a_results_file_the_model_must_be_said(golden, tmp_path):
    alone = tmp_path / golden("samples_twice_choice").name
    shutil.copy(golden("samples_twice_choice"), alone)
    with pytest.raises(UsageError, match="say --model NAME"):
        read_records(alone)
    records = read_records(alone, model="mine")
    assert {row.model for row in records.results} == {"mine"}
    assert "how it was run is unknown" in records.sources[0].notes[0]
    assert set(records.sources[0].made_with) == {"items sha256"}
    assert records.stated == ()


def test_another_name_for_the_model_is_noted(golden):
    records = read_records(golden("samples_twice_choice"), model="mine")
    assert records.results[0].model == "mine"
    assert records.stated[0].model == "mine"
    assert "The results file calls the model 'demo/small'." in records.sources[0].notes


def test_clusters_by_a_field_of_the_document(golden):
    records = read_records(golden("samples_twice_choice"), columns={"cluster": "topic"})
    assert [row.cluster for row in records.results] == ["t1", "t2", "t0", "t1", "t2", "t0"]


DATE = "2026-01-02T03-04-05.678"


def samples(folder, *lines, **run):
    path = folder / f"samples_t_{DATE}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    if run:
        (folder / f"results_{DATE}.json").write_text(json.dumps(run))
    return path


def line(document, **scores):
    return {"doc_id": document, "filter": "none", "metrics": list(scores), **scores}


def test_older_lines_list_no_metrics(tmp_path):
    old = {"doc_id": 0, "doc": {"q": 1}, "target": "x", "arguments": [], "resps": [], "acc": True}
    (row,) = read_records(samples(tmp_path, old), model="m").results
    assert (row.metric, row.score) == ("acc", 1.0)


def test_metrics_of_the_whole_set_are_left_out_and_said(tmp_path):
    path = samples(tmp_path, line(0, acc=1.0, perplexity=[-3.0, 7]), line(1, acc=0.0))
    records = read_records(path, model="m")
    assert [row.metric for row in records.results] == ["acc", "acc"]
    assert any("'perplexity' is no number of one sample" in n for n in records.sources[0].notes)


def test_a_model_that_is_a_path_is_called_by_its_last_part(tmp_path):
    path = samples(tmp_path, line(0, acc=1.0), model_name="/home/someone/models/small/")
    records = read_records(path)
    assert records.results[0].model == "small"
    assert "someone" not in repr(records)


def test_a_mean_is_stated_only_where_the_task_says_mean(tmp_path):
    listed = [{"metric": "acc", "aggregation": "median"}, {"metric": "f1", "aggregation": "mean"}]
    path = samples(
        tmp_path,
        line(0, acc=1.0, f1=0.5),
        model_name="m",
        configs={"t": {"metric_list": listed, "repeats": 4}},
        results={"t": {"acc,none": 1.0, "f1,none": 0.5, "f1_stderr,none": "N/A"}},
    )
    records = read_records(path)
    assert [(one.metric, one.value) for one in records.stated] == [("f1", 0.5)]
    assert (
        "Each score is of 4 answers, put together by lm-eval's filters." in records.sources[0].notes
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}\n", "line 1: it has no 'doc_id'"),
        ('{"doc_id": 1}\n[]\n', "line 2: no sample of lm-eval's"),
        ('{"doc_id": 1, "acc": 1\n', "line 1: no sample of lm-eval's"),
        ("[" * 100_000, "no sample"),
        ('{"doc_id": [1], "acc": 1}\n', "no 'doc_id'"),
        ("\n\n", "no samples"),
        ('{"doc_id": "' + "x" * 2000 + '", "acc": 1}\n', "name far too long"),
    ],
)
def test_lines_that_are_none_of_lm_evals(tmp_path, text, says):
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError, match=says):
        read_records(path, model="m")


def test_a_damaged_results_file_is_an_error(tmp_path):
    path = samples(tmp_path, line(0, acc=1.0))
    (tmp_path / f"results_{DATE}.json").write_text('{"results": 3')
    with pytest.raises(UsageError, match="beside it is not lm-eval's"):
        read_records(path, model="m")
