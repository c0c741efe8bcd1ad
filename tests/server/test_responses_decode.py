"""A body of POST /v1/responses becomes what the model is to be asked."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.core.types import Message, Request, Sampling, Tool
from ossay.server.errors import ApiError
from ossay.server.responses import AskedResponse, Responses

TOOL = {
    "type": "function",
    "name": "f",
    "description": "counts",
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
    "strict": True,
}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def decode(**fields) -> AskedResponse:
    return Responses().decode(json.dumps({"model": "m", "input": "hi", **fields}).encode())


def test_the_least_that_can_be_asked():
    asked = decode()
    assert (asked.model, asked.stream, asked.ignored) == ("m", False, ())
    assert asked.request == Request((Message("user", "hi"),), parallel_tool_calls=False)


def test_everything_that_can_be_asked():
    asked = decode(
        instructions="be brief",
        stream=True,
        tools=[TOOL],
        tool_choice={"type": "function", "name": "f"},
        parallel_tool_calls=True,
        temperature=0.5,
        top_p=0.9,
        max_output_tokens=100,
        reasoning={"effort": "high", "summary": "auto"},
        text={"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}},
    )
    assert asked.stream
    assert asked.request == Request(
        (Message("system", "be brief"), Message("user", "hi")),
        tools=(Tool("f", "counts", TOOL["parameters"], strict=True),),
        tool_choice="f",
        sampling=Sampling(0.5, 0.9, 100, reasoning_effort="high"),
        response_schema=SCHEMA,
        parallel_tool_calls=True,
        response_name="n",
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": {"a": "b"}},
        {"user": "u", "safety_identifier": "s", "prompt_cache_key": "k"},
        {"include": ["reasoning.encrypted_content"]},
        {"include": None, "tools": None, "tool_choice": None, "text": None, "reasoning": None},
        {"truncation": "auto"},
        {"text": {"verbosity": "low"}},
        {"text": {"format": {"type": "text"}}},
        {"background": False},
        {"store": False},
        {"service_tier": "auto", "max_tool_calls": 3},
        {"stream": True, "stream_options": {"include_obfuscation": False}},
        {"tools": []},
    ],
    ids=json.dumps,
)
def test_known_fields_that_change_nothing(fields):
    asked = decode(**fields)
    assert asked.request == decode().request
    assert asked.ignored == ()


def test_unknown_fields_are_ignored_and_listed():
    asked = decode(moderation={"model": "x"}, frobnicate=1)
    assert sorted(asked.ignored) == ["frobnicate", "moderation"]
    assert asked.request == decode().request


@pytest.mark.parametrize(
    ("kind", "schema"),
    [({"type": "json_object"}, {"type": "object"}), ({"type": "text"}, None)],
)
def test_formats(kind, schema):
    assert decode(text={"format": kind}).request.response_schema == schema


@pytest.mark.parametrize(
    ("effort", "read"), [("minimal", "low"), ("none", "low"), ("medium", "medium"), ("max", "high")]
)
def test_efforts(effort, read):
    assert decode(reasoning={"effort": effort}).request.sampling.reasoning_effort == read


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
def test_choices(choice):
    assert decode(tools=[TOOL], tool_choice=choice).request.tool_choice == choice


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": 3}, "input"),
        ({"input": [3]}, "input[0]"),
        ({"input": [], "instructions": "x"}, "input"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"previous_response_id": "resp_9"}, "previous_response_id"),
        ({"include": ["everything"]}, "include[0]"),
        ({"include": ["message.output_text.logprobs"]}, "top_logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"truncation": "some"}, "truncation"),
        ({"metadata": {"a": 1}}, "metadata[...]"),
        ({"metadata": {"a" * 65: "b"}}, "metadata"),
        ({"metadata": {"a": "b" * 513}}, "metadata.a"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [TOOL, {"type": "code_interpreter"}]}, "tools[1].type"),
        ({"tools": [{"type": "mcp"}]}, "tools[0].type"),
        ({"tools": [{"type": "custom", "name": "c"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools[0].name"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "a b"}]}, "tools[0].name"),
        ({"tools": [TOOL, TOOL]}, "tools[1].name"),
        ({"tools": [{**TOOL, "parameters": {"type": "string"}}]}, "tools[0].parameters"),
        ({"tool_choice": "f", "tools": [TOOL]}, "tool_choice"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "name": "g"}, "tools": [TOOL]}, "tool_choice.name"),
        ({"tool_choice": {"type": "function"}, "tools": [TOOL]}, "tool_choice.name"),
        ({"tool_choice": {"type": "mcp"}}, "tool_choice.type"),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value)[:60],
)
def test_what_is_refused_is_named(fields, param):
    with pytest.raises(ApiError) as caught:
        decode(**fields)
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff", b"null", b"[" * 5000, b'{"model": "\\ud800", "input": ""}']
)
def test_what_is_no_object(body):
    with pytest.raises(ApiError) as caught:
        Responses().decode(body)
    assert caught.value.status == 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip
WORDS = st.sampled_from(
    ["message", "reasoning", "function_call", "function_call_output", "item_reference", "user",
     "assistant", "developer", "input_text", "output_text", "input_image", "summary_text",
     "json_schema", "function", "auto", "c1"]
)  # fmt: skip
PART = st.fixed_dictionaries({}, optional={"type": WORDS | JSON, "text": st.text() | JSON})
ITEM = st.fixed_dictionaries(
    {},
    optional={
        "type": WORDS,
        "role": WORDS | JSON,
        "content": st.text() | st.lists(PART | JSON, max_size=2) | JSON,
        "summary": st.lists(PART | JSON, max_size=2) | JSON,
        "encrypted_content": st.sampled_from(["ossay1.", "ossay1.Ã©", "ossay1./w=="]) | JSON,
        "output": st.text() | st.lists(PART, max_size=2) | JSON,
        "call_id": WORDS | JSON,
        "id": WORDS | JSON,
        "name": WORDS | JSON,
        "arguments": WORDS | JSON,
    },
)
OFFERED = st.fixed_dictionaries({"type": WORDS | JSON, "name": WORDS | JSON})
FORMAT = st.fixed_dictionaries({"type": WORDS | JSON}, optional={"schema": JSON, "name": JSON})
BODY = st.fixed_dictionaries(
    {"model": st.just("m"), "input": st.text() | st.lists(ITEM, max_size=4) | JSON},
    optional={
        "tools": st.lists(OFFERED, max_size=3) | JSON,
        "tool_choice": WORDS | PART | JSON,
        "text": st.fixed_dictionaries({"format": FORMAT | JSON}) | JSON,
        "reasoning": JSON,
        "include": st.lists(WORDS) | JSON,
        "metadata": JSON,
        "previous_response_id": JSON,
        "store": JSON,
    },
)


@given(BODY | JSON)
def test_any_body_is_read_or_refused(body):
    try:
        asked = Responses().decode(json.dumps(body).encode())
    except ApiError as error:
        said = json.loads(error.body())["error"]
        assert said["type"] == "invalid_request_error"
    else:
        assert asked.encoder(created=1, unique="u").begin().startswith(b"event: response.created")


@given(st.binary(max_size=40))
def test_any_bytes_are_refused(body):
    with pytest.raises(ApiError):
        Responses().decode(body)
