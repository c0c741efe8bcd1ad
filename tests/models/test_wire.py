"""Requests in each provider's dialect."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.core.errors import ModelCallError
from ossay.core.types import Message, Request, Sampling, Tool, ToolCall
from ossay.models.providers import Provider
from ossay.models.wire import encode_request

HERE = Provider("http://127.0.0.1/v1")
SHELL = Tool("shell", "Runs a command.", {"type": "object", "properties": {}})
ASKED = (Message("user", "hi"),)


def body(request: Request, provider: Provider = HERE, extras: dict | None = None) -> dict:
    return json.loads(encode_request(request, provider, "m-1", extras or {}))


def test_asks_for_a_stream_with_usage_and_for_nothing_that_was_not_set():
    assert body(Request(ASKED)) == {
        "model": "m-1",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_conversation_with_a_tool_call():
    call = ToolCall("call_1", "shell", '{"command": "ls"}')
    messages = (
        Message("system", "Be brief."),
        Message("user", "hi"),
        Message("assistant", reasoning="hm", tool_calls=(call,)),
        Message("tool", "a.txt", tool_call_id="call_1"),
        Message("assistant", "There is a.txt."),
    )
    wire = body(Request(messages, tools=(SHELL,)))
    assert wire["messages"][2:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "shell", "arguments": '{"command": "ls"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "a.txt"},
        {"role": "assistant", "content": "There is a.txt."},
    ]
    assert wire["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("fs_read", "fs_read"),
        ("functions.fs_read", "functions_fs_read"),
        ("fs read\n<|im_end|>", "fs_read___im_end__"),
        ("löschen", "l_schen"),
        ("x" * 65, "x" * 64),
        ("", "unnamed"),
    ],
)
def test_a_made_up_name_goes_back_as_one_that_strict_servers_take(name: str, sent: str):
    call = ToolCall("call_1", name, "{}")
    wire = body(Request((*ASKED, Message("assistant", tool_calls=(call,))), tools=(SHELL,)))
    assert wire["messages"][1]["tool_calls"][0]["function"]["name"] == sent


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_goes_back_only_where_the_row_says_so(field: str):
    request = Request((Message("assistant", "x", reasoning="hm"),))
    assert body(request, Provider("http://h/v1", reasoning_field=field))["messages"][0] == {
        "role": "assistant",
        "content": "x",
        field: "hm",
    }
    assert "hm" not in json.dumps(body(request))


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ("none", "none"),
        ("required", "required"),
        ("shell", {"type": "function", "function": {"name": "shell"}}),
    ],
)
def test_tool_choice(choice: str, wire: object):
    assert body(Request(ASKED, tools=(SHELL,), tool_choice=choice))["tool_choice"] == wire
    assert "tool_choice" not in body(Request(ASKED, tool_choice=choice))


def test_sampling_in_the_rows_own_words():
    sampling = Sampling(0.0, 0.9, 64, 7, ("END",), "low")
    provider = Provider(
        "http://h/v1",
        max_tokens_field="max_completion_tokens",
        stream_usage=False,
        body={"extra": True},
    )
    wire = body(Request(ASKED, sampling=sampling), provider)
    assert "stream_options" not in wire
    assert "max_tokens" not in wire
    assert {key: wire[key] for key in wire if key not in ("model", "messages", "stream")} == {
        "temperature": 0.0,
        "top_p": 0.9,
        "max_completion_tokens": 64,
        "seed": 7,
        "stop": ["END"],
        "reasoning_effort": "low",
        "extra": True,
    }


def test_a_schema_binds_the_answer_strictly():
    wire = body(Request(ASKED, response_schema={"type": "object"}))
    assert wire["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert wire["response_format"]["json_schema"]["strict"] is True


def test_what_the_provider_would_ignore_is_refused():
    deaf = Provider("http://h/v1", reasoning_effort=False, response_schema=False)
    for request in (
        Request(ASKED, sampling=Sampling(reasoning_effort="high")),
        Request(ASKED, response_schema={"type": "object"}),
    ):
        with pytest.raises(ModelCallError, match="known to ignore") as caught:
            body(request, deaf)
        assert caught.value.kind == "refused"


@settings(deadline=None)
@given(st.text())
def test_arguments_go_back_as_an_object_whatever_the_model_wrote(arguments: str):
    request = Request((Message("assistant", tool_calls=(ToolCall("a", "shell", arguments),)),))
    sent = body(request)["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert isinstance(json.loads(sent), dict)
    if arguments.strip():
        assert sent == arguments or json.loads(sent) == {"invalid_arguments": arguments}
    else:
        assert sent == "{}"


def test_what_was_attached_to_a_call_goes_back_with_it():
    call = ToolCall("a", "shell", "{}")
    request = Request((Message("assistant", tool_calls=(call, ToolCall("b", "shell", "{}"))),))
    sent = body(request, extras={call: {"google": "x"}})["messages"][0]["tool_calls"]
    assert sent[0]["extra_content"] == {"google": "x"}
    assert "extra_content" not in sent[1]


def test_text_that_utf8_cannot_carry_is_sent_without_it():
    assert body(Request((Message("user", "a\udc80b"),)))["messages"][0]["content"] == "a?b"
