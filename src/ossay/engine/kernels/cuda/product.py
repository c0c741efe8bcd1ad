"""Products of bf16 matrices with few tokens on the GPU, with what stands around them in one launch.

Decoding reads every weight once, so these kernels are made to read. Weights flow through shared
memory, some steps ahead (cp.async, 16 bytes a thread), into `tl.dot` as its left operand
[rows, columns]; tokens are the right one [columns, TOKENS]. A step's columns lie in PARTS that the
warps share, so each warp turns a part of x into its operand once, has several short chains of
products, and the parts are added up at the end.

The norm costs no launch: each program reads x (from the L2 cache), sums its squares on the way and
divides its rows' sums by the rms at the end. So x * scale is rounded to bf16 before the division by
the rms, not after it. Either rounding is off by 2^-8 of a number at most (1.7e-3 in the root mean
square), but they are different ones: results differ from those after `hidden.norm` by about as much
as either from float32. Sums are float32. A token's result does not depend on its neighbours; only
whether there are more than 8 tokens may move the last bits of its rms.

Knows nothing of many tokens (`projection` chooses) nor of attention.
"""

from __future__ import annotations

import triton
import triton.language as tl
from msgspec import Struct
from torch import Tensor

from ossay.engine.batch import BLOCK
from ossay.engine.kernels.cuda.bfloat16 import dot, to_bf16, to_bf16_here
from ossay.engine.kernels.cuda.rotation import place

FEW = 16  # tokens that one tile of a product holds


class Tile(Struct, frozen=True):
    """What a program owns: `rows` (at least 16), in steps of `parts` * `step` columns.

    `stages` - 1 steps lie in shared memory: for each of their parts * step columns 2 bytes a row,
    2 bytes a token (4 where x is to be normed) and 4 of the norm's scale.
    """

    rows: int
    step: int
    parts: int
    warps: int
    stages: int


# By the columns of the tile of tokens; chosen on paper. An H200 has 132 multiprocessors; to read
# 4.3 TB/s at 0.8 us of latency, each must have 26 KB on the way. Every program here keeps 32 KB of
# weights on the way in at most 99 KB of shared memory: two fit there, one on smaller cards.
QKV = {
    1: Tile(rows=32, step=64, parts=4, warps=4, stages=4),
    8: Tile(rows=32, step=64, parts=4, warps=4, stages=4),
    16: Tile(rows=32, step=32, parts=4, warps=4, stages=6),
}
OUT = dict.fromkeys((1, 8, 16), Tile(rows=16, step=128, parts=4, warps=4, stages=4))
UNEMBED = {
    1: Tile(rows=64, step=32, parts=4, warps=4, stages=5),
    8: Tile(rows=64, step=32, parts=4, warps=4, stages=5),
    16: Tile(rows=64, step=32, parts=4, warps=4, stages=4),
}


