"""OpenAI's own Python client against `ossay serve`, a process of its own."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Literal

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

MODELS = ["scripted/caller", "played/caller"]
USER = {"role": "user", "content": "How warm is it in Ulm?"}


def function(name, **properties):
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"name": name, "description": f"The {name}.", "parameters": parameters}


WEATHER = function("weather", city={"type": "string"})
CLOCK = function("clock", zone={"type": "string", "enum": ["UTC", "CET"]})
TOOLS = [{"type": "function", "function": each} for each in (WEATHER, CLOCK)]


class Reading(BaseModel):
    city: str
    degrees: float
    sky: Literal["clear", "grey"]


def every_model(test):
    return pytest.mark.parametrize("caller", MODELS, indirect=True)(test)


def played(test):
    return pytest.mark.parametrize("caller", ["played/caller"], indirect=True)(test)


def scripted(test):
    return pytest.mark.parametrize("caller", ["scripted/caller"], indirect=True)(test)


# Chat


@every_model
def test_a_question_gets_an_answer(client):
    done = client.chat.completions.create(model="caller", messages=[USER])

    choice = done.choices[0]
    assert choice.message.content.startswith("You said 'How warm is it in Ulm?'")
    assert choice.message.reasoning == choice.message.reasoning_content != ""
    assert choice.finish_reason == "stop"
    assert done.model == "caller"
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens
    assert done.usage.prompt_tokens > 0


@every_model
def test_many_questions_at_once(caller):
    async def ask(client, n):
        done = await client.chat.completions.create(
            model="caller", messages=[{"role": "user", "content": f"number {n}"}]
        )
        return done.choices[0].message.content

    async def ask_all():
        async with AsyncOpenAI(base_url=caller.url, api_key="any", max_retries=0) as client:
            return await asyncio.gather(*(ask(client, n) for n in range(20)))

    for n, said in enumerate(asyncio.run(ask_all())):
        assert f"'number {n}'" in said


@every_model
def test_a_stream_says_the_same_as_a_whole_answer(client):
    whole = client.chat.completions.create(model="caller", messages=[USER])
    with client.chat.completions.create(
        model="caller", messages=[USER], stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)

    *said, last = chunks
    deltas = [chunk.choices[0].delta for chunk in said]
    assert deltas[0].role == "assistant"
    assert "".join(d.content or "" for d in deltas) == whole.choices[0].message.content
    thoughts = "".join(getattr(d, "reasoning", None) or "" for d in deltas)
    assert thoughts == whole.choices[0].message.reasoning
    assert [chunk.choices[0].finish_reason for chunk in said][-1] == "stop"
    assert all(chunk.usage is None for chunk in said)
    assert last.choices == []
    assert last.usage.completion_tokens == whole.usage.completion_tokens
    assert len({chunk.id for chunk in chunks}) == 1


@every_model
def test_the_async_client_streams(caller):
    async def stream():
        async with (
            AsyncOpenAI(base_url=caller.url, api_key="any", max_retries=0) as client,
            client.chat.completions.stream(model="caller", messages=[USER]) as stream,
        ):
            async for _ in stream:
                pass
            return await stream.get_final_completion()

    done = asyncio.run(stream())
    assert "How warm is it in Ulm?" in done.choices[0].message.content


# Tools


@every_model
@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("auto", ["weather"]),
        ("required", ["weather"]),
        ({"type": "function", "function": {"name": "clock"}}, ["clock"]),
        ("none", []),
    ],
)
def test_which_tool_is_called_is_the_clients_choice(client, choice, called):
    done = client.chat.completions.create(
        model="caller", messages=[USER], tools=TOOLS, tool_choice=choice
    )

    calls = done.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls] == called
    assert done.choices[0].finish_reason == ("tool_calls" if called else "stop")
    for call in calls:
        assert json.loads(call.function.arguments)
        assert call.id


@every_model
@pytest.mark.parametrize("parallel", [None, False, True])
def test_several_calls_at_once_only_where_they_are_wanted(client, parallel):
    more = {} if parallel is None else {"parallel_tool_calls": parallel}
    done = client.chat.completions.create(
        model="caller",
        messages=[{"role": "user", "content": "weather and clock, please"}],
        tools=TOOLS,
        **more,
    )

    names = [call.function.name for call in done.choices[0].message.tool_calls]
    assert names == (["weather", "clock"] if parallel else ["weather"])


@every_model
def test_streamed_calls_are_put_together_by_the_client(client):
    with client.chat.completions.stream(
        model="caller",
        messages=[{"role": "user", "content": "weather and clock, please"}],
        tools=TOOLS,
        parallel_tool_calls=True,
    ) as stream:
        for _ in stream:
            pass
        done = stream.get_final_completion()

    calls = done.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["weather", "clock"]
    assert len({call.id for call in calls}) == 2
    assert json.loads(calls[1].function.arguments)["zone"] in ("UTC", "CET")


def converse(client, *, turns, keep):
    """Ask, and answer each call with a number; returns the last text and all thoughts."""
    messages = [USER]
    thoughts = []
    for n in range(turns):
        said = client.chat.completions.create(model="caller", messages=messages, tools=TOOLS)
        message = said.choices[0].message
        if not message.tool_calls:
            return message.content, thoughts
        thoughts.append(message.reasoning)
        sent = message.to_dict()
        if not keep:
            sent = {key: sent[key] for key in ("role", "content", "tool_calls")}
        messages.append(sent)
        for call in message.tool_calls:
            messages.append({"role": "tool", "tool_call_id": call.id, "content": f"{n} degrees"})
    raise AssertionError("it never answered")


@every_model
def test_reasoning_that_comes_back_is_kept_between_tool_calls(client):
    said, thoughts = converse(client, turns=2, keep=True)
    assert "0 degrees" in said
    assert len(thoughts) == 1
    assert thoughts[0] in said


@played
def test_reasoning_that_a_client_drops_is_restored(client):
    said, thoughts = converse(client, turns=2, keep=False)
    assert thoughts[0] in said


@scripted
def test_without_kept_tokens_what_a_client_drops_is_gone(client):
    said, _ = converse(client, turns=2, keep=False)
    assert "nothing that I can see" in said


# Structured output


@every_model
def test_an_answer_is_parsed_into_a_type(client):
    done = client.chat.completions.parse(model="caller", messages=[USER], response_format=Reading)
    assert isinstance(done.choices[0].message.parsed, Reading)


@every_model
def test_a_call_is_parsed_into_a_type(client):
    tool = openai.pydantic_function_tool(Reading)
    done = client.chat.completions.parse(model="caller", messages=[USER], tools=[tool])
    call = done.choices[0].message.tool_calls[0]
    assert isinstance(call.function.parsed_arguments, Reading)


@every_model
def test_any_json_object(client):
    done = client.chat.completions.create(
        model="caller", messages=[USER], response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(done.choices[0].message.content), dict)


# Models and plain completions


@every_model
def test_models(caller, client):
    names = [model.id for model in client.models.list()]
    assert "caller" in names
    assert client.models.retrieve("caller").object == "model"


@played
def test_a_text_goes_on(client):
    done = client.completions.create(model="caller", prompt="Once upon a time", max_tokens=5)
    assert done.choices[0].text
    assert done.usage.completion_tokens <= 5
    with client.completions.create(
        model="caller", prompt="Once upon a time", max_tokens=5, stream=True
    ) as stream:
        assert "".join(c.choices[0].text for c in stream) == done.choices[0].text


# Errors


@every_model
def test_a_model_that_is_not_served(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-9", messages=[USER])
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"
    assert caught.value.type == "invalid_request_error"
    assert caught.value.request_id


@every_model
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": 9}, "temperature"),
        ({"tool_choice": {"type": "function", "function": {"name": "x"}}, "tools": TOOLS},
         "tool_choice.function.name"),
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"reasoning_effort": "enormous"}, "reasoning_effort"),
        ({"messages": [{"role": "tool", "tool_call_id": "x", "content": ""}]},
         "messages[0].tool_call_id"),
        ({"messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}]},
         "messages[0].content[0]"),
    ],
)  # fmt: skip
def test_a_field_that_is_wrong_is_named(client, fields, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**{"model": "caller", "messages": [USER], **fields})
    assert caught.value.param == param


def test_keys(serving):
    with serving("scripted/echo", OSSAY_API_KEYS="first, second") as served:
        for key in ("first", "second"):
            with OpenAI(base_url=served.url, api_key=key, max_retries=0) as client:
                assert client.models.list().data
        with (
            OpenAI(base_url=served.url, api_key="third", max_retries=0) as client,
            pytest.raises(openai.AuthenticationError) as caught,
        ):
            client.models.list()
        assert caught.value.code == "invalid_api_key"


def test_a_conversation_that_is_too_long(serving, vocabulary_environ):
    with (
        serving("played/echo?context=512", **vocabulary_environ) as served,
        OpenAI(base_url=served.url, api_key="any", max_retries=0) as client,
    ):
        long = {"role": "user", "content": "word " * 1000}
        for stream in (False, True):
            with pytest.raises(openai.BadRequestError) as caught:
                client.chat.completions.create(model="echo", messages=[long], stream=stream)
            assert caught.value.code == "context_length_exceeded"
        assert client.chat.completions.create(model="echo", messages=[USER]).choices


def test_a_full_server_says_when_to_come_back(serving, vocabulary_environ):
    options = ("played/echo?slots=1", "--queue", "0", "--max-body", "64")
    with (
        serving(*options, **vocabulary_environ) as served,
        OpenAI(base_url=served.url, api_key="any", max_retries=0) as client,
        stalled_stream(served),
    ):
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(model="echo", messages=[USER])
        assert caught.value.code == "rate_limit_exceeded"
        assert int(caught.value.response.headers["retry-after"]) >= 1


class stalled_stream:
    """While entered, a client has asked for a long answer and reads nothing of it."""

    def __init__(self, served):
        body = json.dumps(
            {
                "model": served.model,
                "messages": [{"role": "user", "content": "word " * 20_000}],
                "stream": True,
            }
        ).encode()
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", served.port))
        self.socket.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
            b"content-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )
        self.socket.recv(1)  # the answer has begun

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.socket.close()
