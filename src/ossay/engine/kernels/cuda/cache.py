"""Keys and values on the card: bf16, in blocks, one pool for each kind of layer.

A pool has one block more than the scheduler knows of: rows that fill up a bucket of a graph write
there, and nobody reads it. Knows nothing of which sequence holds a block.
"""

from __future__ import annotations

import numpy as np
import torch
from msgspec import Struct

from ossay.engine.batch import BLOCK
from ossay.engine.cache import blocks_for
from ossay.engine.rope import tables
from ossay.engine.shape import ModelShape


class Pool(Struct, frozen=True):
    """One kind of layer: keys and values, each bf16 [layers, blocks + 1, kv_heads, BLOCK, d]."""

    keys: torch.Tensor
    values: torch.Tensor


class Cache(Struct, frozen=True):
    """Both pools, and the angles of all positions that a sequence can come to.

    Attributes:
        full, sliding: The pools.
        cos, sin: float32 [positions, d / 2].
    """

    full: Pool
    sliding: Pool
    cos: torch.Tensor
    sin: torch.Tensor

    @property
    def blocks(self) -> tuple[int, int]:
        """Blocks of either pool, without the one that nobody reads."""
        return int(self.full.keys.shape[1]) - 1, int(self.sliding.keys.shape[1]) - 1

    @property
    def nowhere(self) -> tuple[int, int]:
        """A slot of either pool that nobody reads."""
        full, sliding = self.blocks
        return full * BLOCK, sliding * BLOCK

    @property
    def width(self) -> int:
        """Blocks of the longest sequence."""
        return blocks_for(int(self.cos.shape[0]))


def new_cache(
    shape: ModelShape, full_blocks: int, sliding_blocks: int, device: torch.device
) -> Cache:
    """Make room; zeroed, so that what lies beyond a sequence's end is a number."""
    positions = min(shape.max_positions, max(1, full_blocks) * BLOCK)
    angles = tables(shape.rope, shape.head_dim, np.arange(positions))
    cos, sin = (torch.from_numpy(table).to(device) for table in angles)
    return Cache(
        _pool(shape, False, full_blocks, device),
        _pool(shape, True, sliding_blocks, device),
        cos,
        sin,
    )


def _pool(shape: ModelShape, sliding: bool, blocks: int, device: torch.device) -> Pool:
    size = (shape.sliding.count(sliding), blocks + 1, shape.kv_heads, BLOCK, shape.head_dim)
    keys, values = (torch.zeros(size, dtype=torch.bfloat16, device=device) for _ in "kv")
    return Pool(keys, values)
