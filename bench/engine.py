"""Our engine beside llama.cpp: the same weights, the same cores, in turns.

    python bench/engine.py [--layers 6] [--rounds 5] [--threads 2] [--llama DIR] [--kl]

The claims, for the shape of gpt-oss-20b with MXFP4 experts and 8 bit for the rest, on 2 cores:
reading a prompt of 512 tokens at least 4 times as fast, decoding 16 sequences 3 times, decoding one
1.15 times and at 90 % of the speed at which memory could be read; all 24 layers in under 16 GB.

The weights are random (`ossay synth`): such a model says nothing, routes its tokens about
evenly, and costs what the real one costs. Both read the same values: bench/gguf_twin.py writes them
for llama.cpp, which is built from source for this machine's instructions (or taken from --llama).

With few layers both stay loaded and one is held still while the other runs, so a pair is seconds
apart. Where both do not fit (--layers 24) they load and run in turns. Both warm up with what is
measured. Loading starts with none of the files in the page cache. llama.cpp runs with the settings
that were best for it here (engine_llama.py).

Memory is read for half a second, all threads at it, just before and just after every single
measurement: about as long as 24 steps of one sequence take, so it is a mean over as many of the
memory's ups and downs, and what is beside it is the mean of the two. A share of the limit is the
time that reading the weights (or computing) would have taken at that speed, over the time taken.
Ratios are taken within a pair; medians are reported, with the least and the greatest. Results:
bench/results/engine.json and .md, for 24 layers engine-24.json and .md, with --kl (how far each
precision is from the reference: engine_kl.py) engine-kl.json and .md.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import statistics
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import engine_kl
import engine_llama
from engine_figures import figures, row, targets
from engine_llama import PROMPT, Llama
from engine_ours import Ours
from engine_table import markdown
from gguf_twin import write_gguf
from ossay.campaign.environment import describe_environment
from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.known_shapes import first_layers, gpt_oss_20b
from ossay.engine.machine import Machine, between, measure_again, measure_machine
from ossay.engine.shape import ModelShape
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
    parser.add_argument("--kl", action="store_true", help="compare results, not speed")
    given = parser.parse_args()
    shape = first_layers(gpt_oss_20b(), given.layers)
    checkpoint, twin = models(shape, given.models)
    if given.kl:
        keep("engine-kl", origin() | engine_kl.divergences(checkpoint, twin, given.threads),
             engine_kl.markdown)  # fmt: skip
        return
    programs = given.llama or engine_llama.build(OUT / "llama")
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
    report = origin() | {
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
                "load_s": round(statistics.median(side.loads), 1),
                "peak_gb": round(side.peak_gb, 2),
                "own_gb": round(side.own_gb, 2),
            }
            for side in (ours, theirs)
        },
    }
    report["targets"] = targets(rows, ours.peak_gb, given.layers)
    keep("engine-24" if given.layers == 24 else "engine", report, markdown)


def origin() -> dict[str, Any]:
    """What any report says first."""
    return {
        "command": shlex.join(["python", "bench/engine.py", *sys.argv[1:]]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_environment("none") | {"kernel": platform.release()},
    }


def keep(name: str, report: dict[str, Any], shown: Callable[[dict[str, Any]], str]) -> None:
    """Write a report as JSON and as Markdown, and print it."""
    place = HERE / "results" / name
    place.parent.mkdir(exist_ok=True)
    place.with_suffix(".json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    place.with_suffix(".md").write_text(shown(report) + "\n", encoding="utf-8")
    print(shown(report))


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
