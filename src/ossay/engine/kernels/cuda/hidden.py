"""The hidden state's own steps on the GPU: embedding, norm, and adding a layer's answer to it.

What stands around products of many tokens, a kernel each. For few tokens `product` takes norm and
sum along, and of these only `embed` runs. The hidden state is float32 [n, H]. Knows nothing of
heads, caches or layers.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ossay.engine.kernels.cuda.bfloat16 import to_bf16

_STEP = 1024  # columns that a program holds at once


def embed(tokens: Tensor, table: Tensor, x: Tensor) -> None:
    """Write the rows `tokens` (int32 [n], all within the table) of `table` (bf16 [V, H]) to x.

    x is float32 [n, H]; widening is exact.
    """
    rows, hidden = x.shape
    _embed[(rows, triton.cdiv(hidden, _STEP))](tokens, table, x, HIDDEN=hidden, STEP=_STEP)


def norm(x: Tensor, scale: Tensor, eps: float, out: Tensor) -> None:
    """Write x / rms(x) * scale to out: x float32 [n, H], scale float32 [H], out bf16 [n, H].

    In float32 but for the last rounding, which is off by 2^-8 of a number at most.
    """
    rows, hidden = x.shape
    _norm[(rows,)](x, scale, out, eps, HIDDEN=hidden, STEP=_STEP)


def normed(x: Tensor, scale: Tensor, eps: float) -> Tensor:
    """Return the norm of x in a new bf16 tensor [n, H]."""
    out = torch.empty(x.shape, dtype=torch.bfloat16, device=x.device)
    norm(x, scale, eps, out)
    return out


def add(answer: Tensor, bias: Tensor, x: Tensor) -> None:
    """Add answer (float32 [n, H]) and bias (float32 [H]) to x (float32 [n, H]) in place."""
    rows, hidden = x.shape
    _add[(rows, triton.cdiv(hidden, _STEP))](answer, bias, x, HIDDEN=hidden, STEP=_STEP)


@triton.jit
def _embed(tokens, table, x, HIDDEN: tl.constexpr, STEP: tl.constexpr):  # type: ignore[no-untyped-def]
    """A program owns STEP columns of one token: 2 STEP bytes read, 4 STEP written."""
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * STEP + tl.arange(0, STEP)
    inside = column < HIDDEN
    row = tl.load(tokens + token).to(tl.int64)
    found = tl.load(table + row * HIDDEN + column, mask=inside, other=0.0)
    tl.store(x + token * HIDDEN + column, found.to(tl.float32), mask=inside)


@triton.jit
def _norm(x, scale, out, eps, HIDDEN: tl.constexpr, STEP: tl.constexpr):  # type: ignore[no-untyped-def]
    """A program owns one token: 4 HIDDEN bytes read, once more from the cache, 2 HIDDEN written."""
    token = tl.program_id(0).to(tl.int64)
    squares = tl.zeros((STEP,), tl.float32)
    for start in range(0, HIDDEN, STEP):
        column = start + tl.arange(0, STEP)
        part = tl.load(x + token * HIDDEN + column, mask=column < HIDDEN, other=0.0)
        squares += part * part
    rms = tl.sqrt(tl.sum(squares, 0) / HIDDEN + eps)
    for start in range(0, HIDDEN, STEP):
        column = start + tl.arange(0, STEP)
        inside = column < HIDDEN
        part = tl.load(x + token * HIDDEN + column, mask=inside, other=0.0)
        part = part / rms * tl.load(scale + column, mask=inside, other=0.0)
        tl.store(out + token * HIDDEN + column, to_bf16(part), mask=inside)


@triton.jit
def _add(answer, bias, x, HIDDEN: tl.constexpr, STEP: tl.constexpr):  # type: ignore[no-untyped-def]
    """A program owns STEP columns of one token: 12 STEP bytes read, 4 STEP written."""
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * STEP + tl.arange(0, STEP)
    inside = column < HIDDEN
    at = token * HIDDEN + column
    total = tl.load(answer + at, mask=inside, other=0.0)
    total += tl.load(bias + column, mask=inside, other=0.0)
    total += tl.load(x + at, mask=inside, other=0.0)
    tl.store(x + at, total, mask=inside)
