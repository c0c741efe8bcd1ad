"""The harness beside Inspect AI and a bare aiohttp loop, on the same samples in the same run.

    python bench/harness.py [--rounds 3] [--samples 1000]

The claims: with a model that answers at once in process, at least 2,000 samples/s and 20 times
Inspect; with a local endpoint that answers at once, at least 5 times Inspect; with an endpoint that
always takes 100 ms and 32 calls in flight, a recorded p95 within 10 ms of what a bare aiohttp loop
sees. Ours writes its whole ledger meanwhile: run, call and transcript of each sample.

Each measurement is a fresh process; all take turns in every round, and medians are reported. The
endpoint is `ossay.models.mock_upstream` in processes of its own; each harness gets the form of
answer that it asks for, a stream in one write for us, one JSON object for Inspect. The newest
inspect-ai is installed from the package index into bench/out. Results: bench/results/harness.json.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import claims
from ossay.campaign.environment import describe_environment

HERE = Path(__file__).parent
THEIRS = HERE / "out" / "inspect-venv"
IN_FLIGHT = 100
PACED_IN_FLIGHT = 32
DELAY_S = 0.1

Measured = dict[str, list[dict[str, Any]]]  # measurement -> one result a round


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=1000)
    given = parser.parse_args()
    versions = install_inspect()
    measured = measure(given.rounds, str(given.samples))
    report = {
        "command": f"python {shlex.join(sys.argv)}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_environment("none") | versions,
        "samples": given.samples,
        "rounds": given.rounds,
        "rows": {name: summary(results, given.samples) for name, results in measured.items()},
        "targets": targets(measured, given.samples),
    }
    place = HERE / "results" / "harness.json"
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(markdown(report))


def install_inspect() -> dict[str, str]:
    """Make or upgrade the environment with the newest Inspect AI; return its versions."""
    python = THEIRS / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(THEIRS)], check=True)
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--upgrade", "inspect-ai", "openai"], check=True)
    code = "from importlib.metadata import version as v; print(v('inspect_ai'), v('openai'))"
    said = subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True)
    inspect, openai = said.stdout.split()
    return {"inspect_ai": inspect, "openai": openai}


def measure(rounds: int, samples: str) -> Measured:
    """Let all take turns, round by round."""
    with ExitStack() as stack:
        now, now_json = (stack.enter_context(upstream(f)) for f in ("instant", "not_streamed"))
        paced, paced_json = (
            stack.enter_context(upstream(f, DELAY_S)) for f in ("instant", "not_streamed")
        )
        flight, few = str(IN_FLIGHT), str(PACED_IN_FLIGHT)
        commands = {
            "a ours": ours("instant", samples, flight),
            "a inspect lean": inspect("instant", samples, "lean", flight),
            "a inspect default": inspect("instant", samples, "default", flight),
            "b ours": ours("endpoint", samples, flight, now),
            "b bare": bare(samples, flight, now),
            "b inspect lean": inspect("endpoint", samples, "lean", flight, now_json),
            "b inspect default": inspect("endpoint", samples, "default", flight, now_json),
            "c ours": ours("endpoint", samples, few, paced),
            "c bare": bare(samples, few, paced),
            "c inspect lean": inspect("endpoint", samples, "lean", few, paced_json),
        }
        measured: Measured = {name: [] for name in commands}
        for number in range(1, rounds + 1):
            for name, command in commands.items():
                print(f"round {number} of {rounds}: {name}", file=sys.stderr, flush=True)
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                measured[name].append(json.loads(done.stdout))
    return measured


def ours(*arguments: str) -> list[str]:
    return [sys.executable, str(HERE / "harness_ours.py"), *arguments]


def bare(*arguments: str) -> list[str]:
    return [sys.executable, str(HERE / "harness_bare.py"), *arguments]


def inspect(*arguments: str) -> list[str]:
    return [str(THEIRS / "bin" / "python"), str(HERE / "harness_inspect.py"), *arguments]


@contextmanager
def upstream(fault: str, delay_s: float = 0.0) -> Iterator[str]:
    """Run a mock upstream in a process of its own; give its base URL."""
    module = ["-m", "ossay.models.mock_upstream", "--fault", fault, "--delay", str(delay_s)]
    with subprocess.Popen([sys.executable, *module], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def summary(results: list[dict[str, Any]], samples: int) -> dict[str, float]:
    """Medians over the rounds."""
    median = statistics.median
    row = {
        "samples_per_s": median(samples / r["seconds"] for r in results),
        "seconds": median(r["seconds"] for r in results),
        "cpu_ms_per_sample": median(1e3 * r["cpu_s"] / samples for r in results),
        "p50_ms": median(percentile_ms(r, 50) for r in results),
        "p95_ms": median(percentile_ms(r, 95) for r in results),
    }
    if "log_mb" in results[0]:
        row["log_mb"] = median(r["log_mb"] for r in results)
    return {name: round(value, 4) for name, value in row.items()}


def percentile_ms(result: dict[str, Any], percent: int) -> float:
    """Nearest rank: the smallest latency that at least so many percent do not exceed."""
    ordered = sorted(result["latency_s"])
    return 1e3 * ordered[-(-len(ordered) * percent // 100) - 1]


def targets(measured: Measured, samples: int) -> list[dict[str, Any]]:
    """Each claim: what was wanted, the median over rounds, each round's value, whether it is met.

    Inspect counts with its faster setting of each round.
    """

    def times(case: str) -> list[float]:
        lean, default = measured[f"{case} inspect lean"], measured[f"{case} inspect default"]
        rounds = zip(measured[f"{case} ours"], lean, default, strict=True)
        return [min(b["seconds"], c["seconds"]) / a["seconds"] for a, b, c in rounds]

    rate = [samples / result["seconds"] for result in measured["a ours"]]
    pairs = zip(measured["c ours"], measured["c bare"], strict=True)
    off = [abs(percentile_ms(a, 95) - percentile_ms(b, 95)) for a, b in pairs]
    return [
        target("in process: samples/s", rate, 2000, at_least=True),
        target("in process: times Inspect", times("a"), 20, at_least=True),
        target("instant endpoint: times Inspect", times("b"), 5, at_least=True),
        target("100 ms endpoint: p95 off from bare aiohttp, ms", off, 10, at_least=False),
    ]


def target(claim: str, values: list[float], wanted: float, *, at_least: bool) -> dict[str, Any]:
    return claims.target(claim, statistics.median(values), values, wanted, at_least=at_least)


NAMES = {
    "a": "in-process model that answers at once",
    "b": f"local endpoint that answers at once, {IN_FLIGHT} in flight",
    "c": f"local endpoint that takes {DELAY_S * 1e3:g} ms, {PACED_IN_FLIGHT} in flight",
}


def markdown(report: dict[str, Any]) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in report["machine"].items())
    lines = [
        f"{report['samples']} samples, medians of {report['rounds']} rounds, {report['date']}",
        f"`{report['command']}`",
        f"{machine}",
        "",
        "| | harness | samples/s | CPU ms/sample | p50 ms | p95 ms | log MB |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, row in report["rows"].items():
        case, harness = name.split(" ", 1)
        log = f"{row['log_mb']:.2f}" if "log_mb" in row else "-"
        cells = [NAMES[case], harness, f"{row['samples_per_s']:,.0f}"]
        cells += [f"{row['cpu_ms_per_sample']:.2f}", f"{row['p50_ms']:.1f}", f"{row['p95_ms']:.1f}"]
        lines.append(f"| {' | '.join(cells)} | {log} |")
    return "\n".join([*lines, *claims.table(report["targets"])])


if __name__ == "__main__":
    main()
