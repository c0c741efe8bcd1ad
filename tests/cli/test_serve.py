"""`ossay serve` as its own process: it says when it is ready, answers, drains and exits."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from ossay.cli.serve import acting
from ossay.cli.serve_load import load
from ossay.core.types import Message, ModelCard, Request, Tool
from ossay.models.scripted import Scripted

OSSAY = Path(sys.executable).with_name("ossay")
ASKED = {"model": "echo", "messages": [{"role": "user", "content": "say this again"}]}


def environment(cwd, **more):
    keep = {"PATH": os.environ["PATH"], "HOME": str(cwd), "OSSAY_HOME": str(cwd / "data")}
    return {**keep, **more}


@contextmanager
def serving(cwd, *args, **environ):
    """A server and what it said when it was ready."""
    command = [OSSAY, "serve", "scripted/echo", "--port", "0", "--json", *args]
    with subprocess.Popen(
        command, cwd=cwd, env=environment(cwd, **environ),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def post(url, body, **headers):
    data = json.dumps(body).encode()
    request = urllib.request.Request(
        f"{url}/chat/completions", data, {"content-type": "application/json", **headers}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.loads(response.read())


def wait_for(url, line):
    """Wait until a line is among the metrics."""
    while True:
        with urllib.request.urlopen(url.replace("/v1", "/metrics"), timeout=30) as response:
            if line in response.read().decode().splitlines():
                return


def refused(cwd, *args, **environ):
    done = subprocess.run(
        [OSSAY, "serve", *args], cwd=cwd, env=environment(cwd, **environ),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def test_it_answers_and_leaves_when_told(tmp_path):
    with serving(tmp_path, "--alias", "gpt-4o") as (process, ready):
        assert ready["model"] == "gpt-4o"
        assert ready["pid"] == process.pid
        answer = post(ready["url"], {**ASKED, "model": "gpt-4o"})
        assert answer["choices"][0]["message"]["content"] == "say this again"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""


def test_a_second_ctrl_c_does_not_wait(tmp_path):
    with serving(tmp_path) as (process, ready):
        with socket.create_connection(("127.0.0.1", ready["port"])) as waiting:
            head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5"
            waiting.sendall(head + b"\r\n\r\n{")
            wait_for(ready["url"], "http_server_active_requests 1.0")
            process.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
        assert "Traceback" not in process.stderr.read()


def test_keys_come_from_the_environment_and_reach_no_log(tmp_path):
    log = ("--log-level", "debug", "--keys-variable", "MINE")
    with serving(tmp_path, *log, MINE="open-sesame,other") as (process, ready):
        with pytest.raises(urllib.error.HTTPError) as caught:
            post(ready["url"], ASKED)
        assert caught.value.code == 401
        caught.value.close()
        assert post(ready["url"], ASKED, authorization="Bearer open-sesame")["choices"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        log_text = process.stderr.read()
    assert "/v1/chat/completions 200" in log_text
    assert "sesame" not in log_text
    assert "say this again" not in log_text


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_without_keys_only_this_machine_is_served(tmp_path, host):
    assert "OSSAY_API_KEYS" in refused(tmp_path, "scripted/echo", "--host", host)


def test_a_variable_without_keys(tmp_path):
    assert "'MINE'" in refused(tmp_path, "scripted/echo", "--keys-variable", "MINE")


def test_a_variable_with_commas_alone_opens_no_door(tmp_path):
    assert "'OSSAY_API_KEYS'" in refused(tmp_path, "scripted/echo", OSSAY_API_KEYS=" , ")


def test_a_model_that_plays_in_campaigns_only(tmp_path):
    assert "campaigns only" in refused(tmp_path, "scripted/nope", "--port", "0")


def test_a_model_that_speaks_what_is_played_in_campaigns_only(tmp_path, vocabulary_environ):
    for model in ("played/nope", "played/nope?slots=2"):
        said = refused(tmp_path, model, "--port", "0", **vocabulary_environ)
        assert "campaigns only" in said


def test_a_model_without_tools_acts_by_json():
    class Old(Scripted):
        def __init__(self):
            super().__init__([Message("assistant", '{"tool": "look", "arguments": {"at": 3}}')])
            self.card = ModelCard("scripted/old", dialect="json_action")

    look = Tool("look", "Looks.", {"type": "object", "properties": {"at": {"type": "integer"}}})
    request = Request((Message("user", "look at 3"),), tools=(look,))
    message = asyncio.run(acting(Old()).reply(request)).message
    assert [(call.name, call.arguments) for call in message.tool_calls] == [("look", '{"at": 3}')]
    other = Scripted(())
    assert acting(other) is other


# A model whose weights never come.
LOADING = """
import asyncio, sys, threading
from ossay.cli.serve_load import load
from ossay.models.scripted import Scripted

class Slow(Scripted):
    async def load(self):
        print("loading", flush=True)
        await asyncio.to_thread(threading.Event().wait)

try:
    with asyncio.Runner() as runner:
        runner.run(load(Slow(())))
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_ctrl_c_while_the_model_loads():
    with subprocess.Popen([sys.executable, "-c", LOADING], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"loading\n"
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
        finally:
            process.kill()


def test_a_model_that_loads_is_served_by_ordinary_threads():
    class Quick(Scripted):
        async def load(self):
            self.daemon = await asyncio.to_thread(lambda: threading.current_thread().daemon)

    async def run():
        model = Quick(())
        await load(model)
        return model.daemon, await asyncio.to_thread(lambda: threading.current_thread().daemon)

    assert asyncio.run(run()) == (True, False)


def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refused(tmp_path, "scripted/echo", "--port", port)
    assert port in said
    assert "--port" in said


def test_an_unknown_model(tmp_path):
    assert "nobody" in refused(tmp_path, "nobody/x", "--port", "0")
