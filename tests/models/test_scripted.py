"""The scripts that are played by name."""

import asyncio
import json

import jsonschema
import pytest

from ossay.core.errors import UnknownName, UsageError
from ossay.core.model import collect
from ossay.core.types import Message, Request, Tool
from ossay.models.scripted import scripted

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
    "required": ["city", "days"],
}
TOOLS = (Tool("clock", "Tell the time.", {}), Tool("weather", "Tell the weather.", CITY))


def ask(model, *messages, **options):
    return asyncio.run(collect(model.stream(Request(messages, **options))))


def deltas(model, *messages):
    async def read():
        return [delta async for delta in model.stream(Request(messages))]

    return asyncio.run(read())


def test_echo_streams_word_by_word():
    said = Message("user", "two  words\n")
    assert [d.content for d in deltas(scripted("echo"), said)[:-1]] == ["two  ", "words\n"]
    assert [d.content for d in deltas(scripted("echo?pieces=whole"), said)[:-1]] == ["two  words\n"]
    assert ask(scripted("echo"), said).message.content == "two  words\n"


def test_options_are_checked():
    with pytest.raises(UnknownName, match="'speed'"):
        scripted("echo?speed=3")
    with pytest.raises(UsageError, match="pieces='letters'"):
        scripted("echo?pieces=letters")


def test_the_caller_calls_the_tool_that_is_named():
    caller = scripted("caller")
    reply = ask(caller, Message("user", "the weather, please"), tools=TOOLS)
    (call,) = reply.message.tool_calls
    assert reply.finish == "tool_calls"
    assert call.name == "weather"
    jsonschema.validate(json.loads(call.arguments), CITY)
    first = ask(caller, Message("user", "whatever"), tools=TOOLS)
    assert first.message.tool_calls[0].name == "clock"
    forced = ask(caller, Message("user", "the clock"), tools=TOOLS, tool_choice="weather")
    assert forced.message.tool_calls[0].name == "weather"
    both = ask(caller, Message("user", "weather, clock"), tools=TOOLS, parallel_tool_calls=True)
    assert [call.name for call in both.message.tool_calls] == ["clock", "weather"]
    assert len({call.id for call in both.message.tool_calls}) == 2


def test_the_caller_quotes_the_result_and_its_own_thoughts():
    caller = scripted("caller")
    asked = Message("user", "the weather, please")
    called = ask(caller, asked, tools=TOOLS).message
    result = Message("tool", "rain, 7 degrees", tool_call_id=called.tool_calls[0].id)
    answer = ask(caller, asked, called, result, tools=TOOLS).message
    assert "rain, 7 degrees" in answer.content
    assert called.reasoning in answer.content
    forgotten = Message("assistant", tool_calls=called.tool_calls)
    answer = ask(caller, asked, forgotten, result, tools=TOOLS).message
    assert "nothing that I can see" in answer.content


def test_the_caller_without_tools():
    caller = scripted("caller")
    assert "'hello'" in ask(caller, Message("user", "hello")).message.content
    assert not ask(
        caller, Message("user", "weather"), tools=TOOLS, tool_choice="none"
    ).message.tool_calls
    reply = ask(caller, Message("user", "hello"), response_schema=CITY)
    jsonschema.validate(json.loads(reply.message.content), CITY)
