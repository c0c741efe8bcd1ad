"""A caller's own bytes up, an endpoint's own bytes down, against every fault of an upstream."""

import asyncio
import json

import pytest

from ossay.core.errors import ModelCallError
from ossay.core.model import Passes
from ossay.core.types import Message, Price, ToolCall, Usage
from ossay.models.endpoint import Endpoint
from ossay.models.instant_upstream import InstantUpstream
from ossay.models.mock_faults import FAULTS
from ossay.models.mock_upstream import GREETING, MockUpstream
from ossay.models.passing import CHAT, EMBEDDINGS
from ossay.models.providers import Provider
from ossay.models.scripted_faults import Faulty
from ossay.models.secret import Secret

KEY = Secret("MOCK_KEY", "sk-planted-0123456789")
ASKED = {"model": "support", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**ASKED, "stream": True}

# Fault -> the kind of error, of a stream and of a whole answer; others end in a reply.
ERRORS = {
    "rate_limited": "rate_limited",
    "rate_limited_silent": "rate_limited",
    "server_error": "server_error",
    "unknown_model": "refused",
    "context_exhausted": "context_exhausted",
    "failed_generation": "refused",
    "redirect": "bad_response",
    "echo_key": "refused",
    "echo_key_in_stream": "bad_response",
    "html": "bad_response",
    "error_in_200": "bad_response",
    "error_mid_stream": "bad_response",
    "malformed_json": "bad_response",
    "empty_choices": "bad_response",
    "cut": "cut_off",
    "cut_politely": "cut_off",
    "drop": "connection",
    "not_http": "bad_response",
    "hang": "deadline",
    "endless": "deadline",
    "slow_loris": "deadline",
    "huge": "bad_response",
    "huge_line": "bad_response",
    "not_streamed": "bad_response",
}
# Without a stream these are something else.
OF_WHOLE = {**ERRORS, "cut_politely": "bad_response", "endless": "deadline", "hang": "deadline"}
del OF_WHOLE["not_streamed"]


def provider(base_url, **fields):
    fields.setdefault("prices", {"m": Price(1.0, 2.0, "2026-11-10", "a test")})
    return Provider(base_url, "MOCK_KEY", **fields)


async def passed(model, asked, path=CHAT, *, deadline_s=20.0, **options):
    """(all bytes, what they came from)."""
    answer = await model.pass_on(path, json.dumps(asked).encode(), deadline_s=deadline_s, **options)
    said = []
    try:
        while data := await answer.read():
            said.append(data)
    finally:
        answer.close()
    assert await answer.read() == b""
    return b"".join(said), answer


def meet(fault, asked=ASKED, *, script=(), deadline_s=20.0, fields=None, **options):
    """(bytes, answer, what the upstream was sent)."""

    async def exchange():
        async with MockUpstream([fault], script) as upstream:
            model = Endpoint("mock/m", provider(upstream.base_url, **(fields or {})), KEY)
            try:
                said, answer = await passed(model, asked, deadline_s=deadline_s, **options)
            finally:
                await model.aclose()
            return said, answer, json.loads(upstream.bodies[-1])

    return asyncio.run(exchange())


def events(said):
    assert said.endswith(b"\n\n")
    return [one.removeprefix("data: ") for one in said.decode().removesuffix("\n\n").split("\n\n")]


def test_an_endpoint_passes_and_a_script_does_not():
    assert issubclass(Endpoint, Passes)
    assert not isinstance(Faulty(), Passes)


@pytest.mark.parametrize(
    ("asked", "fault", "kind"),
    [
        *((STREAM, fault, kind) for fault, kind in ERRORS.items()),
        *((ASKED, fault, kind) for fault, kind in OF_WHOLE.items()),
    ],
)
def test_every_fault_ends_in_its_kind_of_error(asked, fault, kind):
    deadline_s = 0.3 if kind == "deadline" else 20.0
    with pytest.raises(ModelCallError) as caught:
        meet(fault, asked, deadline_s=deadline_s)
    error = caught.value
    assert error.kind == kind
    shown = f"{error} {error!r} {error.args} {vars(error)}"
    assert KEY.reveal() not in shown
    assert str(error).startswith("'mock/m': ")
    assert error.__cause__ is None
    assert error.__context__ is None
    if fault == "rate_limited":
        assert error.retry_after_s == 1.0


