"""Where a product's heads go on the GPU: bias, RoPE, the queries' tensor and the paged cache.

A device function for any tile of pairs (elements i and i + d/2 of a head), and the kernel that
runs it over a product that cuBLAS made. Angles come as tables by position; the layout of the pool
is [blocks, kv_heads, BLOCK, d]. Knows nothing of what the product was made of, nor of sequences: a
token's slot in the pool (block * BLOCK + offset) arrives beside it.
"""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from ossay.engine.batch import BLOCK
from ossay.engine.kernels.cuda.bfloat16 import to_bf16

_HEADS = 16  # heads that a program turns


def turn(
    product: Tensor,
    bias: Tensor,
    cos: Tensor,
    sin: Tensor,
    positions: Tensor,
    where: Tensor,
    q: Tensor,
    keys: Tensor,
    values: Tensor,
) -> None:
    """Add the bias to a product, float32 [n, (heads + 2 kv_heads) d], turn and write it.

    The other arguments are as in `projection.qkv`.
    """
    rows, heads, width = q.shape
    kv_heads = keys.shape[1]
    grid = (rows, triton.cdiv(heads + 2 * kv_heads, _HEADS))
    _turn[grid](
        product, bias, cos, sin, positions, where, q, keys, values,
        HEADS=heads, KV_HEADS=kv_heads, HALF=width // 2, BLOCK=BLOCK, TILE=_HEADS,
    )  # fmt: skip


@triton.jit
def place(  # type: ignore[no-untyped-def]
    first, second, head, pair, token, live, position,
    cos, sin, where, q, keys, values,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, HALF: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Turn elements `pair` (`first`) and `pair` + HALF (`second`) of heads and write them as bf16.

    `head`, `pair`, `token` and `live` are shapes that broadcast to the tile's; `position` that of
    `token`. Heads count queries, keys, values in that order; values are not turned.
    """
    angle = position * HALF + pair
    c = tl.load(cos + angle, mask=live, other=0.0)
    s = tl.load(sin + angle, mask=live, other=0.0)
    is_value = head >= HEADS + KV_HEADS
    turned = to_bf16(tl.where(is_value, first, first * c - second * s))
    turned_second = to_bf16(tl.where(is_value, second, second * c + first * s))

    to_query = live & (head < HEADS)
    at = (token.to(tl.int64) * HEADS + head) * (2 * HALF) + pair
    tl.store(q + at, turned, mask=to_query)
    tl.store(q + at + HALF, turned_second, mask=to_query)

    slot = tl.load(where + token, mask=live, other=0).to(tl.int64)
    to_key = live & (head >= HEADS) & (head < HEADS + KV_HEADS)
    kv_head = (head - HEADS) % KV_HEADS
    at = ((slot // BLOCK * KV_HEADS + kv_head) * BLOCK + slot % BLOCK) * (2 * HALF) + pair
    tl.store(keys + at, turned, mask=to_key)
    tl.store(keys + at + HALF, turned_second, mask=to_key)
    to_value = live & is_value
    tl.store(values + at, turned, mask=to_value)
    tl.store(values + at + HALF, turned_second, mask=to_value)


@triton.jit
def _turn(  # type: ignore[no-untyped-def]
    product, bias, cos, sin, positions, where, q, keys, values,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, HALF: tl.constexpr, BLOCK: tl.constexpr,
    TILE: tl.constexpr,
):  # fmt: skip
    """A program owns TILE heads of one token: 8 HALF TILE bytes read, half as many written."""
    token = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * TILE + tl.arange(0, TILE)[:, None]
    pair = tl.arange(0, HALF)[None, :]
    live = (head < HEADS + 2 * KV_HEADS) & (pair >= 0)
    row = head * (2 * HALF) + pair
    base = product + token * ((HEADS + 2 * KV_HEADS) * 2 * HALF)
    first = tl.load(base + row, mask=live, other=0.0)
    second = tl.load(base + row + HALF, mask=live, other=0.0)
    first += tl.load(bias + row, mask=live, other=0.0)
    second += tl.load(bias + row + HALF, mask=live, other=0.0)
    token = token + tl.zeros_like(head)
    position = tl.load(positions + token)
    place(
        first, second, head, pair, token, live, position, cos, sin, where, q, keys, values,
        HEADS, KV_HEADS, HALF, BLOCK,
    )  # fmt: skip
