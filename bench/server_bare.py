"""The same model asked the same without a server: what answering costs before any wire.

    python server_bare.py '{"model": …, "body": {…}, "streams": 32, "requests": 320, "core": 0}'

The body is decoded once; then as many streams as given drain `Model.stream`, a new one as soon as
one ends. Prints JSON: the process's CPU seconds (all threads), and tokens.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

from ossay.core.settings import settings_from
from ossay.models.resolve import open_model
from ossay.server.chat import Chat


async def drain(model: Any, request: Any, streams: int, requests: int) -> list[int]:
    """Return the tokens of each answer."""
    left = iter(range(requests))
    tokens: list[int] = []

    async def stream() -> None:
        for _ in left:
            async for delta in model.stream(request):
                reply = delta.reply
            tokens.append(reply.usage.output_tokens)

    await asyncio.gather(*(stream() for _ in range(streams)))
    return tokens


async def measure(
    model: str, bodies: list[dict[str, Any]], streams: int, requests: int
) -> list[dict[str, Any]]:
    """Measure each body in turn, after a first run of it."""
    opened = open_model(model, settings=settings_from(os.environ, Path.cwd()), environ=os.environ)
    measured = []
    try:
        for body in bodies:
            request = Chat("").decode(json.dumps(body).encode()).request
            await drain(opened, request, streams, streams)
            began = time.process_time()
            tokens = await drain(opened, request, streams, requests)
            measured.append({"cpu": time.process_time() - began, "tokens": tokens})
    finally:
        await opened.aclose()
    return measured


def main() -> None:
    given = json.loads(sys.argv[1])
    os.sched_setaffinity(0, {given.pop("core")})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(measure(**given))))


if __name__ == "__main__":
    main()
