"""A model at an endpoint, against every way in which an upstream misbehaves."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from ossay.core.errors import ModelCallError
from ossay.core.model import collect
from ossay.core.types import Delta, Message, Price, Reply, Request, Tool, ToolCall, Usage
from ossay.models.endpoint import Endpoint
from ossay.models.mock_faults import BROKEN_CALL, FAULTS
from ossay.models.mock_upstream import GREETING, MockUpstream
from ossay.models.providers import Provider
from ossay.models.retry import RetryPolicy
from ossay.models.secret import Secret
from ossay.suites.scripting import call, say

KEY = Secret("MOCK_KEY", "sk-planted-0123456789")
ASK = Request((Message("system", "Be brief."), Message("user", "hi")), deadline_s=20.0)
IMPATIENT = Request(ASK.messages, deadline_s=0.3)
ONCE = RetryPolicy(attempts=1)

# Fault -> the kind of error that it ends in. Every other fault ends in a reply.
ERRORS = {
    "rate_limited": "rate_limited",
    "rate_limited_silent": "rate_limited",
    "server_error": "server_error",
    "unknown_model": "refused",
    "context_exhausted": "context_exhausted",
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
}
# Those that fail after a piece of the answer came.
BEGAN = {"endless", "error_mid_stream", "malformed_json", "cut", "cut_politely", "huge"}
REPLIES = sorted(set(FAULTS) - set(ERRORS) - {"broken_arguments", "failed_generation"})


def provider(upstream: MockUpstream) -> Provider:
    price = Price(1.0, 2.0, "2026-11-10", "a test", cached_input=0.5)
    return Provider(upstream.base_url, "MOCK_KEY", reasoning_field="reasoning", prices={"m": price})


async def ask(upstream: MockUpstream, request: Request = ASK, **options: object) -> Reply:
    options.setdefault("retry", ONCE)
    model = Endpoint("mock/m", provider(upstream), KEY, **options)
    try:
        return await model.reply(request)
    finally:
        await model.aclose()


def meet(fault: str, request: Request = ASK, **options: object) -> Reply:
    async def exchange() -> Reply:
        async with MockUpstream([fault]) as upstream:
            return await ask(upstream, request, **options)

    return asyncio.run(exchange())


@pytest.mark.parametrize("fault", sorted(ERRORS))
def test_every_fault_ends_in_its_kind_of_error(fault: str):
    request = IMPATIENT if ERRORS[fault] == "deadline" else ASK
    with pytest.raises(ModelCallError) as caught:
        meet(fault, request)
    error = caught.value
    assert error.kind == ERRORS[fault]
    assert error.attempts == 1
    assert str(error).startswith("'mock/m': ")
    if fault != "slow_loris":  # how far it gets is a matter of speed
        assert error.began is (fault in BEGAN)


@pytest.mark.parametrize("fault", REPLIES)
def test_every_oddity_that_is_no_fault_ends_in_the_reply(fault: str):
    reply = meet(fault)
    assert reply.message == GREETING
    assert reply.finish == "stop"
    assert reply.model == "m"
    assert reply.attempts == 1
    counted = Usage() if fault == "no_usage" else Usage(3, 0, 8, 0)
    assert reply.usage == counted


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_the_key_shows_up_nowhere(fault: str):
    ended: Reply | ModelCallError
    try:
        ended = meet(fault, IMPATIENT)
    except ModelCallError as error:
        ended = error
    if isinstance(ended, ModelCallError):
        shown = f"{ended} {ended!r} {ended.args} {vars(ended)}"
        # What the HTTP client raised knows the request's headers.
        assert ended.__cause__ is None
        assert ended.__context__ is None
    else:
        shown = repr(ended)
    assert KEY.reveal() not in shown


def test_a_key_that_comes_back_is_hidden_and_its_variable_named():
    with pytest.raises(ModelCallError, match=r"Bearer \[key\].*'MOCK_KEY'"):
        meet("echo_key")


def test_broken_arguments_are_the_models_words_not_an_error():
    reply = meet("broken_arguments")
    assert reply.message.tool_calls == (BROKEN_CALL,)
    assert reply.finish == "tool_calls"


def test_a_tool_call_that_the_provider_refused_is_the_models_words_too():
    reply = meet("failed_generation")
    assert reply.message.content == "<function=fs_read{path: notes.txt}>"
    assert reply.message.tool_calls == ()
    assert reply.usage == Usage()


def test_an_answer_byte_by_byte_is_whole():
    async def exchange() -> Reply:
        async with MockUpstream(["slow_loris"], loris_s=0.0) as upstream:
            return await ask(upstream)

    reply = asyncio.run(exchange())
    assert reply.message == GREETING
    assert reply.timing.first_token_s is not None
    assert reply.timing.first_token_s < reply.timing.total_s


def test_a_smaller_limit_on_the_reply_holds_for_streams_and_bodies():
    for fault in ("ok", "not_streamed"):
        with pytest.raises(ModelCallError, match="longer than 10 bytes"):
            meet(fault, max_reply_bytes=10)


def test_a_redirect_is_not_followed():
    async def exchange() -> int:
        async with MockUpstream(["redirect"]) as upstream:
            with pytest.raises(ModelCallError, match="not followed"):
                await ask(upstream)
            return upstream.seen

    assert asyncio.run(exchange()) == 1


def test_a_stream_gives_the_same_text_piece_by_piece_and_then_the_reply():
    said = Message(
        "assistant",
        content="The answer is 42.",
        reasoning="Six times seven.",
        tool_calls=(ToolCall("call_a", "shell", '{"command": "ls"}'),),
    )

    async def exchange() -> list[Delta]:
        async with MockUpstream(script=[said]) as upstream:
            model = Endpoint("mock/m", provider(upstream), KEY)
            deltas = [delta async for delta in model.stream(ASK)]
            await model.aclose()
            return deltas

    deltas = asyncio.run(exchange())
    assert "".join(delta.content for delta in deltas) == said.content
    assert "".join(delta.reasoning for delta in deltas) == said.reasoning
    pieces = [delta.tool_call for delta in deltas if delta.tool_call]
    assert [(p.index, p.id, p.name) for p in pieces] == [(0, "call_a", "shell")]
    assert "".join(piece.arguments for piece in pieces) == '{"command": "ls"}'
    assert [bool(delta.reply) for delta in deltas].count(True) == 1
    last = deltas[-1].reply
    assert last is not None
    assert last.message == said


def test_a_stream_that_is_left_early_gives_its_connection_back():
    async def exchange() -> Reply:
        async with MockUpstream(["hang", "ok"], script=[say("x")]) as upstream:
            model = Endpoint("mock/m", provider(upstream), KEY)
            task = asyncio.create_task(collect(model.stream(ASK)))
            while not upstream.seen:
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            reply = await model.reply(ASK)
            await model.aclose()
            return reply

    assert asyncio.run(exchange()).message.content == "x"


@pytest.mark.parametrize("fault", ["ok", "instant", "slow", "not_streamed"])
def test_stamps_are_in_order(fault: str):
    before, began = time.time(), time.monotonic()
    timing = meet(fault).timing
    elapsed = time.monotonic() - began
    assert before - 1 <= timing.started_at <= time.time() + 1
    assert timing.waited_s >= 0
    assert 0 < timing.total_s <= elapsed
    if fault == "not_streamed":
        assert timing.first_token_s is None
    else:
        assert timing.first_token_s is not None
        assert 0 < timing.first_token_s <= timing.total_s


def test_many_at_once_over_one_endpoint_are_counted_alike_on_both_sides():
    async def exchange() -> tuple[list[Reply], MockUpstream]:
        async with MockUpstream(["instant"]) as upstream:
            model = Endpoint("mock/m", provider(upstream), KEY)
            requests = [Request((Message("user", "x" * size),)) for size in range(1, 200)]
            replies = await asyncio.gather(*(model.reply(request) for request in requests))
            await model.aclose()
            return replies, upstream

    replies, upstream = asyncio.run(exchange())
    assert len(upstream.completed) == len(replies) == 199
    ours = sum((reply.usage for reply in replies), Usage())
    theirs = sum((served.usage for served in upstream.completed if served.usage), Usage())
    assert ours == theirs


def test_a_tool_conversation_from_end_to_end():
    script = [
        call("fs_read", path="notes.txt"),
        call("shell", command="ls -l"),
        say("Done."),
    ]
    tool = Tool("shell", "Runs a command.", {"type": "object", "properties": {}})

    async def converse() -> tuple[list[Message], list[Reply], list[dict]]:
        async with MockUpstream(script=script) as upstream:
            model = Endpoint("mock/m", provider(upstream), KEY)
            messages, replies = list(ASK.messages), []
            while not replies or replies[-1].message.tool_calls:
                replies.append(await model.reply(Request(tuple(messages), tools=(tool,))))
                messages.append(replies[-1].message)
                messages += [
                    Message("tool", "ok", tool_call_id=made.id)
                    for made in replies[-1].message.tool_calls
                ]
            await model.aclose()
            return messages, replies, [json.loads(body) for body in upstream.bodies]

    messages, replies, bodies = asyncio.run(converse())
    assert [message for message in messages if message.role == "assistant"] == script
    assert [reply.finish for reply in replies] == ["tool_calls", "tool_calls", "stop"]
    assert [message["role"] for message in bodies[-1]["messages"]] == [
        "system", "user", "assistant", "tool", "assistant", "tool",
    ]  # fmt: skip
    cached = [reply.usage.cached_input_tokens for reply in replies]
    assert cached[0] == 0
    assert cached == sorted(cached, key=int)


def test_what_a_provider_attached_to_a_call_goes_back_with_it():
    attached = {"google": {"thought_signature": "c2lnbmVk"}}
    chunk = {
        "choices": [
            {
                "delta": {
                    "tool_calls": [
                        {
                            "id": "call_7",
                            "function": {"name": "shell", "arguments": "{}"},
                            "extra_content": attached,
                        }
                    ]
                },
                "finish_reason": "stop",
            }
        ]
    }
    answer = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()

    async def converse() -> list[dict]:
        bodies: list[dict] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            (length,) = (
                int(line.split(b":")[1])
                for line in head.lower().splitlines()
                if line.startswith(b"content-length:")
            )
            bodies.append(json.loads(await reader.readexactly(length)))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + answer)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        model = Endpoint("mock/gemini", Provider(f"http://127.0.0.1:{port}/v1"))
        first = await model.reply(ASK)
        result = Message("tool", "ok", tool_call_id="call_7")
        await model.reply(Request((*ASK.messages, first.message, result)))
        await model.aclose()
        server.close()
        await server.wait_closed()
        return bodies

    bodies = asyncio.run(converse())
    assert bodies[1]["messages"][2]["tool_calls"][0]["extra_content"] == attached


def test_an_endpoint_can_be_closed_unused_and_used_again_after_closing():
    async def exchange() -> list[Reply]:
        async with MockUpstream() as upstream:
            model = Endpoint("mock/m", provider(upstream), KEY)
            await model.aclose()
            replies = []
            for _ in range(2):
                replies.append(await model.reply(ASK))
                await model.aclose()
            return replies

    assert len(asyncio.run(exchange())) == 2


def test_connections_are_kept():
    async def exchange() -> set[int]:
        ports: set[int] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            ports.add(writer.get_extra_info("peername")[1])
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                data = b'data: {"choices": [{"delta": {"content": "x"}}]}\n\ndata: [DONE]\n\n'
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(data), data)
                )
                await writer.drain()
                await asyncio.sleep(0.01)  # the end of the body comes after [DONE]
                writer.write(b"0\r\n\r\n")
                await writer.drain()

        async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(reader, writer)
            except asyncio.IncompleteReadError:
                writer.close()

        server = await asyncio.start_server(quietly, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        model = Endpoint("mock/m", Provider(f"http://127.0.0.1:{port}/v1"))
        for _ in range(3):
            await model.reply(ASK)
        await model.aclose()
        server.close()
        await server.wait_closed()
        return ports

    assert len(asyncio.run(exchange())) == 1
