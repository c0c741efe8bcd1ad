"""A row's keys cut into runs, and the runs' sums added up: what several programs made of one row.

How many runs hold keys depends on the position, so it is worked out on the device, by those that
mix a run and by those that add runs up. Knows nothing of keys and values, or of scores.
"""

from __future__ import annotations

import triton
import triton.language as tl

from ossay.engine.kernels.cuda.attention_tile import FLOOR, LOG2E
from ossay.engine.kernels.cuda.bfloat16 import to_bf16


@triton.jit
def runs_of(  # type: ignore[no-untyped-def]
    position, WINDOW: tl.constexpr, SPLITS: tl.constexpr, TILE: tl.constexpr, LEAST: tl.constexpr
):
    """Return the first visible position, the length of a run, and how many runs hold any keys."""
    first = 0
    if WINDOW > 0:
        first = tl.maximum(position - WINDOW + 1, 0)
    visible = position + 1 - first
    each = tl.maximum(tl.cdiv(tl.cdiv(visible, SPLITS), TILE) * TILE, LEAST)
    return first, each, tl.cdiv(visible, each)


@triton.jit
def add_up(  # type: ignore[no-untyped-def]
    parts, sums, positions, sinks, out,
    KV_HEADS: tl.constexpr, SHARING: tl.constexpr, D: tl.constexpr, WINDOW: tl.constexpr,
    SPLITS: tl.constexpr, TILE: tl.constexpr, LEAST: tl.constexpr, PADDED: tl.constexpr,
    CHUNK: tl.constexpr,
):  # fmt: skip
    """A program owns one head of one row, whose runs it adds up: 4 (D + 2) bytes each."""
    pair = tl.program_id(0).to(tl.int64) // SHARING
    position = tl.load(positions + pair // KV_HEADS)
    used = runs_of(position, WINDOW, SPLITS, TILE, LEAST)[2]
    if used > 1:
        finish(
            parts, sums, sinks, out, pair, pair % KV_HEADS, tl.program_id(0) % SHARING, used,
            SHARING, 1, 1, D, SPLITS, PADDED, CHUNK,
        )  # fmt: skip


@triton.jit
def finish(  # type: ignore[no-untyped-def]
    parts, sums, sinks, out, pair, head, start, used,
    SHARING: tl.constexpr, COUNT: tl.constexpr, LANES: tl.constexpr, D: tl.constexpr,
    SPLITS: tl.constexpr, PADDED: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    """Add up the runs of COUNT heads from `start` on that share a key head, with their sinks.

    CHUNK runs are read at once. Past the first level of the cache (.cg): other multiprocessors
    wrote this a moment ago.
    """
    lane = start + tl.arange(0, LANES)
    real = tl.arange(0, LANES) < COUNT
    run = tl.arange(0, PADDED)[None, :]
    there = real[:, None] & (run < used)
    part = (pair * SPLITS + run) * SHARING + lane[:, None]
    highest = tl.load(sums + part * 2, mask=there, other=FLOOR, cache_modifier=".cg")
    total = tl.load(sums + part * 2 + 1, mask=there, other=0.0, cache_modifier=".cg")
    sink = tl.load(sinks + head * SHARING + lane, mask=real, other=0.0) * LOG2E
    top = tl.maximum(tl.max(highest, 1), sink)
    whole = tl.sum(total * tl.exp2(highest - top[:, None]), 1) + tl.exp2(sink - top)
    column = tl.arange(0, D)
    mixed = tl.zeros((LANES, D), tl.float32)
    for chunk in range(0, used, CHUNK):
        some = chunk + tl.arange(0, CHUNK)[None, :]
        inside = real[:, None] & (some < used)
        at = (pair * SPLITS + some) * SHARING + lane[:, None]
        power = tl.load(sums + at * 2, mask=inside, other=FLOOR, cache_modifier=".cg")
        power = tl.exp2(power - top[:, None])
        value = tl.load(
            parts + at[:, :, None] * D + column[None, None, :],
            mask=inside[:, :, None],
            other=0.0,
            cache_modifier=".cg",
        )
        mixed += tl.sum(value * power[:, :, None], 1)
    mixed /= whole[:, None]
    where = (pair * SHARING + lane)[:, None] * D + column[None, :]
    tl.store(out + where, to_bf16(mixed), mask=real[:, None])
