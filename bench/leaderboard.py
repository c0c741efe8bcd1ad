"""How long a leaderboard takes: 25 models x 500 items, all 300 pairs, into results/leaderboard.md.

`python bench/leaderboard.py FILE.csv` takes the SWE-bench bash-only records, or any of that form;
without a file it makes up results of that size. Under a minute.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ossay.compare.board import rank_models
from ossay.compare.pair import compare_models
from ossay.compare.selection import models_in
from ossay.core.results import Records, Result, Source
from ossay.records.read import read_records
from ossay.stats.many import all_pairs

RESULTS = Path(__file__).parent / "results" / "leaderboard.md"
OSSAY = Path(sys.executable).with_name("ossay")
MODELS, ITEMS = 25, 500
TIMES = 5  # of which the median is told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", help="records of 25 models on 500 items")
    file = parser.parse_args().file
    records = made_up() if file is None else read_records(file)
    rows = [
        f"| {what} | {seconds(task):.2f} |"
        for what, task in (*ours(records), *(() if file is None else command(file)))
    ]
    source = "made-up results" if file is None else file.name
    lines = [
        f"Leaderboard, {datetime.now(UTC):%Y-%m-%d}: `python bench/leaderboard.py"
        f"{'' if file is None else ' FILE'}`, {source}, {len(models_in(records))} models, "
        f"{len(records.results):,} results; numpy {version('numpy')}, "
        f"python {platform.python_version()}, {platform.machine()}, "
        f"{len(os.sched_getaffinity(0))} cores. Median of {TIMES}.",
        "",
        "| what | seconds |",
        "|---|---:|",
        *rows,
    ]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def ours(records: Records) -> list[tuple[str, Callable[[], object]]]:
    """What the library takes, with the records in memory."""
    a, b = models_in(records)[:2]
    family = all_pairs("all-pairs", models_in(records))

    def board(metric: str) -> Callable[[], object]:
        return lambda: rank_models(records, metric=metric, rng=np.random.default_rng(1))

    def pair(metric: str) -> Callable[[], object]:
        return lambda: compare_models(
            records, a, b, metric=metric, family=family, rng=np.random.default_rng(1)
        )

    return [
        ("board of 0/1 results: McNemar, Holm over all pairs, rank intervals", board("score")),
        ("board of costs: 60,000 sign flips of every pair, Holm", board("cost_usd")),
        ("one pair of 0/1 results in the family of all pairs", pair("score")),
        ("one pair of costs in the family of all pairs", pair("cost_usd")),
    ]


def command(file: Path) -> list[tuple[str, Callable[[], object]]]:
    """What a user waits for, from the file to the table."""

    def ossay(*words: str) -> Callable[[], object]:
        line = [str(OSSAY), *words, "--records", str(file)]
        return lambda: subprocess.run(line, check=True, stdout=subprocess.DEVNULL)

    a, b = models_in(read_records(file))[:2]
    return [
        ("`ossay leaderboard --records FILE`", ossay("leaderboard")),
        ("`ossay compare A B --records FILE`", ossay("compare", a, b)),
    ]


def seconds(task: Callable[[], object]) -> float:
    """The median time of a task, after a first run that isn't counted."""
    task()
    taken = []
    for _ in range(TIMES):
        start = time.perf_counter()
        task()
        taken.append(time.perf_counter() - start)
    return sorted(taken)[TIMES // 2]


def made_up() -> Records:
    """Models of rising skill on items of different difficulty, with costs."""
    rng = np.random.default_rng(1)
    skill, hard = rng.normal(0, 1, MODELS), rng.normal(0, 1.5, ITEMS)
    chance = 1 / (1 + np.exp(-(skill[:, None] - hard)))
    right = rng.random((MODELS, ITEMS)) < chance
    cost = rng.gamma(2, 0.1, (MODELS, ITEMS)) * np.exp(skill)[:, None]
    results = tuple(
        Result(
            f"model-{model}",
            f"item-{item}",
            float(right[model, item]),
            cost_usd=float(cost[model, item]),
            source="made-up",
        )
        for model in range(MODELS)
        for item in range(ITEMS)
    )
    return Records((Source("made-up", "csv"),), results)


if __name__ == "__main__":
    main()
