"""Trials of the kernels: tiles, dequantisation, splits, few or many tokens' kernels.

Every trial is one wrapper over all layers of a model, each with its own weights. A kernel's own
choice is marked; around it one thing is changed at a time, by halves and doubles. They can be made
on any device: bench/cuda_variants.py times them, bench/cuda_compile.py compiles them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import torch
from msgspec import Struct
from torch import Tensor

from cuda_paper import decode, layer_costs
from ossay.engine.batch import BLOCK
from ossay.engine.kernels.cuda import (
    attention_decode,
    experts_few,
    experts_many,
    grouping,
    product,
    projection,
    router,
)
from ossay.engine.kernels.cuda.weights import Weights

BF16 = torch.bfloat16
MANY = (64, 2048)


class Trial(Struct, frozen=True):
    """One way to run one kernel: a call for each layer, and the bytes that a call must read."""

    kernel: str
    name: str
    calls: list[Callable[[], Any]]
    bytes: float
    ours: bool = False  # what the backend does


def trials(weights: Weights) -> Iterator[Trial]:
    """All of them, the cheapest to compile first."""
    made = _Inputs(weights)
    yield from _dense(made)
    yield from _few(made)
    yield from _splits(made)
    yield from _switch(made)
    yield from _many(made)


def around(tile: Any) -> Iterator[tuple[str, Any, bool]]:
    """The tile, then others with one number halved or doubled; stages move by one instead."""
    yield "as it is", tile, True
    for field in tile.__struct_fields__:
        value = getattr(tile, field)
        others = (value - 1, value + 1) if field == "stages" else (value // 2, value * 2)
        for other in others:
            if other >= 1:
                yield f"{field} {other}", msgspec.structs.replace(tile, **{field: other}), False


class _Inputs:
    """Tensors that the trials share; numbers are random where there are any."""

    def __init__(self, weights: Weights) -> None:
        self.weights, self.shape = weights, weights.shape
        self.device = weights.device
        self.costs = layer_costs(self.shape, decode(1), sliding=False)

    def normal(self, *dims: int, dtype: torch.dtype = torch.float32) -> Tensor:
        drawn = torch.empty(dims, dtype=dtype, device=self.device)
        return drawn if self.device.type == "meta" else drawn.normal_()

    def integers(self, values: Any) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.int32)).to(self.device)

    def pool(self, blocks: int) -> list[Tensor]:
        shape = self.shape
        size = (blocks, shape.kv_heads, BLOCK, shape.head_dim)
        return [self.normal(*size, dtype=BF16) for _ in "kv"]


def _dense(made: _Inputs) -> Iterator[Trial]:
    shape, layers, edges = made.shape, made.weights.layers, made.weights.edges
    x, one = made.normal(1, shape.hidden), made.integers([5])
    angles = [made.normal(64, shape.head_dim // 2) for _ in "cs"]
    q = made.normal(1, shape.heads, shape.head_dim, dtype=BF16)
    mixed = made.normal(1, shape.heads * shape.head_dim, dtype=BF16)
    logits = made.normal(1, shape.vocab)
    pool = made.pool(2)
    for name, tile, ours in around(product.QKV[1]):
        calls = [
            lambda own=own, tile=tile: product.qkv_few(
                x, own.attention_norm, shape.norm_eps, own.qkv, own.qkv_bias, *angles, one, one, q,
                *pool, tile,
            )
            for own in layers
        ]  # fmt: skip
        yield Trial("qkv", name, calls, made.costs["qkv"].bytes, ours)
    for name, tile, ours in around(product.OUT[1]):
        calls = [
            lambda own=own, tile=tile: product.out_few(mixed, own.out, own.out_bias, x, tile)
            for own in layers
        ]
        yield Trial("out", name, calls, made.costs["out"].bytes, ours)
    for name, tile, ours in around(product.UNEMBED[1]):
        call = lambda tile=tile: product.unembed_few(  # noqa: E731
            x, edges.norm, shape.norm_eps, edges.unembedding, logits, tile
        )
        yield Trial("unembed", name, [call], 2.0 * shape.vocab * shape.hidden, ours)


def _few(made: _Inputs) -> Iterator[Trial]:
    shape, layers = made.shape, made.weights.layers
    gates = shape.swiglu_alpha, shape.swiglu_limit
    normed, x = made.normal(1, shape.hidden, dtype=BF16), made.normal(1, shape.hidden)
    scores = [made.normal(1, shape.experts) for _ in layers]
    inner = made.normal(1, shape.experts_per_token, shape.intermediate, dtype=BF16)
    for name, tile, ours in (*around(experts_few.GATE_UP), ("plain", None, False)):
        given = {"ptx": False} if tile is None else {"tile": tile}
        calls = [
            lambda own=own, score=score, given=given: experts_few.gate_up(
                normed, score, own.gate_up, own.gate_up_bias, inner, *gates, **given
            )
            for own, score in zip(layers, scores, strict=True)
        ]
        yield Trial("gate_up", name, calls, made.costs["gate_up"].bytes, ours)
    for name, tile, ours in (*around(experts_few.DOWN), ("plain", None, False)):
        given = {"ptx": False} if tile is None else {"tile": tile}
        calls = [
            lambda own=own, score=score, given=given: experts_few.down(
                inner, score, own.down, own.down_bias, x, **given
            )
            for own, score in zip(layers, scores, strict=True)
        ]
        yield Trial("down", name, calls, made.costs["down"].bytes, ours)


def _splits(made: _Inputs) -> Iterator[Trial]:
    """Decode attention of one sequence, by its length and into how many runs it is cut."""
    shape = made.shape
    lengths = (5,) if made.device.type == "cpu" else (128, 4096, 32_768)
    for length in lengths:
        blocks = -(-length // BLOCK)
        pools = [made.pool(blocks) for _ in range(4)]
        table, at = made.integers(np.arange(blocks)[None]), made.integers([length - 1])
        q = made.normal(1, shape.heads, shape.head_dim, dtype=BF16)
        out = made.normal(1, shape.heads * shape.head_dim, dtype=BF16)
        own = attention_decode.splits(1, shape.kv_heads, 0)
        counters = torch.zeros(shape.kv_heads, dtype=torch.int32, device=made.device)
        sinks, size = made.normal(shape.heads), 4.0 * length * shape.kv_heads * shape.head_dim
        for splits in (1, 4, 8, 16, 32, 64):
            room = attention_decode.scratch(1, shape.heads, shape.head_dim, splits)
            given = (table, at, sinks, 0, out, made.normal(max(1, room)), splits)
            for name, once in (("two launches", None), ("one launch", counters)):
                calls = [
                    lambda pool=pool, q=q, given=given, once=once: attention_decode.decode(
                        q, *pool, *given, once
                    )
                    for pool in pools
                ]
                ours = splits == own and once is None
                yield Trial(f"attention of {length}", f"{splits} splits, {name}", calls, size, ours)


def _switch(made: _Inputs) -> Iterator[Trial]:
    """The whole mixture, and the dense products, of n tokens by either kernel."""
    shape, layers = made.shape, made.weights.layers
    gates = shape.swiglu_alpha, shape.swiglu_limit
    for n in (2,) if made.device.type == "cpu" else (2, 4, 8, 12, 16):
        x = made.normal(n, shape.hidden)
        norm = made.normal(n, shape.hidden, dtype=BF16)
        scores = made.normal(n, shape.experts)
        inner = made.normal(n, shape.experts_per_token, shape.intermediate, dtype=BF16)
        chosen = made.integers(np.zeros((n, shape.experts_per_token)))
        shares = made.normal(n, shape.experts_per_token)

        def few(own: Any, x=x, norm=norm, scores=scores, inner=inner) -> None:  # noqa: ANN001
            rows = own.router, own.router_bias, scores, norm
            router.scores(x, own.mlp_norm, shape.norm_eps, *rows)
            up = own.gate_up, own.gate_up_bias, inner, *gates
            experts_few.gate_up(norm, scores, *up)
            experts_few.down(inner, scores, own.down, own.down_bias, x)

        def many(own: Any, x=x, scores=scores, chosen=chosen, shares=shares) -> None:  # noqa: ANN001
            rows = own.router, own.router_bias, scores
            router.scores(x, own.mlp_norm, shape.norm_eps, *rows)
            router.choose(scores, chosen, shares)
            experts_many.experts(
                x, own.mlp_norm, shape.norm_eps, chosen, shares, own.gate_up, own.gate_up_bias,
                own.down, own.down_bias, *gates,
            )  # fmt: skip

        cost = layer_costs(shape, decode(n), sliding=False)
        size = cost["gate_up"].bytes + cost["down"].bytes
        for name, way, ours in (
            ("few", few, n <= experts_few.FEW),
            ("many", many, n > experts_few.FEW),
        ):
            calls = [lambda own=own, way=way: way(own) for own in layers]
            yield Trial(f"experts of {n}", name, calls, size, ours)
        a = made.normal(n, shape.heads * shape.head_dim, dtype=BF16)
        calls = [
            lambda own=own, a=a, x=x: product.out_few(a, own.out, own.out_bias, x) for own in layers
        ]
        yield Trial(f"out of {n}", "few", calls, cost["out"].bytes, n <= projection.FEW)
        calls = [lambda own=own, a=a, x=x: x.add_(a @ own.out.T) for own in layers]
        yield Trial(f"out of {n}", "cuBLAS, no bias", calls, cost["out"].bytes)


def _many(made: _Inputs) -> Iterator[Trial]:
    """The grouped product up, for a batch that decodes and for a prompt."""
    shape, layers = made.shape, made.weights.layers
    k = shape.experts_per_token
    gates = shape.swiglu_alpha, shape.swiglu_limit
    for n in (10,) if made.device.type == "cpu" else MANY:
        x = made.normal(n, shape.hidden, dtype=BF16)
        inner = made.normal(n * k, shape.intermediate, dtype=BF16)
        chosen = made.integers(np.random.default_rng(0).integers(0, shape.experts, (n, k)))
        own_size = grouping.tile_size(n * k, shape.experts)
        cost = layer_costs(shape, decode(n), sliding=False)["gate_up"].bytes
        for size in sorted(experts_many.TILES):
            pairs = grouping.group(chosen, shape.experts, size)
            ways = [(f"pairs {size}", None, size == own_size)]
            if size == own_size:
                others = [each for each in around(experts_many.TILES[size]) if not each[2]]
                ways += [(f"pairs {size}, {name}", tile, False) for name, tile, _ in others]
                ways.append((f"pairs {size}, plain", "plain", False))
            for name, tile, ours in ways:
                given = {"ptx": False} if tile == "plain" else {"tile": tile}
                calls = [
                    lambda own=own, x=x, pairs=pairs, inner=inner, given=given: (
                        experts_many.product(
                            x, k, pairs, own.gate_up, own.gate_up_bias, inner, gates, **given
                        )
                    )
                    for own in layers
                ]
                yield Trial(f"gate_up of {n}", name, calls, cost, ours)
