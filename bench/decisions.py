"""What a row of the decision log costs where ids follow time, and where they are random.

    python bench/decisions.py [--rows 100000]

Rows are appended 200 a commit to a SQLite log, as a gateway's writer does at some 4,000 requests a
second, by one thread on one core, the two kinds in turns into logs of their own. Processor time a
row, for each fifth of the rows: what grows with the log shows. Into results/decisions.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from ossay.core.decision import Called, Decision, entry_id
from ossay.core.types import Usage
from ossay.store.address import parse_address
from ossay.store.decisions_append import Addition, Append
from ossay.store.decisions_engine import open_log_engine
from ossay.store.engine import writing

RESULTS = Path(__file__).parent / "results" / "decisions.md"
_A_COMMIT = 200
_SLICES = 5
_PER_S = 4_000.0

Ids = Callable[[float, random.Random], str]
KINDS: dict[str, Ids] = {
    "time first": entry_id,
    "random": lambda at, rng: f"{rng.getrandbits(128):032x}",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    costs = measured(rows // _SLICES)
    lines = [
        f"The decision log, {datetime.now(UTC):%Y-%m-%d}: `python bench/decisions.py "
        f"--rows {rows}`; sqlite {sqlite3.sqlite_version}, python {platform.python_version()}, "
        f"{platform.machine()}, one core. Microseconds of processor a row, with its commit.",
        "",
        "| ids | " + " | ".join(f"to row {rows // _SLICES * (n + 1):,}" for n in range(_SLICES)),
        "|---|" + "---:|" * _SLICES,
        *(
            f"| {name} | " + " | ".join(f"{one * 1e6:.1f}" for one in each) + " |"
            for name, each in costs.items()
        ),
    ]
    lines[2] += " |"
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def measured(rows: int) -> dict[str, list[float]]:
    """Kind of ids -> seconds of processor time a row, for each slice of so many rows."""
    costs: dict[str, list[float]] = {name: [] for name in KINDS}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        logs: dict[str, Connection] = {}
        for number, name in enumerate(KINDS):
            engine = open_log_engine(parse_address(str(folder / f"{number}.db")), create=True)
            stack.callback(engine.dispose)
            logs[name] = stack.enter_context(engine.connect())
        for part in range(_SLICES):
            for name, ids in KINDS.items():
                made = [decision(part * rows + n, ids) for n in range(rows)]
                costs[name].append(appended(logs[name], made) / rows)
    return costs


def appended(connection: Connection, decisions: list[Decision]) -> float:
    """Seconds of processor time to append them."""
    append = Append()
    began = time.process_time()
    for start in range(0, len(decisions), _A_COMMIT):
        part = decisions[start : start + _A_COMMIT]
        ready = [append.prepare(Addition(one, {})) for one in part]
        with writing(connection) as transaction:
            append.apply(transaction, ready)
    return time.process_time() - began


def decision(number: int, ids: Ids) -> Decision:
    rng, at = random.Random(number), 1.8e9 + number / _PER_S
    hashes = [f"{rng.getrandbits(256):064x}" for _ in range(3)]
    call = Called("draft", "groq/small", "answered", usage=Usage(300, None, 20), cost_usd=1e-5)
    return Decision(
        id=ids(at, rng), at=at, route="support", criticality="low", declared="low",
        declared_by="route", plan="cheap", plan_why="low criticality", ending="draft",
        request_hash=hashes[0], key="team", draft_hash=hashes[1], answer_hash=hashes[2],
        model="small", calls=(call,), cost_usd=1e-5, seconds=0.3,
    )  # fmt: skip


if __name__ == "__main__":
    main()
