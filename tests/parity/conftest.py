"""The cases, and one run of the oracle over all of them a session."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ossay.engine.shape import ModelShape, Rope
from ossay.engine.synth import tiny_shape, write_checkpoint

ROOT = Path(__file__).parents[2]
ORACLE = Path(__file__).with_name("oracle.py")


@dataclass(frozen=True)
class Case:
    """A random model and sequences to run it on; `last` positions are compared, 0: all."""

    shape: ModelShape
    seed: int
    lengths: tuple[int, ...] = (1, 33, 75)
    last: int = 0

    def sequences(self) -> list[list[int]]:
        """Token ids, the same for the same seed."""
        rng = np.random.default_rng(self.seed)
        return [rng.integers(self.shape.vocab, size=n).tolist() for n in self.lengths]


@dataclass(frozen=True)
class Judged:
    """A case, where its checkpoint is, and the oracle's logits, one array a sequence."""

    name: str
    case: Case
    folder: Path
    logits: list[Any] = field(repr=False)


CASES = {
    "tiny": Case(tiny_shape(), 1),
    "tiny, other seed": Case(tiny_shape(), 2),
    "tiny, third seed": Case(tiny_shape(), 3, (200,)),
    "one layer, 6 heads on 2": Case(
        tiny_shape(layers=1, hidden=96, heads=6, kv_heads=2, head_dim=32), 4
    ),
    "5 heads on 5": Case(tiny_shape(layers=3, heads=5, kv_heads=5), 5),
    "9 heads on 3, 48 wide": Case(
        tiny_shape(layers=2, heads=9, kv_heads=3, head_dim=48, window=16), 6
    ),
    "one head": Case(tiny_shape(heads=1, kv_heads=1, head_dim=64, hidden=32), 7),
    "7 heads on 1": Case(tiny_shape(heads=7, kv_heads=1, intermediate=160), 8),
    "wide attention": Case(tiny_shape(hidden=64, heads=16, kv_heads=2, head_dim=64), 9),
    "six layers, window 4": Case(tiny_shape(layers=6, window=4), 10, (60, 130)),
    "five layers, window 33": Case(tiny_shape(layers=5, window=33), 11, (150,)),
    "window 128": Case(tiny_shape(window=128), 12, (300, 520)),
    "64 experts, top 1": Case(tiny_shape(experts=64, experts_per_token=1), 13),
    "64 experts, top 4": Case(tiny_shape(experts=64), 14),
    "4 experts, top 4": Case(tiny_shape(experts=4), 15),
    "5 experts, top 2": Case(tiny_shape(experts=5, experts_per_token=2), 16),
    "9 experts, top 3": Case(tiny_shape(experts=9, experts_per_token=3), 17),
    "all layers slide": Case(tiny_shape(layers=3, sliding=(True,) * 3), 18, (70,)),
    "no layer slides": Case(tiny_shape(layers=2, sliding=(False,) * 2), 19, (70,)),
    "full layer first": Case(tiny_shape(layers=3, sliding=(False, True, True)), 20, (70,)),
    "plain rope": Case(tiny_shape(rope=Rope(factor=1.0)), 21),
    "rope of another model": Case(
        tiny_shape(rope=Rope(theta=10_000.0, factor=8.0, original_context=64, truncate=True)),
        22,
        (400,),
        100,
    ),
    "past the original context": Case(
        tiny_shape(layers=2, heads=4, kv_heads=1, head_dim=32, window=128), 23, (4700,), 128
    ),
    "past it, 64 wide": Case(
        tiny_shape(layers=2, heads=2, kv_heads=1, head_dim=64, window=64), 24, (5100,), 128
    ),
}


_MEASURED = pytest.StashKey[list[str]]()


@pytest.fixture
def measured(request):
    """Say a number at the end of the run, passed or not."""
    return request.config.stash.setdefault(_MEASURED, []).append


def pytest_terminal_summary(terminalreporter, config):
    for line in config.stash.get(_MEASURED, []):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def interpreter() -> Path:
    """The Python that has torch and transformers."""
    found = Path(os.environ.get("OSSAY_ORACLE", ROOT / ".tools" / "oracle" / "bin" / "python"))
    if not found.exists() and "oracle" not in os.environ.get("OSSAY_REQUIRE", "").split(","):
        pytest.skip(f"no oracle at {str(found)!r}: make parity, or set OSSAY_ORACLE")
    return found


@pytest.fixture(scope="session")
def judged(interpreter, tmp_path_factory) -> dict[str, Judged]:
    """Every case with its oracle's logits. One process for all: starting torch takes seconds."""
    place = tmp_path_factory.mktemp("parity")
    jobs: list[Path] = []
    for number, case in enumerate(CASES.values()):
        folder = write_checkpoint(place / str(number), case.shape, case.seed)
        asked, told = place / f"{number}.json", place / f"{number}.npz"
        asked.write_text(json.dumps({"sequences": case.sequences(), "last": case.last}))
        jobs += [folder, asked, told]
    subprocess.run([interpreter, ORACLE, *jobs], check=True)
    return {
        name: Judged(name, case, place / str(number), _logits(place / f"{number}.npz"))
        for number, (name, case) in enumerate(CASES.items())
    }


@pytest.fixture(params=CASES)
def verdict(request, judged) -> Judged:
    """Each case in turn."""
    return judged[request.param]


def _logits(path: Path) -> list[Any]:
    with np.load(path) as told:
        return [told[str(index)] for index in range(len(told.files) - 1)]
