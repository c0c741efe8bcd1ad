"""A model without tool calls, driven by one JSON object a turn."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.agent.dialects import JsonAction, action_schema, as_action_request, read_action
from ossay.core.types import Message, Request, Tool, ToolCall
from ossay.models.scripted import Scripted

READ = Tool(
    "fs_read",
    "Read a file.",
    {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
)


def test_an_action_becomes_a_tool_call():
    model = JsonAction(
        Scripted([Message("assistant", '{"tool": "fs_read", "arguments": {"path": "ä.txt"}}')])
    )
    reply = asyncio.run(model.reply(Request((Message("user", "read"),), (READ,))))
    assert reply.message.tool_calls == (ToolCall("action_1", "fs_read", '{"path": "ä.txt"}'),)
    assert reply.finish == "tool_calls"


def test_a_stream_says_what_the_reply_says():
    said = Message("assistant", '{"tool": "fs_read", "arguments": {"path": "a"}}')

    async def stream():
        asked = Request((Message("user", "read"),), (READ,))
        return [delta async for delta in JsonAction(Scripted([said])).stream(asked)]

    *pieces, last = asyncio.run(stream())
    (call,) = last.reply.message.tool_calls
    (piece,) = [delta.tool_call for delta in pieces if delta.tool_call]
    assert (piece.id, piece.name, piece.arguments) == (call.id, call.name, call.arguments)


def test_finish_is_the_final_text():
    message = read_action(Message("assistant", '{"tool": "finish", "answer": "done"}'), "c")
    assert message == Message("assistant", "done")


@pytest.mark.parametrize(
    "text", ["I would call fs_read.", '{"tool": "fs_re', "[]", '{"tool": 1}', ""]
)
def test_what_is_no_action_stays_text(text):
    assert read_action(Message("assistant", text), "c") == Message("assistant", text)


@pytest.mark.parametrize("key", ["arguments", "answer"])
@pytest.mark.parametrize("depth", [*range(880, 1000, 7), 5000])
def test_whatever_is_nested_too_deeply_stays_text_or_is_read(key, depth):
    text = f'{{"tool": "finish", "{key}": {"[" * depth}{"]" * depth}}}'
    message = read_action(Message("assistant", text), "c")
    assert not message.tool_calls


def test_half_a_surrogate_pair_is_replaced():
    text = r'{"tool": "sh\ud83dell", "arguments": {"command": "\ud83d\ude00 \ude00"}}'
    (call,) = read_action(Message("assistant", text), "c").tool_calls
    assert call == ToolCall("c", "sh\ufffdell", '{"command": "\U0001f600 \ufffd"}')


@given(st.text(st.characters(exclude_categories=())))
def test_reading_never_raises(text):
    message = read_action(Message("assistant", text), "c")
    assert message.content or message.tool_calls or not text or "finish" in text


def test_the_request_explains_the_tools_and_binds_the_answer():
    history = (
        Message("system", "Be brief."),
        Message("user", "Read a.txt"),
        Message("assistant", tool_calls=(ToolCall("action_1", "fs_read", '{"path": "a.txt"}'),)),
        Message("tool", "hello", tool_call_id="action_1"),
    )
    asked = as_action_request(Request(history, (READ,)))
    assert asked.tools == ()
    assert asked.response_schema == action_schema([READ])
    assert [m.role for m in asked.messages] == ["system", "user", "assistant", "user"]
    assert asked.messages[0].content.startswith("Be brief.")
    assert "- fs_read: Read a file." in asked.messages[0].content
    said = json.loads(asked.messages[2].content)
    assert said == {"tool": "fs_read", "arguments": {"path": "a.txt"}}
    assert asked.messages[3].content == "Result of fs_read:\nhello"
