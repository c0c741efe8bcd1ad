"""Does the promise hold? Random splits of real routing data, and simulated streams.

    python bench/calibration.py [--set llmrouter]

Each of 400 splits trains a gate on 40 % of the rows, calibrates on a quarter of the rest, and
counts on the whole rest what the thresholds really let escape. Writes results/calibration.md, or
calibration-llmrouter.md; each takes about 20 minutes of one core. Nothing was ever chosen on the
second set.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

import calibration_streams
from ossay.core.graded import Graded
from ossay.records.graded import read_graded
from ossay.router.calibrate import Aim, graph_of
from ossay.router.costs import Prices
from ossay.router.gate import Texts, chances, fit_gate, texts_of
from ossay.router.ladder import Graph, Target, build
from ossay.router.policy import Thresholds
from ossay.router.stratum import seen_under, settle, tuned

RESULTS = Path(__file__).parent / "results"
DATA = Path(os.environ.get("OSSAY_DATA") or Path(__file__).parents[2] / "shared/data") / "routing"
DELTA = 0.1
TARGETS = (("escape", 0.02), ("escape", 0.05), ("selective", 0.20))
# A validator that does not exist: approves these shares of right and wrong drafts, at this price.
VALIDATOR = {"right": 0.95, "wrong": 0.40, "price": 0.15}
CASCADE = 0.02

Row = tuple[str, str, bool, float, float, float, bool]


class Set(Struct, frozen=True):
    """Real queries that two models answered."""

    file: str
    title: str
    pair: str
    ratio: float  # what the strong model costs, over the cheap one
    cheap: str
    strong: str


SETS = {
    "mmlu": Set(
        "calibration.md",
        "14,042 MMLU queries",
        "Mixtral-8x7B beside GPT-4",
        24.5,
        "mistralai/Mixtral-8x7B-Instruct-v0.1",
        "gpt-4-1106-preview",
    ),
    "llmrouter": Set(
        "calibration-llmrouter.md",
        "5,608 queries of many kinds",
        "Llama-3.1-8B beside Nemotron-51B",
        4.5,
        "llama-3.1-8b-instruct",
        "llama-3.1-nemotron-51b-instruct",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=list(SETS), default="mmlu")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with both sets")
    parser.add_argument("--splits", type=int, default=400)
    parser.add_argument("--streams", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    made_by = (
        f"numpy {version('numpy')}, scipy {version('scipy')}, python {platform.python_version()}"
    )
    found = measure(args.set, args.data, args.splits, args.workers)
    asked = f"--streams {args.streams}" if args.set == "mmlu" else f"--set {args.set}"
    command = f"python bench/calibration.py --splits {args.splits} {asked}"
    lines = [
        f"Calibration, {datetime.now(UTC):%Y-%m-%d}: `{command}`, {made_by}, {platform.machine()}.",
        "",
        *splits_table(SETS[args.set], found, args.splits),
    ]
    if args.set == "mmlu":
        lines += ["", *calibration_streams.tables(args.streams)]
    path = RESULTS / SETS[args.set].file
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {path}")


def measure(name: str, data: Path, splits: int, workers: int) -> list[Row]:
    texts, graph = load(name, data)
    with ProcessPoolExecutor(workers) as pool:
        each = pool.map(partial(one_split, texts, graph), range(splits), chunksize=5)
        found = []
        for number, rows in enumerate(each, start=1):
            found += rows
            if number % 20 == 0:
                print(f"{number} of {splits} splits", flush=True)
    return found


def load(name: str, data: Path) -> tuple[Texts, Graph]:
    chosen = SETS[name]
    if name == "mmlu":
        file = data / "routellm_mmlu/queries.csv.gz"
        rows = list(read_graded(file, cheap=chosen.cheap, strong=chosen.strong).rows)
    else:
        each = msgspec.json.decode((data / "llmrouter/train.json").read_bytes())
        rows = [
            Graded(
                one["question"],
                one["scores"][chosen.cheap] >= 0.5,  # 2.7 % of scores lie between 0 and 1
                one["scores"][chosen.strong] >= 0.5,
            )
            for one in each
        ]
    return texts_of(rows), graph_of(rows, Aim(0.05), Prices.of_ratio(chosen.ratio))


def one_split(texts: Texts, graph: Graph, seed: int) -> list[Row]:
    """Return what each method set and what came of it, for every target."""
    rng = np.random.default_rng(seed)
    n = graph.score.size
    order = rng.permutation(n)
    train, rest = order[: int(0.4 * n)], order[int(0.4 * n) :]
    calibration = rest[: rest.size // 4]
    again = rng.choice(rest, calibration.size)  # with replacement: the rest is the whole truth
    cheap, strong = graph.cheap_right, graph.strong_right
    gate, left_out = fit_gate(texts.take(train), cheap[train], strong[train], "escape", rng)
    out: list[Row] = []
    for estimand, alpha in TARGETS:
        score = np.zeros(n)
        asked = replace(gate, estimand=estimand)
        score[train] = left_out.score if estimand == "escape" else left_out.cheap
        score[rest] = chances(asked, texts.take(rest)).score
        scored = replace(graph, score=score)
        target = Target(estimand, alpha, DELTA)
        parts = [scored.take(one) for one in (train, calibration, again, rest)]
        out += settled(f"{estimand} {alpha:g}", parts, target)
        if (estimand, alpha) == ("escape", CASCADE):
            out += settled("cascade", [validated(one, rng) for one in parts], target)
    return out


def settled(name: str, parts: list[Graph], target: Target) -> Iterator[Row]:
    train, calibration, again, rest = parts
    ladder = build(train, target, calibration.score.size)
    stratum = settle("", calibration, ladder, target)
    set_by = {
        "this": stratum.thresholds,
        "this, independent draws": settle("", again, ladder, target).thresholds,
    }
    set_by["naive"] = tuned("naive", "", calibration, ladder, target).thresholds
    if target.estimand == "escape" and train.approved is None:
        set_by["conformal"] = tuned("conformal", "", calibration, ladder, target).thresholds
    for method, thresholds in set_by.items():
        yield name, method, *truth(rest, thresholds, target), stratum.feasible


def truth(rest: Graph, thresholds: Thresholds, target: Target) -> tuple[bool, float, float, float]:
    """Whether the risk on all that was not trained on is above alpha; share, saving, accuracy."""
    seen = seen_under(rest, thresholds, target.estimand)
    saved = 1.0 - seen.expected.cost / float(rest.costs.strong.mean())
    return seen.failures > target.alpha * seen.of, seen.published, saved, seen.expected.right


def validated(graph: Graph, rng: np.random.Generator) -> Graph:
    share = np.where(graph.cheap_right == 1.0, VALIDATOR["right"], VALIDATOR["wrong"])
    approved = (rng.random(share.size) < share).astype(np.float64)
    price = np.full(share.size, VALIDATOR["price"])
    return replace(graph, approved=approved, costs=replace(graph.costs, validator=price))


def splits_table(chosen: Set, found: list[Row], splits: int) -> list[str]:
    lines = [
        f"## The promise, on {chosen.title}",
        "",
        f"{chosen.pair} at {chosen.ratio:g} times its price, delta {DELTA:g}, {splits} random "
        "splits: gate on 40 %, calibration on a quarter of the rest, truth on the whole rest. The "
        "calibration rows are among those of the truth, which makes them a little better than "
        "draws; 'independent draws' takes as many rows of the rest with replacement instead, so "
        "that the rest is the truth exactly as the promise means it.",
        "",
        "| risk, alpha | method | true risk above alpha | published | cost saved | right | "
        "infeasible |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, method in dict.fromkeys((row[0], row[1]) for row in found):
        mine = [row for row in found if row[:2] == (name, method)]
        broken, published, saved, right, feasible = (
            float(np.mean([row[place] for row in mine])) for place in range(2, 7)
        )
        lines.append(
            f"| {name} | {method} | {broken:.1%} | {published:.1%} | {saved:.1%} | {right:.3f} | "
            f"{f'{1.0 - feasible:.1%}' if method == 'this' else ''} |"
        )
    return [
        *lines,
        "",
        f"`cascade` is escape {CASCADE:g} with a simulated validator that approves "
        f"{VALIDATOR['right']:.0%} of right and {VALIDATOR['wrong']:.0%} of wrong drafts at "
        f"{VALIDATOR['price']:.0%} of the strong model's price.",
    ]


if __name__ == "__main__":
    main()
