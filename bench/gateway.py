"""What the gateway costs: ours beside none, LiteLLM's proxy and Portkey's, on one core each.

    python bench/gateway.py [--rounds 5] [--seconds 3] [--soak 200000] [--work FOLDER]

One upstream that answers at once (`ossay.models.instant_upstream`, about 360 bytes) stands behind
all of them, and one load generator before them (gateway_load.py). A gateway is one process, pinned
to core 0; upstream and load generator share core 1. The question has about 1.3 kB. Measured in
turns, the others held still meanwhile, so that what the machine does besides falls on all alike;
medians of the rounds. "Added" is what a gateway's median has beyond the direct one's of the same
round.

| load | what |
|---|---|
| 1 in flight | requests a second, p50, p99 of whole answers |
| 16 in flight | the same |
| streams, 1 in flight | p50 until the first byte of the body |

Ours is `ossay gateway` with its decision log (SQLite, hash-chained), all detectors, without a log,
and with answers of high criticality, each of which waits for its row to be on the disk. LiteLLM and
Portkey keep no such log here. Both are installed by this script, into --work.

Result: bench/results/gateway.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import claims
import gateway_servers as servers
from gateway_servers import Running
from ossay.campaign.environment import describe_environment

HERE = Path(__file__).parent
GATEWAY_CORE, LOAD_CORE = 0, 1
MANY = 1 << 40
LOADS: dict[str, dict[str, Any]] = {
    "1": {"in_flight": 1},
    "16": {"in_flight": 16},
    "stream": {"in_flight": 1, "stream": True},
}
OURS, UNLOGGED, DURABLE = "ossay", "ossay, no log", "ossay, high criticality"
_SLICES = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load, each round")
    parser.add_argument("--soak", type=int, default=200_000, help="requests; 0 leaves it out")
    parser.add_argument("--work", type=Path, help="where to install the others; else a fresh one")
    parser.add_argument("--only-ours", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as fresh:
        work = (given.work or Path(fresh)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        report = measured(given, work)
    text = markdown(report)
    (HERE / "results" / "gateway.md").write_text(text, encoding="utf-8")
    print(text)


def measured(given: argparse.Namespace, work: Path) -> dict[str, Any]:
    with servers.upstream(LOAD_CORE) as up, ExitStack() as stack:
        starts = [start_s(work, up) for _ in range(given.rounds)]
        running, missing = everyone(stack, work, up, only_ours=given.only_ours)
        first = {one.name: one.ready_s for one in running}
        rounds = [one_round([up, *running], given.seconds) for _ in range(given.rounds)]
        memory = {one.name: one.rss_mb for one in running}
        with servers.stopped(running):
            soak = soaked(given.soak, work, up) if given.soak else []
    return {
        "command": command(given),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_environment("none"),
        "seconds": given.seconds,
        "starts": starts,
        "first": first,
        "rounds": rounds,
        "memory": memory,
        "missing": missing,
        "soak": soak,
    }


def command(given: argparse.Namespace) -> str:
    """As it was called, but for the place where the others are installed."""
    said = f"--rounds {given.rounds} --seconds {given.seconds:g} --soak {given.soak}"
    return f"python bench/gateway.py {said}{' --only-ours' if given.only_ours else ''}"


def everyone(
    stack: ExitStack, work: Path, up: Running, *, only_ours: bool
) -> tuple[list[Running], dict[str, str]]:
    """All gateways, running, and why others are not."""
    core = GATEWAY_CORE
    found = [
        stack.enter_context(servers.ours(name, work / folder, up, core, logged=logged, model=model))
        for name, folder, logged, model in (
            (OURS, "logged", True, "support"),
            (UNLOGGED, "unlogged", False, "support"),
            (DURABLE, "durable", True, "critical"),
        )
    ]
    missing = {}
    others: tuple[tuple[str, AbstractContextManager[Running]], ...] = (
        ("LiteLLM proxy", servers.litellm(work / "litellm", up, core)),
        ("Portkey gateway", servers.portkey(work / "portkey", up, core)),
    )
    for name, opening in () if only_ours else others:
        try:
            found.append(stack.enter_context(opening))
        except (SystemExit, OSError, subprocess.CalledProcessError) as error:
            told = getattr(error, "stderr", None) or str(error)
            missing[name] = " ".join(str(told).split())[-300:]
    return found, missing


def one_round(everybody: list[Running], seconds: float) -> dict[str, dict[str, Any]]:
    """Name -> load -> figures."""
    figures: dict[str, dict[str, Any]] = {}
    up = everybody[0]
    for one in everybody:
        with servers.stopped([other for other in everybody if other not in (one, up)]):
            load(one, {"in_flight": 16}, min(1.0, seconds))
            figures[one.name] = {name: load(one, what, seconds) for name, what in LOADS.items()}
    return figures


def load(
    one: Running, what: dict[str, Any], seconds: float | None, requests: int = MANY
) -> dict[str, Any]:
    """Run the load generator."""
    stream = what.get("stream", False)
    given = {
        "port": one.port,
        "core": LOAD_CORE,
        "body": one.body(**({"stream": True} if stream else {})),
        "headers": dict(one.headers),
        "in_flight": what["in_flight"],
        "requests": requests,
        "seconds": seconds,
        "wanted": "[DONE]" if stream else '"finish_reason"',
    }
    command = [sys.executable, str(HERE / "gateway_load.py"), json.dumps(given)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def start_s(work: Path, up: Running) -> float:
    """Seconds from the command to the first whole answer."""
    with servers.ours("start", work / "start", up, GATEWAY_CORE) as running:
        return running.ready_s


def soaked(requests: int, work: Path, up: Running) -> list[tuple[int, float, int]]:
    """(requests so far, MB resident, failures) of a fresh gateway, whole and streamed in turns."""
    found, failed = [], 0
    each = requests // _SLICES
    with servers.ours("soak", work / "soak", up, GATEWAY_CORE) as running:
        for number in range(_SLICES):
            what = {"in_flight": 16, "stream": number % 2 == 1}
            failed += load(running, what, None, each)["failed"]
            found.append(((number + 1) * each, running.rss_mb, failed))
    return found


def median(report: dict[str, Any], name: str, load: str, figure: str) -> float:
    return statistics.median(each[name][load][figure] for each in report["rounds"])


def added(report: dict[str, Any], name: str, load: str, figure: str) -> list[float]:
    """Milliseconds beyond the direct way, each round."""
    return [each[name][load][figure] - each["direct"][load][figure] for each in report["rounds"]]


def broken(report: dict[str, Any], name: str, load: str) -> bool:
    """Whether not one request of that load was answered well."""
    return all(
        each[name][load]["failed"] >= each[name][load]["requests"] for each in report["rounds"]
    )


def targets(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The claims."""
    throughput = [each[OURS]["16"]["per_s"] for each in report["rounds"]]
    soak = report["soak"]
    found = [
        of("requests/s at 16 in flight, log on", throughput, 5_000, at_least=True),
        of("added p50 at 1 in flight, ms", added(report, OURS, "1", "p50_ms"), 0.5),
        of(
            "first streamed byte, added p50, ms", added(report, OURS, "stream", "first_p50_ms"), 0.6
        ),
        of("start to the first answer, s", report["starts"], 1.0),
        of("resident memory after the rounds, MB", [report["memory"][OURS]], 80.0),
    ]
    if soak:
        warm, last = soak[1][1], max(mb for _, mb, _ in soak[1:])
        grown = (last / warm - 1.0) * 100.0
        found.append(
            of(f"memory growth, {soak[1][0]:,} to {soak[-1][0]:,} requests, %", [grown], 5.0)
        )
    return found


