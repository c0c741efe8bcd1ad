"""An OpenAI-compatible server that answers at once, always the same: for measuring what calls it.

Chats whole and streamed, and embeddings. It reads of a body only whether a stream is wanted and
whether its tokens are to be counted, checks no key, and listens on loopback only. What it costs
itself is small: one write an answer, made beforehand.

    python -m ossay.models.instant_upstream --port 9000
"""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import sys
from collections.abc import Sequence
from typing import cast

import msgspec
import uvloop
from httptools import HttpParserError, HttpRequestParser

from ossay.core.types import Usage

HOST = "127.0.0.1"
MODEL = "instant"
USAGE = Usage(input_tokens=12, output_tokens=24)
TEXT = (
    "The answer comes at once, and it is always this one: what takes time on the way is "
    "what stands between you and it."
)
_PIECES = 4
_DIMENSIONS = 16
_STREAM = re.compile(rb'"stream"\s*:\s*true')
_COUNTED = re.compile(rb'"include_usage"\s*:\s*true')
_USAGE = {
    "prompt_tokens": USAGE.input_tokens,
    "completion_tokens": USAGE.output_tokens,
    "total_tokens": (USAGE.input_tokens or 0) + (USAGE.output_tokens or 0),
}


class InstantUpstream:
    """The server, as an async context manager.

    Args:
        port: 0 takes a free one.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._server: asyncio.Server | None = None

    @property
    def base_url(self) -> str:
        """What comes before /chat/completions; with the port that was taken."""
        return f"http://{HOST}:{self._port}/v1"

    async def __aenter__(self) -> InstantUpstream:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(_Served, HOST, self._port, backlog=2048)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


class _Served(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = HttpRequestParser(self)
        self._path = b""
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        """A part of a request came."""
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            if self._transport is not None:
                self._transport.abort()

    def on_url(self, url: bytes) -> None:
        """The request's target."""
        self._path = url
        self._body = b""

    def on_body(self, body: bytes) -> None:
        """A part of the request's body."""
        self._body += body

    def on_message_complete(self) -> None:
        """The request is whole."""
        assert self._transport is not None
        self._transport.write(_answer(self._path, self._body))


def _answer(path: bytes, body: bytes) -> bytes:
    if path == b"/v1/embeddings":
        return _EMBEDDINGS
    if path != b"/v1/chat/completions":
        return _NOWHERE
    if not _STREAM.search(body):
        return _WHOLE
    return _STREAMED_COUNTED if _COUNTED.search(body) else _STREAMED


def _with_head(status: bytes, kind: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (status, kind, len(body)) + body


def _json(value: object, status: bytes = b"200 OK") -> bytes:
    return _with_head(status, b"application/json", msgspec.json.encode(value))


def _stream(*, counted: bool) -> bytes:
    """Head, one HTTP chunk an event, and the end."""
    head = {"id": "chatcmpl-instant", "object": "chat.completion.chunk", "created": 0}
    step = -(-len(TEXT) // _PIECES)
    deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": TEXT[at : at + step]} for at in range(0, len(TEXT), step)]
    events: list[dict[str, object]] = [
        {
            **head,
            "model": MODEL,
            "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
        }
        for delta in deltas
    ]
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    events.append({**head, "model": MODEL, "choices": [last]})
    if counted:
        events.append({**head, "model": MODEL, "choices": [], "usage": _USAGE})
    said = [b"data: %b\n\n" % msgspec.json.encode(event) for event in events]
    said.append(b"data: [DONE]\n\n")
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in said)
    lines = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
    return b"%b\r\n%b0\r\n\r\n" % (lines, chunks)


_WHOLE = _json(
    {
        "id": "chatcmpl-instant",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": TEXT},
                "finish_reason": "stop",
            }
        ],
        "usage": _USAGE,
    }
)
_STREAMED = _stream(counted=False)
_STREAMED_COUNTED = _stream(counted=True)
_EMBEDDINGS = _json(
    {
        "object": "list",
        "model": MODEL,
        "data": [{"object": "embedding", "index": 0, "embedding": [0.25] * _DIMENSIONS}],
        "usage": {"prompt_tokens": USAGE.input_tokens, "total_tokens": USAGE.input_tokens},
    }
)
_NOWHERE = _json({"error": {"message": "there is nothing here"}}, b"404 Not Found")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted; the first line on stdout is the base URL."""
    parser = argparse.ArgumentParser(
        prog="python -m ossay.models.instant_upstream", description=__doc__
    )
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args(arguments)
    uvloop.run(_serve(given.port))


async def _serve(port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with InstantUpstream(port) as upstream:
        sys.stdout.write(f"{upstream.base_url}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    main()
