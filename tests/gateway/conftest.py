"""Gateways over scripts on a real socket, in this process or in one of their own."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest

from ossay.core.decision import Decision
from ossay.core.errors import LedgerError
from ossay.core.types import Delta, Message, ModelCard, Reply, Timing, Usage
from ossay.gateway.app import App
from ossay.gateway.house import House, Lane
from ossay.gateway.keyring import Key, Keyring
from ossay.gateway.options import Options
from ossay.models.clock import SystemClock
from ossay.models.scripted import scripted
from ossay.models.scripted_faults import Faulty
from ossay.models.scripted_review import RIGHT, Validator
from ossay.router.breaker import Breaker
from ossay.router.route import Route
from ossay.router.router import Router
from ossay.router.stage import Upstream
from ossay.router.work import Parts
from ossay.server.connection import Connection
from ossay.server.serve import Server, bind

CHAT = "/v1/chat/completions"
PATIENCE_S = 30.0  # for what must happen at last; nothing is asserted about when


class Notes:
    """A log in memory; `down` says whether it fails."""

    def __init__(self):
        self.entries = []
        self.durable = []
        self.bodies = {}
        self.down = False

    async def append(self, entry, bodies, *, durable):
        if self.down:
            raise LedgerError("the disk is full")
        self.entries.append(entry)
        self.durable += [entry.id] if durable else []
        self.bodies.update(bodies)

    @property
    def decisions(self):
        return [entry for entry in self.entries if isinstance(entry, Decision)]


def lane(route=None, cheap=None, strong=None, validator=None, *, log=None, clock=None, **more):
    """A lane over scripts, right ones where none are given. `more` goes to Parts and Lane."""
    route = route or Route("support")
    clock = clock or SystemClock()
    cheap = cheap or Faulty(name="cheap", message=Message("assistant", RIGHT))
    strong = strong or Faulty(name="strong", message=Message("assistant", "Strongly."))
    of_lane = {name: more.pop(name) for name in ("embeddings",) if name in more}
    parts = Parts(
        route,
        upstream(cheap),
        [upstream(strong)],
        clock=clock,
        rng=random.Random(7),
        log=log,
        validator=upstream(validator or Validator()),
        **more,
    )
    return Lane(route.name, Router(parts), **of_lane)


def upstream(model):
    """A model behind a breaker of its own."""
    return Upstream(model, Breaker(SystemClock().monotonic))


class Held:
    """A model that says what the test hands it, when it does."""

    def __init__(self, name="held"):
        self.card = ModelCard(f"mine/{name}")
        self.running = 0
        self.left = 0
        self.asked = []
        self._says = asyncio.Queue()

    def say(self, text, *, end=False):
        """Say a piece; `end`: and nothing after it. An exception is raised."""
        if isinstance(text, Exception):
            self._says.put_nowait(text)
            return
        self._says.put_nowait(Delta(content=text))
        if end:
            message = Message("assistant", text)
            self._says.put_nowait(Delta(reply=Reply(message, Usage(1, 0, 1, 0), Timing(0.0, 0.0))))

    async def stream(self, request):
        self.asked.append(request)
        self.running += 1
        try:
            while True:
                said = await self._says.get()
                if isinstance(said, Exception):
                    raise said
                yield said
                if said.reply is not None:
                    return
        except (asyncio.CancelledError, GeneratorExit):
            self.left += 1
            raise
        finally:
            self.running -= 1

    async def aclose(self):
        """Nothing to give back."""


def key_of(name, text=None, **fields):
    """A key and its text."""
    return Key(name, sha256((text or name).encode()).hexdigest(), **fields)


class Answered(SimpleNamespace):
    """One HTTP answer."""

    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The error that it must hold, in OpenAI's shape."""
        error = self.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["message"]
        return error

    @property
    def data(self):
        """The data of each event; comments are left out."""
        events = self.body.decode().removesuffix("\n\n").split("\n\n")
        return [one.removeprefix("data: ") for one in events if not one.startswith(":")]

    @property
    def text(self):
        """What was said, streamed or whole."""
        if not self.headers["content-type"].startswith("text/event-stream"):
            return self.json()["choices"][0]["message"]["content"]
        chunks = [json.loads(data) for data in self.data if data != "[DONE]"]
        return "".join(
            choice["delta"].get("content") or ""
            for chunk in chunks
            for choice in chunk.get("choices", ())
        )


