"""A model that says what a test hands it, a server around it, and a client of a few lines."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from ossay.core.types import Completion, Delta, Message, ModelCard, Reply, Timing, Usage
from ossay.models.scripted import Scripted, scripted
from ossay.server.app import App
from ossay.server.house import House, Options


class Held:
    """Waits for the test: each delta, or error, that is put into `says` comes out of a stream."""

    def __init__(self, slots=32, **gauges):
        self.card = ModelCard(
            "mine/some/held-model?context=5", context_tokens=1000, details={"slots": str(slots)}
        )
        self.says = asyncio.Queue()
        self.requests = []
        self.running = 0
        self.closed = False
        self._gauges = gauges

    async def stream(self, request):
        self.requests.append(request)
        self.running += 1
        try:
            while True:
                said = await self.says.get()
                if isinstance(said, Exception):
                    raise said
                yield said
                if said.reply is not None:
                    return
        finally:
            self.running -= 1

    complete = stream

    def gauges(self):
        return {"running": self.running, **self._gauges}

    async def aclose(self):
        self.closed = True


def reply_of(content="", *, reasoning="", calls=(), finish="stop", usage=None):
    usage = usage or Usage(10, 4, 7, 3)
    message = Message("assistant", content, reasoning=reasoning, tool_calls=calls)
    return Reply(message, usage, Timing(0.0, 0.0), finish=finish)


def build(model, **options):
    """An app over a model; its ids and times are always the same."""
    house = House(model, Options(**options), rng=random.Random(0), now=lambda: 1_700_000_000.0)
    return App(house)


class Answered(SimpleNamespace):
    def json(self):
        return json.loads(self.body)

    def events(self):
        """The data of each event; every event is well-formed."""
        assert self.body.endswith(b"\n\n")
        lines = self.body.decode().removesuffix("\n\n").split("\n\n")
        assert all(line.startswith("data: ") for line in lines), lines
        return [line.removeprefix("data: ") for line in lines]

    def chunks(self):
        return [json.loads(event) for event in self.events() if event != "[DONE]"]


async def ask(app, path, body=None, *, method=None, headers=(), content_type="application/json"):
    """Ask an app without any socket. `body` is bytes, a list of bytes, or what becomes JSON."""
    if body is not None and not isinstance(body, bytes | list):
        body = json.dumps(body).encode()
    parts = body if isinstance(body, list) else [body or b""]
    events = [
        {"type": "http.request", "body": part, "more_body": at + 1 < len(parts)}
        for at, part in enumerate(parts)
    ]
    sent = []

    async def receive():
        if events:
            return events.pop(0)
        return await asyncio.get_running_loop().create_future()

    async def send(message):
        sent.append(message)

    kind = [(b"content-type", content_type.encode())] if content_type and body is not None else []
    scope = {
        "type": "http",
        "method": method or ("GET" if body is None else "POST"),
        "path": path,
        "headers": [*kind, *((n.encode(), v.encode()) for n, v in headers)],
        "root_path": "",
        "query_string": b"",
    }
    await app(scope, receive, send)
    assert sent[0]["type"] == "http.response.start"
    assert not sent[-1].get("more_body", False)
    return Answered(
        status=sent[0]["status"],
        headers={name.decode(): value.decode() for name, value in sent[0]["headers"]},
        body=b"".join(message["body"] for message in sent[1:]),
    )


@asynccontextmanager
async def listening(app, drain_s=5.0):
    """The app on a real socket; yields its server and port, drains at the end."""
    from ossay.server.serve import Server, bind

    bound = bind("127.0.0.1", 0)
    started = asyncio.Event()
    server = Server(app, bound, drain_s, started.set)
    port = bound.getsockname()[1]
    task = asyncio.create_task(server.serve(sockets=[bound]))
    await started.wait()
    try:
        yield server, port
    finally:
        if not server.should_exit:
            server.drain()
        await task


def http_request(path, body, *headers):
    data = json.dumps(body).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(data)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


@pytest.fixture
def server():
    """What tests of the server need, by name."""
    return SimpleNamespace(
        Held=Held,
        Scripted=Scripted,
        scripted=scripted,
        Options=Options,
        Completion=Completion,
        Delta=Delta,
        ask=ask,
        build=build,
        reply_of=reply_of,
        listening=listening,
        http_request=http_request,
    )


@pytest.fixture
def until():
    """until(condition): let other tasks run until it holds."""

    async def wait(condition):
        for _ in range(5000):
            if condition():
                return
            await asyncio.sleep(0.001)
        raise AssertionError("it never came to hold")

    return wait
