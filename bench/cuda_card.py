"""The GPU backend on a card: ceilings, right or wrong, speed, where the time goes, other variants.

    python bench/cuda_card.py COMMAND [--out FOLDER] [--models gpt-oss-20b,gpt-oss-120b] [--seed N]
                              [--tiny]

    ceilings   copy, reading, bf16 product, launch to launch
    right      every kernel at the real shapes, whole layers, tiny models beside numpy and
               transformers, greedy tokens among others; ends with 1 where a bound is passed
    speed      decode 1, 8, 64 and a prompt of 2,048: as a graph, the backend's step, the engine
    peers      transformers, gpt-oss-20b, bf16
    parts      each part of a step alone, and the step without it
    variants   other tiles, dequantisation, splits, and from how many tokens experts are grouped

Each takes less than ten minutes on an H200, prints its tables last, and writes COMMAND.json to
--out. Ceilings are measured in the same run as what is held against them. Without --seed inputs are
new each time. --tiny takes a model of two layers and runs anywhere, without a card in Triton's
interpreter (TRITON_INTERPRET=1): its times mean nothing, they show that the program works.

Needs torch, triton, numpy and msgspec; transformers where it is there. src/ must be on PYTHONPATH,
or ossay installed. (Not named cuda.py: torch imports NVIDIA's package of that name.)
"""

from __future__ import annotations

import argparse
import gc
import platform
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
import triton

import cuda_ceilings
import cuda_check
import cuda_clock as clock
import cuda_models
import cuda_paper as paper
import cuda_parts
import cuda_peers
import cuda_right
import cuda_speed
import cuda_variants
from ossay.engine.kernels.cuda.backend import Cuda
from ossay.engine.kernels.cuda.synthetic import random_weights
from ossay.engine.known_shapes import SHAPES, first_layers, tiny_shape
from ossay.engine.shape import ModelShape

MODELS = "gpt-oss-20b,gpt-oss-120b"
_BEGUN = time.perf_counter()


def main() -> int:
    asked = _asked()
    torch.backends.cuda.matmul.allow_tf32 = False
    begun = time.perf_counter()
    result, tables, failed = COMMANDS[asked.command](asked)
    record = {
        "command": asked.command, "seed": asked.seed, "tiny": asked.tiny, "machine": machine(),
        "seconds": time.perf_counter() - begun, "result": result,
    }  # fmt: skip
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        text = msgspec.json.format(msgspec.json.encode(record, enc_hook=str), indent=1)
        (asked.out / f"{asked.command}.json").write_bytes(text)
        (asked.out / f"{asked.command}.md").write_text("\n\n".join(tables) + "\n")
    print(f"\nseed {asked.seed}, {record['seconds']:.0f} s, {machine()}\n")
    print("\n\n".join(tables))
    return 1 if failed else 0


def ceilings(asked: argparse.Namespace) -> tuple[Any, list[str], bool]:
    found = cuda_ceilings.measure(asked.tiny)
    return found, [cuda_ceilings.table(found)], False


def right(asked: argparse.Namespace) -> tuple[Any, list[str], bool]:
    checks: list[cuda_check.Check] = []
    device = clock.device()
    for check in _checks(asked, device):
        _say(f"{'ok    ' if check.passed else 'FAILED'} {check.what}: {check.error:.2e}")
        checks.append(check)
    return checks, [cuda_right.table(checks)], not all(check.passed for check in checks)


def speed(asked: argparse.Namespace) -> tuple[Any, list[str], bool]:
    found = cuda_ceilings.measure(asked.tiny)
    tables, results = [cuda_ceilings.table(found)], {}
    for name, shape in _shapes(asked):
        weights = _weights(shape, asked.seed)
        measured = []
        for each in cuda_speed.measure(weights, found, _loads(asked)):
            _say(f"{name}, {each.what}: {each.step.us / 1e3:.3f} ms")
            measured.append(each)
        results[name] = measured
        tables.append(cuda_speed.table(name, measured))
        del weights
        _free()
    return {"ceilings": found, "models": results}, tables, False


def peers(asked: argparse.Namespace) -> tuple[Any, list[str], bool]:
    shape = _tiny() if asked.tiny else SHAPES["gpt-oss-20b"]()
    lines, measured = [], []
    for each in cuda_peers.measure(shape, _loads(asked)):
        if isinstance(each, str):
            lines.append(each)
        else:
            measured.append(each)
        _say(each if isinstance(each, str) else f"{each.what}: {each.step.us / 1e3:.3f} ms")
    return [lines, measured], [*lines, cuda_speed.table("gpt-oss-20b, bf16", measured)], False


