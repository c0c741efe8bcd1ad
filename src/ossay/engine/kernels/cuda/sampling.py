"""Tokens chosen on the card: `draw.take` for many rows at once, in a few launches.

A row of logits is cut into chunks, and every sum is taken chunk by chunk in an order that depends
on the vocabulary alone: what stands in other rows, or how many there are, changes no token. Greedy
rows and rows with a temperature take two launches: the largest logit, its id and the mass of each
chunk; then one program a row finds the chunk in which the number falls, and the token in it. Where
a row of the batch keeps some tokens only, `threshold` finds which, and a third launch weighs them.

Weights are float32 as the host's, sums float64. A chunk's weights are relative to its own largest
logit, so a token can differ from the host's where the number falls within rounding of a boundary.

Knows nothing of where logits come from, or of sequences.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import triton
import triton.language as tl
from msgspec import Struct
from numpy.typing import NDArray

from ossay.engine.draw import Draw
from ossay.engine.kernels.cuda import threshold
from ossay.engine.kernels.cuda.scores import (
    ASKED,
    MIN_P,
    NOBODY,
    TEMPERATURE,
    TOP_K,
    TOP_P,
    UNIFORM,
    finite,
    first_above,
    heat,
    key_of,
    read,
    value_of,
    weigh,
)  # fmt: skip

CHUNK = 1024  # logits that a program takes; 197 programs for a row of gpt-oss


class Filters(Struct, frozen=True):
    """Which filters any row of a batch has; each costs launches, and changes no other row's token.

    Attributes:
        top_k, top_p: A search for a threshold.
        min_p: Neither is needed for it; the kept tokens are weighed anew.
    """

    top_k: bool = False
    top_p: bool = False
    min_p: bool = False

    @property
    def any(self) -> bool:
        """Whether some row keeps some tokens only."""
        return self.top_k or self.top_p or self.min_p


class Room(Struct, frozen=True):
    """What the kernels write in between, for up to `rows` rows of `vocab` logits.

    Attributes:
        peaks: float32 [rows, chunks], the largest logit of each chunk; NaN counts as infinity.
        firsts: int32 [rows, chunks], its lowest id.
        masses: float64 [rows, chunks], the sum of exp((x - peak) / temperature) over what is kept,
            without the tokens that equal the threshold.
        equals: int32 [rows, chunks], how many equal the threshold.
        search: See `threshold`.
        chunk: Logits of a chunk, a power of two.
    """

    peaks: torch.Tensor
    firsts: torch.Tensor
    masses: torch.Tensor
    equals: torch.Tensor
    search: threshold.Search
    chunk: int


def new_room(
    rows: int, vocab: int, device: torch.device, *, chunk: int = CHUNK, span: int = threshold.SPAN
) -> Room:
    """Make room; every choice overwrites all that it reads."""
    dims = (rows, triton.cdiv(vocab, chunk))
    return Room(
        peaks=torch.empty(dims, dtype=torch.float32, device=device),
        firsts=torch.empty(dims, dtype=torch.int32, device=device),
        masses=torch.empty(dims, dtype=torch.float64, device=device),
        equals=torch.empty(dims, dtype=torch.int32, device=device),
        search=threshold.new_search(rows, vocab, device, span),
        chunk=chunk,
    )


def ask(draws: Sequence[Draw | None], vocab: int, out: NDArray[np.float64]) -> Filters:
    """Write draws to `out` [at least so many, ASKED], and say what they need.

    Rows without a draw, and those left over, take the most likely token.
    """
    out[:] = 0.0
    out[:, TOP_P.value] = 1.0
    for row, draw in enumerate(draws):
        if draw is not None and draw.temperature > 0:
            top_k = draw.top_k if draw.top_k < vocab else 0
            out[row] = draw.temperature, top_k, draw.top_p, draw.min_p, draw.uniform
    return Filters(
        top_k=bool((out[:, TOP_K.value] > 0).any()),
        top_p=bool((out[:, TOP_P.value] < 1).any()),
        min_p=bool((out[:, MIN_P.value] > 0).any()),
    )


def choose(
    logits: torch.Tensor, asked: torch.Tensor, tokens: torch.Tensor, room: Room, filters: Filters
) -> None:
    """Choose a token for each of m rows: 2 launches, 3 with min_p, 10 more for top_k and for top_p.

    Args:
        logits: float32 [m, vocab].
        asked: float64 [at least m, ASKED], as `ask` wrote it.
        tokens: int32 [at least m], written: -1 where a logit is NaN or the largest not finite.
        room: For at least m rows and just this vocabulary.
        filters: What `ask` said, or more.
    """
    rows, vocab = logits.shape
    chunks = triton.cdiv(vocab, room.chunk)
    sizes = {"CHUNK": room.chunk, "CHUNKS": triton.next_power_of_2(chunks)}
    _peaks[(chunks, rows)](
        logits, asked, room.peaks, room.firsts, room.masses, room.search.limits, vocab, chunks,
        CHUNK=room.chunk, **_EXACT,
    )  # fmt: skip
    if filters.any:
        threshold.search(
            logits, asked, room.peaks, room.search, top_k=filters.top_k, top_p=filters.top_p
        )
        _masses[(chunks, rows)](
            logits, asked, room.peaks, room.search.limits, room.masses, room.equals, vocab, chunks,
            **sizes, **_EXACT,
        )  # fmt: skip
    _pick[(rows,)](
        logits, asked, room.peaks, room.firsts, room.masses, room.search.limits, room.equals,
        tokens, vocab, chunks, FILTERED=filters.any, **sizes, **_EXACT,
    )  # fmt: skip


# A product and a sum are not to become one: with filters beside it a row's sums must be the same.
_EXACT = {"num_warps": 4, "enable_fp_fusion": False}


@triton.jit
def _peaks(  # type: ignore[no-untyped-def]
    logits, asked, peaks, firsts, masses, limits, vocab, chunks, CHUNK: tl.constexpr
):
    """A program owns a chunk of one row: 4 CHUNK bytes read, 16 written."""
    chunk, row = tl.program_id(0), tl.program_id(1)
    at = chunk * CHUNK + tl.arange(0, CHUNK)
    x = read(logits, row, at, vocab)
    peak = tl.max(x, 0)
    weights = weigh(x, tl.where(finite(peak), peak, 0.0), heat(asked, row))
    to = row * chunks + chunk
    tl.store(peaks + to, peak)
    tl.store(firsts + to, tl.min(tl.where(x == peak, at, NOBODY), 0))
    tl.store(masses + to, tl.sum(weights.to(tl.float64), 0))
    if chunk == 0:
        threshold.keep_all(limits, row)


@triton.jit
def _masses(  # type: ignore[no-untyped-def]
    logits, asked, peaks, limits, masses, equals, vocab, chunks,
    CHUNK: tl.constexpr, CHUNKS: tl.constexpr,
):  # fmt: skip
    """Weigh what is kept of a chunk, in rows that have a filter: 4 CHUNK + 4 chunks bytes read."""
    chunk, row = tl.program_id(0), tl.program_id(1)
    to = row * chunks + chunk
    every = tl.arange(0, CHUNKS)
    top = tl.max(tl.load(peaks + row * chunks + every, mask=every < chunks, other=-float("inf")), 0)
    min_p = tl.load(asked + row * ASKED + MIN_P).to(tl.float32)
    limit = tl.load(limits + row * threshold.LIMITS)
    if (min_p > 0) | (limit > threshold.LOWEST):
        x = read(logits, row, chunk * CHUNK + tl.arange(0, CHUNK), vocab)
        peak, key, warmth = tl.max(x, 0), key_of(x), heat(asked, row)
        weights = weigh(x, tl.where(finite(peak), peak, 0.0), warmth)
        likely = weigh(x, tl.where(finite(top), top, 0.0), warmth) >= min_p
        kept = tl.where((key > limit) & likely, weights, 0.0)
        tl.store(masses + to, tl.sum(kept.to(tl.float64), 0))
        tl.store(equals + to, tl.sum((key == limit).to(tl.int32), 0))
    else:
        tl.store(equals + to, 0)


@triton.jit
def _pick(  # type: ignore[no-untyped-def]
    logits, asked, peaks, firsts, masses, limits, equals, tokens, vocab, chunks,
    CHUNK: tl.constexpr, CHUNKS: tl.constexpr, FILTERED: tl.constexpr,
):  # fmt: skip
    """A program owns a row: 20 bytes read of each chunk, and 4 CHUNK bytes of one."""
    row = tl.program_id(0)
    chunk = tl.arange(0, CHUNKS)
    there = chunk < chunks
    peak = tl.load(peaks + row * chunks + chunk, mask=there, other=-float("inf"))
    first = tl.load(firsts + row * chunks + chunk, mask=there, other=NOBODY)
    mass = tl.load(masses + row * chunks + chunk, mask=there, other=0.0)
    top = tl.max(peak, 0)
    best = tl.min(tl.where(peak == top, first, NOBODY), 0)
    sound, warmth = finite(top), heat(asked, row)
    zero = tl.where(sound, top, 0.0)
    own_zero = tl.where(finite(peak), peak, zero)
    scale = weigh(own_zero, zero, warmth).to(tl.float64)
    if FILTERED:
        min_p = tl.load(asked + row * ASKED + MIN_P).to(tl.float32)
        limit = tl.load(limits + row * threshold.LIMITS)
        ties = tl.load(limits + row * threshold.LIMITS + 1)
        equal = tl.load(equals + row * chunks + chunk, mask=there, other=0)
        room = ties - (tl.cumsum(equal, 0) - equal)  # of the ties, for this chunk's: lowest ids
        equal = tl.minimum(tl.maximum(room, 0), equal)
        edge = value_of(limit)  # NaN where everything is kept, and then nothing equals it
        equal = tl.where(weigh(edge, zero, warmth) >= min_p, equal, 0)
        each = weigh(edge, own_zero, warmth).to(tl.float64)
        mass += tl.where(equal > 0, equal.to(tl.float64) * each, 0.0)
    part = mass * scale
    point = tl.load(asked + row * ASKED + UNIFORM) * tl.sum(part, 0)
    hit = first_above(part, tl.cumsum(part, 0), point, chunk)
    here = chunk == hit
    scale_here = tl.sum(tl.where(here, scale, 0.0), 0)
    rest = (point - tl.sum(tl.where(chunk < hit, part, 0.0), 0)) / scale_here
    at = hit * CHUNK + tl.arange(0, CHUNK)
    x = read(logits, row, at, vocab)
    weights = weigh(x, tl.sum(tl.where(here, own_zero, 0.0), 0), warmth)
    if FILTERED:
        key = key_of(x)
        same = (key == limit).to(tl.int32)
        among = (same > 0) & (tl.cumsum(same, 0) <= tl.sum(tl.where(here, equal, 0), 0))
        likely = weigh(x, zero, warmth) >= min_p
        weights = tl.where(((key > limit) | among) & likely, weights, 0.0)
    drawn = first_above(weights, tl.cumsum(weights.to(tl.float64), 0), rest, at)
    token = tl.where(tl.load(asked + row * ASKED + TEMPERATURE) > 0, drawn, best)
    tl.store(tokens + row, tl.where(sound, token, -1))