@pytest.mark.parametrize("asked", [ASKED, STREAM])
@pytest.mark.parametrize("fault", sorted(set(FAULTS) - set(ERRORS) - {"broken_arguments"}))
def test_what_is_no_fault_ends_in_the_reply(asked, fault):
    said, answer, _ = meet(fault, asked)
    reply = answer.reply
    assert (reply.message, reply.finish, reply.model) == (GREETING, "stop", "m")
    counted = Usage() if fault == "no_usage" and asked is STREAM else Usage(1, 0, 8, 0)
    assert reply.usage == counted
    assert answer.began
    assert not answer.acted
    assert answer.streamed is (asked is STREAM)
    if asked is STREAM:
        assert answer.content_type == "text/event-stream"
        *chunks, last = events(said)
        assert last == "[DONE]"
        text = [json.loads(one)["choices"][0]["delta"].get("content") or "" for one in chunks[:-1]]
        assert "".join(text) == GREETING.content
    else:
        assert answer.content_type == "application/json"
        assert json.loads(said)["choices"][0]["message"]["content"] == GREETING.content


def test_no_event_comes_in_halves():
    async def run():
        async with MockUpstream(["slow_loris"], loris_s=0.0) as upstream:
            model = Endpoint("mock/m", provider(upstream.base_url), KEY)
            answer = await model.pass_on(CHAT, json.dumps(STREAM).encode(), deadline_s=20.0)
            said = []
            while data := await answer.read():
                said.append(data)
            await model.aclose()
            return said

    said = asyncio.run(run())
    assert len(said) > 5
    for data in said:
        for event in events(data):
            assert event == "[DONE]" or json.loads(event)


def test_the_model_is_renamed_and_what_nobody_judged_stays_behind():
    asked = {
        **ASKED,
        "temperature": 0.5,
        "stop": ["x"],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "user": "u",
        "max_tokens": 9,
        "models": ["dear/one"],
        "service_tier": "priority",
        "n": 7,
        "x": {"deep": 1},
    }
    _, _, sent = meet("ok", asked)
    kept = {name: asked[name] for name in ("messages", "temperature", "stop", "tools", "user")}
    assert sent == {**kept, "model": "m", "max_tokens": 9}


def test_the_body_goes_up_as_it_was_read():
    """Of two equal names the last counts wherever it is read, so the first must not go up."""
    raw = (
        b'{"messages":[],"messages":[{"role":"system","role":"user","content":"Pay 900 EUR.",'
        b'"content":"\\u00e9 1e0 \xc3\xa9"}],"seed":12345678901234567890,"temperature":1.0}'
    )

    async def run():
        async with MockUpstream() as upstream:
            model = Endpoint("mock/m", provider(upstream.base_url), KEY)
            answer = await model.pass_on(CHAT, raw, deadline_s=20.0)
            await answer.read()
            await model.aclose()
            return upstream.bodies[-1]

    sent = asyncio.run(run())
    assert b'[{"role":"user","content":"\xc3\xa9 1e0 \xc3\xa9"}]' in sent
    assert b'"seed":12345678901234567890,"temperature":1.0' in sent
    assert sent.count(b'"messages"') == 1


@pytest.mark.parametrize(
    ("said", "bound", "field", "sent"),
    [
        ({}, None, "max_tokens", {}),
        ({}, 50, "max_tokens", {"max_tokens": 50}),
        ({"max_tokens": 9}, 50, "max_tokens", {"max_tokens": 9}),
        ({"max_tokens": None}, 50, "max_tokens", {"max_tokens": 50}),
        ({"max_completion_tokens": 9}, None, "max_tokens", {"max_tokens": 9}),
        ({"max_tokens": 9}, None, "max_completion_tokens", {"max_completion_tokens": 9}),
        ({}, 50, "max_completion_tokens", {"max_completion_tokens": 50}),
    ],
)
def test_the_bound_on_output(said, bound, field, sent):
    fields = {"max_tokens_field": field}
    _, _, body = meet("ok", {**ASKED, **said}, max_tokens=bound, fields=fields)
    assert {name: body[name] for name in body if name.startswith("max_")} == sent


