"""What the wire costs, and our server beside llama.cpp's on the same real model.

    python bench/server.py [--rounds 5] [--requests 640]

The claims: at 32 streams on one core, at most 40 microseconds of CPU a streamed token and 1 ms a
request, beyond what the same model takes without a server.

The wire. `ossay serve MODEL` is pinned to core 0, the clients to core 1 (server_load.py). Counted
is the CPU time of the whole server process, user and system, all threads (psutil), from before the
first of so many requests to after the last. Two sizes of answer are measured, 1 word and 257; the
line through them splits the cost: its slope is a token's, what is left at 0 tokens a request's.
The same two sizes are asked of the same model without a server (server_bare.py, pinned to core 0),
and that line is taken off: scheduling, prompt, parser are the engine's cost, not the wire's. What
remains is HTTP, JSON, SSE, metrics, sockets, the system's share of sending included. Models that
answer at once: `played/echo` (the engine over its null backend, with harmony and parser) and
`scripted/echo` (no engine). Both repeat the question, so a long answer has a long question; reading
it is part of both lines.

Beside llama.cpp. smollm2-135m behind `ossay serve llamacpp/smollm2-135m` and behind llama.cpp's own
HTTP server (xllamacpp's), same file, slots, threads and context, in turns, each held still while
the other works. Tokens a second in all and seconds to the first text, at 1 and 8 streams. Medians.
Results: bench/results/server.json and .md.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

import claims
from ossay.campaign.environment import describe_environment
from ossay.core.settings import settings_from

HERE = Path(__file__).parent
OSSAY = Path(sys.executable).with_name("ossay")
STREAMS = 32
SHORT, LONG = 1, 257
WIRE = ("played/echo", "scripted/echo")
REAL = "smollm2-135m"
SLOTS, THREADS, CONTEXT = 8, 1, 2048
ANSWER = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=640, help="of each size, each round")
    given = parser.parse_args()
    wire = {
        model: [wire_cost(model, given.requests) for _ in range(given.rounds)] for model in WIRE
    }
    beside = beside_llama(given.rounds)
    report = {
        "command": f"python {shlex.join(sys.argv)}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_environment("none"),
        "wire": wire,
        "beside": beside,
        "targets": targets(wire),
    }
    place = HERE / "results"
    (place / "server.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    text = markdown(report)
    (place / "server.md").write_text(text, encoding="utf-8")
    print(text)


def echoed(words: int) -> dict[str, Any]:
    """The question that an echo answers with so many words."""
    said = " ".join(["word"] * words)
    return {"model": "echo", "messages": [{"role": "user", "content": said}]}


def wire_cost(model: str, requests: int) -> dict[str, float]:
    """One round: microseconds a token and a request, with the server and without."""
    bodies = [echoed(SHORT), echoed(LONG)]
    with served(model, core=0) as (port, pid):
        process = psutil.Process(pid)
        whole = [measured(process, port, body, requests) for body in bodies]
    given = {"model": model, "bodies": bodies, "streams": STREAMS, "requests": requests, "core": 0}
    bare = [(m["cpu"], sum(m["tokens"])) for m in child("server_bare.py", given)]
    token, request = line(whole, requests)
    token_bare, request_bare = line(bare, requests)
    return {
        "token_us": token - token_bare,
        "request_us": request - request_bare,
        "token_whole_us": token,
        "request_whole_us": request,
        "token_bare_us": token_bare,
        "request_bare_us": request_bare,
        "tokens_long": whole[1][1] / requests,
    }


def measured(
    process: psutil.Process, port: int, body: dict[str, Any], requests: int
) -> tuple[float, int]:
    """(CPU seconds of the server, tokens streamed), after a first run."""
    load(port, body, STREAMS, STREAMS, core=1)
    before = process.cpu_times()
    came = load(port, body, STREAMS, requests, core=1)
    after = process.cpu_times()
    cpu = after.user + after.system - before.user - before.system
    return cpu, sum(came["tokens"])


def line(measures: list[tuple[float, int]], requests: int) -> tuple[float, float]:
    """(microseconds a token, microseconds a request): the line through two measurements."""
    (cpu_short, tokens_short), (cpu_long, tokens_long) = measures
    token = (cpu_long - cpu_short) / (tokens_long - tokens_short)
    return token * 1e6, (cpu_short - token * tokens_short) / requests * 1e6


def beside_llama(rounds: int) -> dict[str, list[dict[str, float]]]:
    """Our server and llama.cpp's in turns: name and streams -> a result a round."""
    file = settings_from(os.environ, Path.cwd()).models / f"{REAL}.gguf"
    reference = f"llamacpp/{REAL}?slots={SLOTS}&threads={THREADS}&context={CONTEXT}"
    results: dict[str, list[dict[str, float]]] = {}
    with served(reference) as ours, llama(file) as theirs:
        servers = {"ossay": ours, "llama.cpp": theirs}
        for number in range(rounds + 1):  # the first warms up
            for streams in (1, SLOTS):
                for name, (port, _) in servers.items():
                    still = [p for n, (_, p) in servers.items() if n != name]
                    with stopped(still):
                        came = load(port, real_body(number), streams, 2 * streams)
                    if number:
                        results.setdefault(f"{name}, {streams}", []).append(
                            {
                                "tokens_s": sum(came["tokens"]) / came["seconds"],
                                "first_ms": statistics.median(came["first"]) * 1e3,
                            }
                        )
    return results


