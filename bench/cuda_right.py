"""Whether each GPU kernel alone is right, at the real shapes.

Each is held to bench/cuda_reference.py in float64, on the same bf16 and MXFP4 weights, by
||out - right|| / ||right||. Inputs are fresh each time; outputs, scratch and every slot of a cache
that nothing should read are NaN before. For the bounds see bench/cuda_check.py. Knows nothing of
files.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

import cuda_reference as plain
from cuda_check import BF16, F64, ONE, SCORES, TWO, Bench, Check
from cuda_right_attention import check_decode, check_prefill
from ossay.engine.batch import BLOCK
from ossay.engine.kernels.cuda import (
    experts_few,
    experts_many,
    mxfp4,
    projection,
    router,
)
from ossay.engine.shape import ModelShape


def check_kernels(shape: ModelShape, seed: int, device: str, many: int = 512) -> Iterator[Check]:
    """Check every kernel; `many` is the longest batch."""
    bench = Bench(shape, seed, device)
    yield check_mxfp4(bench)
    for n in sorted({1, 3, projection.FEW, projection.FEW + 1, many}):
        yield from check_qkv(bench, n)
        yield from check_out(bench, n)
    for n in (1, 2, projection.FEW + 1):
        yield check_unembed(bench, n)
    for window in (0, shape.window):
        yield from check_decode(bench, window)
        yield check_prefill(bench, window, many)
    for n in sorted({1, 3, experts_few.FEW}):
        yield from check_few(bench, n)
    for n in sorted({1, experts_few.FEW + 1, 64, many}):
        yield from check_many(bench, n)


def check_mxfp4(bench: Bench) -> Check:
    """The kernels' layout holds exactly what was stored."""
    wrong = 0
    for stored, packed in (
        (bench.stored.gate_up, bench.layer.gate_up),
        (bench.stored.down, bench.layer.down),
    ):
        found = mxfp4.unpack(packed)
        right = torch.stack([plain.widen(stored, i, torch.float32) for i in range(len(stored[0]))])
        wrong += int((found.float() != right).sum())  # NaN counts too
    return Check("mxfp4, both stacks: wrong weights", wrong, 0.0)


