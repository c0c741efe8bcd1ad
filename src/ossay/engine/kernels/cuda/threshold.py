"""Which tokens top-k and top-p keep, on the card: a threshold for each row, found without sorting.

The order of logits is the order of 32-bit keys, and the tokens kept are those above some key and so
many of the ones that equal it, lowest ids first. The key is found four bits a launch: every program
sums, over its part of a row, what 16 keys would keep; the next launch adds these up, takes the
largest key that keeps enough, and looks between it and the next. Counting gives top-k; the masses
of what that left give top-p. No atomic operations: the sums have one order.

Knows nothing of how a token is then drawn.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from msgspec import Struct

from ossay.engine.kernels.cuda.scores import (
    ASKED,
    TOP_K,
    TOP_P,
    finite,
    heat,
    key_of,
    read,
    value_of,
    weigh,
)  # fmt: skip

SPAN = 4096  # logits that a program takes
_BITS = tl.constexpr(4)
_KEYS = tl.constexpr(16)
_SHIFTS = (28, 24, 20, 16, 12, 8, 4, 0)
_STATE = tl.constexpr(3)
LIMITS = tl.constexpr(3)
LOWEST = tl.constexpr(-(2**31))  # below every key


class Search(Struct, frozen=True):
    """What a search writes in between, and what it finds.

    Attributes:
        limits: int32 [rows, LIMITS]: the key above which everything is kept, how many that equal
            it are, and how many there are.
        states: float64 [2, rows, 3]: the lowest key in question, what the first key beyond all in
            question keeps, how much is to be kept (-1: not known yet). Launches take turns.
        parts: float64 [2, rows, spans, 16]: what each of 16 keys keeps of each span.
        span: Logits of a span, a power of two.
    """

    limits: torch.Tensor
    states: torch.Tensor
    parts: torch.Tensor
    span: int


def new_search(rows: int, vocab: int, device: torch.device, span: int = SPAN) -> Search:
    """Make room for so many rows."""
    sums = (2, rows, triton.cdiv(vocab, span), _KEYS.value)
    return Search(
        limits=torch.empty((rows, LIMITS.value), dtype=torch.int32, device=device),
        states=torch.empty((2, rows, _STATE.value), dtype=torch.float64, device=device),
        parts=torch.empty(sums, dtype=torch.float64, device=device),
        span=span,
    )


def search(
    logits: torch.Tensor,
    asked: torch.Tensor,
    peaks: torch.Tensor,
    room: Search,
    *,
    top_k: bool,
    top_p: bool,
) -> None:
    """Write `room.limits` of the rows that ask for top_k or top_p: 9 launches for each of the two.

    `peaks` float32 [rows, chunks] holds the largest logits of all parts of a row; `room.limits` of
    every row keeps everything before.
    """
    if top_k:
        _search(logits, asked, peaks, room, by_mass=False)
    if top_p:
        _search(logits, asked, peaks, room, by_mass=True)


def _search(
    logits: torch.Tensor, asked: torch.Tensor, peaks: torch.Tensor, room: Search, *, by_mass: bool
) -> None:
    rows, vocab = logits.shape
    spans, chunks = room.parts.shape[2], peaks.shape[1]
    sizes = {
        "BY_MASS": by_mass,
        "SPANS": triton.next_power_of_2(spans),
        "CHUNKS": triton.next_power_of_2(chunks),
    }
    for index, shift in enumerate(_SHIFTS):
        old, new = (index + 1) % 2, index % 2
        _measure[(spans, rows)](
            logits, asked, peaks, room.limits, room.states[old], room.parts[old],
            room.states[new], room.parts[new], vocab, chunks, spans, shift,
            FIRST=index == 0, SPAN=room.span, num_warps=8, enable_fp_fusion=False, **sizes,
        )  # fmt: skip
    last = (len(_SHIFTS) - 1) % 2
    _settle[(rows,)](
        asked, peaks, room.limits, room.states[last], room.parts[last], vocab, chunks, spans,
        num_warps=4, enable_fp_fusion=False, **sizes,
    )  # fmt: skip


@triton.jit
def keep_all(limits, row):  # type: ignore[no-untyped-def]
    """Write a limit below every key."""
    tl.store(limits + row * LIMITS, LOWEST)
    tl.store(limits + row * LIMITS + 1, 0)
    tl.store(limits + row * LIMITS + 2, 1)


@triton.jit
def _asks(asked, row, BY_MASS: tl.constexpr):  # type: ignore[no-untyped-def]
    if BY_MASS:
        return tl.load(asked + row * ASKED + TOP_P) < 1
    return tl.load(asked + row * ASKED + TOP_K) > 0


@triton.jit
def _zero(peaks, row, chunks, CHUNKS: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return the row's largest logit, 0 where it is not finite."""
    chunk = tl.arange(0, CHUNKS)
    of = tl.load(peaks + row * chunks + chunk, mask=chunk < chunks, other=-float("inf"))
    top = tl.max(of, 0)
    return tl.where(finite(top), top, 0.0)