def of(claim: str, values: list[float], wanted: float, *, at_least: bool = False) -> dict[str, Any]:
    return claims.target(claim, statistics.median(values), values, wanted, at_least=at_least)


def markdown(report: dict[str, Any]) -> str:
    """The report as text."""
    machine = ", ".join(f"{name} {value}" for name, value in report["machine"].items())
    lines = [
        f"The gateway beside others, one core each, {report['date']}", "",
        f"`{report['command']}`", "", machine, "",
        f"{len(report['rounds'])} rounds of {report['seconds']:g} s a load; medians. What is added "
        "is beyond `direct` of the same round.", "",
        "| gateway | 1 in flight, req/s | added p50 ms | p99 ms | 16 in flight, req/s | p50 ms | "
        "p99 ms | first byte of a stream, added p50 ms | ready s | MB | failed |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    for name in report["rounds"][0]:
        failed = sum(f["failed"] for each in report["rounds"] for f in each[name].values())
        streams = f"{statistics.median(added(report, name, 'stream', 'first_p50_ms')):.2f}"
        cells = [
            f"{median(report, name, '1', 'per_s'):,.0f}",
            f"{statistics.median(added(report, name, '1', 'p50_ms')):.2f}",
            f"{median(report, name, '1', 'p99_ms'):.2f}",
            f"{median(report, name, '16', 'per_s'):,.0f}",
            f"{median(report, name, '16', 'p50_ms'):.2f}",
            f"{median(report, name, '16', 'p99_ms'):.2f}",
            "fails" if broken(report, name, "stream") else streams,
            f"{report['first'][name]:.1f}" if name in report["first"] else "–",
            f"{report['memory'][name]:.0f}" if name in report["memory"] else "–",
            str(failed),
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [f"| {name} | did not run: {why} |" for name, why in report["missing"].items()]
    for name in report["rounds"][0]:
        for load in filter(lambda load: broken(report, name, load), LOADS):
            example = report["rounds"][0][name][load]["example"]
            lines += ["", f"{name} answers each request of the load {load!r} with: `{example}`"]
    lines += claims.table(targets(report))
    if report["soak"]:
        lines += ["", "Resident memory of a fresh gateway, 16 in flight, whole and streamed in "
                  "turns:", "", "| requests | MB | failed |", "|---:|---:|---:|"]  # fmt: skip
        lines += [f"| {at:,} | {mb:.1f} | {failed} |" for at, mb, failed in report["soak"]]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