def check_qkv(bench: Bench, n: int) -> Iterator[Check]:
    """Queries, and keys and values at their slots; no other slot is written."""
    shape, layer = bench.shape, bench.layer
    x = 3 * bench.normal(n, shape.hidden)
    blocks = -(-n // BLOCK) + 2
    slots = bench.rng.permutation(blocks * BLOCK)[:n]
    at = bench.rng.integers(0, bench.positions, n)
    pool = (blocks, shape.kv_heads, BLOCK, shape.head_dim)
    keys, values = (bench.poison(*pool, dtype=BF16) for _ in "kv")
    q = bench.poison(n, shape.heads, shape.head_dim, dtype=BF16)
    projection.qkv(
        x, layer.attention_norm, shape.norm_eps, layer.qkv, layer.qkv_bias, bench.cos, bench.sin,
        bench.integers(at), bench.integers(slots), q, keys, values,
    )  # fmt: skip
    place = torch.from_numpy(at).to(bench.device)
    angles = bench.cos[place], bench.sin[place]
    right = plain.heads(x.to(F64), bench.stored, shape, *angles)
    slot = torch.from_numpy(slots).to(bench.device)
    for name, found, want in zip(
        ("q", "k", "v"),
        (q, keys[slot // BLOCK, :, slot % BLOCK], values[slot // BLOCK, :, slot % BLOCK]),
        right,
        strict=True,
    ):
        yield Check(f"qkv, {n} tokens: {name}", plain.error(found, want), ONE)
    written = int((~keys.isnan()).sum()) / (shape.kv_heads * shape.head_dim)
    yield Check(f"qkv, {n} tokens: slots written beside {n}", written - n, 0.0)


def check_out(bench: Bench, n: int) -> Iterator[Check]:
    """What is added to the state; the sum itself would hide an error behind the state."""
    shape, layer = bench.shape, bench.layer
    a = bench.normal(n, shape.heads * shape.head_dim, dtype=BF16)
    x = bench.normal(n, shape.hidden)
    out = x.clone()
    projection.out(a, layer.out, layer.out_bias, out)
    right = plain.linear(a.to(F64), layer.out, layer.out_bias)
    # float32 rounds the sum to 2^-24 of it: nothing beside the bound.
    yield Check(f"out, {n} tokens", plain.error(out.to(F64) - x.to(F64), right), ONE)


def check_unembed(bench: Bench, n: int) -> Check:
    """Logits of n rows."""
    shape = bench.shape
    matrix = (bench.normal(shape.vocab, shape.hidden) * shape.hidden**-0.5).to(BF16)
    x, scale = 3 * bench.normal(n, shape.hidden), 1 + 0.1 * bench.normal(shape.hidden)
    logits = bench.poison(n, shape.vocab)
    projection.unembed(x, scale, shape.norm_eps, matrix, logits)
    right = plain.linear(plain.norm(x.to(F64), scale, shape.norm_eps), matrix)
    return Check(f"unembed, {n} rows", plain.error(logits, right), ONE)


def check_few(bench: Bench, n: int) -> Iterator[Check]:
    """Router, top-k inside, both products, for few tokens. Experts are those of its own scores."""
    shape, layer = bench.shape, bench.layer
    x = 3 * bench.normal(n, shape.hidden)
    scores, normed = _scores(bench, x)
    yield from _check_scores(bench, x, scores, normed)
    hidden = bench.poison(n, shape.experts_per_token, shape.intermediate, dtype=BF16)
    gates = shape.swiglu_alpha, shape.swiglu_limit
    experts_few.gate_up(normed, scores, layer.gate_up, layer.gate_up_bias, hidden, *gates)
    chosen, shares = plain.route(scores, shape.experts_per_token)
    exact = plain.norm(x.to(F64), bench.stored.mlp_norm, shape.norm_eps)
    inner = plain.inner(exact, bench.stored, shape, chosen)
    yield Check(f"gate_up, few, {n} tokens", plain.error(hidden, inner), TWO)
    out = x.clone()
    experts_few.down(hidden, scores, layer.down, layer.down_bias, out)
    right = plain.outer(hidden.to(F64), bench.stored, chosen, shares)
    yield Check(f"down, few, {n} tokens", plain.error(out.to(F64) - x.to(F64), right), ONE)


def check_many(bench: Bench, n: int) -> Iterator[Check]:
    """Router, top-k, both grouped products and their sum, for any number of tokens."""
    shape, layer = bench.shape, bench.layer
    x = 3 * bench.normal(n, shape.hidden)
    scores, normed = _scores(bench, x)
    yield from _check_scores(bench, x, scores, normed)
    k = shape.experts_per_token
    chosen, shares = bench.poison(n, k, dtype=torch.int32), bench.poison(n, k)
    router.choose(scores, chosen, shares)
    picked, weights = plain.route(scores, k)
    yield Check(f"choose, {n} tokens: wrong", float((chosen != picked).sum()), 0.0)
    yield Check(f"choose, {n} tokens: shares", plain.error(shares, weights), 1e-6)
    out = x.clone()
    experts_many.experts(
        out, layer.mlp_norm, shape.norm_eps, chosen, shares, layer.gate_up, layer.gate_up_bias,
        layer.down, layer.down_bias, shape.swiglu_alpha, shape.swiglu_limit,
    )  # fmt: skip
    exact = plain.norm(x.to(F64), bench.stored.mlp_norm, shape.norm_eps)
    inner = plain.inner(exact, bench.stored, shape, picked)
    right = plain.outer(inner, bench.stored, picked, weights)
    yield Check(f"experts, many, {n} tokens", plain.error(out.to(F64) - x.to(F64), right), TWO)


def table(checks: list[Check]) -> str:
    """The checks for people, in Markdown; failures last."""
    lines = ["| check | error | bound | |", "|---|---:|---:|---|"]
    for check in sorted(checks, key=lambda each: not each.passed):
        word = check.note if check.passed else f"FAILED {check.note}"
        lines.append(f"| {check.what} | {check.error:.2e} | {check.bound:.0e} | {word} |")
    return "\n".join([*lines, "", _passed(checks)])


def short_table(checks: list[Check]) -> str:
    """What failed, and of each kind of check the worst that passed."""
    kinds: dict[tuple[str, float], list[Check]] = {}
    for check in checks:
        if check.passed:
            model, _, what = check.what.partition(": ")
            kinds.setdefault((f"{model}: {what.split(',')[0]}", check.bound), []).append(check)
    lines = ["| checks | of them | worst error | bound |", "|---|---:|---:|---:|"]
    for (kind, bound), mine in kinds.items():
        worst = max(check.error for check in mine)
        lines.append(f"| {kind} | {len(mine)} | {worst:.2e} | {bound:.0e} |")
    lines += [
        f"| FAILED {check.what} {check.note} | 1 | {check.error:.2e} | {check.bound:.0e} |"
        for check in checks
        if not check.passed
    ]
    return "\n".join([*lines, "", _passed(checks)])


def _passed(checks: list[Check]) -> str:
    return f"{sum(check.passed for check in checks)} of {len(checks)} passed."


def _scores(bench: Bench, x: Tensor) -> tuple[Tensor, Tensor]:
    shape, layer = bench.shape, bench.layer
    scores = bench.poison(len(x), shape.experts)
    normed = bench.poison(len(x), shape.hidden, dtype=BF16)
    norm = layer.mlp_norm, shape.norm_eps
    router.scores(x, *norm, layer.router, layer.router_bias, scores, normed)
    return scores, normed


def _check_scores(bench: Bench, x: Tensor, scores: Tensor, normed: Tensor) -> Iterator[Check]:
    exact = plain.norm(x.to(F64), bench.stored.mlp_norm, bench.shape.norm_eps)
    right = plain.linear(exact, bench.stored.router, bench.stored.router_bias)
    yield Check(f"router, {len(x)} tokens: scores", plain.error(scores, right), SCORES)
    yield Check(f"router, {len(x)} tokens: normed", plain.error(normed, exact), ONE)