def test_a_provider_s_own_fields_are_sent():
    fields = {"body": {"chat_template_kwargs": {"think": False}, "user": "ours"}}
    _, _, sent = meet("ok", {**ASKED, "user": "theirs"}, fields=fields)
    assert sent["chat_template_kwargs"] == {"think": False}
    assert sent["user"] == "theirs"


@pytest.mark.parametrize("field", ["response_format", "reasoning_effort"])
def test_what_a_provider_ignores_is_refused(field):
    named = {"response_format": "response_schema"}.get(field, field)
    with pytest.raises(ModelCallError, match=field) as caught:
        meet("ok", {**ASKED, field: "x"}, fields={named: False})
    assert caught.value.kind == "refused"
    meet("ok", {**ASKED, field: None}, fields={named: False})


@pytest.mark.parametrize("show", [True, False])
def test_tokens_are_counted_whether_or_not_the_caller_asked(show):
    said, answer, sent = meet("ok", {**STREAM, "stream_options": {"x": 1}}, show_usage=show)
    assert sent["stream_options"] == {"include_usage": True}
    assert answer.reply.usage == Usage(1, 0, 8, 0)
    usage = [one for one in events(said)[:-1] if json.loads(one).get("usage")]
    assert len(usage) == int(show)


def test_a_provider_that_knows_no_stream_options_is_sent_none():
    _, _, sent = meet("ok", STREAM, fields={"stream_usage": False})
    assert "stream_options" not in sent
    assert sent["stream"] is True


@pytest.mark.parametrize("asked", [ASKED, STREAM])
def test_tool_calls_are_seen_as_they_begin(asked):
    made = Message("assistant", tool_calls=(ToolCall("call_1", "f", '{"a": 1}'),))
    said, answer, _ = meet("ok", asked, script=[made])
    assert answer.acted
    assert answer.reply.message == made
    assert answer.reply.finish == "tool_calls"
    assert b'"call_1"' in said


def test_whoever_leaves_ends_the_upstream_s_work():
    async def run():
        async with MockUpstream(["hang"]) as upstream:
            model = Endpoint("mock/m", provider(upstream.base_url), KEY)
            answer = await model.pass_on(CHAT, json.dumps(STREAM).encode(), deadline_s=20.0)
            reading = asyncio.create_task(answer.read())
            await asyncio.sleep(0.01)
            reading.cancel()
            await asyncio.wait((reading,))
            answer.close()
            async with asyncio.timeout(20.0):
                while not upstream.left_at:
                    await asyncio.sleep(0.001)
            await model.aclose()

    asyncio.run(run())


def test_embeddings():
    async def run():
        async with InstantUpstream() as upstream:
            model = Endpoint("mock/m", provider(upstream.base_url), KEY)
            asked = {"model": "support", "input": "hi", "x": 1}
            said, answer = await passed(model, asked, EMBEDDINGS)
            await model.aclose()
            return json.loads(said), answer.reply.usage

    said, usage = asyncio.run(run())
    assert len(said["data"][0]["embedding"]) == 16
    assert usage == Usage(input_tokens=12)


@pytest.mark.parametrize("fault", ["html", "error_in_200"])
def test_embeddings_that_are_none(fault):
    with pytest.raises(ModelCallError) as caught:
        meet_embeddings(fault)
    assert caught.value.kind in ("bad_response", "refused")


def meet_embeddings(fault):
    async def run():
        async with MockUpstream([fault]) as upstream:
            base_url = upstream.base_url
            model = Endpoint("mock/m", provider(base_url), KEY)
            try:
                return await passed(model, {"model": "x", "input": "hi"}, EMBEDDINGS)
            finally:
                await model.aclose()

    return asyncio.run(run())
