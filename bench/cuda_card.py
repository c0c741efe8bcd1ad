"""The GPU backend on a card: ceilings, right or wrong, speed, where the time goes, other variants.

    python bench/cuda_card.py COMMAND [--out FOLDER] [--models gpt-oss-20b,gpt-oss-120b] [--seed N]
                              [--tiny]

    ceilings   copy, reading, bf16 product, launch to launch
    right      every kernel at the real shapes, whole layers, tiny models beside numpy and
               transformers, greedy tokens among others; ends with 1 where a bound is passed
    speed      decode 1, 8, 64 and a prompt of 2,048: as a graph, the backend's step, the engine
    peers      transformers, gpt-oss-20b, bf16, and the backend in the same run
    parts      each part of a step alone, and the step without it
    variants   other tiles, dequantisation, splits, and from how many tokens experts are grouped

Each takes less than ten minutes on an H200 (`variants` a model at a time; it and `peers` begin
nothing new after SPAN seconds). Figures go to COMMAND.json and COMMAND.md of --out as they come,
lines to the error output, tables last. Ceilings are measured in the same run as what is held
against them. Without --seed inputs are new each time. --tiny takes a model of two layers and runs
anywhere, without a card in Triton's interpreter (TRITON_INTERPRET=1): its times mean nothing, they
show that the program works.

Needs torch, triton, numpy and msgspec; transformers where it is there. src/ must be on PYTHONPATH,
or ossay installed. (Not named cuda.py: torch imports NVIDIA's package of that name.)
"""

from __future__ import annotations

import argparse
import platform
import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
import triton

import cuda_ceilings
import cuda_check
import cuda_clock as clock
import cuda_paper as paper
import cuda_parts
import cuda_peers
import cuda_right
import cuda_speed
import cuda_suite
import cuda_variants
from cuda_record import Record, elapsed, say
from ossay.engine.kernels.cuda.synthetic import random_weights
from ossay.engine.kernels.cuda.weights import Weights
from ossay.engine.known_shapes import SHAPES, first_layers
from ossay.engine.shape import ModelShape

MODELS = "gpt-oss-20b,gpt-oss-120b"
SPAN = 500  # seconds; a command on the card has ten minutes


def main() -> int:
    asked = _asked()
    torch.backends.cuda.matmul.allow_tf32 = False
    facts = {"seed": asked.seed, "tiny": asked.tiny, "machine": machine()}
    record = Record(asked.out, asked.command, facts)
    say(f"{asked.command}, seed {asked.seed}, {machine()}")
    failed = COMMANDS[asked.command](asked, record)
    print(f"\nseed {asked.seed}, {elapsed():.0f} s, {machine()}\n")
    print("\n\n".join(record.shown), flush=True)
    return 1 if failed else 0


def ceilings(asked: argparse.Namespace, record: Record) -> bool:
    _ceilings(asked, record)
    return False


def right(asked: argparse.Namespace, record: Record) -> bool:
    checks: list[cuda_check.Check] = []
    device = clock.device()
    for check in cuda_suite.checks(_shapes(asked), asked.seed, device, asked.tiny):
        word = "ok    " if check.passed else "FAILED"
        record.add("checks", check, f"{word} {check.what}: {check.error:.2e} {check.note}")
        checks.append(check)
    record.table(cuda_right.table(checks), cuda_right.short_table(checks))
    return not all(check.passed for check in checks)


def speed(asked: argparse.Namespace, record: Record) -> bool:
    found = _ceilings(asked, record)
    for name, shape in _shapes(asked):
        weights = _weights(shape, asked.seed)
        measured = []
        for each in cuda_speed.measure(weights, found, _loads(asked)):
            record.add(name, each, f"{name}, {_in_words(each)}")
            measured.append(each)
        record.table(cuda_speed.table(name, measured))
        del weights
        clock.free()
    return False


