"""A chat body into a question: what is read, what is ignored, what is refused, and where."""

import json

import pytest

from ossay.core.types import Message, Sampling, Tool, ToolCall
from ossay.server.chat import Chat
from ossay.server.errors import ApiError

USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{"}}


def decode(**fields):
    body = {"model": "m", "messages": [USER], **fields}
    return Chat("fp").decode(json.dumps(body).encode())


def refused(**fields):
    with pytest.raises(ApiError) as caught:
        decode(**fields)
    assert caught.value.status == 400
    return caught.value


def test_the_least_that_can_be_asked():
    asked = decode()
    assert asked.model == "m"
    assert not asked.stream
    assert asked.request.messages == (Message("user", "hi"),)
    assert asked.request.parallel_tool_calls is False
    assert asked.request.sampling == Sampling()
    assert asked.ignored == ()


def test_a_tool_conversation_keeps_its_reasoning():
    asked = decode(
        messages=[
            {"role": "developer", "content": "be brief"},
            USER,
            {"role": "assistant", "content": None, "reasoning": "hmm", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "4"}]},
            {"role": "assistant", "content": "four", "reasoning_content": "so"},
        ],
        tools=[TOOL],
    )
    assert asked.request.messages == (
        Message("system", "be brief"),
        Message("user", "hi"),
        Message("assistant", reasoning="hmm", tool_calls=(ToolCall("call_1", "look", "{"),)),
        Message("tool", "4", tool_call_id="call_1"),
        Message("assistant", "four", reasoning="so"),
    )
    assert asked.request.tools == (Tool("look", "", {"type": "object"}),)


def test_sampling():
    asked = decode(
        temperature=2, top_p=0.5, top_k=7, min_p=0.1, presence_penalty=1, frequency_penalty=-2,
        seed=-1, stop=["a", "", "b"], max_completion_tokens=9, reasoning_effort="xhigh",
    )  # fmt: skip
    assert asked.request.sampling == Sampling(
        temperature=2.0, top_p=0.5, top_k=7, min_p=0.1, presence_penalty=1.0,
        frequency_penalty=-2.0, seed=-1, stop=("a", "b"), max_tokens=9, reasoning_effort="high",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("effort", "meant"),
    [("none", "low"), ("minimal", "low"), ("medium", "medium"), ("max", "high"), (None, None)],
)
def test_effort(effort, meant):
    assert decode(reasoning_effort=effort).request.sampling.reasoning_effort == meant


@pytest.mark.parametrize(
    ("choice", "meant"),
    [
        (None, "auto"),
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "function": {"name": "look"}}, "look"),
    ],
)
def test_tool_choice(choice, meant):
    assert decode(tools=[TOOL], tool_choice=choice).request.tool_choice == meant


@pytest.mark.parametrize(
    ("form", "schema"),
    [
        (None, None),
        ({"type": "text"}, None),
        ({"type": "json_object"}, {"type": "object"}),
        (
            {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "array"}}},
            {"type": "array"},
        ),
    ],
)
def test_response_format(form, schema):
    assert decode(response_format=form).request.response_schema == schema


def test_known_fields_without_effect_are_not_listed_as_unknown():
    asked = decode(user="u", metadata={"a": "b"}, store=True, service_tier="auto", mirostat=2)
    assert asked.ignored == ("mirostat",)


def test_nulls_are_as_if_nothing_were_said():
    names = ["stream", "stop", "tools", "n", "temperature", "functions", "logit_bias", "seed"]
    assert decode(**dict.fromkeys(names)) == decode()


def parts(*found):
    return [USER, {"role": "user", "content": list(found)}]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": 1}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [USER, {"content": "x"}]}, "messages[1].role"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "function", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": parts({"type": "image_url"})}, "messages[1].content[0]"),
        ({"messages": parts({"type": "text", "text": 1})}, "messages[1].content[0]"),
        ({"messages": parts({"type": "text", "text": "a"}, {})}, "messages[1].content[1]"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "tool", "content": "x", "tool_call_id": "no"}]},
            "messages[0].tool_call_id",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "type": "custom"}]}]},
            "messages[0].tool_calls[0]",
        ),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1, "max_completion_tokens": 2}, "max_tokens"),
        ({"seed": 2**63}, "seed"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"function_call": "auto"}, "function_call"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tools": [TOOL, TOOL]}, "tools[1].function.name"),
        (
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "f", "parameters": {"type": "string"}},
                    }
                ]
            },
            "tools[0].function.parameters",
        ),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "look", "tools": [TOOL]}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools"}, "tools": [TOOL]}, "tool_choice.type"),
        (
            {"tool_choice": {"type": "function", "function": {"name": "x"}}, "tools": [TOOL]},
            "tool_choice.function.name",
        ),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ],
)
def test_what_is_refused_names_its_place(fields, param):
    error = refused(**fields)
    assert error.param == param
    assert error.type == "invalid_request_error"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"  ", "empty"),
        (b"[]", "must be a JSON object"),
        (b"{", "not valid JSON"),
        (b'{"model": NaN}', "not valid JSON"),
        (b'{"model": 1e999}', "not valid JSON"),
        (b'{"model": "\\ud800"}', "not valid"),
        (b'{"model": "\xff"}', "UTF-8"),
        (b"\xff\xfe{\x00}\x00", "not valid"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "levels deep"),
        (b'{"a":' * 100_000, "not valid JSON|levels deep"),
        (b'{"messages": []}', "'model'"),
    ],
)
def test_bodies_that_are_no_question(body, says):
    with pytest.raises(ApiError, match=says) as caught:
        Chat("fp").decode(body)
    assert caught.value.status == 400
