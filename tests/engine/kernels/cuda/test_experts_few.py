"""The experts of few tokens against numpy in float64 on the same bf16 activations.

Weights are exact and sums float32, so `down` is held to 1e-5; `gate_up` rounds what it writes to
bf16, which moves no number by more than 2^-8 of itself: 4e-3.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ossay.engine import mxfp4 as stored
from ossay.engine.kernels import reference
from ossay.engine.kernels.cuda import experts_few, mxfp4
from ossay.engine.kernels.cuda.experts_few import Tile
from ossay.engine.weights import Mxfp4

ALPHA, LIMIT = 1.702, 7.0


class Layer:
    """Random experts on the device, the same values in float64, and what the reference makes."""

    def __init__(self, rng, device, hidden, inner, experts):
        self.rng, self.device = rng, device
        self.hidden, self.inner, self.experts = hidden, inner, experts
        self.up, self.up_values = self._stack(2 * inner, hidden)
        self.down, self.down_values = self._stack(hidden, inner)
        self.up_bias = rng.normal(0, 1, (experts, 2 * inner)).astype(np.float32)
        self.down_bias = rng.normal(0, 1, (experts, hidden)).astype(np.float32)

    def _stack(self, rows, columns):
        blocks = self.rng.integers(0, 256, (self.experts, rows, columns // 32, 16), dtype=np.uint8)
        scales = self.rng.integers(119, 124, blocks.shape[:3], dtype=np.uint8)
        packed = mxfp4.pack(self.tensor(blocks), self.tensor(scales))
        return packed, stored.decode(Mxfp4(blocks, scales)).astype(np.float64)

    def tensor(self, array):
        return torch.from_numpy(array).to(self.device)

    def gate_up(self, normed, scores, count, **tile):
        out = torch.full(
            (len(scores), count, self.inner), torch.nan, dtype=torch.bfloat16, device=self.device
        )
        experts_few.gate_up(
            normed,
            self.tensor(scores),
            self.up,
            self.tensor(self.up_bias),
            out,
            ALPHA,
            LIMIT,
            **tile,
        )
        return out

    def expected_up(self, normed, chosen):
        normed = normed.double().cpu().numpy()
        products = np.einsum("nkrc,nc->nkr", self.up_values[chosen], normed) + self.up_bias[chosen]
        flat = products.reshape(-1, 2 * self.inner)
        return reference.swiglu(flat, ALPHA, LIMIT).reshape(*chosen.shape, self.inner)

    def expected_down(self, hidden, chosen, shares):
        hidden = hidden.double().cpu().numpy()
        products = np.einsum("nkrc,nkc->nkr", self.down_values[chosen], hidden)
        return ((products + self.down_bias[chosen]) * shares[..., None]).sum(1)


@pytest.mark.parametrize(
    ("tokens", "hidden", "inner", "experts", "count"),
    [(1, 96, 64, 8, 4), (2, 96, 32, 5, 3), (1, 64, 32, 12, 9), (1, 32, 192, 2, 1)],
)
def test_experts(rng, device, tokens, hidden, inner, experts, count):
    layer = Layer(rng, device, hidden, inner, experts)
    normed = layer.tensor(rng.normal(0, 1, (tokens, hidden))).to(torch.bfloat16)
    scores = rng.normal(0, 1, (tokens, experts)).astype(np.float32)
    chosen, shares = reference.route(scores, count)

    between = layer.gate_up(normed, scores, count)
    assert _off(between, layer.expected_up(normed, chosen)) < 4e-3

    x = layer.tensor(rng.normal(0, 1, (tokens, hidden)).astype(np.float32))
    before = x.double().cpu().numpy()
    experts_few.down(between, layer.tensor(scores), layer.down, layer.tensor(layer.down_bias), x)
    added = x.double().cpu().numpy() - before
    assert _off(torch.from_numpy(added), layer.expected_down(between, chosen, shares)) < 1e-5


def test_another_tile(rng, device):
    tile = Tile(rows=16, warps=2, stages=3)
    layer = Layer(rng, device, 160, 32, 4)
    normed = layer.tensor(rng.normal(0, 1, (1, 160))).to(torch.bfloat16)
    scores = np.array([[1, 3, 3, 2]], np.float32)  # a tie: 1 comes before 2
    chosen, shares = reference.route(scores, 2)
    between = layer.gate_up(normed, scores, 2, tile=tile)
    assert _off(between, layer.expected_up(normed, chosen)) < 4e-3
    x = torch.zeros((1, 160), dtype=torch.float32, device=device)
    experts_few.down(
        between, layer.tensor(scores), layer.down, layer.tensor(layer.down_bias), x, tile=tile
    )
    assert _off(x, layer.expected_down(between, chosen, shares)) < 1e-5


def test_nan_stays_one(rng, device):
    """A token that overflowed reads no other memory and comes out as NaN; its neighbour is well."""
    layer = Layer(rng, device, 32, 32, 3)
    normed = layer.tensor(rng.normal(0, 1, (2, 32))).to(torch.bfloat16)
    normed[0, 5] = torch.nan
    scores = rng.normal(0, 1, (2, 3)).astype(np.float32)
    scores[0] = np.nan
    between = layer.gate_up(normed, scores, 2)
    x = torch.ones((2, 32), dtype=torch.float32, device=device)
    experts_few.down(between, layer.tensor(scores), layer.down, layer.tensor(layer.down_bias), x)
    assert between[0].isnan().all()
    assert x[0].isnan().all()
    assert not x[1].isnan().any()


def _off(got, expected):
    got = got.double().cpu().numpy()
    return np.linalg.norm(got - expected) / np.linalg.norm(expected)
