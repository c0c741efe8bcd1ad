"""A load generator for chat endpoints, in a process of its own.

    python gateway_load.py '{"port": 9000, "body": {…}, "in_flight": 16, "requests": 20000}'

Each of so many connections asks again as soon as it has its whole answer. Prints JSON: requests a
second, p50 and p99 of the whole answer, p50 and p99 of the first byte of the body (milliseconds),
failures. One asyncio.Protocol a connection, HTTP read by httptools: it has to cost less than what
it measures.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from typing import Any

import httptools
import uvloop

HOST = "127.0.0.1"


class Load:
    """What was asked and what came."""

    def __init__(self, given: dict[str, Any]) -> None:
        body = json.dumps(given["body"]).encode()
        key = given.get("key")
        extra = f"Authorization: Bearer {key}\r\n" if key else ""
        extra += "".join(f"{n}: {v}\r\n" for n, v in given.get("headers", {}).items())
        self.request = (
            f"POST {given.get('path', '/v1/chat/completions')} HTTP/1.1\r\nHost: {HOST}\r\n"
            f"Content-Type: application/json\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        self.left = given["requests"]
        self.running = 0
        self.whole: list[float] = []
        self.first: list[float] = []
        self.failed = 0
        self.example = ""
        self.until = given.get("seconds")
        self.wanted = given.get("wanted", "").encode()
        self.done = asyncio.get_running_loop().create_future()


class Client(asyncio.Protocol):
    """One connection; asyncio and httptools call its methods."""

    # ruff: noqa: D102

    def __init__(self, load: Load) -> None:
        self.load = load
        self.parser = httptools.HttpResponseParser(self)
        self.asking = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.load.running += 1
        self.ask()

    def ask(self) -> None:
        load = self.load
        if load.until is not None and time.perf_counter() > load.until:
            load.left = 0
        if load.left <= 0:
            self.stop()
            return
        load.left -= 1
        self.first = 0.0
        self.body: list[bytes] = []
        self.asking = True
        self.began = time.perf_counter()
        self.transport.write(load.request)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        if not self.first:
            self.first = time.perf_counter() - self.began
        self.body.append(body)

    def on_message_complete(self) -> None:
        load = self.load
        load.whole.append(time.perf_counter() - self.began)
        load.first.append(self.first)
        said = b"".join(self.body)
        if self.parser.get_status_code() != 200 or load.wanted not in said:
            load.failed += 1
            load.example = said[:300].decode("utf-8", "replace")
        self.asking = False
        if self.parser.should_keep_alive():
            self.parser = httptools.HttpResponseParser(self)
            self.ask()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        load = self.load
        if self.asking:
            load.failed += 1
            load.example = load.example or f"the connection was closed: {error}"
        load.running -= 1
        if load.left > 0 and not load.done.done() and load.failed < 1000:
            again = load.loop.create_connection(lambda: Client(load), HOST, load.port)
            load.again = load.loop.create_task(again)
        elif not load.running and not load.done.done():
            load.done.set_result(None)

    def stop(self) -> None:
        self.transport.close()


async def measure(given: dict[str, Any]) -> dict[str, Any]:
    load = Load(given)
    loop = asyncio.get_running_loop()
    load.loop, load.port = loop, given["port"]
    began = time.perf_counter()
    if load.until is not None:
        load.until += began
    for _ in range(given["in_flight"]):
        await loop.create_connection(lambda: Client(load), HOST, given["port"])
    async with asyncio.timeout(given.get("most_s", 500)):
        await load.done
    seconds = time.perf_counter() - began
    return {
        "requests": len(load.whole),
        "per_s": len(load.whole) / seconds,
        "p50_ms": at(load.whole, 0.5),
        "p99_ms": at(load.whole, 0.99),
        "first_p50_ms": at(load.first, 0.5),
        "first_p99_ms": at(load.first, 0.99),
        "failed": load.failed,
        "example": load.example,
    }


def at(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3 if ordered else 0.0


def main() -> None:
    given = json.loads(sys.argv[1])
    if given.get("core") is not None:
        os.sched_setaffinity(0, {given["core"]})
    gc.disable()
    print(json.dumps(uvloop.run(measure(given))))


if __name__ == "__main__":
    main()
