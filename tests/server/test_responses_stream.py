"""An answer goes out whole or as events, and OpenAI's own types accept every one of them."""

from __future__ import annotations

import json

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAI
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from ossay.core.types import Delta, Message, Reply, Timing, ToolCall, ToolCallDelta, Usage
from ossay.server.errors import ApiError
from ossay.server.responses import Responses
from ossay.server.responses_items import messages_of
from ossay.server.responses_output import pieces_of

ASKED = {
    "model": "m",
    "input": "hi",
    "instructions": "be brief",
    "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}],
    "tool_choice": {"type": "function", "name": "f"},
    "metadata": {"a": "b"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
    "reasoning": {"effort": "xhigh"},
    "temperature": 0.5,
}
CALL = ToolCall("c1", "f", '{"a": 1}')
FULL = Message("assistant", "I look.", reasoning="Hm.", tool_calls=(CALL,))
EVENT = TypeAdapter(ResponseStreamEvent)


def encoder(**fields):
    body = json.dumps({**ASKED, **fields}).encode()
    return Responses().decode(body).encoder(created=1_700_000_000, unique="u")


def reply(message, finish="stop"):
    return Reply(message, Usage(9, 4, 7, 3), Timing(1_700_000_000.0, 2.0), finish=finish)


def stream(deltas, message, finish="stop", **fields):
    one = encoder(**fields)
    pieces = map(one.piece, deltas)
    return one.begin() + b"".join(pieces) + one.end(reply(message, finish))


def events(data):
    """Split a stream, and hold each event against OpenAI's type."""
    found = []
    for block in data.decode().removesuffix("\n\n").split("\n\n"):
        kind, line = block.split("\n")
        event = json.loads(line.removeprefix("data: "))
        assert kind == f"event: {event['type']}"
        EVENT.validate_python(event)
        found.append(event)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def kinds(data):
    return [event["type"].removeprefix("response.") for event in events(data)]


def words(message):
    """The pieces of a message, each in words."""
    for delta in pieces_of(message):
        if (call := delta.tool_call) is not None:
            yield Delta(tool_call=ToolCallDelta(call.index, call.id, call.name))
            for word in call.arguments.partition(" "):
                yield Delta(tool_call=ToolCallDelta(call.index, arguments=word))
        else:
            yield delta


class Played(httpx2.BaseTransport):
    """A server that always answers the same."""

    def __init__(self, data, kind="text/event-stream"):
        self.data, self.kind = data, kind

    def handle_request(self, request):
        return httpx2.Response(200, content=self.data, headers={"content-type": self.kind})


def client(data, kind="text/event-stream"):
    return OpenAI(
        base_url="http://played/v1",
        api_key="k",
        http_client=httpx2.Client(transport=Played(data, kind)),
        _strict_response_validation=True,
    )


def test_a_whole_answer():
    body = json.loads(encoder().whole(reply(FULL, "tool_calls")))
    read = Response.model_validate(body)
    assert read.id == "resp_u"
    assert read.status == "completed"
    assert read.created_at == 1_700_000_000
    assert read.completed_at == 1_700_000_002
    assert read.output_text == "I look."
    assert [item.type for item in read.output] == ["reasoning", "message", "function_call"]
    assert read.output[0].content[0].text == "Hm."
    assert (read.output[2].call_id, read.output[2].name) == ("c1", "f")
    assert read.usage.model_dump(exclude_none=True) == {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 16,
    }


def test_an_answer_repeats_what_was_asked():
    body = json.loads(encoder().whole(reply(FULL)))
    assert body["instructions"] == "be brief"
    assert body["tool_choice"] == {"type": "function", "name": "f"}
    assert body["tools"] == [{**ASKED["tools"][0], "description": ""}]
    assert body["text"]["format"] == ASKED["text"]["format"]
    assert body["metadata"] == {"a": "b"}
    assert body["reasoning"]["effort"] == "high"
    assert body["temperature"] == 0.5
    assert body["parallel_tool_calls"] is False


def test_every_field_that_openai_requires_is_there():
    body = json.loads(encoder().whole(reply(FULL)))
    required = {name for name, field in Response.model_fields.items() if field.is_required()}
    assert required <= body.keys()


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("unknown", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
    ],
)
def test_how_an_answer_ends(finish, status, reason):
    message = Message("assistant", "so f", reasoning="Hm.")
    whole = json.loads(encoder().whole(reply(message, finish)))
    assert whole["status"] == status
    assert (whole["incomplete_details"] or {}).get("reason") == reason
    assert [item["status"] for item in whole["output"]] == ["completed", status]
    last = events(stream(pieces_of(message), message, finish))[-1]
    assert last["type"] == f"response.{status}"
    assert last["response"] == whole


def test_the_order_of_events():
    assert kinds(stream(words(FULL), FULL)) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]


def test_reasoning_after_text_is_an_item_of_its_own():
    deltas = [
        Delta(reasoning="Hm."),
        Delta(content="I look."),
        Delta(reasoning="\n\nWell."),
        Delta(tool_call=ToolCallDelta(0, "c1", "f", '{"a": 1}')),
    ]
    message = Message("assistant", "I look.", reasoning="Hm.\n\nWell.", tool_calls=(CALL,))
    output = events(stream(deltas, message))[-1]["response"]["output"]
    assert [item["type"] for item in output] == [
        "reasoning", "message", "reasoning", "function_call",
    ]  # fmt: skip
    assert messages_of(output) == (message,)


