"""A reply into bytes, whole and piece by piece."""

import json

from hypothesis import given
from hypothesis import strategies as st

from ossay.core.types import Delta, Message, Reply, Timing, ToolCall, ToolCallDelta, Usage
from ossay.server.chat_stream import ChatEncoder
from ossay.server.errors import ApiError


def encoder(include_usage=False):
    return ChatEncoder(
        id="chatcmpl-1", created=7, model="m", fingerprint="fp_1", include_usage=include_usage
    )


def chunk(data):
    assert data.startswith(b"data: ")
    assert data.endswith(b"\n\n")
    return json.loads(data[6:])


def delta(data):
    return chunk(data)["choices"][0]["delta"]


def reply(**fields):
    return Reply(Message("assistant", "it is 4", **fields), Usage(10, 4, 7, 3), Timing(0.0, 0.0))


def test_a_stream_begins_with_who_speaks():
    assert chunk(encoder().begin()) == {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "m",
        "system_fingerprint": "fp_1",
        "choices": [
            {
                "index": 0,
                "delta": {"role": "assistant", "content": ""},
                "logprobs": None,
                "finish_reason": None,
            }
        ],
    }


def test_reasoning_goes_out_under_both_names():
    assert delta(encoder().piece(Delta(reasoning="hm"))) == {
        "reasoning": "hm",
        "reasoning_content": "hm",
    }


def test_an_empty_delta_is_no_event():
    assert encoder().piece(Delta()) == b""


def test_a_tool_call_comes_with_its_name_first():
    first = encoder().piece(Delta(tool_call=ToolCallDelta(1, "call_1", "look", "")))
    more = encoder().piece(Delta(tool_call=ToolCallDelta(1, arguments='{"a":')))
    assert delta(first)["tool_calls"] == [
        {
            "index": 1,
            "id": "call_1",
            "type": "function",
            "function": {"name": "look", "arguments": ""},
        }
    ]
    assert delta(more)["tool_calls"] == [{"index": 1, "function": {"arguments": '{"a":'}}]


def test_the_end_says_why_and_what_it_took():
    ending = encoder(include_usage=True).end(reply())
    last, usage, done = ending.decode().removesuffix("\n\n").split("\n\n")
    assert json.loads(last[6:])["choices"][0]["finish_reason"] == "stop"
    assert json.loads(last[6:])["usage"] is None
    assert json.loads(usage[6:])["choices"] == []
    assert json.loads(usage[6:])["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 7,
        "total_tokens": 17,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    assert done == "data: [DONE]"


def test_usage_is_not_sent_unasked():
    assert b"usage" not in encoder().end(reply())
    assert b"usage" not in encoder().begin()


def test_a_whole_answer():
    call = ToolCall("call_1", "look", "{}")
    body = json.loads(encoder().whole(reply(reasoning="hm", tool_calls=(call,))))
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"] == {
        "role": "assistant",
        "content": "it is 4",
        "refusal": None,
        "reasoning": "hm",
        "reasoning_content": "hm",
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
        ],
    }
    assert body["usage"]["total_tokens"] == 17


def test_a_failure_ends_the_stream_without_done():
    failed = encoder().failed(ApiError(502, "it broke", code="cut_off"))
    assert chunk(failed) == {
        "error": {"message": "it broke", "type": "server_error", "param": None, "code": "cut_off"}
    }


@given(st.text(st.characters(codec=None)))
def test_any_text_makes_a_well_formed_event(text):
    data = encoder().piece(Delta(content=text + "."))
    assert data.count(b"\n\n") == 1
    got = delta(data)["content"]
    assert got.isascii() or got.encode()
    if text.isascii():
        assert got == text + "."
