"""Many tokens' experts against the reference, on the same inputs.

The bound: x is rounded to bf16 after the norm and the inner values once more, each by some 2^-9.5
of a number in the root mean square; sums are float32. SwiGLU is the product of two such numbers,
one of them bent, and about doubles the first error: 3e-3 in all. Where few numbers are drawn, twice
that is seen, so ||out - ref|| / ||ref|| of what is added stays under 2^-7.
"""

import numpy as np
import pytest
import torch

from ossay.engine import mxfp4 as numbers
from ossay.engine.kernels.cuda import experts_many, mxfp4
from ossay.engine.kernels.cuda.grouping import group, tile_size
from ossay.engine.kernels.reference import rms_norm, swiglu
from ossay.engine.weights import Mxfp4

EPS, ALPHA, LIMIT = 1e-5, 1.702, 7.0
BOUND = 2**-7


def stack(rng, experts, rows, columns):
    """Random MXFP4 whose products with numbers near 1 are near 1, scales differing by 2^6."""
    blocks = rng.integers(0, 256, (experts, rows, columns // 32, 16), dtype=np.uint8)
    middle = 124 - round(np.log2(columns) / 2)
    scales = rng.integers(middle - 3, middle + 3, (experts, rows, columns // 32), dtype=np.uint8)
    return Mxfp4(blocks, scales)


def pack(weights, device):
    return mxfp4.pack(
        torch.from_numpy(weights.blocks).to(device), torch.from_numpy(weights.scales).to(device)
    )


def choose(rng, n, k, experts):
    """Experts of each token, a few of them popular, some not chosen at all; shares summing to 1."""
    scores = rng.normal(size=experts) * 2 + rng.gumbel(size=(n, experts))
    chosen = np.argsort(-scores, axis=1)[:, :k].astype(np.int32)
    shares = rng.dirichlet(np.ones(k), n).astype(np.float32)
    return chosen, shares


def mixture(x, norm, chosen, shares, gate_up, up_bias, down, down_bias):
    """What the experts add to x, in float64 but for the reference's own norm and SwiGLU."""
    inside = rms_norm(x, norm, EPS)
    gate_up = numbers.decode(gate_up).astype(np.float64)
    down = numbers.decode(down).astype(np.float64)
    out = np.zeros(x.shape)
    for token, place in np.ndindex(*chosen.shape):
        expert = chosen[token, place]
        inner = swiglu((gate_up[expert] @ inside[token] + up_bias[expert])[None], ALPHA, LIMIT)[0]
        out[token] += shares[token, place] * (down[expert] @ inner + down_bias[expert])
    return out


def error(out, ref):
    return np.linalg.norm(np.asarray(out, np.float64) - ref) / np.linalg.norm(ref)


SHAPES = [  # n, k, experts, hidden, inner: columns leave 0 to 3 blocks over, rows fill no tile
    (1, 1, 1, 32, 64),
    (5, 4, 8, 160, 96),
    (20, 2, 3, 128, 160),
    (97, 1, 1, 96, 32),
]


@pytest.mark.parametrize(("n", "k", "experts", "hidden", "inner"), SHAPES)
def test_as_the_reference(device, rng, n, k, experts, hidden, inner):
    gate_up, down = stack(rng, experts, 2 * inner, hidden), stack(rng, experts, hidden, inner)
    up_bias = rng.normal(size=(experts, 2 * inner)).astype(np.float32)
    down_bias = rng.normal(size=(experts, hidden)).astype(np.float32)
    norm = rng.uniform(0.5, 2, hidden).astype(np.float32)
    x = (rng.normal(size=(n, hidden)) * rng.lognormal(size=(n, 1))).astype(np.float32)
    chosen, shares = choose(rng, n, k, experts)
    expected = mixture(x, norm, chosen, shares, gate_up, up_bias, down, down_bias)

    def run():
        state = torch.from_numpy(x.copy()).to(device)
        experts_many.experts(
            state, on(norm), EPS, on(chosen), on(shares), pack(gate_up, device), on(up_bias),
            pack(down, device), on(down_bias), ALPHA, LIMIT,
        )  # fmt: skip
        return state.cpu().numpy()

    def on(array):
        return torch.from_numpy(array).to(device)

    out = run()
    assert error(out - x.astype(np.float64), expected) < BOUND
    np.testing.assert_array_equal(out, run())  # no order of arrival in it


@pytest.mark.parametrize("size", [16, 64, 128])
@pytest.mark.parametrize("gated", [False, True])
def test_every_tile_gives_every_pair_its_product(device, rng, size, gated):
    experts, rows, columns, n, k = 3, 48, 192, 30, 2
    weights = stack(rng, experts, rows, columns)
    bias = rng.normal(size=(experts, rows)).astype(np.float32)
    chosen, _ = choose(rng, n, k, experts)
    x = torch.from_numpy(rng.normal(size=(n, columns)).astype(np.float32)).bfloat16()
    out = torch.full((n * k, rows), float("nan"), device=device)
    if gated:
        out = out[:, : rows // 2].bfloat16().contiguous()
    experts_many.product(
        x.to(device), k, group(torch.from_numpy(chosen).to(device), experts, size),
        pack(weights, device), torch.from_numpy(bias).to(device), out,
        (ALPHA, LIMIT) if gated else None,
    )  # fmt: skip
    wide = numbers.decode(weights).astype(np.float64)[chosen.reshape(-1)]
    expected = np.einsum("prc,pc->pr", wide, x.double().numpy().repeat(k, 0))
    expected += bias[chosen.reshape(-1)]
    if gated:
        expected = swiglu(expected, ALPHA, LIMIT)
    bound = 2**-8 if gated else 1e-5  # one rounding to bf16, or none: the inputs are exact here
    assert error(out.cpu().double().numpy(), expected) < bound


@pytest.mark.parametrize("gated", [False, True])
def test_nan_stays_one(device, rng, gated):
    """Also where SwiGLU holds numbers within a limit; other pairs of the same tile are well."""
    weights = stack(rng, 1, 64, 96)
    x = torch.from_numpy(rng.normal(size=(3, 96)).astype(np.float32)).bfloat16()
    x[1, 40] = torch.nan
    chosen = torch.zeros((3, 1), dtype=torch.int32, device=device)
    out = torch.zeros((3, 32 if gated else 64), device=device)
    out = out.bfloat16() if gated else out
    experts_many.product(
        x.to(device), 1, group(chosen, 1, 16), pack(weights, device),
        torch.zeros((1, 64), device=device), out, (ALPHA, LIMIT) if gated else None,
    )  # fmt: skip
    assert out[1].isnan().all()
    assert out[[0, 2]].isfinite().all()


def test_no_tokens(device):
    none = torch.empty((0, 64), device=device)
    packed = mxfp4.Packed(torch.empty((2, 1, 1)), torch.empty((2, 1, 1)), 64, 64)
    experts_many.experts(
        none, none, EPS, torch.empty((0, 2), dtype=torch.int32), none, packed, none, packed, none,
        ALPHA, LIMIT,
    )  # fmt: skip
    assert none.shape == (0, 64)


def test_every_size_of_tile_has_its_kernel():
    sizes = {tile_size(pairs, experts) for pairs in range(1, 9000, 7) for experts in (1, 32, 128)}
    assert sizes == set(experts_many.TILES)