def test_pieces_of_two_calls_may_alternate():
    deltas = [
        Delta(tool_call=ToolCallDelta(0, "c0", "f", "{")),
        Delta(tool_call=ToolCallDelta(1, "c1", "g")),
        Delta(tool_call=ToolCallDelta(1, arguments="[]")),
        Delta(tool_call=ToolCallDelta(0, arguments="}")),
        Delta(content="So."),
    ]
    calls = (ToolCall("c0", "f", "{}"), ToolCall("c1", "g", "[]"))
    message = Message("assistant", "So.", tool_calls=calls)
    output = events(stream(deltas, message))[-1]["response"]["output"]
    assert messages_of(output) == (message,)


@pytest.mark.parametrize("finish", ["stop", "length"])
@pytest.mark.parametrize("message", [FULL, Message("assistant"), Message("assistant", "a")])
def test_what_a_model_did_not_stream_comes_at_the_end(message, finish):
    last = events(stream([Delta()], message, finish))[-1]
    assert last["response"] == json.loads(encoder().whole(reply(message, finish)))


def test_an_empty_answer_is_an_empty_text():
    output = json.loads(encoder().whole(reply(Message("assistant"))))["output"]
    assert [item["content"][0]["text"] for item in output] == [""]
    assert json.loads(encoder().whole(reply(Message("assistant"), "length")))["output"] == []


def test_half_a_character_does_not_break_the_answer():
    message = Message(
        "assistant", "a\ud83d", reasoning="\ude00", tool_calls=(ToolCall("c1", "f", "\ud83d"),)
    )
    sealed = {"include": ["reasoning.encrypted_content"]}
    last = events(stream(pieces_of(message), message, **sealed))[-1]["response"]
    assert last["output"][1]["content"][0]["text"] == "a\ufffd"
    halves = Message("assistant", "\ud83d\ude00")
    last = events(stream([Delta(content="\ud83d"), Delta(content="\ude00")], halves))[-1]
    assert last["response"]["output"][0]["content"][0]["text"] == "😀"


def test_a_stream_that_fails():
    one = encoder()
    data = one.begin() + b"".join(map(one.piece, words(FULL)))
    data += one.failed(ApiError(502, "the model broke off", code="cut_off"))
    *_, error, last = events(data)
    assert (error["type"], error["code"]) == ("error", "cut_off")
    response = last["response"]
    assert (last["type"], response["status"]) == ("response.failed", "failed")
    assert response["error"] == {"code": "server_error", "message": "the model broke off"}
    assert [item["status"] for item in response["output"]] == [
        "completed", "completed", "incomplete",
    ]  # fmt: skip


def test_reasoning_can_be_carried_sealed():
    body = json.loads(encoder(include=["reasoning.encrypted_content"]).whole(reply(FULL)))
    thought, *others = body["output"]
    del thought["content"]
    assert messages_of([thought, *others]) == (FULL,)
    assert "encrypted_content" not in json.loads(encoder().whole(reply(FULL)))["output"][0]


def without_parsed(response):
    """What the SDK adds of its own."""
    for item in response["output"]:
        for holder in (item, *item.get("content", ())):
            holder.pop("parsed", None)
            holder.pop("parsed_arguments", None)
    return response


@pytest.mark.parametrize("message", [FULL, Message("assistant", '{"a": 1}'), Message("assistant")])
def test_the_sdk_reads_the_whole_and_assembles_the_stream(message):
    data = stream(words(message), message)
    whole = encoder().whole(reply(message))
    with client(whole, "application/json") as sdk:
        read = sdk.responses.create(model="m", input="hi")
    with client(data) as sdk, sdk.responses.stream(model="m", input="hi") as seen:
        heard = "".join(event.delta for event in seen if event.type == "response.output_text.delta")
        final = seen.get_final_response()
    assert Response.model_validate(without_parsed(final.to_dict())).to_dict() == read.to_dict()
    assert heard == read.output_text == message.content


TEXT = st.text(min_size=1, max_size=5)
PIECE = (
    st.builds(Delta, content=TEXT)
    | st.builds(Delta, reasoning=TEXT)
    | st.builds(Delta, content=TEXT, reasoning=TEXT)
    | st.just(Delta())
    | st.builds(lambda index, text: Delta(tool_call=ToolCallDelta(index, arguments=text)),
                st.integers(0, 2), st.text(max_size=5))
)  # fmt: skip


def complete(deltas):
    """Number the calls in the order in which they come, and return the message that they are."""
    calls: dict[int, list[str]] = {}
    numbered = []
    for delta in deltas:
        if (call := delta.tool_call) is not None:
            at = list(calls).index(call.index) if call.index in calls else len(calls)
            first = call.index not in calls
            calls.setdefault(call.index, []).append(call.arguments)
            names = (f"c{at}", "f") if first else ("", "")
            numbered.append(Delta(tool_call=ToolCallDelta(at, *names, call.arguments)))
        else:
            numbered.append(delta)
    message = Message(
        "assistant",
        "".join(delta.content for delta in deltas),
        reasoning="".join(delta.reasoning for delta in deltas),
        tool_calls=tuple(
            ToolCall(f"c{at}", "f", "".join(texts)) for at, texts in enumerate(calls.values())
        ),
    )
    return numbered, message


@settings(max_examples=60)
@given(st.lists(PIECE, max_size=12))
def test_any_stream_adds_up_and_comes_back_as_its_message(deltas):
    deltas, message = complete(deltas)
    found = events(stream(deltas, message))
    output = found[-1]["response"]["output"]
    texts: dict[int, str] = {}
    for event in found:
        at = event.get("output_index")
        if event["type"].endswith("_item.added"):
            assert at == len(texts)
            texts[at] = ""
        elif event["type"].endswith(".delta"):
            texts[at] += event["delta"]
        elif event["type"].endswith("_item.done"):
            assert event["item"] == output[at]
            content = event["item"].get("content")
            assert texts[at] == (content[0]["text"] if content else event["item"]["arguments"])
    assert len(texts) == len(output)
    assert messages_of(output) == (message,)
