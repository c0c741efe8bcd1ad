"""MXFP4 to numbers and back (OCP Microscaling Formats 1.0, section 5.3).

Knows nothing of files or kernels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ossay.engine.weights import F32, Bf16, Mxfp4, to_float32

# Code 0 to 15: bit 3 is the sign, the others are e2m1.
_SIZES: F32 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], dtype=np.float32)
VALUES: F32 = np.concatenate([_SIZES, -_SIZES])

_BLOCK = 32
_CHUNK = 1 << 18  # values worked on at once; what bounds the memory of everything here


def decode(packed: Mxfp4) -> F32:
    """Return the matrices as float32 [..., rows, columns]. Exact for scales up to 252."""
    low, high = packed.blocks & 0x0F, packed.blocks >> 4
    codes = np.stack([low, high], axis=-1).reshape(*packed.blocks.shape[:-1], _BLOCK)
    exponents = packed.scales.astype(np.int32)[..., None] - 127
    values: F32 = np.ldexp(VALUES[codes], exponents).astype(np.float32)
    return values.reshape(*packed.blocks.shape[:-2], -1)


def exact(values: Bf16) -> Mxfp4 | None:
    """Return bf16 [experts, rows, columns] as MXFP4 where each value has a code, else None.

    Quick where `values` is a transposed view of [experts, columns, rows], which is how files hold
    it. A block that has some code has one with its maximum at 4 or 6 (halving the scale doubles
    every code, and the double of 3 and of all below is a code again), so that one is taken.
    """
    experts, rows, columns = values.shape
    if columns % _BLOCK:
        return None
    groups = columns // _BLOCK
    blocks = np.empty((experts, rows, groups, 16), np.uint8)
    scales = np.empty((experts, rows, groups), np.uint8)
    step = max(1, _CHUNK // max(1, rows * _BLOCK))
    for expert in range(experts):
        stored = values[expert].T.reshape(groups, _BLOCK, rows)
        for start in range(0, groups, step):
            span = slice(start, min(start + step, groups))
            found = _exact_blocks(stored[span])
            if found is None:
                return None
            codes, scale = found
            packed = codes[:, 0::2] | (codes[:, 1::2] << 4)  # [groups, 16, rows]
            blocks[expert, :, span] = packed.transpose(2, 0, 1)
            scales[expert, :, span] = scale.T
    return Mxfp4(blocks, scales)


def _exact_blocks(bits: Bf16) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
    """Codes [groups, 32, rows] and scales [groups, rows] of bf16 bits, or None."""
    sizes = bits & np.uint16(0x7FFF)
    largest = sizes.max(axis=1)
    exponent = largest >> 7
    if exponent.max(initial=0) == 0xFF:
        return None  # infinite, or no number
    if ((exponent < 4) & (largest > 0)).any():
        return _exact_tiny(bits)
    # The maximum is 4 or 6 units of 2 ** (scale - 127), so the scale is its exponent less 2; a
    # value of half a unit then has exponent scale - 1. Above that, in steps of half an octave,
    # the bits 6 to 8 count 0.5, (0.75, which is no code), 1, 1.5, 2, 3, 4, 6.
    scale = np.where(largest > 0, exponent - np.uint16(2), np.uint16(127))
    offset = (sizes - ((scale - np.uint16(1)) << np.uint16(7))[:, None]).astype(np.uint16)
    zero = sizes == 0
    codes = (offset >> 6).astype(np.uint16)
    wrong = ((offset & 0x3F) != 0) | (codes > 7) | (codes == 1)
    if (wrong & ~zero).any():
        return None
    codes = np.where(zero, 0, np.maximum(codes, 1)) | ((bits >> 12) & 8)
    return codes.astype(np.uint8), scale.astype(np.uint8)


def _exact_tiny(bits: Bf16) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
    """The same through float64, for blocks that reach bf16's subnormal numbers."""
    values = to_float32(bits).astype(np.float64)
    sizes = np.abs(values)
    largest = sizes.max(axis=1)
    _, power = np.frexp(largest)  # largest = m * 2 ** power, 0.5 <= m < 1
    scale = np.where(largest > 0, np.maximum(power - 3 + 127, 0), 127)
    units = np.ldexp(sizes, (127 - scale)[:, None])
    codes = np.minimum(np.searchsorted(_SIZES, units), 7).astype(np.uint8)
    if (VALUES[codes] != units).any():
        return None
    return codes | (np.signbit(values).astype(np.uint8) << 3), scale.astype(np.uint8)
