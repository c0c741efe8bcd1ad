"""bf16 on the tensor cores: rounding to it and products of it, the same in Triton's interpreter.

The interpreter truncates where a GPU rounds to nearest even, and multiplies bf16's bits as
integers; a test in it would then hold another arithmetic to the bounds of this one. On a GPU both
functions are the one operation that they are named after. Know nothing of shapes.
"""

from __future__ import annotations

import triton
import triton.language as tl

_INTERPRETED = tl.constexpr(triton.knobs.runtime.interpret)


@triton.jit
def to_bf16(values):  # type: ignore[no-untyped-def]
    """Round float32 `values` to bf16, to nearest, ties to even."""
    if _INTERPRETED:
        bits = values.to(tl.int32, bitcast=True)
        bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & -0x10000
        values = bits.to(tl.float32, bitcast=True)
    return values.to(tl.bfloat16)


@triton.jit
def to_bf16_here(values):  # type: ignore[no-untyped-def]
    """Round as `to_bf16`, keeping the layout.

    Before a product the compiler would rather read `values` from shared memory as the tensor cores
    hold them, in float32: each read then meets the same banks eight times. It does not look past
    this instruction, so the rounded values go there through shared memory, half the bytes.
    """
    if _INTERPRETED:
        return to_bf16(values)
    return tl.inline_asm_elementwise(
        "cvt.rn.bf16x2.f32 $0, $2, $1;",
        "=r,r,r",
        [values],
        dtype=tl.bfloat16,
        is_pure=False,
        pack=2,
    )


@triton.jit
def dot(left, right, total):  # type: ignore[no-untyped-def]
    """Return left [m, k] @ right [k, n] + total: bf16 in, float32 [m, n] out."""
    if _INTERPRETED:
        return tl.dot(left.to(tl.float32), right.to(tl.float32), total)
    return tl.dot(left, right, total)
