"""The mixture of experts for many tokens on the GPU: MXFP4 weights times tiles of tokens.

Tokens are grouped by expert (`grouping`), so that a program reads its rows of one expert's weights
for all tokens of a tile. Weights are the left operand of the tensor cores: their codes flow through
shared memory some steps ahead and become bf16 in the registers that the product takes them from, so
a weight is unpacked once for a tile of tokens. Sums are float32, and every sum is taken in the same
order whatever the tile. Knows nothing of how experts were chosen.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from msgspec import Struct
from torch import Tensor

from ossay.engine.kernels.cuda.bfloat16 import dot, to_bf16
from ossay.engine.kernels.cuda.grouping import Grouping, group, tile_size
from ossay.engine.kernels.cuda.hidden import normed
from ossay.engine.kernels.cuda.mxfp4 import PTX, Packed, tiles

_ADDED = 1024  # columns that a program of the last sum owns


class Tile(Struct, frozen=True):
    """What a program owns beside its pairs: `rows` of weights, in steps of `words` (16 or 32).

    A step is 4 `words` columns; `stages` - 1 of them are in shared memory, each of
    2 rows words + 4 rows + 8 pairs words bytes.
    """

    rows: int
    words: int
    warps: int
    stages: int


# By the pairs of a tile (`grouping.tile_size`). For gpt-oss, compiled for Hopper by Triton 3.6,
# they take at most 130, 154 and 231 registers a thread and no stack: 3, 3 and 2 programs share a
# multiprocessor, so that one may unpack while another multiplies. 256 rows by 128 pairs spill.
TILES = {
    16: Tile(rows=128, words=32, warps=4, stages=4),
    64: Tile(rows=128, words=16, warps=4, stages=3),
    128: Tile(rows=128, words=16, warps=4, stages=3),
}


def experts(
    x: Tensor,
    norm: Tensor,
    eps: float,
    chosen: Tensor,
    shares: Tensor,
    gate_up: Packed,
    up_bias: Tensor,
    down: Packed,
    down_bias: Tensor,
    alpha: float,
    limit: float,
) -> None:
    """Add the mixture of experts of norm(x) to x, in place, in five launches.

    Args:
        x: float32 [n, H].
        norm: float32 [H], the scale of the norm before the experts.
        eps: Of the norm.
        chosen: int32 [n, k], the experts of each token.
        shares: float32 [n, k], what each counts for.
        gate_up: [E, 2 I, H]; even rows gate, odd rows up.
        up_bias: float32 [E, 2 I].
        down: [E, H, I].
        down_bias: float32 [E, H].
        alpha: Of SwiGLU.
        limit: Of SwiGLU.

    Allocates n (2 H + k (2 I + 4 H)) bytes and the tiles, from the graph's pool where a graph is
    being captured. Deterministic.
    """
    n, k = chosen.shape
    if n == 0:
        return
    count = gate_up.words.shape[0]
    pairs = n * k
    tokens = group(chosen, count, tile_size(pairs, count))
    hidden = torch.empty((pairs, down.columns), dtype=torch.bfloat16, device=x.device)
    product(normed(x, norm, eps), k, tokens, gate_up, up_bias, hidden, (alpha, limit))
    answers = torch.empty((pairs, down.rows), dtype=torch.float32, device=x.device)
    product(hidden, 1, tokens, down, down_bias, answers, None)
    add(answers, shares, x)


def product(
    x: Tensor,
    sharing: int,
    pairs: Grouping,
    weight: Packed,
    bias: Tensor,
    out: Tensor,
    swiglu: tuple[float, float] | None,
    tile: Tile | None = None,
    ptx: bool = PTX,
) -> None:
    """Write each pair's product of its expert's weight with row pair // `sharing` of x to out.

    Args:
        x: bf16 [rows, columns of weight].
        sharing: Pairs with the same row of x.
        pairs: All pairs.
        weight: [E, R, columns].
        bias: float32 [E, R], added.
        out: [all pairs, R], or [all pairs, R / 2] with `swiglu`; float32 or bf16.
        swiglu: alpha and limit, where even rows are gates and odd ones ups.
        tile: For trials; what `TILES` has else.
        ptx: Which variant of `mxfp4.tiles`; for trials.
    """
    tile = tile or TILES[pairs.size]
    alpha, limit = swiglu or (0.0, 0.0)
    grid = (triton.cdiv(weight.rows, tile.rows), len(pairs.experts))
    _product[grid](
        x, weight.words, weight.scales, bias, pairs.experts, pairs.pairs, out, alpha, limit,
        SHARING=sharing, ROWS=weight.rows, COLUMNS=weight.columns, SWIGLU=swiglu is not None,
        TALL=tile.rows, WIDE=pairs.size, WORDS=tile.words, STAGES=tile.stages, PTX=ptx,
        num_warps=tile.warps,
    )  # fmt: skip


def add(answers: Tensor, shares: Tensor, x: Tensor) -> None:
    """Add the answers [n k, H] of each token's experts to x [n, H], by their shares [n, k]."""
    n, hidden = x.shape
    grid = (n, triton.cdiv(hidden, _ADDED))
    _add[grid](answers, shares, x, HIDDEN=hidden, EACH=shares.shape[1], STEP=_ADDED)


