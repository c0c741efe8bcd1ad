"""Our float32 backends beside logits that transformers gave once; tests/parity asks it anew."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.shape import ModelShape
from ossay.engine.synth import write_checkpoint
from ossay.engine.weights import Mxfp4

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.npz"))
CLOSE = 1e-4


@pytest.fixture(params=GOLDEN, ids=[path.stem for path in GOLDEN])
def golden(request):
    with np.load(request.param) as stored:
        return {name: stored[name] for name in stored.files}


def remake(golden, folder):
    """Write the checkpoint again from its seed."""
    shape = msgspec.json.decode(str(golden["shape"]), type=ModelShape)
    write_checkpoint(folder / "model", shape, int(golden["seed"]))
    return open_checkpoint(folder / "model")


def digest(checkpoint) -> str:
    """As tests/parity/make_golden.py takes it."""
    found = hashlib.sha256()
    for part in (checkpoint.edges(), *map(checkpoint.layer, range(checkpoint.shape.layers))):
        for name in part.__struct_fields__:
            value = getattr(part, name)
            arrays = [value.blocks, value.scales] if isinstance(value, Mxfp4) else [value]
            for array in arrays:
                found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def test_the_set_is_there():
    assert len(GOLDEN) == 8


@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_logits_are_the_golden_ones(name, golden, tmp_path, backend, logits_of):
    checkpoint = remake(golden, tmp_path)
    assert digest(checkpoint) == str(golden["weights"]), (
        "a seed no longer gives the weights that the golden set was made with: if that was meant, "
        "run tests/parity/make_golden.py; the arithmetic was not looked at"
    )
    kernels = backend(name, checkpoint.shape, checkpoint)
    ours = logits_of(kernels, golden["tokens"].tolist())[golden["positions"]]
    assert "transformers" in str(golden["versions"])
    assert np.abs(ours - golden["logits"]).max() <= CLOSE