def peers(asked: argparse.Namespace, record: Record) -> bool:
    found = _ceilings(asked, record)
    shape = cuda_suite.small() if asked.tiny else SHAPES["gpt-oss-20b"]()
    loads = _loads(asked)
    loads.pop("decode 8", None)  # compiling their forward for it would cost minutes
    weights = _weights(shape, asked.seed)
    measured, lines = [], []
    for each in cuda_speed.measure(weights, found, loads):
        record.add("ours", each, _in_words(each))
        measured.append(each)
    del weights
    clock.free()
    for other in cuda_peers.measure(shape, loads, _late):
        if isinstance(other, str):
            lines.append(other)
            record.add("lines", other, other)
        else:
            measured.append(other)
            record.add("theirs", other, _in_words(other))
    record.table("\n".join(lines))
    record.table(cuda_speed.table("tiny" if asked.tiny else "gpt-oss-20b", measured))
    return False


def parts(asked: argparse.Namespace, record: Record) -> bool:
    found = _ceilings(asked, record)
    for name, shape in _shapes(asked):
        weights = _weights(shape, asked.seed)
        for what, load in _loads(asked).items():
            measured = []
            for part in cuda_parts.measure(weights, load, found):
                line = f"{name}, {what}, {part.part}: {part.alone.us:,.1f} us"
                record.add(f"{name}, {what}", part, line)
                measured.append(part)
            record.table(cuda_parts.table(f"{name}, {what}", measured))
        del weights
        clock.free()
    return False


def variants(asked: argparse.Namespace, record: Record) -> bool:
    found = _ceilings(asked, record)
    for name, shape in _shapes(asked):
        few = shape if asked.tiny else first_layers(shape, 8)  # past the cache, soon made
        weights = _weights(few, asked.seed)
        measured = []
        for each in cuda_variants.measure(weights, found, _late):
            took = f"{each.timed.us:.2f} us, {each.share:.0%}" if each.timed else each.failure
            record.add(name, each, f"{each.kernel}, {each.name}: {took}")
            measured.append(each)
        record.table(cuda_variants.table(name, measured))
        del weights
        clock.free()
    return False


COMMANDS: dict[str, Callable[[argparse.Namespace, Record], bool]] = {
    "ceilings": ceilings,
    "right": right,
    "speed": speed,
    "peers": peers,
    "parts": parts,
    "variants": variants,
}


def machine() -> str:
    """What it ran on, in a line."""
    card = torch.cuda.get_device_name() if clock.on_card() else f"no card, {platform.machine()}"
    versions = f"torch {torch.__version__}, triton {triton.__version__}"
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {card}, {versions}"


def _ceilings(asked: argparse.Namespace, record: Record) -> cuda_ceilings.Ceilings:
    found = cuda_ceilings.measure(asked.tiny)
    record.keep("ceilings", found)
    record.table(cuda_ceilings.table(found))
    say(f"{found.copy / 1e12:.2f} TB/s, {found.product / 1e12:.0f} TFLOP/s")
    clock.free()
    return found


def _shapes(asked: argparse.Namespace) -> list[tuple[str, ModelShape]]:
    if asked.tiny:
        return [("tiny", cuda_suite.small())]
    return [(name, SHAPES[name]()) for name in asked.models.split(",")]


def _loads(asked: argparse.Namespace) -> dict[str, paper.Load]:
    if asked.tiny:
        return {
            "decode 1": paper.decode(1, 5),
            "prefill 18": paper.prefill(18),
        }
    return {
        "decode 1": paper.decode(1),
        "decode 8": paper.decode(8),
        "decode 64": paper.decode(64),
        "prefill 2048": paper.prefill(2048),
    }


def _weights(shape: ModelShape, seed: int) -> Weights:
    say(f"making {shape.layers} layers of {shape.experts} experts")

    def made(done: int, layers: int) -> None:
        if done % 12 == 0:
            say(f"{done} of {layers}")

    return random_weights(shape, seed, clock.device(), on_progress=made)


def _in_words(each: cuda_speed.Measured) -> str:
    return f"{each.what}: {each.step.us / 1e3:.3f} ms, {each.rate:,.0f} tokens/s"


def _late() -> bool:
    return elapsed() > SPAN


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--models", default=MODELS)
    parser.add_argument("--seed", type=int, default=secrets.randbits(31))
    parser.add_argument("--tiny", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    np.seterr(over="ignore")
    sys.exit(main())