@triton.jit
def _product(  # type: ignore[no-untyped-def]
    x, words, scales, bias, of_tile, of_place, out, alpha, limit,
    SHARING: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, SWIGLU: tl.constexpr,
    TALL: tl.constexpr, WIDE: tl.constexpr, WORDS: tl.constexpr, STAGES: tl.constexpr,
    PTX: tl.constexpr,
):  # fmt: skip
    """A program owns TALL rows of one expert and the WIDE pairs of one of its tiles.

    It reads 17 / 32 TALL COLUMNS bytes of weights and 2 WIDE COLUMNS of x (gpt-oss, 128 rows and
    16 pairs: 196 KB and at most 92 KB, the latter from the L2 cache). Programs of one tile follow
    each other, then those of the next, mostly of the same expert: its weights are read from memory
    once, for gpt-oss 8.8 MB, and then from the L2 cache.
    """
    expert = tl.load(of_tile + tl.program_id(1))
    if expert < 0:
        return
    pair = tl.load(of_place + tl.program_id(1) * WIDE + tl.arange(0, WIDE))
    there = pair >= 0
    row = tl.program_id(0) * TALL + tl.arange(0, TALL)
    first = expert.to(tl.int64) * ROWS
    total = _sums(
        x, (pair // SHARING).to(tl.int64), there,
        words, scales, first, tl.minimum(row, ROWS - 1),
        COLUMNS, TALL, WIDE, WORDS, STAGES, PTX,
    )  # fmt: skip
    live = row < ROWS
    total += tl.load(bias + first + row, mask=live, other=0.0)[:, None]
    across = tl.trans(total)
    at = out + pair.to(tl.int64)[:, None] * (ROWS // 2 if SWIGLU else ROWS)
    if SWIGLU:
        gate, up = tl.split(tl.reshape(across, (WIDE, TALL // 2, 2)))
        gate = tl.minimum(gate, limit, propagate_nan=tl.PropagateNan.ALL)
        up = tl.clamp(up, -limit, limit, propagate_nan=tl.PropagateNan.ALL)
        inner = to_bf16((up + 1) * gate / (1 + tl.exp(-alpha * gate)))
        column = tl.program_id(0) * (TALL // 2) + tl.arange(0, TALL // 2)
        tl.store(at + column[None, :], inner, mask=there[:, None] & (column < ROWS // 2)[None, :])
    else:
        tl.store(at + row[None, :], across, mask=there[:, None] & live[None, :])


@triton.jit
def _sums(  # type: ignore[no-untyped-def]
    x, token, there, words, scales, first, row,
    COLUMNS: tl.constexpr, TALL: tl.constexpr, WIDE: tl.constexpr, WORDS: tl.constexpr,
    STAGES: tl.constexpr, PTX: tl.constexpr,
):  # fmt: skip
    """Return weight[first + row] @ x[token].T, float32 [TALL, WIDE]; 0 for tokens not there.

    `mxfp4` says how the words of a row lie. A step's columns are ordered by half group, then set,
    then word, in both operands: 16 words are one slice of the tensor cores for each of four sets.
    Where the last group is short, words past its end are read as 0 and so are the columns they
    would meet.
    """
    whole: tl.constexpr = COLUMNS // 128
    blocks: tl.constexpr = COLUMNS % 128 // 32
    short: tl.constexpr = 32 if blocks == 3 else 8 * blocks  # words of the last group
    length: tl.constexpr = whole * 32 + short  # of a row
    groups: tl.constexpr = whole + (blocks > 0)
    ragged: tl.constexpr = length % WORDS != 0 or blocks == 3
    steps: tl.constexpr = 32 // WORDS  # of a whole group
    halves: tl.constexpr = WORDS // 16
    word = tl.arange(0, WORDS)
    place = tl.arange(0, 4 * WORDS)
    of_set = place // 16 % 4
    of_word = place // 64 * 16 + place % 16
    words += first * length  # then 32 bits are enough for the rows of an expert
    scales += first * groups
    total = tl.zeros((TALL, WIDE), tl.float32)
    for step in tl.range(0, (length + WORDS - 1) // WORDS, num_stages=STAGES):
        group = step // steps
        span = tl.where(group < whole, 32, short)
        column = group * 128 + step % steps * WORDS + span * of_set + of_word
        at = words + row[:, None] * length + (step * WORDS + word)[None, :]
        if ragged:
            code = tl.load(at, mask=(step * WORDS + word < length)[None, :], other=0)
            exists = (step * WORDS + of_word < length) & (column < COLUMNS)
            inside = there[:, None] & exists[None, :]
        else:
            code = tl.load(at)
            inside = there[:, None]
        right = tl.load(x + (token[:, None] * COLUMNS + column[None, :]), mask=inside, other=0.0)
        scale = tl.load(scales + row * groups + group)
        set0, set1, set2, set3 = tiles(code, scale[:, None], PTX)
        left = tl.join(tl.join(set0, set1), tl.join(set2, set3))
        left = tl.reshape(left, (TALL, halves, 16, 2, 2))  # half, word, lower and upper bit of set
        left = tl.reshape(tl.permute(left, (0, 1, 4, 3, 2)), (TALL, 4 * WORDS))
        total = dot(left, tl.trans(right), total)
    return total


@triton.jit
def _add(  # type: ignore[no-untyped-def]
    answers, shares, x,
    HIDDEN: tl.constexpr, EACH: tl.constexpr, STEP: tl.constexpr,
):  # fmt: skip
    """A program owns STEP columns of one token: 4 EACH STEP bytes of answers and 8 STEP of x."""
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * STEP + tl.arange(0, STEP)
    live = column < HIDDEN
    total = tl.zeros((STEP,), tl.float32)
    for choice in tl.static_range(EACH):
        pair = token * EACH + choice
        answer = tl.load(answers + pair * HIDDEN + column, mask=live, other=0.0)
        total += tl.load(shares + pair) * answer.to(tl.float32)
    at = x + token * HIDDEN + column
    tl.store(at, tl.load(at, mask=live, other=0.0) + total, mask=live)
