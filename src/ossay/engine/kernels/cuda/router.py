"""The router on the GPU: RMSNorm, scores of the experts, and which of them a token takes.

Of few tokens a program scores one expert in float32 throughout, so that nothing rounds a choice; of
many, tensor cores do, on activations cut into two bf16 parts (16 bits of them). The two agree far
within the float32 reference's own error. Knows nothing of what experts compute.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from ossay.engine.kernels.cuda.bfloat16 import dot, to_bf16

FEW = 8  # tokens up to which one program scores one expert of one token


def scores(
    x: torch.Tensor,
    norm: torch.Tensor,
    eps: float,
    weight: torch.Tensor,
    bias: torch.Tensor,
    out: torch.Tensor,
    normed: torch.Tensor | None = None,
) -> None:
    """Write the scores of x's tokens, and x after the norm, which the experts read.

    Args:
        x: float32 [n, H].
        norm: float32 [H], the norm's scale.
        eps: Added to the mean square.
        weight: bf16 [E, H].
        bias: float32 [E].
        out: float32 [n, E], written.
        normed: bf16 [n, H], written; None where nobody reads it.
    """
    tokens, hidden = x.shape
    experts = weight.shape[0]
    keep = normed is not None
    if tokens <= FEW:
        width = triton.next_power_of_2(hidden)
        _few[(experts, tokens)](
            x, norm, eps, weight, bias, out, normed, hidden, experts, width, keep, num_warps=4
        )
        return
    rows, columns = 32, 32
    grid = (triton.cdiv(experts, columns), triton.cdiv(tokens, rows))
    _many[grid](
        x, norm, eps, weight, bias, out, normed, tokens, hidden, experts,
        rows, columns, 64, keep, num_warps=4, num_stages=3,
    )  # fmt: skip


def choose(scores: torch.Tensor, chosen: torch.Tensor, shares: torch.Tensor) -> None:
    """Take the k best experts of each token, best first; of equal scores the lower index.

    Args:
        scores: float32 [n, E].
        chosen: int32 [n, k], written; always inside [0, E), also where a score is NaN.
        shares: float32 [n, k], written: softmax over the chosen scores alone.
    """
    tokens, experts = scores.shape
    count = chosen.shape[1]
    padded, slots = triton.next_power_of_2(experts), triton.next_power_of_2(count)
    _choose[(tokens,)](scores, chosen, shares, experts, count, padded, slots, num_warps=1)


@triton.jit
def load_keys(scores, EXPERTS: tl.constexpr, PADDED: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return one token's scores as int64 [PADDED] that order as the choice goes; no two are equal.

    The upper half orders as the score does, the lower falls with the index. What pads is below any
    score, NaN of either sign included, so k <= E choices never meet it.
    """
    index = tl.arange(0, PADDED)
    score = tl.load(scores + index, mask=index < EXPERTS, other=0.0)
    bits = (score + 0.0).to(tl.int32, bitcast=True)  # the sum makes -0.0 equal to 0.0
    order = tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    key = (order.to(tl.int64) << 32) | (0x7FFFFFFF - index).to(tl.int64)
    return tl.where(index < EXPERTS, key, -0x8000000000000000)


@triton.jit
def without(keys, key):  # type: ignore[no-untyped-def]
    """Return the keys with this one taken out."""
    return tl.where(keys == key, -0x8000000000000000, keys)


@triton.jit
def expert_of(key):  # type: ignore[no-untyped-def]
    """The expert's index, int32."""
    return (0x7FFFFFFF - (key & 0x7FFFFFFF)).to(tl.int32)


@triton.jit
def score_of(key):  # type: ignore[no-untyped-def]
    """The expert's score, float32."""
    order = (key >> 32).to(tl.int32)
    return tl.where(order < 0, order ^ 0x7FFFFFFF, order).to(tl.float32, bitcast=True)


