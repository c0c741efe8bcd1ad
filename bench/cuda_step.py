"""A step of a model, piece by piece: every wrapper that the engine calls, in its order, named.

The order is that of `ossay.engine.kernels.cuda.layers`; bench/cuda_right.py checks that both give
the same logits. A piece can be timed alone, left out, counted, or compiled without a card: on
torch's meta device the same code runs, with shapes of any size and no values. Knows nothing of
time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from msgspec import Struct
from torch import Tensor

from cuda_paper import Load
from ossay.engine.batch import BLOCK, Batch
from ossay.engine.kernels.cuda import (
    attention_decode,
    attention_prefill,
    experts_few,
    experts_many,
    grouping,
    hidden,
    projection,
    router,
    sampling,
)
from ossay.engine.kernels.cuda.cache import Cache
from ossay.engine.kernels.cuda.scores import ASKED
from ossay.engine.kernels.cuda.weights import Layer, Weights
from ossay.engine.shape import ModelShape

BF16, F32 = torch.bfloat16, torch.float32


class Piece(Struct, frozen=True):
    """One part of one layer (-1: of none), ready to be called as often as wanted."""

    part: str
    layer: int
    call: Callable[[], Any]


class Plan(Struct, frozen=True):
    """A step that can be run: all pieces in order, what they read first and what they write."""

    shape: ModelShape
    load: Load
    pieces: tuple[Piece, ...]
    tokens: Tensor
    x: Tensor
    logits: Tensor

    def run(self, without: Iterable[str] = ()) -> None:
        """Call every piece but those parts."""
        left_out = frozenset(without)
        for piece in self.pieces:
            if piece.part not in left_out:
                piece.call()

    def parts(self) -> list[str]:
        """The parts, in the order in which they first come."""
        return list(dict.fromkeys(piece.part for piece in self.pieces))


def plan(weights: Weights, cache: Cache, batch: Batch, load: Load) -> Plan:
    """Lay out a step: all tensors are made here, the pieces allocate what the engine's do."""
    shape, device = weights.shape, weights.device
    n, m = load.tokens, len(batch.wanted)

    def empty(*dims: int, dtype: torch.dtype = F32) -> Tensor:
        return torch.empty(dims, dtype=dtype, device=device)

    def send(array: Any) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    x, logits = empty(n, shape.hidden), empty(m, shape.vocab)
    state = _State(
        weights, cache, x,
        positions=send(batch.positions),
        where=send(_where(batch)),
        table=send(batch.full_blocks),
        tiles=None if load.tokens == load.sequences else send(_tiles(batch, shape)),
        q=empty(n, shape.heads, shape.head_dim, dtype=BF16),
        mixed=empty(n, shape.heads * shape.head_dim, dtype=BF16),
    )  # fmt: skip
    tokens, edges = send(batch.tokens), weights.edges
    pieces = [Piece("embed", -1, lambda: projection.embed(tokens, edges.embedding, x))]
    last = x
    for layer in range(shape.layers):
        pieces += _attend(state, layer)
        if layer == shape.layers - 1 and m < n:
            rows, last = send(batch.wanted), empty(m, shape.hidden)
            pieces.append(
                Piece("last", layer, lambda: torch.index_select(x, 0, rows, out=last))  # noqa: B023
            )
            pieces += [Piece("last", layer, piece.call) for piece in _mix(weights, layer, last)]
        else:
            pieces += _mix(weights, layer, last)
    scale, eps, matrix = edges.norm, shape.norm_eps, edges.unembedding
    pieces.append(
        Piece("unembed", -1, lambda: projection.unembed(last, scale, eps, matrix, logits))
    )
    pieces.append(Piece("sample", -1, choosing(logits, sampling.Filters())))
    return Plan(shape, load, tuple(pieces), tokens, x, logits)


def choosing(logits: Tensor, filters: sampling.Filters) -> Callable[[], Any]:
    """What chooses a token for each row; greedy, but for the work that the filters cost."""
    rows, vocab = logits.shape
    room = sampling.new_room(rows, vocab, logits.device)
    asked = torch.zeros((rows, ASKED.value), dtype=torch.float64, device=logits.device)
    tokens = torch.empty(rows, dtype=torch.int32, device=logits.device)
    return lambda: sampling.choose(logits, asked, tokens, room, filters)


class _State(Struct, frozen=True):
    weights: Weights
    cache: Cache
    x: Tensor
    positions: Tensor
    where: Tensor
    table: Tensor
    tiles: Tensor | None
    q: Tensor
    mixed: Tensor


