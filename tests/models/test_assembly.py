"""Chunks into one reply."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.core.errors import ModelCallError
from ossay.core.types import Message, Price, Usage
from ossay.models.assembly import Assembly


def assembled(*chunks: dict | bytes) -> Assembly:
    assembly = Assembly()
    for chunk in chunks:
        assembly.add(chunk if isinstance(chunk, bytes) else json.dumps(chunk).encode())
    return assembly


def delta(finish: str | None = None, **fields: object) -> dict:
    return {"model": "m-1", "choices": [{"delta": fields, "finish_reason": finish}]}


def usage(**fields: object) -> dict:
    return {"choices": [], "usage": fields}


def test_text_reasoning_and_usage_in_a_last_chunk_without_choices():
    assembly = assembled(
        delta(role="assistant", content=""),
        delta(reasoning="because "),
        delta(reasoning="of this"),
        delta(content="4"),
        delta(content="2"),
        delta("stop"),
        usage(
            prompt_tokens=10,
            completion_tokens=5,
            total_tokens=15,
            prompt_tokens_details={"cached_tokens": 8},
            completion_tokens_details={"reasoning_tokens": 3},
        ),
        b"[DONE]",
    )
    assert assembly.message() == Message("assistant", content="42", reasoning="because of this")
    assert assembly.usage() == Usage(10, 8, 5, 3)
    assert assembly.finish() == "stop"
    assert assembly.told.model == "m-1"
    assert assembly.complete


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning": "hm"},
        {"reasoning_content": "hm"},
        {"reasoning": "hm", "reasoning_content": "hm"},
        {"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
    ],
)
def test_reasoning_is_found_once_wherever_a_provider_puts_it(fields: dict):
    assert assembled(delta("stop", **fields)).message().reasoning == "hm"


def test_content_in_parts_and_a_refusal_are_text():
    assert assembled(delta(content=[{"type": "text", "text": "a"}])).message().content == "a"
    assert assembled(delta(refusal="I will not.")).message().content == "I will not."


def test_usage_of_groq_and_of_older_spellings():
    groq = {"choices": [], "x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}}
    assert assembled(groq).usage() == Usage(3, None, 2, None)
    older = usage(prompt_tokens=3, completion_tokens=2, prompt_cache_hit_tokens=1)
    assert assembled(older).usage().cached_input_tokens == 1


def test_reasoning_that_only_the_total_counts_is_output():
    counted = assembled(usage(prompt_tokens=100, completion_tokens=10, total_tokens=150)).usage()
    assert counted == Usage(input_tokens=100, output_tokens=50)


def test_counts_that_cannot_be_are_unknown():
    counted = assembled(usage(prompt_tokens=-1, completion_tokens=1e30, total_tokens=12.0)).usage()
    assert counted == Usage()


def test_a_price_of_cached_input_applies_to_the_cached_part():
    price = Price(input=1.0, cached_input=0.1, output=10.0, date="2026-11-10", source="a test")
    counted = assembled(
        usage(
            prompt_tokens=1_000_000,
            completion_tokens=100_000,
            prompt_tokens_details={"cached_tokens": 400_000},
        )
    ).usage()
    assert price.cost(counted) == pytest.approx(0.6 * 1.0 + 0.4 * 0.1 + 0.1 * 10.0)
    assert price.cost(Usage()) is None


def test_calls_make_the_finish_tool_calls_even_where_a_provider_says_stop():
    call = {"index": 0, "id": "a", "function": {"name": "shell", "arguments": "{}"}}
    assert assembled(delta("stop", tool_calls=[call])).finish() == "tool_calls"
    assert assembled(delta("length", tool_calls=[call])).finish() == "length"


def test_an_emoji_cut_into_halves_is_whole_again():
    halves = [
        b'{"choices": [{"delta": {"content": "\\ud83d"}}]}',
        b'{"choices": [{"delta": {"content": "\\ude00!"}}]}',
    ]
    assert assembled(*halves).message().content == "\U0001f600!"
    assert assembled(halves[0]).message().content == "\ufffd"


def test_what_a_provider_refused_to_pass_on_is_the_models_answer():
    error = {"message": "Failed", "code": "tool_use_failed", "failed_generation": "<function=x>"}
    assembly = assembled({"error": error})
    assert assembly.message().content == "<function=x>"
    assert assembly.complete


@pytest.mark.parametrize(
    ("chunk", "kind"),
    [
        (b"{", "bad_response"),
        (b"[]", "bad_response"),
        (b'"text"', "bad_response"),
        (b'{"choices": 3}', "bad_response"),
        (b'{"choices": [{"delta": {"content": "\xff"}}]}', "bad_response"),
        (b'{"x": ' + b"[" * 100_000, "bad_response"),
        (b'{"error": {"message": "gone"}}', "bad_response"),
        (b'{"error": "gone"}', "bad_response"),
        (b'{"object": "error", "message": "gone", "code": 400}', "bad_response"),
        (b'{"x_groq": {"error": "gone"}}', "bad_response"),
        (b'{"choices": [{"delta": {}, "finish_reason": "error"}]}', "bad_response"),
        (b'{"error": {"code": "context_length_exceeded"}}', "context_exhausted"),
    ],
)
def test_what_is_no_completion_is_an_error(chunk: bytes, kind: str):
    with pytest.raises(ModelCallError) as caught:
        assembled(chunk)
    assert caught.value.kind == kind


def test_no_choice_at_all_is_an_error_and_an_empty_answer_is_not():
    with pytest.raises(ModelCallError, match="no choices"):
        assembled({"choices": []}, b"[DONE]").message()
    assert assembled(delta("stop"), b"[DONE]").message() == Message("assistant")


WORDS = st.sampled_from(
    [
        "choices", "delta", "message", "content", "reasoning", "reasoning_details", "tool_calls",
        "index", "id", "function", "name", "arguments", "finish_reason", "usage", "prompt_tokens",
        "completion_tokens", "total_tokens", "prompt_tokens_details", "cached_tokens", "error",
        "x_groq", "extra_content", "object", "text", "thinking", "code", "failed_generation",
    ]
)  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
)
HOSTILE = st.recursive(
    LEAVES | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=20,
)


def ending(*chunks: object) -> Assembly | ModelCallError:
    try:
        assembly = assembled(*(json.dumps(chunk).encode() for chunk in chunks))
        assembly.message()
    except ModelCallError as error:
        return error
    return assembly


@settings(deadline=None)
@given(st.lists(HOSTILE, max_size=4))
def test_no_answer_ends_in_anything_but_a_reply_or_a_typed_error(chunks: list):
    end = ending(*chunks)
    if isinstance(end, ModelCallError):
        assert end.kind in ("bad_response", "context_exhausted")


CHUNK = {"choices": [{"delta": {"content": "a", "tool_calls": [{"id": "x"}]}}], "usage": {}}


@settings(deadline=None)
@given(st.sampled_from(("content", "tool_calls", "usage")), HOSTILE)
def test_nor_does_an_answer_that_is_wrong_in_one_place(place: str, wrong: object):
    chunk = json.loads(json.dumps(CHUNK))
    (chunk if place == "usage" else chunk["choices"][0]["delta"])[place] = wrong
    end = ending(chunk)
    if isinstance(end, ModelCallError):
        assert end.kind == "bad_response"
    else:
        counted = end.usage()
        assert counted.input_tokens is None or counted.input_tokens >= 0
        assert len(end.extras()) <= len(end.message().tool_calls)
        assert end.finish()
