"""What a model takes of a card's memory, on paper: weights, cache, workspace. Pure numbers.

Loads no torch, so that it can be asked anywhere. Measures nothing.
"""

from __future__ import annotations

from ossay.engine.batch import BLOCK
from ossay.engine.shape import ModelShape

_BF16 = 2
_FLOAT = 4
LOGIT_ROWS = 256  # of logits that are computed at once: the largest bucket of a graph


def weight_bytes(shape: ModelShape) -> int:
    """Bytes of all weights once loaded: MXFP4 and bf16 as stored, vectors in float32."""
    hidden, inner, experts = shape.hidden, shape.intermediate, shape.experts
    width = shape.heads * shape.head_dim
    matrices = hidden * (shape.qkv_rows + width + experts)
    vectors = 3 * hidden + shape.qkv_rows + shape.heads + experts * (1 + 2 * inner + hidden)
    packed = experts * (2 * inner * row_bytes(hidden) + hidden * row_bytes(inner))
    layer = packed + matrices * _BF16 + vectors * _FLOAT
    return int(shape.layers * layer + 2 * shape.vocab * hidden * _BF16 + hidden * _FLOAT)


def row_bytes(columns: int) -> int:
    """Bytes of a row of MXFP4 in the layout of `mxfp4`: 4 bits a weight, 4 bytes for 128 scales."""
    groups, left = divmod(columns // 32, 4)
    return 64 * groups + (0, 16, 32, 64)[left] + 4 * (groups + (left > 0))


def cache_bytes(shape: ModelShape, full_blocks: int, sliding_blocks: int) -> int:
    """Bytes of both pools, each with its block that nobody reads, and of the angles."""
    sliding = sum(shape.sliding[: shape.layers])
    blocks = (shape.layers - sliding) * (full_blocks + 1) + sliding * (sliding_blocks + 1)
    positions = min(shape.max_positions, max(1, full_blocks) * BLOCK)
    angles = positions * shape.head_dim * _FLOAT
    return blocks * BLOCK * shape.kv_heads * shape.head_dim * 2 * _BF16 + angles


def workspace_bytes(shape: ModelShape, step_tokens: int) -> int:
    """Bytes of what a step holds besides, generously: the driver's own half gigabyte among it."""
    k, width = shape.experts_per_token, shape.heads * shape.head_dim
    token = (
        2 * shape.hidden * _FLOAT  # the state, and once more between layers
        + shape.hidden * _BF16  # normed
        + shape.qkv_rows * (_BF16 + _FLOAT)
        + width * 2 * _BF16  # queries, and what attention makes of them
        + k * (shape.intermediate * _BF16 + shape.hidden * _FLOAT)  # each expert's inside, answer
        + shape.experts * _FLOAT
    )
    return (1 << 29) + 2 * step_tokens * token + LOGIT_ROWS * shape.vocab * _FLOAT
