"""What `gateway.py` measures: each gateway in a process of its own, on one core, one upstream.

Ours is `ossay gateway` as it is installed. LiteLLM's proxy is installed from PyPI into an
environment of its own, Portkey's gateway from npm; both are told of the same upstream, and to do
without keys, telemetry and logs as far as they can be.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent.resolve()
HOST = "127.0.0.1"
OSSAY = Path(sys.executable).with_name("ossay")
CHAT = "/v1/chat/completions"
BODY = {
    "model": "support",
    "messages": [
        {"role": "system", "content": "You answer customers of a bookshop. " * 16},
        {"role": "user", "content": "Where is the parcel that I ordered on Monday? " * 14},
    ],
    "temperature": 0.5,
}
_READY_S = 120.0

GATEWAY = """\
[gateway]
port = 0
workers = 1
log = "decisions.db"
default = "support"
detectors = ["side_effects", "money", "legal", "security", "production", "steering"]
[routes.support]
cheap = "instant/instant"
strong = ["instant/instant"]
[routes.critical]
cheap = "instant/instant"
strong = ["instant/instant"]
criticality = "high"
plans = { low = "cheap", medium = "cheap", high = "strong" }
"""
PROVIDERS = """\
[providers.instant]
base_url = "{base_url}"
"""
LITELLM = """\
model_list:
  - model_name: support
    litellm_params: {{model: openai/instant, api_base: "{base_url}", api_key: none}}
litellm_settings: {{telemetry: false}}
"""


@dataclass
class Running:
    """A server that answers: where, how it is asked, how long it took to start."""

    name: str
    port: int
    pid: int
    ready_s: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    model: str = "support"

    def body(self, **more: object) -> dict[str, object]:
        """The question as it is put to this one."""
        return {**BODY, "model": self.model, **more}

    @property
    def rss_mb(self) -> float:
        """Resident memory of the process and its children, in MB (10**6 bytes)."""
        return sum(_rss(pid) for pid in [self.pid, *_children(self.pid)]) / 1e6


@contextmanager
def upstream(core: int) -> Iterator[Running]:
    """The instant upstream that ships in the package."""
    command = [sys.executable, "-m", "ossay.models.instant_upstream"]
    with _process("direct", command, core, Path.cwd(), {}) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        yield Running("direct", int(url.rpartition(":")[2].partition("/")[0]), process.pid)


@contextmanager
def ours(
    name: str, folder: Path, up: Running, core: int, *, logged: bool = True, model: str = "support"
) -> Iterator[Running]:
    """`ossay gateway`, or the same without its log."""
    folder.mkdir(exist_ok=True)
    (folder / "gateway.toml").write_text(GATEWAY)
    for left in folder.glob("decisions.db*"):  # each begins with an empty log
        left.unlink()
    (folder / "ossay.toml").write_text(PROVIDERS.format(base_url=_url(up)))
    command = [str(OSSAY), "gateway", "gateway.toml", "--json"]
    if not logged:
        command = [sys.executable, str(HERE / "gateway_unlogged.py"), _url(up)]
    began = time.perf_counter()
    with _process(name, command, core, folder, {"OSSAY_CONFIG": "ossay.toml"}) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"{name} did not start: {(folder / 'err.txt').read_text()[-2000:]}")
        running = Running(name, json.loads(line)["port"], process.pid, model=model)
        _ready(running, began)
        yield running


@contextmanager
def litellm(folder: Path, up: Running, core: int) -> Iterator[Running]:
    """LiteLLM's proxy, one worker."""
    folder.mkdir(exist_ok=True)
    place = folder / "venv"
    if not (place / "bin" / "litellm").exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        pip = [str(place / "bin" / "pip"), "install", "--quiet", "litellm[proxy]"]
        subprocess.run(pip, check=True, capture_output=True, text=True)
    (folder / "config.yaml").write_text(LITELLM.format(base_url=_url(up)))
    port = _free_port()
    command = [str(place / "bin" / "litellm"), "--config", "config.yaml", "--host", HOST]
    environ = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    shown = f"LiteLLM proxy {_version(place)}"
    began = time.perf_counter()
    command += ["--port", str(port), "--num_workers", "1"]
    with _process(shown, command, core, folder, environ) as process:
        running = Running(shown, port, process.pid)
        _ready(running, began)
        yield running


@contextmanager
def portkey(folder: Path, up: Running, core: int) -> Iterator[Running]:
    """Portkey's open gateway."""
    folder.mkdir(exist_ok=True)
    package = folder / "node_modules" / "@portkey-ai" / "gateway"
    if not package.exists():
        (folder / "package.json").write_text("{}")
        npm = ["npm", "install", "--silent", "@portkey-ai/gateway"]
        subprocess.run(npm, cwd=folder, check=True, capture_output=True, text=True)
    version = json.loads((package / "package.json").read_text())["version"]
    port = _free_port()
    command = ["node", str(package / "build" / "start-server.js"), f"--port={port}", "--headless"]
    headers = {
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": _url(up),
        "authorization": "Bearer none",
    }
    shown = f"Portkey gateway {version}"
    began = time.perf_counter()
    with _process(shown, command, core, folder, {}) as process:
        running = Running(shown, port, process.pid, headers=headers)
        _ready(running, began)
        yield running


@contextmanager
def stopped(others: list[Running]) -> Iterator[None]:
    """Hold processes, and their children, still."""
    pids = [pid for one in others for pid in (one.pid, *_children(one.pid))]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def _process(
    name: str, command: list[str], core: int, folder: Path, environ: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    errors = folder / "err.txt" if folder != Path.cwd() else Path(os.devnull)
    with (
        errors.open("w") as err,
        subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            cwd=folder,
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if "litellm" not in name.lower() else err,
            stderr=err,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _ready(running: Running, began: float) -> None:
    """Wait for a first whole answer."""
    while True:
        try:
            ask(running)
        except (OSError, urllib.error.URLError) as error:
            if time.perf_counter() - began > _READY_S:
                raise SystemExit(f"{running.name} does not answer: {error}") from error
            time.sleep(0.01)
        else:
            running.ready_s = time.perf_counter() - began
            return


def ask(running: Running) -> bytes:
    """One chat."""
    headers = {"content-type": "application/json", **running.headers}
    body = json.dumps(running.body()).encode()
    url = f"http://{HOST}:{running.port}{CHAT}"
    request = urllib.request.Request(url, data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=30.0) as answer:
        said: bytes = answer.read()
        return said


def _url(up: Running) -> str:
    return f"http://{HOST}:{up.port}/v1"


def _version(place: Path) -> str:
    python = str(place / "bin" / "python")
    code = "from importlib.metadata import version; print(version('litellm'))"
    return subprocess.run(
        [python, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        return int(taken.getsockname()[1])


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *_children(int(child))]
    return found


def _rss(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
