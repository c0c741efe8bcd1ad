"""Attention of any number of tokens a sequence over the paged cache: prompts, pieces of them.

A program owns a tile: some neighbouring tokens of one sequence, with all heads that share a key
head. The host says which tiles there are (`tile_map`), since batches come from there anyway. Knows
nothing of projections; keys and values of the batch itself are in the cache before it starts.
"""

from __future__ import annotations

import numpy as np
import triton
import triton.language as tl
from torch import Tensor

from ossay.engine.batch import I32
from ossay.engine.kernels.cuda.attention_tile import FLOOR, LOG2E, scale, shares, slots
from ossay.engine.kernels.cuda.bfloat16 import dot, to_bf16

_ROWS = 128  # queries of a tile, tokens x heads: a product of two warpgroups


def tile_tokens(heads: int, kv_heads: int) -> int:
    """How many tokens a tile holds."""
    return max(1, _ROWS // int(triton.next_power_of_2(heads // kv_heads)))


def tile_map(positions: I32, starts: I32, tokens: int) -> I32:
    """Cut each sequence of a batch into tiles of `tokens`: int32 [tiles, 4].

    A tile is its sequence, its first row in the batch, how many, and the first one's position. The
    latest positions come first: they have the most keys, and the card should not wait for them.
    """
    lengths = np.diff(starts)
    tiles = -(-lengths // tokens)
    sequence = np.repeat(np.arange(len(lengths)), tiles)
    within = np.arange(len(sequence)) - np.repeat(np.cumsum(tiles) - tiles, tiles)
    first = starts[sequence] + within * tokens
    count = np.minimum(tokens, starts[sequence + 1] - first)
    found = np.stack([sequence, first, count, positions[first]], axis=1).astype(np.int32)
    return np.ascontiguousarray(found[np.argsort(-(found[:, 2] + found[:, 3]), kind="stable")])


def prefill(
    q: Tensor,
    keys: Tensor,
    values: Tensor,
    table: Tensor,
    tiles: Tensor,
    sinks: Tensor,
    window: int,
    out: Tensor,
) -> None:
    """Mix values by softmax(q . keys / sqrt(d)) with sinks, for all tokens of all tiles.

    Args:
        q: bf16 [n, heads, d].
        keys: One layer's pool, bf16 [blocks, kv_heads, BLOCK, d]; the queries' own are in it.
        values: The same.
        table: int32 [s, b]: position p of sequence i is in block table[i, p // BLOCK].
        tiles: What `tile_map` gave for `tile_tokens`, int32 [tiles, 4].
        sinks: float32 [heads].
        window: Positions that a query sees, itself one of them; 0: all.
        out: bf16 [n, heads * d]; rows of no tile are left alone.
    """
    _, heads, d = q.shape
    kv_heads = keys.shape[1]
    sharing = heads // kv_heads
    lanes = int(triton.next_power_of_2(sharing))
    _prefill[(len(tiles) * kv_heads,)](
        q, keys, values, table, tiles, sinks, out, table.shape[1], scale(d), KV_HEADS=kv_heads,
        SHARING=sharing, LANES=lanes, TOKENS=tile_tokens(heads, kv_heads), D=d, KEYS=64,
        WINDOW=window, num_warps=8, num_stages=5,
    )  # fmt: skip


@triton.jit(do_not_specialize=["columns"])  # tables of all widths share one compiled kernel
def _prefill(  # type: ignore[no-untyped-def]
    q, keys, values, table, tiles, sinks, out, columns, scale,
    KV_HEADS: tl.constexpr, SHARING: tl.constexpr, LANES: tl.constexpr, TOKENS: tl.constexpr,
    D: tl.constexpr, KEYS: tl.constexpr, WINDOW: tl.constexpr,
):  # fmt: skip
    """A program owns a tile of tokens for one key head: it reads 4 D bytes for each key in sight.

    The rows of its products are TOKENS x LANES: the heads that share the key head, padded.
    """
    tile = tiles + tl.program_id(0) // KV_HEADS * 4
    head = tl.program_id(0) % KV_HEADS
    blocks = table + tl.load(tile).to(tl.int64) * columns
    row = tl.load(tile + 1)
    count = tl.load(tile + 2)
    position = tl.load(tile + 3)
    lane = tl.arange(0, TOKENS * LANES)
    token = lane // LANES
    own = head * SHARING + lane % LANES
    real = (token < count) & (lane % LANES < SHARING)
    where = (row + token).to(tl.int64) * (KV_HEADS * SHARING) + own
    where = where[:, None] * D + tl.arange(0, D)[None, :]
    queries = tl.load(q + where, mask=real[:, None], other=0.0)
    sink = tl.load(sinks + own, mask=real, other=0.0) * LOG2E
    highest = tl.maximum(sink, FLOOR)  # the sink is the first key, whose value is nothing
    total = tl.exp2(sink - highest)
    mixed = tl.zeros((TOKENS * LANES, D), tl.float32)
    stop = position + count
    if WINDOW > 0:
        start = tl.maximum(position - WINDOW + 1, 0)
    else:
        start = (position + 1) // KEYS * KEYS  # every row sees the keys before
        highest, total, mixed = _meet(
            highest, total, mixed, queries, position + token, keys, values, blocks, 0, start, head,
            scale, KV_HEADS, D, KEYS, WINDOW, False,
        )  # fmt: skip
    highest, total, mixed = _meet(
        highest, total, mixed, queries, position + token, keys, values, blocks, start, stop, head,
        scale, KV_HEADS, D, KEYS, WINDOW, True,
    )  # fmt: skip
    mixed /= total[:, None]
    tl.store(out + where, to_bf16(mixed), mask=real[:, None])


@triton.jit
def _meet(  # type: ignore[no-untyped-def]
    highest, total, mixed, queries, own, keys, values, blocks, start, stop, head, scale,
    KV_HEADS: tl.constexpr, D: tl.constexpr, KEYS: tl.constexpr, WINDOW: tl.constexpr,
    MASKED: tl.constexpr,
):  # fmt: skip
    """Take positions start..stop into the softmax so far of queries [m, D] at positions `own` [m].

    Not MASKED: all of them are seen by every row, and there are whole tiles of them.
    """
    none = tl.zeros((queries.shape[0], KEYS), tl.float32)
    for near in range(start, stop, KEYS):
        at = near + tl.arange(0, KEYS)
        slot = slots(blocks, at, stop, head, KV_HEADS, MASKED)
        where = slot[:, None] * D + tl.arange(0, D)[None, :]
        if MASKED:  # zeros, not what lies there: a share of zero would not silence a NaN
            k = tl.load(keys + where, mask=(at < stop)[:, None], other=0.0)
            v = tl.load(values + where, mask=(at < stop)[:, None], other=0.0)
        else:
            k = tl.load(keys + where)
            v = tl.load(values + where)
        scores = dot(queries, tl.trans(k), none)
        if MASKED:
            seen = at[None, :] <= own[:, None]
            if WINDOW > 0:
                seen = seen & (at[None, :] > own[:, None] - WINDOW)
            scores = tl.where(seen, scores, float("-inf"))
        now, powers = shares(scores, scale, highest)
        fade = tl.exp2(highest - now)
        mixed = dot(to_bf16(powers), v, mixed * fade[:, None])
        total = total * fade + tl.sum(powers, 1)
        highest = now
    return highest, total, mixed
