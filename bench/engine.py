"""Our engine beside llama.cpp: the same weights, the same cores, in turns.

    python bench/engine.py [--layers 6] [--rounds 5] [--threads 2] [--llama DIR]

The claims, for the shape of gpt-oss-20b with MXFP4 experts and 8 bit for the rest, on 2 cores:
reading a prompt of 512 tokens at least 4 times as fast, decoding 16 sequences 3 times, decoding one
1.15 times and at 90 % of the speed at which memory could be read; all 24 layers in under 16 GB.

The weights are random (`ossay synth`, seed 0): such a model says nothing, routes its tokens about
evenly, and costs what the real one costs. Both read the same values: bench/gguf_twin.py writes them
for llama.cpp, which is built from source for this machine's instructions (or taken from --llama).

With few layers both stay loaded and one is held still while the other runs, so a pair is seconds
apart. Where both do not fit (--layers 24) they load and run in turns. Memory is read at full speed
just before and after every single measurement; a share of the limit is the time that reading the
weights (or computing) would have taken at that speed, over the time taken. Ratios are taken within
a pair; medians are reported, with the least and the greatest. Results: bench/results/engine.json
and .md,
for 24 layers engine-24.json and .md.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import engine_llama
from engine_llama import PROMPT, SHORT, TOKENS, Llama
from engine_ours import Ours
from engine_table import markdown
from gguf_twin import write_gguf
from ossay.campaign.environment import describe_environment
from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.known_shapes import first_layers, gpt_oss_20b
from ossay.engine.machine import Machine, between, measure_again, measure_machine
from ossay.engine.shape import ModelShape
from ossay.engine.speed import Work, decode_step, limit, prefill, widths
from ossay.engine.synth import write_checkpoint

HERE = Path(__file__).parent
OUT = HERE / "out" / "engine"
MEASURES = (("prefill", PROMPT), ("decode", 1), ("decode", 16))
BATCHES = tuple(size for what, size in MEASURES if what == "decode")
RESIDENT_LAYERS = 8  # up to here both models fit 24 GiB, files and all


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--llama", type=Path, help="folder with llama-bench and llama-batched-bench"
    )
    parser.add_argument("--models", type=Path, default=OUT, help="where the models are or are made")
    given = parser.parse_args()
    programs = given.llama or engine_llama.build(OUT / "llama")
    shape = first_layers(gpt_oss_20b(), given.layers)
    checkpoint, twin = models(shape, given.models)
    resident = given.layers <= RESIDENT_LAYERS
    machine = measure_machine(given.threads)
    if machine is None:
        raise SystemExit("the fast kernels are not built: pip install -e .")
    OUT.mkdir(parents=True, exist_ok=True)
    times = given.rounds if resident else 1
    ours = Ours(checkpoint, given.threads, max(BATCHES), OUT / "ours.log")
    theirs = Llama(
        programs, twin, given.threads, BATCHES, times, OUT / "llama.log", resident=resident
    )
    rows = alternate([ours, theirs], given.rounds, machine, shape, resident=resident)
    report = {
        "command": f"python {shlex.join(sys.argv)}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_environment("none") | {"kernel": platform.release()},
        "llama.cpp": version(programs),
        "layers": given.layers,
        "threads": given.threads,
        "rounds": given.rounds,
        "limits": {
            "int8_gop_s": round(machine.int8_gop_s, 1),
            "fp32_gflop_s": round(machine.fp32_gflop_s, 1),
        },
        "rows": rows,
        "sides": {
            side.name: {
                "load_s": round(side.load_s, 1),
                "peak_gb": round(side.peak_gb, 2),
                "own_gb": round(side.own_gb, 2),
            }
            for side in (ours, theirs)
        },
    }
    report["targets"] = targets(rows, ours.peak_gb, given.layers)
    place = HERE / "results" / ("engine" if given.layers != 24 else "engine-24")
    place.parent.mkdir(exist_ok=True)
    place.with_suffix(".json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    place.with_suffix(".md").write_text(markdown(report) + "\n", encoding="utf-8")
    print(markdown(report))


def models(shape: ModelShape, folder: Path) -> tuple[Path, Path]:
    """Make the checkpoint and its twin, unless they are there."""
    checkpoint, twin = folder / f"layers-{shape.layers}", folder / f"layers-{shape.layers}.gguf"
    if not (checkpoint / "config.json").exists():
        say(f"writing random weights to {checkpoint}")
        write_checkpoint(checkpoint, shape, 0)
    if not twin.exists():
        say(f"writing the same weights to {twin}")
        partial = twin.with_suffix(".partial")
        write_gguf(open_checkpoint(checkpoint), partial)
        partial.rename(twin)
    return checkpoint, twin


def alternate(
    sides: list[Any], rounds: int, machine: Machine, shape: ModelShape, *, resident: bool
) -> list[dict[str, Any]]:
    """Let the sides take turns; the one that goes first changes every round."""
    runs: list[dict[str, Any]] = []
    if resident:
        for side in sides:
            say(f"loading {side.name}")
            side.start()
    for number in range(rounds):
        order = sides if number % 2 == 0 else sides[::-1]
        if resident:
            turns = [(side, [measure]) for measure in MEASURES for side in order]
        else:
            turns = [(side, list(MEASURES)) for side in order]
        for side, measures in turns:
            if not resident:
                say(f"loading {side.name}")
                side.start()
            for what, size in measures:
                before = measure_again(machine, "int8")
                tokens, steps, seconds = side.seconds(what, size)
                beside = between([before, measure_again(machine, "int8")])
                runs.append(
                    {"side": side.name, "round": number, "what": what, "size": size}
                    | figures(shape, what, size, tokens, steps, seconds, beside)
                )
                rate = f"{tokens / seconds:.1f} tokens/s"
                say(f"round {number + 1}: {side.name} {what} {size}: {rate}")
            if not resident:
                side.close()
    for side in sides:
        side.close()
    return [row(what, size, runs, rounds) for what, size in MEASURES]


def figures(
    shape: ModelShape,
    what: str,
    size: int,
    tokens: int,
    steps: int,
    seconds: float,
    beside: Machine,
) -> dict[str, float]:
    """What a run comes to; both sides read 8-bit weights and 16-bit keys."""
    width = widths("int8")
    work: Work
    if what == "prefill":
        work = prefill(shape, size, width)
    else:
        work = decode_step(shape, [SHORT + TOKENS // 2] * size, width)
        seconds /= steps
        tokens = size
    return {
        "tokens_per_s": tokens / seconds,
        "gb_s": work.bytes / seconds / 1e9,
        "gflop_s": work.operations / seconds / 1e9,
        "share": limit(work, beside, "int8").seconds / seconds,
        "read_share": work.bytes / seconds / 1e9 / beside.read_gb_s,
        "int8_share": work.operations / seconds / 1e9 / beside.int8_gop_s,
        "read_gb_s": beside.read_gb_s,
    }


def row(what: str, size: int, runs: list[dict[str, Any]], rounds: int) -> dict[str, Any]:
    """One measurement: the medians of each side, and the ratios of the pairs."""
    mine = [run for run in runs if (run["what"], run["size"]) == (what, size)]
    by_side = {side: [r for r in mine if r["side"] == side] for side in ("ossay", "llama.cpp")}
    names = ("tokens_per_s", "gb_s", "gflop_s", "share", "read_share", "int8_share", "read_gb_s")
    sides = {
        side: {n: round(statistics.median(r[n] for r in found), 4) for n in names}
        | {"rounds": [round(r["tokens_per_s"], 2) for r in found],
           "shares": [round(r["share"], 3) for r in found]}
        for side, found in by_side.items()
    }  # fmt: skip
    ratios = [
        by_side["ossay"][i]["tokens_per_s"] / by_side["llama.cpp"][i]["tokens_per_s"]
        for i in range(rounds)
    ]
    return {
        "what": what,
        "size": size,
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "sides": sides,
    }


def targets(rows: list[dict[str, Any]], peak_gb: float, layers: int) -> list[dict[str, Any]]:
    """Each claim: what was wanted, what was reached."""
    found = {(r["what"], r["size"]): r for r in rows}

    def times(what: str, size: int, claim: str, wanted: float) -> dict[str, Any]:
        row = found[what, size]
        value, each = row["ratio"], row["ratios"]
        return target(f"{claim}: times llama.cpp", value, each, wanted, at_least=True)

    one = found["decode", 1]["sides"]["ossay"]
    claims = [
        times("prefill", PROMPT, f"prefill {PROMPT}", 4.0),
        times("decode", 16, "decode, 16 sequences", 3.0),
        times("decode", 1, "decode, 1 sequence", 1.15),
        target(
            "decode, 1 sequence: share of the memory's speed",
            one["share"],
            one["shares"],
            0.9,
            at_least=True,
        ),
    ]
    if layers == 24:
        peak = round(peak_gb, 2)
        claims.append(target("memory at most, GB", peak, [peak], 16.0, at_least=False))
    return claims


def target(
    claim: str, value: float, each: list[float], wanted: float, *, at_least: bool
) -> dict[str, Any]:
    return {
        "claim": claim,
        "wanted": f"{'>=' if at_least else '<='} {wanted:g}",
        "median": round(value, 3),
        "rounds": each,
        "met": value >= wanted if at_least else value <= wanted,
    }


def version(programs: Path) -> str:
    said = subprocess.run(
        [str(programs / "llama-bench"), "--version"], capture_output=True, text=True, check=False
    )
    found = (said.stdout + said.stderr).strip().splitlines()
    return f"llama-cpp-python {engine_llama.VERSION}: {' '.join(found[:2])}"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
