"""The GPU's router against the reference, and what it takes of ties and NaN.

Scores are held to 1e-5 of the reference in float64: float32 sums of few tokens, and of many two
bf16 parts of 8 bits each. Normed activations are one rounding to bf16 away, 2^-8 of each number at
most: 4e-3.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ossay.engine.kernels import reference
from ossay.engine.kernels.cuda import router
from ossay.engine.weights import to_bf16, to_float32

EPS = 1e-5


@pytest.mark.parametrize(
    ("tokens", "hidden", "experts"), [(1, 96, 8), (3, 160, 5), (9, 64, 40), (40, 160, 33)]
)
@pytest.mark.parametrize("keep", [False, True])
def test_scores_and_norm(rng, device, tokens, hidden, experts, keep):
    x = (rng.normal(0, 3, (tokens, hidden)) * rng.uniform(0.01, 100)).astype(np.float32)
    norm = rng.normal(1, 0.3, hidden).astype(np.float32)
    weight = to_bf16(rng.normal(0, 1, (experts, hidden)).astype(np.float32))
    bias = rng.normal(0, 1, experts).astype(np.float32)
    scores = _poisoned((tokens, experts), torch.float32, device)
    normed = _poisoned((tokens, hidden), torch.bfloat16, device) if keep else None
    matrix = torch.from_numpy(weight.view(np.int16)).view(torch.bfloat16)
    router.scores(
        torch.from_numpy(x).to(device),
        torch.from_numpy(norm).to(device),
        EPS,
        matrix.to(device),
        torch.from_numpy(bias).to(device),
        scores,
        normed,
    )
    expected = reference.rms_norm(x.astype(np.float64), norm, EPS)
    assert _off(scores, expected @ to_float32(weight).T + bias) < 1e-5
    if normed is not None:
        assert _off(normed, expected) < 4e-3


@pytest.mark.parametrize(("experts", "count"), [(8, 4), (5, 3), (33, 7), (4, 1), (3, 3)])
def test_choice_is_the_reference_s(rng, device, experts, count):
    scores = np.round(rng.normal(0, 2, (6, experts))).astype(np.float32)  # rounded: many are equal
    scores[0] = np.where(rng.random(experts) < 0.5, np.float32(0), np.float32(-0.0))
    scores[1, 0] = -np.inf
    chosen, shares = _choose(scores, count, device)
    expected, expected_shares = reference.route(scores, count)
    np.testing.assert_array_equal(chosen, expected)
    np.testing.assert_allclose(shares, expected_shares, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("experts", [5, 8])
def test_nan_never_leads_outside(rng, device, experts):
    """An index is used to read weights, so it has to be one; that all is lost, the shares say."""
    bits = np.array([0x7FC00000, 0xFFC00000, 0x7FC00001, 0xFFFFFFFF, 0x7FFFFFFF], np.uint32)
    scores = rng.normal(0, 1, (64, experts)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.5] = np.nan
    scores[:8] = rng.choice(bits, (8, experts)).view(np.float32)
    chosen, shares = _choose(scores, 4, device)
    assert ((chosen >= 0) & (chosen < experts)).all()
    assert all(len(set(row)) == 4 for row in chosen.tolist())
    taken = np.isnan(np.take_along_axis(scores, chosen.astype(np.int64), 1)).any(1)
    assert np.isnan(shares[taken]).any(1).all()


def _choose(scores, count, device):
    chosen = torch.full((len(scores), count), -1, dtype=torch.int32, device=device)
    shares = _poisoned((len(scores), count), torch.float32, device)
    router.choose(torch.from_numpy(scores).to(device), chosen, shares)
    return chosen.cpu().numpy(), shares.cpu().numpy()


def _poisoned(shape, dtype, device):
    return torch.full(shape, torch.nan, dtype=dtype, device=device)


def _off(got, expected):
    got = got.double().cpu().numpy()
    return np.linalg.norm(got - expected) / np.linalg.norm(expected)