@triton.jit
def _narrow(  # type: ignore[no-untyped-def]
    asked, row, states, parts, spans, shift, SPANS: tl.constexpr
):
    """Add up what the launch before measured: 128 spans bytes read.

    Returns the largest key that keeps enough, as far as its bits are known, what it and the next
    key keep, and what is enough.
    """
    span, key = tl.arange(0, SPANS)[:, None], tl.arange(0, _KEYS)[None, :]
    sums = tl.load(parts + (row * spans + span) * _KEYS + key, mask=span < spans, other=0.0)
    keeps = tl.sum(sums, 0)
    key = tl.arange(0, _KEYS)
    low = tl.load(states + row * _STATE).to(tl.int64)
    above = tl.load(states + row * _STATE + 1)
    enough = tl.load(states + row * _STATE + 2)
    whole = tl.sum(tl.where(key == 0, keeps, 0.0), 0)
    enough = tl.where(enough < 0, tl.load(asked + row * ASKED + TOP_P) * whole, enough)
    hit = tl.max(tl.where(keeps >= enough, key, 0), 0)
    kept = tl.sum(tl.where(key == hit, keeps, 0.0), 0)
    above = tl.where(hit == _KEYS - 1, above, tl.sum(tl.where(key == hit + 1, keeps, 0.0), 0))
    return low + (hit.to(tl.int64) << shift), kept, above, enough


@triton.jit(do_not_specialize=["shift"])
def _measure(  # type: ignore[no-untyped-def]
    logits, asked, peaks, limits, old_states, old_parts, states, parts,
    vocab, chunks, spans, shift,
    BY_MASS: tl.constexpr, FIRST: tl.constexpr, SPAN: tl.constexpr, SPANS: tl.constexpr,
    CHUNKS: tl.constexpr,
):  # fmt: skip
    """A program owns a span of one row: 4 SPAN + 128 spans bytes read, 128 written."""
    span, row = tl.program_id(0), tl.program_id(1)
    if _asks(asked, row, BY_MASS):
        if FIRST:
            low = tl.full((), LOWEST, tl.int64)
            above = tl.full((), 0.0, tl.float64)
            enough = tl.full((), -1.0, tl.float64)
            if not BY_MASS:
                enough = tl.load(asked + row * ASKED + TOP_K)
        else:
            low, _, above, enough = _narrow(
                asked, row, old_states, old_parts, spans, shift + _BITS, SPANS
            )
        if span == 0:
            tl.store(states + row * _STATE, low.to(tl.float64))
            tl.store(states + row * _STATE + 1, above)
            tl.store(states + row * _STATE + 2, enough)
        at = span * SPAN + tl.arange(0, SPAN)
        x = read(logits, row, at, vocab)
        key = key_of(x)
        if BY_MASS:
            weights = weigh(x, _zero(peaks, row, chunks, CHUNKS), heat(asked, row)).to(tl.float64)
            limit = tl.load(limits + row * LIMITS)
            equal = tl.load(limits + row * LIMITS + 2).to(tl.float64)
            share = tl.load(limits + row * LIMITS + 1).to(tl.float64) / equal
            weights *= tl.where(key > limit, 1.0, tl.where(key == limit, share, 0.0))
        else:
            weights = (at < vocab).to(tl.int32)
        index = tl.arange(0, _KEYS)
        sums = tl.zeros((_KEYS,), tl.float64)
        for step in tl.static_range(_KEYS):
            bar = (low + (step << shift)).to(tl.int32)
            kept = tl.sum(tl.where(key >= bar, weights, 0), 0)
            sums = tl.where(index == step, kept.to(tl.float64), sums)
        tl.store(parts + (row * spans + span) * _KEYS + index, sums)


@triton.jit
def _settle(  # type: ignore[no-untyped-def]
    asked, peaks, limits, states, parts, vocab, chunks, spans,
    BY_MASS: tl.constexpr, SPANS: tl.constexpr, CHUNKS: tl.constexpr,
):  # fmt: skip
    """A program owns a row's limit: 128 spans + 4 chunks bytes read."""
    row = tl.program_id(0)
    if _asks(asked, row, BY_MASS):
        key, kept, above, enough = _narrow(asked, row, states, parts, spans, 0, SPANS)
        limit, to = key.to(tl.int32), limits + row * LIMITS
        if BY_MASS:
            zero = _zero(peaks, row, chunks, CHUNKS)
            each = weigh(value_of(limit), zero, heat(asked, row)).to(tl.float64)
            each = tl.where(each > 0, each, 1.0)  # it is where the row has a number at all
            most = tl.where(limit == tl.load(to), tl.load(to + 1), vocab)
            ties = tl.minimum(tl.maximum(tl.ceil((enough - above) / each), 1.0), most)
        else:
            ties = enough - above
        tl.store(to, limit)
        tl.store(to + 1, ties.to(tl.int32))
        tl.store(to + 2, (kept - above).to(tl.int32))