@triton.jit
def _few(  # type: ignore[no-untyped-def]
    x, norm, eps, weight, bias, out, normed,
    HIDDEN: tl.constexpr, EXPERTS: tl.constexpr, WIDTH: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """One expert's score of one token; and 1 / E of the token's normed row.

    Reads 10 H bytes, 2 H of them weights, all at once: what this takes is latency.
    """
    expert, token = tl.program_id(0), tl.program_id(1)
    at = tl.arange(0, WIDTH)
    inside = at < HIDDEN
    row = tl.load(weight + expert.to(tl.int64) * HIDDEN + at, mask=inside, other=0.0)
    scale = tl.load(norm + at, mask=inside, other=0.0)
    values = tl.load(x + token.to(tl.int64) * HIDDEN + at, mask=inside, other=0.0)
    scaled = values * scale
    root = tl.rsqrt(tl.sum(values * values) / HIDDEN + eps)
    score = tl.sum(scaled * row.to(tl.float32)) * root + tl.load(bias + expert)
    tl.store(out + token * EXPERTS + expert, score)
    if KEEP:
        share: tl.constexpr = (HIDDEN + EXPERTS - 1) // EXPERTS
        first = expert * share
        mine = (at >= first) & (at < first + share) & inside
        place = normed + token.to(tl.int64) * HIDDEN + at
        tl.store(place, to_bf16(scaled * root), mask=mine)


@triton.jit(do_not_specialize=["tokens"])
def _many(  # type: ignore[no-untyped-def]
    x, norm, eps, weight, bias, out, normed, tokens,
    HIDDEN: tl.constexpr, EXPERTS: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, STEP: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """ROWS tokens' scores of COLUMNS experts; and their part of the tokens' normed rows.

    Reads 4 H ROWS bytes of x and 2 H COLUMNS of weights. The norm's root is taken on the way and
    divided by at the end.
    """
    token = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    expert = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    at = tl.arange(0, STEP)
    rows = x + token.to(tl.int64)[:, None] * HIDDEN
    live = (token < tokens)[:, None]
    sums = tl.zeros([ROWS, COLUMNS], tl.float32)
    squares = tl.zeros([ROWS], tl.float32)
    for start in range(0, HIDDEN, STEP):
        inside = start + at < HIDDEN
        values = tl.load(rows + start + at[None, :], mask=live & inside[None, :], other=0.0)
        squares += tl.sum(values * values, 1)
        values *= tl.load(norm + start + at, mask=inside, other=0.0)[None, :]
        upper = to_bf16(values)
        lower = to_bf16(values - upper.to(tl.float32))
        taken = tl.load(
            weight + expert[None, :].to(tl.int64) * HIDDEN + start + at[:, None],
            mask=(expert < EXPERTS)[None, :] & inside[:, None],
            other=0.0,
        )
        sums = dot(upper, taken, sums)
        sums = dot(lower, taken, sums)
    root = tl.rsqrt(squares / HIDDEN + eps)
    sums = sums * root[:, None] + tl.load(bias + expert, mask=expert < EXPERTS, other=0.0)[None, :]
    place = out + token.to(tl.int64)[:, None] * EXPERTS + expert[None, :]
    tl.store(place, sums, mask=live & (expert < EXPERTS)[None, :])
    if KEEP:
        start = tl.program_id(0) * STEP
        while start < HIDDEN:
            inside = live & (start + at < HIDDEN)[None, :]
            values = tl.load(rows + start + at[None, :], mask=inside, other=0.0)
            scale = tl.load(norm + start + at, mask=start + at < HIDDEN, other=0.0)
            kept = normed + token.to(tl.int64)[:, None] * HIDDEN + start + at[None, :]
            tl.store(kept, to_bf16(values * scale[None, :] * root[:, None]), mask=inside)
            start += tl.num_programs(0) * STEP


@triton.jit
def _choose(  # type: ignore[no-untyped-def]
    scores, chosen, shares,
    EXPERTS: tl.constexpr, COUNT: tl.constexpr, PADDED: tl.constexpr, SLOTS: tl.constexpr,
):  # fmt: skip
    """One token's choice: reads its E scores."""
    token = tl.program_id(0).to(tl.int64)
    slot = tl.arange(0, SLOTS)
    keys = load_keys(scores + token * EXPERTS, EXPERTS, PADDED)
    picked = tl.zeros([SLOTS], tl.int64)
    highest = score_of(tl.max(keys, 0))
    for place in tl.static_range(COUNT):
        key = tl.max(keys, 0)
        keys = without(keys, key)
        picked = tl.where(slot == place, key, picked)
    powers = tl.where(slot < COUNT, tl.exp(score_of(picked) - highest), 0.0)
    tl.store(chosen + token * COUNT + slot, expert_of(picked), mask=slot < COUNT)
    tl.store(shares + token * COUNT + slot, powers / tl.sum(powers, 0), mask=slot < COUNT)
