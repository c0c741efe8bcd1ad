"""Whether attention over the paged cache is right: one query a sequence, and prompts.

Blocks are dealt out at random, and every slot that nothing should read is NaN. Held to
bench/cuda_reference.py in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

import cuda_reference as plain
from cuda_check import BF16, F64, TWO, Bench, Check
from ossay.engine.batch import BLOCK
from ossay.engine.kernels.cuda import attention_decode, attention_prefill


def check_decode(bench: Bench, window: int) -> Iterator[Check]:
    """One query for each of several lengths, some at the edges of blocks, window and splits."""
    shape = bench.shape
    most = bench.positions
    for contexts in ([1], [most], [1, 31, 32, 33, 127, 128, 129, most // 2 + 5]):
        table, keys, values, whole = _filled(bench, contexts, window)
        n = len(contexts)
        q = bench.normal(n, shape.heads, shape.head_dim, dtype=BF16)
        splits = attention_decode.splits(n, shape.kv_heads, window)
        room = attention_decode.scratch(n, shape.heads, shape.head_dim, splits)
        out = bench.poison(n, shape.heads * shape.head_dim, dtype=BF16)
        attention_decode.decode(
            q, keys, values, bench.integers(table), bench.integers(np.array(contexts) - 1),
            bench.layer.sinks, window, out, bench.poison(room), splits,
        )  # fmt: skip
        right = torch.cat([
            plain.attention(q[i : i + 1].to(F64), *kv, bench.layer.sinks, window, len(kv[0]) - 1)
            for i, kv in enumerate(whole)
        ])  # fmt: skip
        what = f"decode, window {window}, contexts {contexts}, {splits} splits"
        yield Check(what, plain.error(out, right.flatten(1)), TWO)


def check_prefill(bench: Bench, window: int, many: int) -> Check:
    """A prompt from its start, one that goes on, and one of a single token, in one batch."""
    shape = bench.shape
    lengths = [min(many, bench.positions), 45, 1]
    contexts = [lengths[0], 45 + 70, 77]
    table, keys, values, whole = _filled(bench, contexts, window, lengths)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    positions = np.concatenate(
        [np.arange(c - n, c) for c, n in zip(contexts, lengths, strict=True)]
    ).astype(np.int32)
    tokens = attention_prefill.tile_tokens(shape.heads, shape.kv_heads)
    tiles = attention_prefill.tile_map(positions, starts, tokens)
    q = bench.normal(int(starts[-1]), shape.heads, shape.head_dim, dtype=BF16)
    out = bench.poison(len(q), shape.heads * shape.head_dim, dtype=BF16)
    attention_prefill.prefill(
        q,
        keys,
        values,
        bench.integers(table),
        bench.integers(tiles),
        bench.layer.sinks,
        window,
        out,
    )
    right = torch.cat([
        plain.attention(q[a:b].to(F64), *kv, bench.layer.sinks, window, len(kv[0]) - int(b - a))
        for a, b, kv in zip(starts[:-1], starts[1:], whole, strict=True)
    ])  # fmt: skip
    what = f"prefill, window {window}, {lengths} tokens up to {contexts}"
    return Check(what, plain.error(out, right.flatten(1)), TWO)


def _filled(
    bench: Bench, contexts: list[int], window: int, lengths: list[int] | None = None
) -> tuple[Any, Tensor, Tensor, list[tuple[Tensor, Tensor]]]:
    """A pool in which each sequence has random keys and values, in blocks dealt out at random.

    Everything else in it is NaN, and blocks that a window has passed are -1 in the table. Also
    returns each sequence's keys and values [context, kv_heads, d] in float64.
    """
    shape = bench.shape
    needed = [-(-context // BLOCK) for context in contexts]
    dealt = bench.rng.permutation(sum(needed) + 3)
    table = np.full((len(contexts), max(needed)), -1, np.int32)
    pool = (sum(needed) + 3, shape.kv_heads, BLOCK, shape.head_dim)
    keys, values = (bench.poison(*pool, dtype=BF16) for _ in "kv")
    whole, used = [], 0
    for row, (context, count) in enumerate(zip(contexts, needed, strict=True)):
        table[row, :count] = dealt[used : used + count]
        used += count
        at = torch.arange(context, device=bench.device)
        block = bench.integers(table[row]).long()[at // BLOCK]
        kv = tuple(bench.normal(context, shape.kv_heads, shape.head_dim, dtype=BF16) for _ in "kv")
        keys[block, :, at % BLOCK], values[block, :, at % BLOCK] = kv
        whole.append((kv[0].to(F64), kv[1].to(F64)))
        first = context - (lengths[row] if lengths else 1)  # of this step's tokens
        if window:
            table[row, : max(0, first - window + 1) // BLOCK] = -1
    return table, keys, values, whole
