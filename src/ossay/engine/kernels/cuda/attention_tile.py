"""What both kernels of attention begin and end with: where keys lie, and powers of two with sinks.

Scores are held in powers of two, since that is the power a GPU has an instruction for. Knows
nothing of how keys are shared out among programs.
"""

from __future__ import annotations

import math

import triton
import triton.language as tl

from ossay.engine.batch import BLOCK

FLOOR = tl.constexpr(-1e30)  # of a highest score: finite, so that no difference of two is a NaN
LOG2E = tl.constexpr(math.log2(math.e))
_BLOCK = tl.constexpr(BLOCK)


def scale(head_dim: int) -> float:
    """What a product of query and key is multiplied by: 1 / sqrt(d), as a power of two."""
    return math.log2(math.e) / math.sqrt(head_dim)


@triton.jit
def slots(  # type: ignore[no-untyped-def]
    blocks, at, stop, head, KV_HEADS: tl.constexpr, MASKED: tl.constexpr
):
    """Return the rows of a pool [blocks x KV_HEADS x BLOCK, d] that hold positions `at`.

    `blocks` is the sequence's row of the table. MASKED: of its entries none at `stop` or after is
    read, and such a position's row is one of block 0. int64: a pool may pass 2^31 numbers.
    """
    if MASKED:
        block = tl.load(blocks + at // _BLOCK, mask=at < stop, other=0)
    else:
        block = tl.load(blocks + at // _BLOCK)
    return (block.to(tl.int64) * KV_HEADS + head) * _BLOCK + at % _BLOCK


@triton.jit
def shares(scores, scale, highest):  # type: ignore[no-untyped-def]
    """Return the highest score with those of one more tile, and the tile's powers above it.

    scores [..., keys] are products of queries and keys, not yet scaled; highest [...].
    """
    now = tl.maximum(highest, tl.max(scores, -1) * scale)
    return now, tl.exp2(scores * scale - tl.expand_dims(now, -1))
