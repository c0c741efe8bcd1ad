"""Dense products on the GPU (or in Triton's interpreter) against numpy in float64.

Inputs are rounded to bf16 where the kernels take bf16, so what differs is their own rounding of
activations and of what they write. One rounding is off by 2^-8 of a number at most, by 1.7e-3 in
the root mean square, and a sum of rounded terms by as much of its own size; 5e-3 holds two in
small samples. float32 results of exact inputs are held to 1e-5.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ossay.engine.batch import BLOCK
from ossay.engine.kernels import reference
from ossay.engine.kernels.cuda import product, projection

BF16_ERROR = 5e-3
FLOAT32_ERROR = 1e-5
EPS = 1e-5


class Numbers:
    """Random tensors on the device, and the same values in float64."""

    def __init__(self, rng, device):
        self.rng, self.device = rng, device

    def float32(self, *shape, size=1.0, mean=0.0):
        values = torch.from_numpy(self.rng.normal(mean, size, shape).astype(np.float32))
        return values.to(self.device), values.double().numpy()

    def bf16(self, *shape, size=1.0):
        values = torch.from_numpy(self.rng.normal(0, size, shape)).to(torch.bfloat16)
        return values.to(self.device), values.double().numpy()

    def int32(self, values):
        return torch.tensor(np.asarray(values, np.int32), device=self.device)

    def poisoned(self, *shape, dtype=torch.float32):
        return torch.full(shape, torch.nan, dtype=dtype, device=self.device)


@pytest.fixture
def numbers(rng, device):
    return Numbers(rng, device)


def off(got, expected):
    """||got - expected|| / ||expected||; NaN where something was not written."""
    got = got.double().cpu().numpy()
    return np.linalg.norm(got - expected) / np.linalg.norm(expected)


def normed(x, scale):
    return reference.rms_norm(x, scale, EPS)


@pytest.mark.parametrize(("n", "hidden"), [(1, 64), (5, 160), (3, 1056)])
def test_embed_copies_rows(numbers, rng, n, hidden):
    table, expected = numbers.bf16(50, hidden)
    tokens = rng.integers(0, 50, n)
    x = numbers.poisoned(n, hidden)
    projection.embed(numbers.int32(tokens), table, x)
    assert np.array_equal(x.double().cpu().numpy(), expected[tokens])


@pytest.mark.parametrize(("n", "hidden"), [(1, 64), (5, 160), (3, 1056)])
def test_norm_rounds_once(numbers, n, hidden):
    x, x64 = numbers.float32(n, hidden, size=3)
    scale, scale64 = numbers.float32(hidden, mean=1, size=0.3)
    out = numbers.poisoned(n, hidden, dtype=torch.bfloat16)
    projection.norm(x, scale, EPS, out)
    expected = normed(x64, scale64)
    assert off(out, expected) < BF16_ERROR
    error = np.abs(out.double().cpu().numpy() - expected)
    assert (error <= 2**-8 * 1.001 * np.abs(expected)).all()


def attention_inputs(numbers, rng, n, hidden, heads, kv_heads, width):
    """What qkv takes, by name, and what it should write: queries, keys, values in float64."""
    x, x64 = numbers.float32(n, hidden, size=2)
    scale, scale64 = numbers.float32(hidden, mean=1, size=0.3)
    rows = (heads + 2 * kv_heads) * width
    weight, weight64 = numbers.bf16(rows, hidden, size=hidden**-0.5)
    bias, bias64 = numbers.float32(rows)
    cos, cos64 = numbers.float32(40, width // 2)
    sin, sin64 = numbers.float32(40, width // 2)
    positions = rng.integers(0, 40, n)
    blocks = 4
    where = rng.choice(blocks * BLOCK, n, replace=False)
    given = {
        "x": x, "scale": scale, "eps": EPS, "weight": weight, "bias": bias, "cos": cos, "sin": sin,
        "positions": numbers.int32(positions), "where": numbers.int32(where),
        "q": numbers.poisoned(n, heads, width, dtype=torch.bfloat16),
        "keys": numbers.poisoned(blocks, kv_heads, BLOCK, width, dtype=torch.bfloat16),
        "values": numbers.poisoned(blocks, kv_heads, BLOCK, width, dtype=torch.bfloat16),
    }  # fmt: skip
    product = (normed(x64, scale64) @ weight64.T + bias64).reshape(n, -1, width)
    queries, keys, values = np.split(product, [heads, heads + kv_heads], axis=1)
    angles = cos64[positions], sin64[positions]
    expected = reference.rotate(queries, *angles), reference.rotate(keys, *angles), values
    return given, where, expected


@pytest.mark.parametrize(
    ("n", "hidden", "heads", "kv_heads", "width"),
    [
        (1, 64, 4, 2, 16),
        (3, 544, 3, 1, 32),
        (16, 96, 2, 2, 64),
        (2, 64, 2, 1, 128),
        (17, 160, 5, 1, 32),
        (33, 64, 18, 2, 16),
    ],
)
def test_qkv(numbers, rng, n, hidden, heads, kv_heads, width):
    given, where, expected = attention_inputs(numbers, rng, n, hidden, heads, kv_heads, width)
    projection.qkv(**given)
    block, offset = where // BLOCK, where % BLOCK
    assert off(given["q"], expected[0]) < BF16_ERROR
    untouched = np.ones((4, BLOCK), bool)
    untouched[block, offset] = False
    for name, wanted in zip(("keys", "values"), expected[1:], strict=True):
        pool = given[name].cpu()
        assert off(pool[block, :, offset], wanted) < BF16_ERROR
        assert pool.transpose(1, 2)[torch.from_numpy(untouched)].isnan().all()


@pytest.mark.parametrize(
    ("n", "width", "hidden"), [(1, 1056, 64), (7, 160, 96), (16, 544, 160), (20, 96, 64)]
)
def test_out_adds_to_x(numbers, n, width, hidden):
    a, a64 = numbers.bf16(n, width)
    weight, weight64 = numbers.bf16(hidden, width, size=width**-0.5)
    bias, bias64 = numbers.float32(hidden)
    x, x64 = numbers.float32(n, hidden)
    projection.out(a, weight, bias, x)
    assert off(x, x64 + a64 @ weight64.T + bias64) < FLOAT32_ERROR


@pytest.mark.parametrize(
    ("m", "hidden", "vocab"), [(1, 288, 500), (5, 160, 130), (16, 288, 64), (18, 64, 77)]
)
def test_unembed(numbers, m, hidden, vocab):
    x, x64 = numbers.float32(m, hidden, size=5)
    scale, scale64 = numbers.float32(hidden, mean=1, size=0.3)
    weight, weight64 = numbers.bf16(vocab, hidden)
    logits = numbers.poisoned(m, vocab)
    projection.unembed(x, scale, EPS, weight, logits)
    assert off(logits, normed(x64, scale64) @ weight64.T) < BF16_ERROR


@pytest.mark.parametrize(
    "tile",
    [
        product.Tile(rows=16, step=16, parts=2, warps=2, stages=2),
        product.Tile(rows=32, step=32, parts=8, warps=8, stages=3),
        product.Tile(rows=128, step=64, parts=1, warps=4, stages=3),
    ],
    ids=lambda tile: f"{tile.rows}x{tile.parts}x{tile.step}",
)
def test_any_tile_gives_the_same(numbers, rng, tile):
    """The tiles in use are a choice of speed alone."""
    given, where, expected = attention_inputs(numbers, rng, 3, 160, 3, 1, 32)
    product.qkv_few(**given, tile=tile)
    assert off(given["q"], expected[0]) < BF16_ERROR
    for name, wanted in zip(("keys", "values"), expected[1:], strict=True):
        assert off(given[name].cpu()[where // BLOCK, :, where % BLOCK], wanted) < BF16_ERROR

    scale, scale64 = numbers.float32(160, mean=1, size=0.3)
    vocab, vocab64 = numbers.bf16(150, 160)
    logits = numbers.poisoned(3, 150)
    product.unembed_few(given["x"], scale, EPS, vocab, logits, tile=tile)
    x64 = given["x"].double().cpu().numpy()
    assert off(logits, normed(x64, scale64) @ vocab64.T) < BF16_ERROR

    a, a64 = numbers.bf16(3, 96)
    weight, weight64 = numbers.bf16(160, 96)
    bias, bias64 = numbers.float32(160)
    product.out_few(a, weight, bias, given["x"], tile=tile)
    assert off(given["x"], x64 + a64 @ weight64.T + bias64) < FLOAT32_ERROR


def test_a_token_does_not_depend_on_its_neighbours(numbers):
    """Up to FEW tokens the same roundings are made, so what differs is the order of sums."""
    x, _ = numbers.float32(16, 160, size=5)
    scale, _ = numbers.float32(160, mean=1, size=0.3)
    weight, _ = numbers.bf16(130, 160)
    alone, beside = numbers.poisoned(1, 130), numbers.poisoned(16, 130)
    projection.unembed(x[:1], scale, EPS, weight, alone)
    projection.unembed(x, scale, EPS, weight, beside)
    assert off(alone, beside[:1].double().cpu().numpy()) < FLOAT32_ERROR
