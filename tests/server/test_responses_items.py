"""Input items become the messages that they came from."""

from __future__ import annotations

import json

import pytest

from ossay.core.types import Message, ToolCall
from ossay.server.errors import ApiError
from ossay.server.responses_items import messages_of, seal

CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "12"}
CALLED = Message("assistant", tool_calls=(ToolCall("c1", "f", "{}"),))
ANSWERED = Message("tool", "12", tool_call_id="c1")


def thought(text, **more):
    return {
        "type": "reasoning",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": text}],
        **more,
    }


def said(*texts, role="assistant"):
    kind = "output_text" if role == "assistant" else "input_text"
    parts = [{"type": kind, "text": text} for text in texts]
    return {"type": "message", "role": role, "content": parts}


def test_text_is_the_users():
    assert messages_of("hi") == (Message("user", "hi"),)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"role": "user", "content": "hi"}, Message("user", "hi")),
        ({"role": "developer", "content": "be brief"}, Message("system", "be brief")),
        ({"role": "system", "content": "be brief"}, Message("system", "be brief")),
        ({"role": "assistant", "content": "yes"}, Message("assistant", "yes")),
        (said("a", "b", role="user"), Message("user", "ab")),
        (said("a", "b"), Message("assistant", "ab")),
        (
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
            Message("assistant", "no"),
        ),
        ({"role": "user", "content": []}, Message("user", "")),
        (CALL, CALLED),
        (thought("hm"), Message("assistant", reasoning="hm")),
    ],
)
def test_one_item(item, message):
    assert messages_of([item]) == (message,)


def test_what_an_assistant_thinks_says_and_calls_is_one_message():
    items = [thought("hm"), said("I look."), thought(" well"), CALL]
    assert messages_of(items) == (
        Message("assistant", "I look.", reasoning="hm well", tool_calls=CALLED.tool_calls),
    )


def test_reasoning_stays_with_its_call():
    items = [
        {"role": "user", "content": "how many?"},
        thought("I count."),
        CALL,
        RESULT,
        thought("Twelve."),
        said("12"),
    ]
    assert messages_of(items) == (
        Message("user", "how many?"),
        Message("assistant", reasoning="I count.", tool_calls=CALLED.tool_calls),
        ANSWERED,
        Message("assistant", "12", reasoning="Twelve."),
    )


def test_calls_side_by_side_are_one_message_and_calls_in_turn_are_two():
    other = {**CALL, "call_id": "c2"}
    result = {**RESULT, "call_id": "c2"}
    both = messages_of([CALL, other, result, RESULT])
    assert [len(message.tool_calls) for message in both] == [2, 0, 0]
    assert [message.tool_call_id for message in both] == ["", "c2", "c1"]
    in_turn = messages_of([CALL, RESULT, other, result])
    assert [len(message.tool_calls) for message in in_turn] == [1, 0, 1, 0]


def test_two_texts_in_a_row_are_two_messages():
    items = [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert messages_of(items) == (Message("assistant", "a"), Message("assistant", "b"))


def test_a_result_may_come_in_parts_and_answer_a_call_of_an_earlier_response():
    parts = [{"type": "input_text", "text": "1"}, {"type": "text", "text": "2"}]
    assert messages_of([{**RESULT, "output": parts}], before=(CALLED,)) == (CALLED, ANSWERED)


@pytest.mark.parametrize(
    ("item", "reasoning"),
    [
        (thought("itself", encrypted_content=seal("sealed")), "itself"),
        ({"type": "reasoning", "encrypted_content": seal("sealed é"), "summary": []}, "sealed é"),
        ({"type": "reasoning", "encrypted_content": "gAAAA of another server"}, ""),
        ({"type": "reasoning", "summary": [{"type": "summary_text", "text": "short"}]}, "short"),
        (
            {"type": "reasoning", "content": None, "summary": [{"text": "a"}, {"text": "b"}]},
            "a\n\nb",
        ),
        ({"type": "reasoning", "summary": []}, ""),
    ],
)
def test_reasoning_comes_back_in_several_forms(item, reasoning):
    assert messages_of([item, CALL])[0].reasoning == reasoning


def test_a_reference_stands_for_an_item_that_is_kept():
    kept = {"fc_1": CALL}
    for reference in ({"type": "item_reference", "id": "fc_1"}, {"id": "fc_1"}):
        assert messages_of([reference, RESULT], find=kept.get) == (CALLED, ANSWERED)


def image(**more):
    return {"type": "input_image", "image_url": "data:image/png;base64,AA==", **more}


@pytest.mark.parametrize(
    ("items", "param"),
    [
        ([{"role": "user", "content": [{"type": "input_text", "text": "a"}, image()]}],
         "input[0].content[1]"),
        ([{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}],
         "input[0].content[0]"),
        ([{"role": "user", "content": [{"type": "input_audio"}]}], "input[0].content[0]"),
        ([{"role": "user", "content": [{"type": "input_text"}]}], "input[0].content[0]"),
        ([{"role": "user", "content": ["a"]}], "input[0].content[0]"),
        ([{"role": "user", "content": 3}], "input[0].content"),
        ([{"role": "user"}], "input[0].content"),
        ([{"role": "tool", "content": "a"}], "input[0].role"),
        ([{"role": 3, "content": "a"}], "input[0].role"),
        ([{}], "input[0].role"),
        ([{"type": []}], "input[0].type"),
        ([{"type": "web_search_call", "id": "ws"}], "input[0].type"),
        ([{"type": "computer_call_output"}], "input[0].type"),
        ([{"role": "user", "content": "a"}, RESULT], "input[1].call_id"),
        ([CALL, {**RESULT, "output": [image()]}], "input[1].output[0]"),
        ([CALL, {**RESULT, "output": None}], "input[1].output"),
        ([{**CALL, "arguments": {"a": 1}}], "input[0].arguments"),
        ([{**CALL, "call_id": None}], "input[0].call_id"),
        ([{"type": "reasoning", "content": "hm"}], "input[0].content"),
        ([{"type": "reasoning", "content": ["hm"]}], "input[0].content[0]"),
        ([{"type": "reasoning", "summary": [{"text": None}]}], "input[0].summary[0]"),
        ([{"type": "reasoning", "encrypted_content": "ossay1.?"}], "input[0].encrypted_content"),
        ([{"type": "item_reference"}], "input[0].id"),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value)[:60],
)  # fmt: skip
def test_what_cannot_be_read_is_named(items, param):
    with pytest.raises(ApiError) as caught:
        messages_of(items)
    assert (caught.value.status, caught.value.param) == (400, param)
    assert param in str(caught.value)


def test_a_reference_to_nothing():
    with pytest.raises(ApiError, match="'rs_9' not found") as caught:
        messages_of([{"type": "item_reference", "id": "rs_9"}])
    assert caught.value.status == 404
