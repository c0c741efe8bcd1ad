"""Rotary position embedding: the angles, with YaRN's stretching of the low frequencies.

Formulas: RoPE from arXiv 2104.09864, YaRN from arXiv 2309.00071 sections 3.2 to 3.4, with the ramp
over the index of the frequency as gpt-oss has it (`truncate` off: its ends stay fractions).
Everything is computed in float64 and rounded once. Knows nothing of queries and keys.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ossay.engine.shape import Rope

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


def tables(rope: Rope, head_dim: int, positions: NDArray[np.integer]) -> tuple[F32, F32]:
    """Return cos and sin, float32 [n, head_dim / 2] each, of `positions` [n].

    Both carry YaRN's concentration: turned queries and keys are longer by that factor.
    """
    angles = np.outer(positions.astype(np.float64), frequencies(rope, head_dim))
    length = concentration(rope.factor)
    return (
        (np.cos(angles) * length).astype(np.float32),
        (np.sin(angles) * length).astype(np.float32),
    )


def frequencies(rope: Rope, head_dim: int) -> F64:
    """Return radians a position, float64 [head_dim / 2], from fastest to slowest.

    Fast ones stay as they are, slow ones are divided by `factor`, between `ramp`'s ends it is a
    blend (2309.00071, definition 3 of NTK-by-parts).
    """
    half = head_dim // 2
    plain: F64 = rope.theta ** (-np.arange(half, dtype=np.float64) / half)
    if rope.factor == 1:
        return plain
    low, high = ramp(rope, head_dim)
    slow = np.clip((np.arange(half) - low) / (high - low), 0, 1)
    blended: F64 = plain / rope.factor * slow + plain * (1 - slow)
    return blended


def ramp(rope: Rope, head_dim: int) -> tuple[float, float]:
    """Return the two indices between which frequencies are blended.

    At the index i a head turns `beta` times over the original context: solve
    original_context * theta ** (-2 i / head_dim) = 2 pi beta for i (2309.00071, equation 17).
    """

    def turns(beta: float) -> float:
        ratio = rope.original_context / (beta * 2 * math.pi)
        return head_dim * math.log(ratio) / (2 * math.log(rope.theta))

    low, high = turns(rope.beta_fast), turns(rope.beta_slow)
    if rope.truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, head_dim - 1)
    return low, high if high > low else low + 0.001  # a step, not a division by zero


def concentration(factor: float) -> float:
    """Return what cos and sin are multiplied by: 0.1 ln(factor) + 1 (2309.00071, section 3.4)."""
    return 0.1 * math.log(factor) + 1 if factor > 1 else 1.0
