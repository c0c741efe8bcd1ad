"""Clients of a chat server, in a process of their own: streams questions, prints what came.

    python server_load.py '{"port": …, "body": {…}, "streams": 32, "requests": 320, "core": 1}'

Each stream asks again as soon as it has its answer, on the same connection or, with "fresh": true,
on a new one (llama.cpp's server closes a connection after a stream). Prints JSON:
seconds in all, and for each request the seconds to its first text and its tokens by the server's
own count. Speaks HTTP by hand, so that it takes little of the machine it shares.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from typing import Any

import uvloop

_TOKENS = re.compile(rb'"completion_tokens":\s*(\d+)')
_TEXT = re.compile(rb'"content":\s*"[^"]|"reasoning_content":\s*"[^"]')
_END = b"data: [DONE]"


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[float, int]:
    """Send one request; returns (seconds to the first text, tokens)."""
    began = time.perf_counter()
    writer.write(request)
    said = b""
    first = None
    while _END not in said[-200:]:
        part = await reader.read(1 << 16)
        if not part:
            raise ConnectionError(f"the stream was cut: {said[-500:]!r}")
        said += part
        if first is None and _TEXT.search(said):
            first = time.perf_counter() - began
    while not said.endswith(b"\r\n0\r\n\r\n"):
        said += await reader.read(1 << 16)
    counts = _TOKENS.findall(said)
    if not said.startswith(b"HTTP/1.1 200") or not counts or first is None:
        raise RuntimeError(f"not an answer: {said[:500]!r}")
    return first, int(counts[-1])


async def load(
    port: int, body: dict[str, Any], streams: int, requests: int, *, fresh: bool
) -> dict[str, Any]:
    """Ask `requests` questions, `streams` at once."""
    data = json.dumps({**body, "stream": True, "stream_options": {"include_usage": True}}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    request = head.encode() + data
    left = iter(range(requests))
    came: list[tuple[float, int]] = []

    async def stream() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for _ in left:
                came.append(await ask(reader, writer, request))
                if fresh:
                    writer.close()
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
        finally:
            writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(stream() for _ in range(streams)))
    return {
        "seconds": time.perf_counter() - began,
        "first": [first for first, _ in came],
        "tokens": [tokens for _, tokens in came],
    }


def main() -> None:
    given = json.loads(sys.argv[1])
    if (core := given.pop("core", None)) is not None:
        os.sched_setaffinity(0, {core})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(load(**given))))


if __name__ == "__main__":
    main()
