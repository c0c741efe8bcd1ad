"""The ways in which the mock upstream misbehaves, by name.

Each fault is one exchange: a request in, a response (or what is left of one) out. Knows nothing of
which fault comes when; `mock_upstream` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
from aiohttp import web

from ossay.core.types import Message, ToolCall
from ossay.models.mock_answer import DONE, Answer, Ask, Body, error, event

SLOW_S = 0.1
RETRY_AFTER_S = 1
HUGE_BYTES = 64 << 20

BROKEN_CALL = ToolCall("call_broken", "fs_read", '{"path": "notes.t')


@dataclass
class Exchange:
    """One request on its way. A fault sets `whole` where the answer went out complete."""

    http: web.Request
    ask: Ask
    message: Message
    closing: asyncio.Event
    loris_s: float
    whole: bool = False

    def answer(self, *, pieces: int = 8) -> Answer | Body:
        """The answer that an honest server would give."""
        answer = Answer(self.message, self.ask, pieces=pieces)
        return answer if self.ask.stream else Body(answer, pieces=pieces)

    async def stream(self) -> web.StreamResponse:
        """Begin an event stream, or the one body that was asked for."""
        kind = "text/event-stream" if self.ask.stream else "application/json"
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(self.http)
        return response

    def abort(self) -> None:
        """Drop the connection as a crash would."""
        if self.http.transport is not None:
            self.http.transport.abort()


Fault = Callable[[Exchange], Awaitable[web.StreamResponse]]


async def ok(exchange: Exchange) -> web.StreamResponse:
    """Answer well, chunk by chunk."""
    response = await exchange.stream()
    answer = exchange.answer()
    for data in [*answer.head(), *answer.tail()]:
        await response.write(data)
    exchange.whole = True
    return response


async def instant(exchange: Exchange) -> web.StreamResponse:
    """Answer well, all in one write: for measuring the caller."""
    answer = exchange.answer(pieces=1)
    exchange.whole = True
    body = b"".join([*answer.head(), *answer.tail()])
    kind = "text/event-stream" if exchange.ask.stream else "application/json"
    return web.Response(body=body, content_type=kind)


async def slow(exchange: Exchange) -> web.StreamResponse:
    """Answer well, after a tenth of a second."""
    await asyncio.sleep(SLOW_S)
    return await ok(exchange)


async def not_streamed(exchange: Exchange) -> web.StreamResponse:
    """Ignore that a stream was asked for."""
    exchange.whole = True
    return web.Response(body=exchange.answer().whole(), content_type="application/json")


async def no_usage(exchange: Exchange) -> web.StreamResponse:
    """Answer well, but count no tokens."""
    response = await exchange.stream()
    answer = exchange.answer()
    for data in [*answer.head(), *answer.tail(usage=False)]:
        await response.write(data)
    return response


async def no_done(exchange: Exchange) -> web.StreamResponse:
    """Say why the answer ended, count the tokens, and leave out [DONE]."""
    response = await exchange.stream()
    answer = exchange.answer()
    for data in [*answer.head(), *answer.tail()]:
        if data != DONE:
            await response.write(data)
    exchange.whole = True
    return response


async def slow_loris(exchange: Exchange) -> web.StreamResponse:
    """Answer a byte at a time."""
    response = await exchange.stream()
    answer = exchange.answer()
    for byte in b"".join([*answer.head(), *answer.tail()]):
        if exchange.closing.is_set():
            return response
        await response.write(bytes([byte]))
        await asyncio.sleep(exchange.loris_s)
    exchange.whole = True
    return response


async def rate_limited(exchange: Exchange) -> web.StreamResponse:
    """429 that says when to come back."""
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return _json(error("Rate limit reached.", code="rate_limit_exceeded"), 429, headers)


async def rate_limited_silent(exchange: Exchange) -> web.StreamResponse:
    """429 that does not say when to come back."""
    return _json(error("Rate limit reached.", code="rate_limit_exceeded"), 429)


async def server_error(exchange: Exchange) -> web.StreamResponse:
    """500."""
    return _json(error("The server had an error."), 500)


async def unknown_model(exchange: Exchange) -> web.StreamResponse:
    """404."""
    return _json(error("The model does not exist.", code="model_not_found"), 404)


async def context_exhausted(exchange: Exchange) -> web.StreamResponse:
    """400: the request is longer than the model's context."""
    text = "This model's maximum context length is 4096 tokens."
    return _json(error(text, code="context_length_exceeded"), 400)


async def failed_generation(exchange: Exchange) -> web.StreamResponse:
    """400 with what the model wrote, as Groq answers a tool call that it cannot parse."""
    said = "<function=fs_read{path: notes.txt}>"
    body = error("Failed to call a function.", code="tool_use_failed", failed_generation=said)
    return _json(body, 400)


async def redirect(exchange: Exchange) -> web.StreamResponse:
    """Send the caller, and its key, elsewhere."""
    return web.Response(status=307, headers={"Location": "/v1/elsewhere"})


