"""One row's logits as the kernels that choose see them: read, weighed, ordered.

Device functions; and the columns in which a draw travels. Knows nothing of what is kept.
"""

from __future__ import annotations

import triton
import triton.language as tl

from ossay.engine.draw import COLDEST

# A draw on the card: float64, so that the number is the host's own.
ASKED = tl.constexpr(5)
TEMPERATURE = tl.constexpr(0)
TOP_K = tl.constexpr(1)
TOP_P = tl.constexpr(2)
MIN_P = tl.constexpr(3)
UNIFORM = tl.constexpr(4)

NOBODY = tl.constexpr(0x7FFFFFFF)  # above every id
_COLDEST = tl.constexpr(COLDEST)


@triton.jit
def read(logits, row, at, vocab):  # type: ignore[no-untyped-def]
    """Return logits of a row: infinity for NaN, 0 for -0, -infinity beyond the vocabulary."""
    x = tl.load(logits + row.to(tl.int64) * vocab + at, mask=at < vocab, other=-float("inf"))
    return tl.where(x != x, float("inf"), tl.where(x == 0, 0.0, x))


@triton.jit
def finite(x):  # type: ignore[no-untyped-def]
    """Whether x, which is not NaN, is a number."""
    return tl.abs(x) < float("inf")


@triton.jit
def heat(asked, row):  # type: ignore[no-untyped-def]
    """Return a row's temperature, float32, as far above 0 as float32 can divide by."""
    return tl.maximum(tl.load(asked + row * ASKED + TEMPERATURE).to(tl.float32), _COLDEST)


@triton.jit
def weigh(x, zero, warmth):  # type: ignore[no-untyped-def]
    """Return exp((x - zero) / warmth), float32, at most 1; `zero` is finite."""
    return tl.exp(tl.minimum(x - zero, 0.0) / warmth)


@triton.jit
def key_of(x):  # type: ignore[no-untyped-def]
    """Return int32 that order as x does, for x as `read` gives it."""
    bits = x.to(tl.int32, bitcast=True)
    return tl.where(bits >= 0, bits, bits ^ 0x7FFFFFFF)


@triton.jit
def value_of(key):  # type: ignore[no-untyped-def]
    """Return the x that has this key."""
    return tl.where(key >= 0, key, key ^ 0x7FFFFFFF).to(tl.float32, bitcast=True)


@triton.jit
def first_above(weights, mass, point, at):  # type: ignore[no-untyped-def]
    """Return the first of `at` that has a weight and whose `mass` is above `point`, else the last.

    Only what has a weight: a sum in parallel may differ by a rounding between two equal masses.
    """
    some = weights > 0
    hit = tl.min(tl.where(some & (mass > point), at, NOBODY), 0)
    return tl.where(hit < NOBODY, hit, tl.max(tl.where(some, at, 0), 0))