def qkv_few(
    x: Tensor,
    scale: Tensor,
    eps: float,
    weight: Tensor,
    bias: Tensor,
    cos: Tensor,
    sin: Tensor,
    positions: Tensor,
    where: Tensor,
    q: Tensor,
    keys: Tensor,
    values: Tensor,
    tile: Tile | None = None,
) -> None:
    """Do what `projection.qkv` says for at most FEW tokens, in one launch.

    gpt-oss: 160 programs of 32 rows (29.5 MB).
    """
    rows, heads, width = q.shape
    kv_heads = keys.shape[1]
    tokens = _tokens(rows)
    tile = tile or QKV[tokens]
    pairs = min(tile.rows // 2, width // 2)
    grid = ((heads + 2 * kv_heads) * (width // 2 // pairs),)
    _qkv[grid](
        x, scale, weight, bias, cos, sin, positions, where, q, keys, values, rows, eps,
        COLUMNS=weight.shape[1], HEADS=heads, KV_HEADS=kv_heads, HALF=width // 2, BLOCK=BLOCK,
        PAIRS=pairs, TOKENS=tokens, STEP=tile.step, PARTS=tile.parts,
        num_warps=tile.warps, num_stages=tile.stages,
    )  # fmt: skip


def out_few(a: Tensor, weight: Tensor, bias: Tensor, x: Tensor, tile: Tile | None = None) -> None:
    """Do what `projection.out` says for at most FEW tokens, in one launch.

    gpt-oss: 180 programs of 16 rows (23.6 MB).
    """
    rows, hidden = x.shape
    tokens = _tokens(rows)
    tile = tile or OUT[tokens]
    _out[(triton.cdiv(hidden, tile.rows),)](
        a, weight, bias, x, rows, COLUMNS=weight.shape[1], HIDDEN=hidden,
        ROWS=tile.rows, TOKENS=tokens, STEP=tile.step, PARTS=tile.parts,
        num_warps=tile.warps, num_stages=tile.stages,
    )  # fmt: skip


def unembed_few(
    x: Tensor,
    scale: Tensor,
    eps: float,
    weight: Tensor,
    logits: Tensor,
    tile: Tile | None = None,
) -> None:
    """Do what `projection.unembed` says for at most FEW tokens, in one launch.

    gpt-oss: 3,142 programs of 64 rows (1.16 GB), two or three at a time on each multiprocessor.
    """
    vocab, hidden = weight.shape
    rows = x.shape[0]
    tokens = _tokens(rows)
    tile = tile or UNEMBED[tokens]
    _unembed[(triton.cdiv(vocab, tile.rows),)](
        x, scale, weight, logits, rows, eps, COLUMNS=hidden, VOCAB=vocab,
        ROWS=tile.rows, TOKENS=tokens, STEP=tile.step, PARTS=tile.parts,
        num_warps=tile.warps, num_stages=tile.stages,
    )  # fmt: skip


def _tokens(rows: int) -> int:
    """Columns of the tile of tokens: one, or as the tensor cores take them."""
    return 1 if rows == 1 else 8 if rows <= 8 else FEW


@triton.jit
def _product(  # type: ignore[no-untyped-def]
    weight, row, live, x, scale, n, eps,
    NORM: tl.constexpr, COLUMNS: tl.constexpr, ROWS: tl.constexpr, TOKENS: tl.constexpr,
    STEP: tl.constexpr, PARTS: tl.constexpr,
):  # fmt: skip
    """Return weight[row] @ x.T, or weight[row] @ norm(x).T with NORM: float32 [ROWS, TOKENS].

    `live` [ROWS] says which rows there are; x [n, COLUMNS] is float32 with NORM, else bf16.
    """
    part = tl.arange(0, PARTS)[:, None] * STEP + tl.arange(0, STEP)[None, :]
    width: tl.constexpr = max(TOKENS, 8)  # the tensor cores take 8 tokens at least
    total = tl.zeros((PARTS, ROWS, width), tl.float32)
    token = tl.arange(0, TOKENS)[None, :, None]
    squares = tl.zeros((PARTS, TOKENS, STEP), tl.float32)
    for start in range(0, COLUMNS, PARTS * STEP):
        column = start + part
        inside = column < COLUMNS
        left = tl.load(
            weight + row[None, :, None] * COLUMNS + column[:, None, :],
            mask=live[None, :, None] & inside[:, None, :],
            other=0.0,
        )
        right = tl.load(
            x + token * COLUMNS + column[:, None, :],
            mask=(token < n) & inside[:, None, :],
            other=0.0,
        )
        if NORM:
            squares += right * right
            factor = tl.load(scale + column, mask=inside, other=0.0)
            right *= factor[:, None, :]
            right = to_bf16(right) if TOKENS == 1 else to_bf16_here(right)
        right = tl.broadcast_to(right, (PARTS, width, STEP))
        total = dot(left, tl.permute(right, (0, 2, 1)), total)
    product = tl.sum(total, 0)
    if TOKENS == 1:  # all columns are the one token's
        product = tl.max(product, 1)[:, None]
    if NORM:
        mean_square = tl.sum(tl.sum(squares, 2), 0) / COLUMNS
        product = product / tl.sqrt(mean_square + eps)[None, :]
    return product


@triton.jit(do_not_specialize=["n"])
def _qkv(  # type: ignore[no-untyped-def]
    x, scale, weight, bias, cos, sin, positions, where, q, keys, values, n, eps,
    COLUMNS: tl.constexpr, HEADS: tl.constexpr, KV_HEADS: tl.constexpr, HALF: tl.constexpr,
    BLOCK: tl.constexpr, PAIRS: tl.constexpr, TOKENS: tl.constexpr, STEP: tl.constexpr,
    PARTS: tl.constexpr,
):  # fmt: skip
    """A program owns rows i and i + HALF of one head, for PAIRS neighbouring i, and all tokens.

    It reads 4 PAIRS COLUMNS bytes of weights from memory (gpt-oss: 184 KB), from the L2 cache
    4 (n + 1) COLUMNS bytes of x and scale (23 KB for one token).
    """
    head = tl.program_id(0) // (HALF // PAIRS)
    first_pair = tl.program_id(0) % (HALF // PAIRS) * PAIRS
    row = tl.arange(0, 2 * PAIRS)
    row = head * (2 * HALF) + row // PAIRS * HALF + first_pair + row % PAIRS
    total = _product(
        weight, row, row >= 0, x, scale, n, eps, True, COLUMNS, 2 * PAIRS, TOKENS, STEP, PARTS
    )
    total += tl.load(bias + row)[:, None]
    first, second = tl.split(tl.permute(tl.reshape(total, (2, PAIRS, TOKENS)), (1, 2, 0)))
    pair = first_pair + tl.arange(0, PAIRS)[:, None]
    token = tl.arange(0, TOKENS)[None, :]
    place(
        first, second, head + tl.zeros_like(pair), pair, token, (token < n) & (pair >= 0),
        tl.load(positions + token, mask=token < n, other=0), cos, sin, where, q, keys, values,
        HEADS, KV_HEADS, HALF, BLOCK,
    )  # fmt: skip


@triton.jit(do_not_specialize=["n"])
def _out(  # type: ignore[no-untyped-def]
    a, weight, bias, x, n,
    COLUMNS: tl.constexpr, HIDDEN: tl.constexpr, ROWS: tl.constexpr, TOKENS: tl.constexpr,
    STEP: tl.constexpr, PARTS: tl.constexpr,
):  # fmt: skip
    """A program owns ROWS rows and all tokens.

    It reads 2 ROWS COLUMNS bytes of weights from memory (gpt-oss: 131 KB), from the L2 cache
    2 n COLUMNS bytes of a (8 KB for one token).
    """
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    live = row < HIDDEN
    total = _product(weight, row, live, a, a, n, 0.0, False, COLUMNS, ROWS, TOKENS, STEP, PARTS)
    total += tl.load(bias + row, mask=live, other=0.0)[:, None]
    token = tl.arange(0, TOKENS)[None, :]
    at = x + token * HIDDEN + row[:, None]
    live = live[:, None] & (token < n)
    tl.store(at, tl.load(at, mask=live, other=0.0) + total, mask=live)


@triton.jit(do_not_specialize=["n"])
def _unembed(  # type: ignore[no-untyped-def]
    x, scale, weight, logits, n, eps,
    COLUMNS: tl.constexpr, VOCAB: tl.constexpr, ROWS: tl.constexpr, TOKENS: tl.constexpr,
    STEP: tl.constexpr, PARTS: tl.constexpr,
):  # fmt: skip
    """A program owns ROWS rows and all tokens.

    It reads 2 ROWS COLUMNS bytes of weights from memory (gpt-oss: 369 KB), from the L2 cache
    4 (n + 1) COLUMNS bytes of x and scale (23 KB for one token).
    """
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    live = row < VOCAB
    total = _product(weight, row, live, x, scale, n, eps, True, COLUMNS, ROWS, TOKENS, STEP, PARTS)
    token = tl.arange(0, TOKENS)[None, :]
    tl.store(logits + token * VOCAB + row[:, None], total, mask=live[:, None] & (token < n))