async def echo_key(exchange: Exchange) -> web.StreamResponse:
    """401 that repeats the Authorization header."""
    sent = exchange.http.headers.get("Authorization", "nothing")
    return _json(error(f"Incorrect API key provided: {sent}", code="invalid_api_key"), 401)


async def echo_key_in_stream(exchange: Exchange) -> web.StreamResponse:
    """An error inside the stream that repeats the Authorization header."""
    response = await exchange.stream()
    sent = exchange.http.headers.get("Authorization", "nothing")
    await response.write(event(error(f"upstream refused {sent}")))
    return response


async def html(exchange: Exchange) -> web.StreamResponse:
    """200 with a web page."""
    page = "<!doctype html><title>Welcome</title><p>Please sign in."
    return web.Response(text=page, content_type="text/html")


async def error_in_200(exchange: Exchange) -> web.StreamResponse:
    """200 with an error for a body."""
    return _json(error("No instance is available."), 200)


async def error_mid_stream(exchange: Exchange) -> web.StreamResponse:
    """Half an answer, then an error object, then a proper end."""
    response = await exchange.stream()
    for data in [*_half(exchange), event(error("The backend went away.")), DONE]:
        await response.write(data)
    return response


async def malformed_json(exchange: Exchange) -> web.StreamResponse:
    """Half an answer, then a chunk that is not JSON."""
    response = await exchange.stream()
    for data in [*_half(exchange), b'data: {"choices": [{"delta": {"content": "x"\n\n', DONE]:
        await response.write(data)
    return response


async def empty_choices(exchange: Exchange) -> web.StreamResponse:
    """A stream without a single choice."""
    response = await exchange.stream()
    for data in [event({"model": exchange.ask.model, "choices": []}), DONE]:
        await response.write(data)
    return response


async def broken_arguments(exchange: Exchange) -> web.StreamResponse:
    """A tool call whose arguments are not JSON. The model's fault, so the answer is whole."""
    exchange.message = Message("assistant", tool_calls=(BROKEN_CALL,))
    return await ok(exchange)


async def cut(exchange: Exchange) -> web.StreamResponse:
    """Half an answer, then the connection drops."""
    response = await exchange.stream()
    for data in _half(exchange):
        await response.write(data)
    await asyncio.sleep(0.01)  # lets the half answer leave first
    exchange.abort()
    return response


async def cut_politely(exchange: Exchange) -> web.StreamResponse:
    """Half an answer, then a proper end of the HTTP body."""
    response = await exchange.stream()
    for data in _half(exchange):
        await response.write(data)
    return response


async def drop(exchange: Exchange) -> web.StreamResponse:
    """The connection drops before any answer."""
    exchange.abort()
    return web.Response(status=500)


async def not_http(exchange: Exchange) -> web.StreamResponse:
    """Bytes that are no HTTP."""
    if exchange.http.transport is not None:
        exchange.http.transport.write(b"EHLO mock.invalid\r\n\r\n")
        await asyncio.sleep(0.01)
    exchange.abort()
    return web.Response(status=500)


async def hang(exchange: Exchange) -> web.StreamResponse:
    """Begin a stream and never go on."""
    response = await exchange.stream()
    await response.write(b": one moment\n\n")
    await exchange.closing.wait()
    return response


async def endless(exchange: Exchange) -> web.StreamResponse:
    """Say something for ever."""
    response = await exchange.stream()
    data = event({"choices": [{"index": 0, "delta": {"content": "and so on "}}]})
    while not exchange.closing.is_set():
        await response.write(data)
        await asyncio.sleep(exchange.loris_s)
    return response


async def huge(exchange: Exchange) -> web.StreamResponse:
    """An answer that does not fit anywhere."""
    response = await exchange.stream()
    data = event({"choices": [{"index": 0, "delta": {"content": "x" * (1 << 20)}}]})
    for _ in range(HUGE_BYTES // len(data)):
        if exchange.closing.is_set():
            break
        await response.write(data)
    return response


async def huge_line(exchange: Exchange) -> web.StreamResponse:
    """One event that does not end."""
    response = await exchange.stream()
    await response.write(b"data: ")
    for _ in range(HUGE_BYTES >> 20):
        if exchange.closing.is_set():
            break
        await response.write(b"x" * (1 << 20))
    return response


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        ok,
        instant,
        slow,
        not_streamed,
        no_usage,
        no_done,
        slow_loris,
        rate_limited,
        rate_limited_silent,
        server_error,
        unknown_model,
        context_exhausted,
        failed_generation,
        redirect,
        echo_key,
        echo_key_in_stream,
        html,
        error_in_200,
        error_mid_stream,
        malformed_json,
        empty_choices,
        broken_arguments,
        cut,
        cut_politely,
        drop,
        not_http,
        hang,
        endless,
        huge,
        huge_line,
    )
}


def _half(exchange: Exchange) -> list[bytes]:
    events = exchange.answer().head()
    return events[: max(2, len(events) // 2)]


def _json(
    body: dict[str, object], status: int, headers: dict[str, str] | None = None
) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        headers=headers,
        content_type="application/json",
    )