def real_body(number: int) -> dict[str, Any]:
    """A question that differs from round to round, so that nothing of it is cached."""
    said = f"Question {number}: tell a long story of a cat, a dog and a bear who travel far."
    return {
        "model": REAL,
        "messages": [{"role": "user", "content": said}],
        "max_tokens": ANSWER,
        "temperature": 0,
    }


def load(
    port: int, body: dict[str, Any], streams: int, requests: int, core: int | None = None
) -> dict[str, Any]:
    """Run the clients."""
    given = {"port": port, "body": body, "streams": streams, "requests": requests}
    return child("server_load.py", {**given, "core": core, "fresh": core is None})


def child(script: str, given: dict[str, Any]) -> Any:
    """Run a script of this folder and read what it prints."""
    command = [sys.executable, str(HERE / script), json.dumps(given)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


@contextmanager
def served(model: str, core: int | None = None) -> Iterator[tuple[int, int]]:
    """(port, pid) of `ossay serve`."""
    command = [str(OSSAY), "serve", model, "--port", "0", "--json"]
    if core is not None:
        command = ["taskset", "-c", str(core), *command]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = json.loads(process.stdout.readline())
            yield said["port"], said["pid"]
        finally:
            process.terminate()


@contextmanager
def llama(file: Path) -> Iterator[tuple[int, int]]:
    """(port, pid) of llama.cpp's server."""
    settings = [str(number) for number in (SLOTS, THREADS, CONTEXT)]
    command = [sys.executable, str(HERE / "server_llama.py"), str(file), *settings]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.stdin.close()


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """Hold processes still."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def targets(wire: dict[str, list[dict[str, float]]]) -> list[dict[str, Any]]:
    """The claims."""
    found = []
    for model, rounds in wire.items():
        for key, wanted, name in (
            ("token_us", 40, "microseconds a token"),
            ("request_us", 1000, "microseconds a request"),
        ):
            values = [each[key] for each in rounds]
            found.append(
                claims.target(
                    f"wire, {model}: {name}", statistics.median(values), values, wanted,
                    at_least=False,
                )
            )  # fmt: skip
    return found


def markdown(report: dict[str, Any]) -> str:
    """The report as text."""
    machine = ", ".join(f"{name} {value}" for name, value in report["machine"].items())
    lines = [
        f"CPU of one core at {STREAMS} streams, {report['date']}", "",
        f"`{report['command']}`", "", machine, "",
        "| model | | with the server | without | the wire |", "|---|---|---:|---:|---:|",
    ]  # fmt: skip
    for model, rounds in report["wire"].items():
        for what in ("token", "request"):
            keys = (f"{what}_whole_us", f"{what}_bare_us", f"{what}_us")
            cells = " | ".join(
                f"{statistics.median(each[key] for each in rounds):.1f}" for key in keys
            )
            lines.append(f"| {model} | us a {what} | {cells} |")
    lines += [
        "", f"{REAL}, {THREADS} thread(s), {SLOTS} slots, {ANSWER} tokens an answer", "",
        "| server, streams | tokens/s | ms to the first text |", "|---|---:|---:|",
    ]  # fmt: skip
    for name, rounds in report["beside"].items():
        speed = statistics.median(each["tokens_s"] for each in rounds)
        first = statistics.median(each["first_ms"] for each in rounds)
        lines.append(f"| {name} | {speed:.1f} | {first:.1f} |")
    return "\n".join([*lines, *claims.table(report["targets"]), ""])


if __name__ == "__main__":
    main()
