"""A server as a process of its own: `serving` starts `ossay serve …` and looks at how it ends."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

OSSAY = Path(sys.executable).with_name("ossay")
PATIENCE_S = 60.0  # for things that must happen at last; nothing is asserted about when


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, str | None]:
        """The error that it must hold, in OpenAI's shape."""
        body = self.json()
        assert list(body) == ["error"]
        assert set(body["error"]) == {"message", "type", "param", "code"}
        assert body["error"]["message"]
        kinds = {"invalid_request_error", "rate_limit_error", "server_error"}
        assert body["error"]["type"] in kinds
        return body["error"]


@dataclass(frozen=True)
class Served:
    """A server that runs. `url` ends in /v1."""

    url: str
    port: int
    model: str
    pid: int
    log: Path

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request on a connection of its own; a body that is not bytes goes as JSON."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json", **(headers or {})}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    def chat(self, text: str = "hello", **fields: Any) -> Answer:
        """Ask one question."""
        messages = [{"role": "user", "content": text}]
        body = {"model": self.model, "messages": messages, **fields}
        return self.ask("POST", "/v1/chat/completions", body)

    async def send(
        self, body: bytes, *, path: str = "/v1/chat/completions", leave_after: int | None = None
    ) -> tuple[int, bytes]:
        """Send a body; returns the status and all that came.

        With `leave_after` the client closes the connection once it has read so many bytes (at
        most), and gets (0, b"").
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(
                f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
                + body
            )
            await writer.drain()
            if leave_after is not None:
                await reader.read(leave_after)
                return 0, b""
            whole = await reader.read()
            return int(whole[9:12]), whole
        finally:
            writer.close()

    def gauge(self, name: str) -> float:
        """A value of GET /metrics, summed over its labels; the server must know of it."""
        text = self.ask("GET", "/metrics").body.decode()
        assert f"# TYPE {name} " in text, f"there is no {name}"
        found = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
        return sum(map(float, found))

    def statuses(self) -> dict[int, float]:
        """How often each status was answered."""
        text = self.ask("GET", "/metrics").body.decode()
        found: dict[int, float] = {}
        for status, count in re.findall(
            r'^ossay_requests_total\{.*status="(\d+)".*\} (\S+)$', text, re.MULTILINE
        ):
            found[int(status)] = found.get(int(status), 0) + float(count)
        return found

    def settle(self) -> None:
        """Wait until nothing is being answered, by the server's account and the model's."""
        until = time.monotonic() + PATIENCE_S
        names = ("http_server_active_requests", "ossay_model_running", "ossay_model_waiting")
        while any(held := [self.gauge(name) for name in names]):
            assert time.monotonic() < until, f"{names} are still {held}"
            time.sleep(0.02)


@contextmanager
def start(model: str, *options: str, log_empty: bool = True, **environ: str) -> Iterator[Served]:
    """Serve while the context lasts; then it must end well and have nothing to complain of."""
    folder = Path(tempfile.mkdtemp(prefix="ossay-e2e-"))
    log = folder / "stderr"
    whole = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "OSSAY_HOME": str(folder / "data"),
        "PYTHONWARNINGS": "error",
        **environ,
    }
    command = [str(OSSAY), "serve", model, "--port", "0", "--json", *options]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=stderr, env=whole, cwd=folder, text=True
        )
    try:
        line = process.stdout.readline()
        assert line, f"{command} did not start:\n{log.read_text()}"
        said = json.loads(line)
        yield Served(said["url"], said["port"], said["model"], said["pid"], log)
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=PATIENCE_S)
        assert rest == ""
        assert process.returncode == 0, log.read_text()
        if log_empty:
            lines = log.read_text().splitlines()  # on a slow machine it says that it still loads
            assert [line for line in lines if not line.startswith("ossay: loading ")] == []
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def serving():
    """The context manager that serves a model: `with serving("scripted/echo") as served`."""
    return start


@pytest.fixture(scope="module")
def caller(request):
    """A server whose model calls tools and quotes its thoughts, see `scripted/caller`."""
    model = request.param
    played = model.startswith("played/")
    environ = request.getfixturevalue("vocabulary_environ") if played else {}
    with start(model, **environ) as served:
        yield served


@pytest.fixture
def client(caller):
    """OpenAI's own client of `caller`."""
    from openai import OpenAI

    with OpenAI(base_url=caller.url, api_key="any", max_retries=0) as client:
        yield client