class Client:
    """Asks a gateway over sockets of its own."""

    def __init__(self, app, server, port):
        self.app = app
        self._writers = []
        self.house = app.house
        self.lane = next(iter(app.house.lanes.values())).router
        self.server = server
        self.port = port

    async def ask(self, path=CHAT, body=None, *, method=None, **headers):
        """One request on its own connection. `_` in a header's name is a '-'."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        lines = [f"{method or ('GET' if data is None else 'POST')} {path} HTTP/1.1"]
        sent = {"host": "localhost", "connection": "close"}
        if data is not None:
            sent |= {"content-type": "application/json", "content-length": str(len(data))}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines += [f"{name}: {value}" for name, value in sent.items() if value is not None]
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        return answered(await self.raw(head + (data or b"")))

    async def chat(self, text="What is it?", *, model="support", key=None, headers=None, **fields):
        """A chat request."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
        headers = dict(headers or {})
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        return await self.ask(CHAT, body, **headers)

    async def raw(self, data):
        """Send bytes and return all that comes back until the connection is closed."""
        reader, writer = await self.connect()
        async with asyncio.timeout(PATIENCE_S):
            writer.write(data)
            said = await reader.read()
        writer.close()
        return said

    async def status_of(self, path):
        """The status of a GET; None where nobody listens."""
        try:
            return (await self.ask(path)).status
        except ConnectionError:
            return None

    async def connect(self):
        """A connection, which is closed with the gateway."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers.append(writer)
        return reader, writer

    async def close(self):
        for writer in self._writers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def answered(data):
    """The answer in what a closed connection has said; all answers before it are refused."""
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        rest = unchunked(rest)
    return Answered(status=int(first.split()[1]), headers=headers, body=rest)


def unchunked(data):
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        if int(size, 16) == 0:
            return body
        body, data = body + data[: int(size, 16)], data[int(size, 16) + 2 :]
    raise AssertionError("a chunked body without an end")


def chat_request(text="What is it?", *headers, model="support", **fields):
    """The bytes of a chat request that leaves its connection open."""
    body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
    data = json.dumps(body).encode()
    lines = [
        f"POST {CHAT} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(data)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


@asynccontextmanager
async def gateway(*lanes, keys=(), default=None, drain_s=None, seen=None, head_s=30.0, **options):
    """A gateway on a real socket; yields a `Client`, drains at the end.

    `options` go to `Options`. The default route is the first lane's unless one is named; `seen` is
    what counts, see `House`. A test that drains it itself says in how many seconds.
    """
    lanes = lanes or (lane(),)
    house = House(
        {one.name: one for one in lanes},
        lanes[0].name if default is None else default,
        Keyring(keys, time.monotonic),
        Options(**options),
        rng=random.Random(0),
        seen=seen,
    )
    app = App(house)
    bound = bind("127.0.0.1", 0)
    started = asyncio.Event()
    quick = type("Quick", (Connection,), {"head_s": head_s})
    drain = 5.0 if drain_s is None else drain_s
    server = Server(app, bound, drain, started.set, connection=quick)
    client = Client(app, server, bound.getsockname()[1])
    run = _ticking if drain_s is not None else _standing
    async with run(server, bound, started):
        try:
            yield client
        finally:
            await client.close()
    await app.aclose()


@asynccontextmanager
async def _ticking(server, bound, started):
    """A server as it is."""
    task = asyncio.create_task(server.serve(sockets=[bound]))
    await started.wait()
    try:
        yield
    finally:
        if not server.should_exit:
            server.drain()
        await task


@asynccontextmanager
async def _standing(server, bound, started):
    """A server without its clock, which ticks ten times a second and ends between two ticks."""
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(sockets=[bound])
    try:
        yield
    finally:
        server.drain()
        await until(lambda: not server.server_state.connections)
        for one in server.servers:
            one.close()
            await one.wait_closed()
        bound.close()


OSSAY = Path(sys.executable).with_name("ossay")


class Process:
    """An `ossay gateway` that runs; `said` is what it said when it was ready."""

    def __init__(self, folder, process, said):
        self.folder = folder
        self.process = process
        self.said = said
        self.port = said["port"]

    def ask(self, method, path, body=None, **headers):
        """One request; `_` in a header's name is a '-'."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answered(status=response.status, headers=names, body=response.read())
        finally:
            connection.close()

    def chat(self, text="What is it?", *, model="support", headers=None, **fields):
        """A chat request."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
        return self.ask("POST", CHAT, body, **(headers or {}))

    def end(self, number=signal.SIGTERM):
        """Send a signal; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    @property
    def errors(self):
        """What it wrote to stderr so far."""
        return (self.folder / "stderr").read_text()


@contextmanager
def process(folder, text, *options, environ=None):
    """`ossay gateway` over a file with that text, in that folder; killed at the end if it runs."""
    (folder / "gateway.toml").write_text(text)
    command = [OSSAY, "gateway", "gateway.toml", "--port", "0", "--json", *options]
    environ = {**os.environ, **(environ or {})}
    with (folder / "stderr").open("wb") as errors:
        run = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=errors, env=environ
        )
        try:
            line = run.stdout.readline()
            assert line, (folder / "stderr").read_text()
            yield Process(folder, run, json.loads(line))
        finally:
            run.kill()
            run.wait(PATIENCE_S)
            run.stdout.close()


async def until(condition):
    """Let other tasks run until it holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.fixture(scope="session")
def house():
    """What tests of the gateway need, by name; `house.run` runs a coroutine."""
    return SimpleNamespace(
        CHAT=CHAT,
        Echo=lambda: scripted("echo"),
        Faulty=Faulty,
        Held=Held,
        Key=key_of,
        Notes=Notes,
        Route=Route,
        Validator=Validator,
        answered=answered,
        chat_request=chat_request,
        gateway=gateway,
        lane=lane,
        process=process,
        run=asyncio.run,
        until=until,
        upstream=upstream,
    )
