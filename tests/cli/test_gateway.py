"""`ossay gateway` as its own process: from nothing to a draft, a repair and a rejection."""

import hashlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

OSSAY = Path(sys.executable).with_name("ossay")
HASH = hashlib.sha256(b"osk-mine").hexdigest()
SMALL = '[routes.support]\ncheap = "scripted/drafter?wrong=0&slip=0"\nstrong = "scripted/expert"\n'


def environment(cwd, **more):
    keep = {"PATH": os.environ["PATH"], "HOME": str(cwd), "OSSAY_HOME": str(cwd / "data")}
    return {**keep, **more}


@contextmanager
def running(cwd, *args):
    """A gateway over gateway.toml, and what it said when it was ready."""
    command = [OSSAY, "gateway", "gateway.toml", "--port", "0", "--json", *args]
    with subprocess.Popen(
        command, cwd=cwd, env=environment(cwd),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            line = process.stdout.readline()
            yield process, json.loads(line) if line else process.stderr.read()
        finally:
            process.kill()


def post(url, question, **headers):
    """The answer's text, and what its headers say of the decision."""
    body = {"model": "support", "messages": [{"role": "user", "content": question}]}
    request = urllib.request.Request(
        f"{url}/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json", **headers},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        said = json.loads(response.read())
        return said["choices"][0]["message"]["content"], response.headers["x-ossay-ending"]


def told(cwd, *args):
    """What a command that ends by itself says."""
    done = subprocess.run(
        [OSSAY, *args], cwd=cwd, env=environment(cwd), capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    return done.stdout


def refused(cwd, *args):
    done = subprocess.run(
        [OSSAY, "gateway", *args], cwd=cwd, env=environment(cwd),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2, done
    assert done.stdout == ""
    return done.stderr


def gone(process):
    """Whether no process of that number is left but as a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def children(process):
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(one) for one in listed.split()]


def test_the_first_minute(tmp_path):
    said = told(tmp_path, "gateway", "--example")
    questions = shlex.split(re.search(r"for q in (.+); do", said)[1])
    with running(tmp_path) as (process, ready):
        assert ready["routes"] == ["support"]
        found = [post(ready["url"], question) for question in questions]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
    assert [ending for _, ending in found] == ["draft", "repair", "strong"]
    assert len({text for text, _ in found}) == 1  # all are right in the end
    shown = told(tmp_path, "log", "show", "decisions.db")
    assert re.findall(r"(approve|repair|reject) \d", shown) == ["approve", "repair", "reject"]
    assert "Whole: 3 rows" in told(tmp_path, "log", "verify", "decisions.db")


def test_the_commands_that_the_example_prints_are_there(tmp_path):
    said = told(tmp_path, "gateway", "--example", "mine.toml")
    assert "ossay gateway mine.toml" in said
    assert (tmp_path / "mine.toml").read_text().startswith("# A gateway")
    script = said[said.index("    for q in") : said.index("Then see")]
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0


def test_an_example_replaces_nothing(tmp_path):
    (tmp_path / "gateway.toml").write_text("mine")
    assert "stays as it is" in refused(tmp_path, "--example")
    assert (tmp_path / "gateway.toml").read_text() == "mine"


def test_a_key_that_was_just_made_opens(tmp_path):
    made = json.loads(told(tmp_path, "gateway", "--new-key", "team-a", "--json"))
    assert made["sha256"] == hashlib.sha256(made["key"].encode()).hexdigest()
    (tmp_path / "gateway.toml").write_text(f"{SMALL}\n{made['toml']}\n")
    with running(tmp_path, "--log-level", "debug") as (process, ready):
        with pytest.raises(urllib.error.HTTPError) as caught:
            post(ready["url"], "hello")
        assert caught.value.code == 401
        caught.value.close()
        assert post(ready["url"], "secret words", authorization=f"Bearer {made['key']}")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        log = process.stderr.read()
    assert "/v1/chat/completions 200" in log
    assert made["key"] not in log
    assert "secret words" not in log


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_without_keys_only_this_machine_is_served(tmp_path, host):
    (tmp_path / "gateway.toml").write_text(SMALL)
    assert "--new-key" in refused(tmp_path, "gateway.toml", "--host", host)


def test_processes_share_a_port_and_end_together(tmp_path):
    (tmp_path / "gateway.toml").write_text(SMALL)
    with running(tmp_path, "--workers", "2") as (process, ready):
        assert ready["workers"] == 2
        crew = children(process)
        assert len(crew) == 2
        for number in range(8):
            assert post(ready["url"], f"question {number}")[1] == "draft"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
    assert all(map(gone, crew))
    assert "Whole: 8 rows" in told(tmp_path, "log", "verify", "decisions.db")


def test_a_process_that_dies_is_replaced_and_none_outlives_the_parent(tmp_path):
    (tmp_path / "gateway.toml").write_text(SMALL)
    with running(tmp_path, "--workers", "2") as (process, ready):
        first, second = children(process)
        os.kill(first, signal.SIGKILL)
        assert f"process {first} was ended by signal 9" in process.stderr.readline()
        assert post(ready["url"], "still there")[1] == "draft"
        crew = {second, *children(process)} - {first}
        process.kill()
        process.wait(30)
        for one in crew:
            while not gone(one):
                os.sched_yield()


def test_a_port_that_is_taken(tmp_path):
    (tmp_path / "gateway.toml").write_text(SMALL)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for workers in ("1", "2"):
            said = refused(tmp_path, "gateway.toml", "--port", port, "--workers", workers)
            assert "--port" in said


def test_a_second_ctrl_c_does_not_wait(tmp_path):
    (tmp_path / "gateway.toml").write_text(SMALL)
    for workers in ("1", "2"):
        with running(tmp_path, "--workers", workers) as (process, ready):
            with socket.create_connection(("127.0.0.1", ready["port"])) as waiting:
                waiting.sendall(
                    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                    b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"
                )
                assert waiting.recv(100).startswith(b"HTTP/1.1 100")
                process.send_signal(signal.SIGINT)
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(0.5)
                process.send_signal(signal.SIGINT)
                assert process.wait(30) == 130
            assert "Traceback" not in process.stderr.read()


def test_a_log_that_is_none_is_said_once(tmp_path):
    (tmp_path / "gateway.toml").write_text(f'[gateway]\nlog = "notes.txt"\n{SMALL}')
    (tmp_path / "notes.txt").write_text("these are my notes, and no database at all\n" * 100)
    for workers in ("1", "2"):
        said = refused(tmp_path, "gateway.toml", "--workers", workers)
        assert said.count("notes.txt") == 1
        assert "Traceback" not in said
