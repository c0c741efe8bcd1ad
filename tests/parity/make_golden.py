"""Write the golden set anew: the oracle's logits for random checkpoints that are remade by seed.

    .venv/bin/python tests/parity/make_golden.py [.tools/oracle/bin/python]

Each file in tests/engine/golden holds the shape and seed of a checkpoint, a digest of its weights
(so that a change of what a seed gives is told apart from a change of arithmetic), token ids,
positions and transformers' logits there, and the versions that made them.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ossay.engine.checkpoint import Checkpoint, open_checkpoint
from ossay.engine.shape import ModelShape
from ossay.engine.synth import tiny_shape, write_checkpoint

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "engine" / "golden"
POSITIONS = 24  # kept of each sequence: evenly spread, the last included


def shapes() -> dict[str, tuple[ModelShape, int]]:
    """Name -> shape and number of tokens. A vocabulary of 64 keeps the files small."""
    return {
        "tiny": (tiny_shape(vocab=64), 100),
        "one-layer": (tiny_shape(vocab=64, layers=1, window=4), 40),
        "six-layers": (tiny_shape(vocab=64, layers=6, window=16, hidden=64), 120),
        "nine-heads-on-three": (
            tiny_shape(vocab=64, layers=2, heads=9, kv_heads=3, head_dim=48, hidden=96),
            60,
        ),
        "wide-head": (tiny_shape(vocab=64, heads=5, kv_heads=5, head_dim=64, window=32), 90),
        "many-experts": (tiny_shape(vocab=64, experts=64, intermediate=32), 50),
        "top-one": (tiny_shape(vocab=64, experts=5, experts_per_token=1), 50),
        "window-128": (tiny_shape(vocab=64, window=128, layers=3), 300),
    }


def main() -> None:
    given = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / ".tools" / "oracle" / "bin" / "python")
    GOLDEN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        jobs: list[str] = []
        for seed, (name, (shape, length)) in enumerate(shapes().items()):
            write_checkpoint(place / name, shape, seed)
            tokens = np.random.default_rng(seed).integers(shape.vocab, size=length).tolist()
            asked = place / f"{name}.json"
            asked.write_text(json.dumps({"sequences": [tokens], "last": 0}))
            jobs += [str(place / name), str(asked), str(place / f"{name}.npz")]
        subprocess.run([given, str(ROOT / "tests" / "parity" / "oracle.py"), *jobs], check=True)
        for seed, (name, (shape, length)) in enumerate(shapes().items()):
            positions = np.unique(np.linspace(0, length - 1, POSITIONS).astype(np.int32))
            with np.load(place / f"{name}.npz") as told:
                logits, versions = told["0"][positions], str(told["versions"])
            np.savez_compressed(
                GOLDEN / f"{name}.npz",
                shape=msgspec.json.encode(shape).decode(),
                seed=seed,
                weights=digest(open_checkpoint(place / name)),
                tokens=np.array(json.loads((place / f"{name}.json").read_text())["sequences"][0]),
                positions=positions,
                logits=logits,
                versions=versions,
            )


def digest(checkpoint: Checkpoint) -> str:
    """SHA-256 of all weights, by their values as a backend gets them."""
    found = hashlib.sha256()
    for part in (checkpoint.edges(), *map(checkpoint.layer, range(checkpoint.shape.layers))):
        for array in _arrays(part):
            found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _arrays(part: Any) -> list[Any]:
    values = [getattr(part, name) for name in part.__struct_fields__]
    return [
        array
        for value in values
        for array in ([value] if isinstance(value, np.ndarray) else [value.blocks, value.scales])
    ]


if __name__ == "__main__":
    main()
