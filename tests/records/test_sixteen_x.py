"""Exports of 16x Eval: read with the fields that they have, written so that they come back."""

import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ossay.core.errors import UsageError
from ossay.core.rating import Form
from ossay.core.score import rated
from ossay.records.ratings import NOT_RATED, ratings_as_records
from ossay.records.read import read_records
from ossay.records.sixteen_x import decode_document, encode_document
from ossay.records.sixteen_x_export import document_of, rubric_text
from ossay.store.ledger import open_ledger
from ossay.suites.rubrics import rubric_of

TODO = rubric_of("todo_add_feature")
WORKING = {"characters": 1_600, "whole_files": 0}


def eval_of(id_, model, rating, experiment="e1", **more):
    return {
        "id": id_, "createdAt": f"2025-08-0{id_}T10:00:00.000Z", "experimentId": experiment,
        "prompt": "Do it.", "fullPrompt": "Do it. All.", "context": ["code"], "contextId": ["c1"],
        "images": [], "promptStructure": "F", "model": model, "provider": "openrouter",
        "response": "done", "reasoning": "", "rating": rating, "notes": "ok",
        "usage": {"promptTokens": 10, "completionTokens": 400, "totalTokens": 410},
        "durationMs": 2_000, **more,
    }  # fmt: skip


def exported(evals, **more):
    return {
        "evals": evals,
        "experiments": [{"id": "e1", "name": "TODO", "category": "coding", "rubrics": "9: good"}],
        "contexts": [{"id": "c1", "name": "app", "type": "text", "content": "code"}],
        "prompts": [{"id": "p1", "name": "base", "content": "Do it.", "hash": "0a1b2c3d"}],
        **more,
    }


@pytest.fixture
def read(tmp_path):
    def read(document, name="evals.json", **asked):
        path = tmp_path / name
        path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
        return read_records(path, **asked)

    return read


def test_an_export_as_records(read):
    records = read(
        exported([eval_of(2, "b", 8), eval_of(1, "b", 8.25), eval_of(3, "a", None, extra=[1])])
    )
    (source,) = records.sources
    assert (source.kind, source.name) == ("16x", "evals")
    assert source.made_at == 1_754_215_200.0
    assert source.notes[0] == "1 of 3 evals are not rated."
    rows = [(r.model, r.item, r.attempt, r.score, r.missing) for r in records.results]
    assert rows == [
        ("openrouter/b", "TODO", 1, 8.25, ""),
        ("openrouter/b", "TODO", 2, 8.0, ""),
        ("openrouter/a", "TODO", 1, None, NOT_RATED),
    ]
    first = records.results[0]
    assert (first.metric, first.seconds) == ("rating", 2.0)
    assert (first.input_tokens, first.output_tokens) == (10, 400)


def test_what_a_file_lacks_stays_unknown(read):
    (row,) = read({"evals": [{"id": 7, "model": None, "usage": None}]}).results
    assert (row.model, row.item) == ("model without a name", "experiment without a name")
    assert (row.score, row.seconds, row.output_tokens) == (None, None, None)


def test_experiments_of_one_name_are_told_apart(read):
    evals = [eval_of(1, "a", 9, "e1"), eval_of(2, "b", 5, "e2"), eval_of(3, "b", 6, "e3")]
    same = [{"id": "e1", "name": "New"}, {"id": "e2", "name": "New"}, {"id": "e3", "name": "Other"}]
    records = read(exported(evals, experiments=[*same, {"id": "e4", "name": "Other"}]))
    assert [row.item for row in records.results] == ["New (e1)", "New (e2)", "Other"]
    assert "2 experiments bear a name that another has; their ids tell them apart." in (
        records.sources[0].notes
    )
    long = [{"id": f"e{n}", "name": "x" * 400} for n in (1, 2)]
    items = [row.item for row in read(exported(evals[:2], experiments=long)).results]
    assert len(set(items)) == 2
    assert max(map(len, items)) <= 300


def test_an_id_of_0_is_an_id(read):
    document = exported([eval_of(1, "a", 9, 0)], experiments=[{"id": 0, "name": "Zero"}])
    assert read(document).results[0].item == "Zero"
    assert read(exported([eval_of(1, "a", 9, 0)], experiments=[])).results[0].item == "0"


def test_items_belong_together_by_our_names_and_it_is_said_where_they_do_not(read):
    names = ["coding/todo/1", "coding/todo/2", "coding-concise/sums/1", "coding/sums/1", "Mine"]
    evals = [eval_of(n + 1, "a", 9, n) for n in range(5)]
    experiments = [{"id": n, "name": name} for n, name in enumerate(names)]
    records = read(exported(evals, experiments=experiments))
    assert [row.cluster for row in records.results] == ["todo", "todo", "sums", "sums", None]
    alone = "It does not say of 1 of 5 experiments which task they are of: each counts alone."
    assert alone in records.sources[0].notes
    ours = read(exported(evals[:4], experiments=experiments)).sources[0].notes
    assert not any("which task" in note for note in ours)


def test_prompts_that_differ_are_said(read):
    two = [eval_of(1, "a", 8), eval_of(2, "b", 8, fullPrompt="Be concise.")]
    assert (
        "1 of 1 experiments were asked in more than one prompt."
        in read(exported(two)).sources[0].notes
    )


@pytest.mark.parametrize("first", ["evals", "experiments", "contexts", "prompts"])
def test_it_is_told_by_its_first_key(read, first):
    document = exported([eval_of(1, "a", 8)])
    ordered = {first: document[first], **document}
    assert read(ordered).sources[0].kind == "16x"
    assert read(b"\xef\xbb\xbf" + json.dumps(ordered, indent=2).encode()).sources[0].kind == "16x"


