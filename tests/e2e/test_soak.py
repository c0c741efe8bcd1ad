"""10,000 requests of all kinds against one process: it stays as large as it was.

What is measured: resident memory (psutil: rss), open files and threads of the server's process,
each time once nothing is being answered any more. The first quarter warms up: caches fill, the
allocator finds its size. Responses are sent with store false: those that are stored are kept by
design, up to a bound that this many do not reach, and would hide what is lost.
"""

from __future__ import annotations

import asyncio
import json
import os
import random

import psutil
import pytest

REQUESTS = 10_000
ROUND = 500
WARM_UP = 5  # rounds
AT_ONCE = 32
# Threads that are started when they are first needed, and stay: asyncio's pool (the size that the
# standard library documents), two that compile grammars, the engine's one.
LATE_THREADS = min(32, (os.cpu_count() or 1) + 4) + 2 + 1

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
BAD = [b"", b"{", b"[]", b'{"model": 1}', b"\xff", b"[" * 1000, b'{"model": "no such model"}']


def question(rng, **fields):
    said = [{"role": "user", "content": "word " * rng.randint(1, 60)}]
    return json.dumps({"model": "caller", "messages": said, **fields}).encode()


def conversation(rng):
    """The turn after a tool call, as a client that kept nothing of the reasoning sends it."""
    call = {"id": "call_1", "type": "function"}
    call["function"] = {"name": "weather", "arguments": '{"city": "city"}'}
    said = [
        {"role": "user", "content": f"How warm is it in place {rng.randint(1, 50)}?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": f"{rng.randint(-9, 40)} degrees"},
    ]
    body = {"model": "caller", "messages": said, "tools": [TOOL], "stream": rng.random() < 0.5}
    return json.dumps(body).encode()


def response(rng):
    text = "word " * rng.randint(1, 60)
    body = {"model": "caller", "input": text, "store": False, "stream": rng.random() < 0.5}
    return json.dumps(body).encode()


async def one(served, rng):
    """One request; returns its status, 0 where the client left."""
    kind = rng.choices(
        ["whole", "stream", "tools", "turn", "response", "bad", "leaves"],
        [20, 20, 15, 10, 15, 10, 10],
    )[0]
    if kind == "whole":
        status, _ = await served.send(question(rng))
    elif kind == "stream":
        status, whole = await served.send(question(rng, stream=True))
        assert whole.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    elif kind == "tools":
        status, _ = await served.send(question(rng, tools=[TOOL], stream=rng.random() < 0.5))
    elif kind == "turn":
        status, _ = await served.send(conversation(rng))
    elif kind == "response":
        status, _ = await served.send(response(rng), path="/v1/responses")
    elif kind == "bad":
        status, _ = await served.send(rng.choice(BAD))
        assert status in (400, 404)
        return status
    else:
        body = question(rng, stream=True, tools=[TOOL] * (rng.random() < 0.5))
        return (await served.send(body, leave_after=rng.randint(1, 3000)))[0]
    assert status == 200
    return status


async def a_round(served, rng):
    places = asyncio.Semaphore(AT_ONCE)

    async def placed():
        async with places:
            await one(served, rng)

    await asyncio.gather(*(placed() for _ in range(ROUND)))


@pytest.mark.long
def test_ten_thousand_requests_leave_nothing_behind(serving, vocabulary_environ):
    rng = random.Random(10_000)
    sizes, files, threads = [], [], []
    with serving("played/caller?slots=16&context=4096", **vocabulary_environ) as served:
        process = psutil.Process(served.pid)
        idle_threads = process.num_threads()
        for _ in range(REQUESTS // ROUND):
            asyncio.run(a_round(served, rng))
            served.settle()
            sizes.append(process.memory_info().rss)
            files.append(process.num_fds())
            threads.append(process.num_threads())
        statuses = served.statuses()

    print([size >> 20 for size in sizes], files, idle_threads, threads, statuses)  # noqa: T201
    warm = slice(WARM_UP, None)
    assert max(sizes[warm]) <= 1.05 * sizes[WARM_UP - 1]
    assert max(files[warm]) <= files[WARM_UP - 1] + 1
    assert max(threads) <= idle_threads + LATE_THREADS
    assert not [status for status in statuses if status >= 500 or status == 429], statuses
    assert sum(statuses.values()) >= REQUESTS