def _attend(state: _State, layer: int) -> list[Piece]:
    weights, cache, x = state.weights, state.cache, state.x
    shape, own = weights.shape, weights.layers[layer]
    sliding = shape.sliding[layer]
    pool, window = (cache.sliding, shape.window) if sliding else (cache.full, 0)
    index = shape.sliding[:layer].count(sliding)
    keys, values = pool.keys[index], pool.values[index]
    qkv = (own.attention_norm, shape.norm_eps, own.qkv, own.qkv_bias, cache.cos, cache.sin)
    places = (state.positions, state.where, state.q, keys, values)
    if state.tiles is None:
        n = len(x)
        splits = attention_decode.splits(n, shape.kv_heads, window)
        room = attention_decode.scratch(n, shape.heads, shape.head_dim, splits)
        parts = torch.empty(room, device=x.device)
        seen = (state.table, state.positions, own.sinks, window, state.mixed, parts, splits)
        attention = lambda: attention_decode.decode(state.q, keys, values, *seen)  # noqa: E731
    else:
        most = (state.table, state.tiles, own.sinks, window, state.mixed)
        attention = lambda: attention_prefill.prefill(state.q, keys, values, *most)  # noqa: E731
    return [
        Piece("qkv", layer, lambda: projection.qkv(x, *qkv, *places)),
        Piece("attention", layer, attention),
        Piece("out", layer, lambda: projection.out(state.mixed, own.out, own.out_bias, x)),
    ]


def _mix(weights: Weights, layer: int, x: Tensor) -> list[Piece]:
    shape, own = weights.shape, weights.layers[layer]
    n, k, device = len(x), shape.experts_per_token, x.device
    norm, gates = (own.mlp_norm, shape.norm_eps), (shape.swiglu_alpha, shape.swiglu_limit)
    up, down = (own.gate_up, own.gate_up_bias), (own.down, own.down_bias)
    scores = torch.empty((n, shape.experts), device=device)
    few = n <= experts_few.FEW
    normed = torch.empty((n, shape.hidden), dtype=BF16, device=device) if few else None
    rows = own.router, own.router_bias, scores, normed
    pieces = [Piece("router", layer, lambda: router.scores(x, *norm, *rows))]
    if few:
        inner = torch.empty((n, k, shape.intermediate), dtype=BF16, device=device)
        given = (scores, *up, inner, *gates)
        return [
            *pieces,
            Piece("gate_up", layer, lambda: experts_few.gate_up(normed, *given)),
            Piece("down", layer, lambda: experts_few.down(inner, scores, *down, x)),
        ]
    return pieces + _Many(shape, own, x, scores).pieces(layer)


class _Many:
    """What `experts_many.experts` does, in its order, the choice before it included."""

    def __init__(self, shape: ModelShape, own: Layer, x: Tensor, scores: Tensor) -> None:
        n, k, device = len(x), shape.experts_per_token, x.device
        self._shape, self._own, self._x, self._scores = shape, own, x, scores
        self._chosen = torch.empty((n, k), dtype=torch.int32, device=device)
        self._shares = torch.empty((n, k), device=device)
        self._inner = torch.empty((n * k, shape.intermediate), dtype=BF16, device=device)
        self._answers = torch.empty((n * k, shape.hidden), device=device)
        self._pairs: Any = None

    def pieces(self, layer: int) -> list[Piece]:
        """All of it."""
        calls = (
            ("choose", self._choose), ("group", self._group), ("gate_up", self._gate_up),
            ("down", self._down), ("add", self._add),
        )  # fmt: skip
        return [Piece(part, layer, call) for part, call in calls]

    def _choose(self) -> None:
        router.choose(self._scores, self._chosen, self._shares)

    def _group(self) -> None:
        experts = self._shape.experts
        size = grouping.tile_size(self._chosen.numel(), experts)
        self._pairs = grouping.group(self._chosen, experts, size)

    def _gate_up(self) -> None:
        shape, own = self._shape, self._own
        rows = hidden.normed(self._x, own.mlp_norm, shape.norm_eps)
        gates = shape.swiglu_alpha, shape.swiglu_limit
        experts_many.product(
            rows, shape.experts_per_token, self._pairs, own.gate_up, own.gate_up_bias, self._inner,
            gates,
        )  # fmt: skip

    def _down(self) -> None:
        own = self._own
        experts_many.product(
            self._inner, 1, self._pairs, own.down, own.down_bias, self._answers, None
        )

    def _add(self) -> None:
        experts_many.add(self._answers, self._shares, self._x)


def _where(batch: Batch) -> Any:
    owner = np.repeat(np.arange(len(batch.starts) - 1), np.diff(batch.starts))
    block, offset = np.divmod(batch.positions, BLOCK)
    return (batch.full_blocks[owner, block] * BLOCK + offset).astype(np.int32)


def _tiles(batch: Batch, shape: ModelShape) -> Any:
    tokens = attention_prefill.tile_tokens(shape.heads, shape.kv_heads)
    return attention_prefill.tile_map(batch.positions, batch.starts, tokens)