def test_what_is_written_comes_back():
    document = decode_document(
        json.dumps(exported([eval_of(1, "a", 8), eval_of(2, "b", None)])).encode()
    )
    data = encode_document(document)
    assert decode_document(data) == document
    assert encode_document(decode_document(data)) == data
    assert list(json.loads(data)) == ["evals", "experiments", "contexts", "prompts"]
    assert json.loads(data)["evals"][0]["durationMs"] == 2_000


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"evals": []}, "no evals"),
        ({"prompts": []}, "no evals"),
        ({"evals": [{"id": 1, "rating": "8"}]}, "rating"),
        ({"evals": [{"id": 1, "rating": True}]}, "rating"),
        ({"evals": [{"id": 1}, 3]}, "Expected `object`"),
        ({"evals": {"id": 1}}, "Expected `array`"),
        ({"evals": [{"id": [1]}]}, "id"),
        ({"evals": [{"id": 1, "durationMs": "2"}]}, "durationMs"),
        ({"evals": [{"id": 1}], "experiments": [{"id": 1}, {"id": 1}]}, "two experiments"),
        (b'{"evals": [{"id": 1, "rating": 1e999}]}', "rating|out of range"),
        (b'{"evals": [{"id": 1, "rating": Infinity}]}', "rating"),
        (b'{"evals": [{"id": 1, "context": ' + b"[" * 100_000, "deep|truncated"),
        (b'{"evals": [{"id": 1, "model": "\xff"}]}', "UTF-8"),
        (b'{"evals": [{"id": 1', "truncated"),
    ],
)
def test_files_that_are_none(read, tmp_path, document, says):
    with pytest.raises(UsageError, match=says) as error:
        read(document)
    assert len(str(error.value)) < 1_000
    assert os.fspath(tmp_path) not in str(error.value)


def test_names_that_are_huge_or_hostile_are_text(read):
    name = "<script>alert(1)</script>\x1b[31m" + "x" * 100_000
    document = exported([eval_of(1, name, 8)], experiments=[{"id": "e1", "name": name}])
    (row,) = read(document).results
    assert len(row.model) <= 300
    assert len(row.item) <= 300


@pytest.mark.parametrize("moment", ["yesterday", 1e300, -1e300, "", 1_754_215_200_000])
def test_a_moment_that_is_none_is_unknown(read, moment):
    records = read(exported([eval_of(1, "a", 8, createdAt=moment)]))
    made = 1_754_215_200.0 if moment == 1_754_215_200_000 else None
    assert records.sources[0].made_at == made


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from([*eval_of(1, "a", 8), "baseURL", "apiVersion"])


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None
)
@given(st.lists(st.dictionaries(FIELDS, JSON), min_size=1, max_size=3), JSON)
def test_whatever_it_holds_it_is_records_or_refused(read, evals, experiments):
    text = json.dumps({"evals": evals, "experiments": experiments})
    try:
        records = read(text.encode(errors="replace"))
    except UsageError:
        return
    assert len(records.results) == len(evals)


@pytest.fixture
def ledger(tmp_path, answered):
    answers = [
        (model, "todo_add_feature", seed, f"{model} <b>{seed}</b>", WORKING)
        for seed in (1, 2)
        for model in ("groq/openai/gpt-oss-120b", "scripted/reference")
    ]
    with open_ledger(answered(tmp_path / "ledger.sqlite", answers), create=True) as ledger:
        yield ledger


async def rate_some(ledger):
    await ledger.keep_rubric(TODO)
    for n, answer in enumerate(ledger.answers("night")[:3]):
        for rater in ("anna", "ben")[: n + 1]:
            chosen = ("raw_time",) if rater == "ben" else ()
            form = Form(
                "night", answer.run, rater, "human", chosen, 1.0, f"{n}{rater}",
                notes="=SUM(1)" if rater == "ben" else "",
            )  # fmt: skip
            await ledger.rate(rated(TODO, form, answer.facts, id_=f"{n}{rater}"))


def test_a_campaign_goes_out_and_comes_back(ledger, read):
    import asyncio

    asyncio.run(rate_some(ledger))
    campaign, rows = ledger.campaign("night"), ledger.ratings("night")
    readings = [ledger.answer(answer.run) for answer in ledger.answers("night")]
    document = document_of(campaign, readings, rows, {TODO.task: TODO})
    data = encode_document(document)
    assert decode_document(data) == document
    back = {(r.model, r.item): r for r in read(data).results}
    ours = {(r.model, r.item): r for r in ratings_as_records(campaign, rows).results}
    assert back.keys() == ours.keys()
    for key, row in ours.items():
        assert back[key].score == row.score
        assert (back[key].seconds, back[key].output_tokens) == (2.5, 20)
    one = json.loads(data)["evals"][0]
    assert (one["provider"], one["model"]) == ("groq", "openai/gpt-oss-120b")
    assert one["response"] == "groq/openai/gpt-oss-120b <b>1</b>"
    assert one["usage"] == {
        "promptTokens": 100, "completionTokens": 20, "thoughtsTokens": 5, "totalTokens": 120,
    }  # fmt: skip
    experiment = json.loads(data)["experiments"][0]
    assert experiment["name"] == "coding/todo_add_feature/1"
    assert "- 9: Works, and shows what changes." in experiment["rubrics"]
    assert [prompt["content"] for prompt in json.loads(data)["prompts"]] == [
        "Problem 1.",
        "Problem 2.",
    ]


def test_a_rubric_as_text():
    lines = rubric_text(TODO).splitlines()
    assert lines[0] == "A time added to each item of an app (version 1, 2026-11-21)"
    assert "- +0.5: Works, in 1,700 characters at most." in lines
    assert lines[-1] == "- at most 9.5"