def parts(asked: argparse.Namespace) -> tuple[Any, list[str], bool]:
    found = cuda_ceilings.measure(asked.tiny)
    tables, results = [cuda_ceilings.table(found)], {}
    for name, shape in _shapes(asked):
        weights = _weights(shape, asked.seed)
        for what, load in _loads(asked).items():
            measured = cuda_parts.measure(weights, load, found)
            _say(f"{name}, {what}: {len(measured)} parts")
            results[f"{name}, {what}"] = measured
            tables.append(cuda_parts.table(f"{name}, {what}", measured))
        del weights
        _free()
    return {"ceilings": found, "parts": results}, tables, False


def variants(asked: argparse.Namespace) -> tuple[Any, list[str], bool]:
    found = cuda_ceilings.measure(asked.tiny)
    tables, results = [cuda_ceilings.table(found)], {}
    for name, shape in _shapes(asked):
        few = shape if asked.tiny else first_layers(shape, 8)  # past the cache, soon made
        weights = _weights(few, asked.seed)
        results[name] = list(cuda_variants.measure(weights, found, _say))
        tables.append(cuda_variants.table(name, results[name]))
        del weights
        _free()
    return {"ceilings": found, "models": results}, tables, False


COMMANDS: dict[str, Callable[[argparse.Namespace], tuple[Any, list[str], bool]]] = {
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


def _checks(asked: argparse.Namespace, device: str) -> Iterator[cuda_check.Check]:
    for name, shape in _shapes(asked):
        many, tokens = (24, 24) if asked.tiny else (2048, 400)
        for check in cuda_right.check_kernels(shape, asked.seed, device, many):
            yield msgspec.structs.replace(check, what=f"{name}: {check.what}")
        for sliding in (True, False):
            for check in cuda_models.check_layer(shape, sliding, asked.seed, tokens, device):
                yield msgspec.structs.replace(check, what=f"{name}: {check.what}")
        _free()
    yield from cuda_models.check_models(asked.seed, device, **(_FEW if asked.tiny else {}))
    greedy = {"length": 3, "tokens": 2} if asked.tiny else {}
    for name, shape in (("tiny", _tiny()), *_shapes(asked)[: 0 if asked.tiny else 1]):
        weights = _weights(first_layers(shape, min(6, shape.layers)), asked.seed)
        for check in cuda_models.check_plan(
            weights, asked.seed, (1,) if asked.tiny else (1, 8, 64)
        ):
            yield msgspec.structs.replace(check, what=f"{name}: {check.what}")
        kernels = Cuda(weights)
        groups = (1, 2) if asked.tiny else (1, 2, 8, 64)
        for check in cuda_models.check_greedy(kernels, asked.seed, groups, **greedy):
            yield msgspec.structs.replace(check, what=f"{name}: {check.what}")
        del kernels, weights
        _free()


_FEW = {"count": 1, "length": 6}


def _shapes(asked: argparse.Namespace) -> list[tuple[str, ModelShape]]:
    if asked.tiny:
        return [("tiny", _tiny())]
    return [(name, SHAPES[name]()) for name in asked.models.split(",")]


def _tiny() -> ModelShape:
    return tiny_shape(layers=2, vocab=160)


def _loads(asked: argparse.Namespace) -> dict[str, paper.Load]:
    if asked.tiny:
        return {
            "decode 1": paper.decode(1, 5),
            "decode 10": paper.decode(10, 3),
            "prefill 12": paper.prefill(12),
        }
    return {
        "decode 1": paper.decode(1),
        "decode 8": paper.decode(8),
        "decode 64": paper.decode(64),
        "prefill 2048": paper.prefill(2048),
    }


def _weights(shape: ModelShape, seed: int) -> Any:
    _say(f"making {shape.layers} layers of {shape.experts} experts")
    return random_weights(shape, seed, clock.device())


def _free() -> None:
    gc.collect()
    if clock.on_card():
        torch.cuda.empty_cache()


def _say(text: str) -> None:
    print(f"[{time.perf_counter() - _BEGUN:7.1f}] {text}", file=sys.stderr, flush=True)


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
