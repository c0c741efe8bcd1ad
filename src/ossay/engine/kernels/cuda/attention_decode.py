"""Attention of one query a sequence over the paged cache, its keys shared out among programs.

Each of `splits` programs takes a run of the visible positions; sums of several runs go to scratch
and are added up at the end. Runs are worked out on the device from the position, so that one CUDA
graph serves all lengths. Knows nothing of projections, nor of prompts.
"""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from ossay.engine.kernels.cuda.attention_runs import add_up, finish, runs_of
from ossay.engine.kernels.cuda.attention_tile import FLOOR, LOG2E, scale, shares, slots
from ossay.engine.kernels.cuda.bfloat16 import dot, to_bf16

_PROGRAMS = 264  # two for each of an H200's 132 multiprocessors
_LEAST = 1024  # keys of a run where rows alone fill the card
_WARPS = 4


def splits(rows: int, kv_heads: int, window: int) -> int:
    """How many runs to cut each row's keys into.

    Enough to fill the card twice, and 8 at least, so that one long sequence among many short ones
    is not read by a few programs; a run with no keys costs the launch of a program.
    """
    wanted = min(64, max(8, _PROGRAMS // (rows * kv_heads)))
    return max(1, min(wanted, window // 512)) if window else wanted


def scratch(rows: int, heads: int, head_dim: int, splits: int) -> int:
    """Float32 numbers that `decode` needs in `parts`."""
    return 0 if splits == 1 else rows * heads * splits * (head_dim + 2)


def decode(
    q: Tensor,
    keys: Tensor,
    values: Tensor,
    table: Tensor,
    positions: Tensor,
    sinks: Tensor,
    window: int,
    out: Tensor,
    parts: Tensor,
    splits: int,
    counters: Tensor | None = None,
    least: int = 0,
) -> None:
    """Mix values by softmax(q . keys / sqrt(d)) with sinks, for one token of each of n sequences.

    Args:
        q: bf16 [n, heads, d].
        keys: One layer's pool, bf16 [blocks, kv_heads, BLOCK, d]; the queries' own are in it.
        values: The same.
        table: int32 [n, b]: position p of row i is in block table[i, p // BLOCK].
        positions: int32 [n].
        sinks: float32 [heads].
        window: Positions that a query sees, itself one of them; 0: all.
        out: bf16 [n, heads * d].
        parts: float32, at least `scratch` numbers; what they are does not matter.
        splits: Runs that a row's keys are cut into, 1 or more.
        counters: int32, at least n * kv_heads zeros, zeros again afterwards: the program that
            finishes a row last adds its runs up. None: a second launch does.
        least: Keys of a run; 0: 1,024 where rows alone fill the card, so that short ones are not
            cut, or else what the warps of a program take at once.

    Scores and sums are float32. Shares are rounded to bf16 (off by 2^-8 of each at most) before
    they meet the values. Runs are added in one order, whoever does it: the same bits each time.
    """
    rows, heads, d = q.shape
    kv_heads = keys.shape[1]
    sharing = heads // kv_heads
    near = 16 if 0 < window <= 16 * _WARPS or d > 64 else 32  # keys of a warp: 128 of a program
    once = 0 < window <= near * _WARPS
    padded = triton.next_power_of_2(splits)
    lanes = int(triton.next_power_of_2(sharing))
    tile = _WARPS * near
    least = max(tile, least or (_LEAST if rows * kv_heads >= _PROGRAMS else tile))
    sums = parts[rows * heads * splits * d :]
    _decode[(rows * kv_heads, splits)](
        q, keys, values, table, positions, sinks, out, parts, sums, counters, table.shape[1],
        scale(d), KV_HEADS=kv_heads, SHARING=sharing, LANES=max(16, lanes), D=d, WARPS=_WARPS,
        KEYS=near, WINDOW=window, SPLITS=splits, LEAST=least, PADDED=padded, FEW=lanes,
        CHUNK=max(1, min(padded, 16, 128 // lanes)), num_warps=_WARPS, num_stages=2 if once else 5,
    )  # fmt: skip
    if splits > 1 and counters is None:
        add_up[(rows * heads,)](
            parts, sums, positions, sinks, out, KV_HEADS=kv_heads, SHARING=sharing, D=d,
            WINDOW=window, SPLITS=splits, TILE=tile, LEAST=least, PADDED=padded,
            CHUNK=min(padded, 32), num_warps=max(1, d // 64),
        )  # fmt: skip


@triton.jit(do_not_specialize=["columns"])  # tables of all widths share one compiled kernel
def _decode(  # type: ignore[no-untyped-def]
    q, keys, values, table, positions, sinks, out, parts, sums, counters, columns, scale,
    KV_HEADS: tl.constexpr, SHARING: tl.constexpr, LANES: tl.constexpr, D: tl.constexpr,
    WARPS: tl.constexpr, KEYS: tl.constexpr, WINDOW: tl.constexpr, SPLITS: tl.constexpr,
    LEAST: tl.constexpr, PADDED: tl.constexpr, FEW: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    """A program owns one run of a row's keys for one key head: it reads 4 D bytes a key, once.

    The heads that share the key head are the rows of a product, LANES of them with the padding.
    """
    pair = tl.program_id(0).to(tl.int64)  # of a row and a key head
    row = pair // KV_HEADS
    head = pair % KV_HEADS
    split = tl.program_id(1)
    lane = tl.arange(0, LANES)
    real = lane < SHARING
    column = tl.arange(0, D)[None, :]
    where = (pair * SHARING + lane)[:, None] * D + column
    # All that hangs on no position is asked for before it: each wait costs as much as many keys.
    queries = tl.load(q + where, mask=real[:, None], other=0.0)
    sink = tl.load(sinks + head * SHARING + lane, mask=real, other=0.0) * LOG2E
    position = tl.load(positions + row)
    first, each, used = runs_of(position, WINDOW, SPLITS, WARPS * KEYS, LEAST)
    if split >= used:
        return
    start = first + split * each
    stop = tl.minimum(start + each, position + 1)
    highest, total, mixed = _mix(
        queries, keys, values, table + row * columns, start, stop, head, scale, KV_HEADS, LANES, D,
        WARPS, KEYS,
    )  # fmt: skip
    if used == 1:
        top = tl.maximum(highest, sink)
        fade = tl.exp2(highest - top)
        mixed *= (fade / (total * fade + tl.exp2(sink - top)))[:, None]
        tl.store(out + where, to_bf16(mixed), mask=real[:, None])
    elif SPLITS > 1:
        part = (pair * SPLITS + split) * SHARING + lane
        tl.store(parts + part[:, None] * D + column, mixed, mask=real[:, None])
        tl.store(sums + part * 2, highest, mask=real)
        tl.store(sums + part * 2 + 1, total, mask=real)
        if counters is not None:
            tl.debug_barrier()  # all of the program's warps have stored before one of them counts
            before = tl.atomic_add(counters + pair, 1, sem="acq_rel")
            if before == used - 1:
                tl.store(counters + pair, 0)
                finish(
                    parts, sums, sinks, out, pair, head, 0, used, SHARING, SHARING, FEW, D, SPLITS,
                    PADDED, CHUNK,
                )  # fmt: skip


@triton.jit
def _mix(  # type: ignore[no-untyped-def]
    queries, keys, values, blocks, start, stop, head, scale,
    KV_HEADS: tl.constexpr, LANES: tl.constexpr, D: tl.constexpr, WARPS: tl.constexpr,
    KEYS: tl.constexpr,
):  # fmt: skip
    """Return the highest score [LANES], the powers' sum and the mixed values of start..stop.

    Each warp has a softmax of its own over KEYS of every WARPS x KEYS positions (the dimension of
    tensors that comes first), and they meet after the last: no warp waits for another's scores.
    """
    queries = tl.broadcast_to(queries[None, :, :], (WARPS, LANES, D))
    highest = tl.full((WARPS, LANES), FLOOR, tl.float32)
    total = tl.zeros((WARPS, LANES), tl.float32)
    mixed = tl.zeros((WARPS, LANES, D), tl.float32)
    for near in range(start, stop, WARPS * KEYS):
        at = near + tl.arange(0, WARPS)[:, None] * KEYS + tl.arange(0, KEYS)[None, :]
        inside = at < stop
        slot = slots(blocks, at, stop, head, KV_HEADS, True)
        where = slot[:, :, None] * D + tl.arange(0, D)[None, None, :]
        # Zeros, not what lies there: a share of zero would not silence a NaN.
        k = tl.load(keys + where, mask=inside[:, :, None], other=0.0)
        v = tl.load(values + where, mask=inside[:, :, None], other=0.0)
        scores = dot(queries, tl.permute(k, (0, 2, 1)), tl.zeros((WARPS, LANES, KEYS), tl.float32))
        scores = tl.where(inside[:, None, :], scores, float("-inf"))
        now, powers = shares(scores, scale, highest)
        fade = tl.exp2(highest - now)
        mixed = dot(to_bf16(powers), v, mixed * fade[:, :, None])
        total = total * fade + tl.sum(powers, 2)
        highest = now
    top = tl.max(highest, 0)
    fade = tl.exp2(highest - top[None, :])
    return top, tl.sum(total * fade, 0), _over_warps(mixed * fade[:, :, None], LANES, D, WARPS)


@triton.jit
def _over_warps(  # type: ignore[no-untyped-def]
    x, LANES: tl.constexpr, D: tl.constexpr, WARPS: tl.constexpr
):
    """Return the sum of x [WARPS, LANES, D] over the first: one trip through shared memory."""
    x = tl.permute(x, (1, 2, 0))
    tl.static_assert(WARPS == 4)
    a, b = tl.split(tl.reshape(x, (LANES, D, 2, 2)))
    a, b = tl.split(a + b)
    return a + b
