"""Weights on the device: the checkpoint's own numbers, and numbers of nobody's."""

import msgspec
import numpy as np
import pytest
import torch

from ossay.core.errors import UsageError
from ossay.engine import mxfp4
from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.kernels.cuda import mxfp4 as packed
from ossay.engine.kernels.cuda import paper
from ossay.engine.kernels.cuda.mxfp4 import Packed, unpack
from ossay.engine.kernels.cuda.synthetic import random_weights
from ossay.engine.kernels.cuda.weights import Lane, read_weights
from ossay.engine.synth import tiny_shape, write_checkpoint
from ossay.engine.weights import LayerWeights, Mxfp4, to_float32


def shape(**fields):
    fields = {"layers": 1, "hidden": 96, "intermediate": 160, "experts": 5, **fields}
    return tiny_shape(**fields)


def numbers(part):
    """Any part of a model as float32 numpy, from either side."""
    if isinstance(part, Mxfp4):
        return mxfp4.decode(part)
    if isinstance(part, Packed):
        part = unpack(part)
    if isinstance(part, torch.Tensor):
        return part.float().cpu().numpy()
    return to_float32(part) if part.dtype == np.uint16 else part


@pytest.fixture(params=["mxfp4", "bf16", "original"])
def checkpoint(request, tmp_path, rng):
    seed = int(rng.integers(1 << 30))
    return open_checkpoint(write_checkpoint(tmp_path / "m", shape(), seed, request.param))


def test_every_number_arrives(checkpoint, device):
    told = []
    weights = read_weights(checkpoint, device, on_progress=lambda *done: told.append(done))
    assert told == [(1, 1)]
    stored = checkpoint.layer(0)
    for name in LayerWeights.__struct_fields__:
        wanted = numbers(getattr(stored, name))
        np.testing.assert_array_equal(numbers(getattr(weights.layers[0], name)), wanted, name)
    edges = checkpoint.edges()
    for name in ("embedding", "norm", "unembedding"):
        np.testing.assert_array_equal(
            numbers(getattr(weights.edges, name)), numbers(getattr(edges, name))
        )


def test_pieces_smaller_than_a_matrix_or_an_expert(device, rng):
    lane = Lane(device, piece=100)
    sent = rng.integers(0, 1 << 16, (7, 30), dtype=np.uint16)
    stack = Mxfp4(
        rng.integers(0, 256, (3, 4, 2, 16), dtype=np.uint8),
        rng.integers(100, 129, (3, 4, 2), dtype=np.uint8),
    )
    bits = lane.bf16(sent).view(torch.int16)
    packed = lane.packed(stack, at_once=2 * stack.blocks[0].nbytes)  # two experts, then one
    lane.finish()
    np.testing.assert_array_equal(bits.cpu().numpy().view(np.uint16), sent)
    np.testing.assert_array_equal(numbers(packed), mxfp4.decode(stack))


class Changed:
    """A checkpoint whose layer has other experts."""

    def __init__(self, checkpoint, **parts):
        self.shape = checkpoint.shape
        self._checkpoint = checkpoint
        self._parts = parts

    def layer(self, index):
        return msgspec.structs.replace(self._checkpoint.layer(index), **self._parts)


def test_experts_that_cannot_be_computed_with_are_refused(tmp_path, device):
    checkpoint = open_checkpoint(write_checkpoint(tmp_path / "m", shape(), 1))
    stored = checkpoint.layer(0).down
    scales = np.array(stored.scales)
    scales[3, 1, 0] = packed.LARGEST_SCALE + 1
    for down, text in (
        (Mxfp4(stored.blocks, scales), "layer 0: .*'down' have the scale 129.*backend='cpu'"),
        (np.zeros((5, 96, 160), np.uint16), "layer 0: .*'down' are bf16 .*backend='cpu'"),
    ):
        with pytest.raises(UsageError, match=text):
            read_weights(Changed(checkpoint, down=down), device)


def test_random_weights_are_those_of_the_seed_and_ordinary(device):
    first, again, other = (random_weights(shape(), seed, device) for seed in (3, 3, 4))
    for name in LayerWeights.__struct_fields__:
        ours, same, others = (numbers(getattr(w.layers[0], name)) for w in (first, again, other))
        np.testing.assert_array_equal(ours, same)
        assert (ours != others).any(), name
    columns = {"qkv": 96, "out": 128, "router": 96, "gate_up": 96, "down": 160}
    gains = {"gate_up": 2.5, "down": 0.2}
    for name, width in columns.items():
        spread = numbers(getattr(first.layers[0], name)).std() * np.sqrt(width)
        assert spread == pytest.approx(gains.get(name, 1.0), rel=0.1), name
    assert numbers(first.layers[0].attention_norm).mean() == pytest.approx(1, abs=0.1)


def test_what_weights_take_is_what_paper_says(device):
    weights = random_weights(shape(layers=1), 1, device)
    parts = [getattr(weights.layers[0], name) for name in LayerWeights.__struct_fields__]
    parts += [weights.edges.embedding, weights.edges.norm, weights.edges.unembedding]
    tensors = [t for p in parts for t in ((p.words, p.scales) if isinstance(p, Packed) else (p,))]
    held = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    assert paper.weight_bytes(weights.shape) == held
