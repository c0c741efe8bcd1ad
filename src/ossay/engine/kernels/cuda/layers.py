"""What is launched for one layer of a batch, and for the model's end; all in one stream.

Which kernels run depends on sizes alone, so every function here can be recorded in a CUDA graph.
Allocates what lives no longer than the layer. Knows nothing of requests or of how a batch came.
"""

from __future__ import annotations

import torch

from ossay.engine.kernels.cuda import (
    attention_decode,
    attention_prefill,
    experts_few,
    experts_many,
    projection,
    router,
)
from ossay.engine.kernels.cuda.cache import Cache
from ossay.engine.kernels.cuda.graphs import bucket
from ossay.engine.kernels.cuda.step import Step
from ossay.engine.kernels.cuda.weights import Weights

BF16, F32 = torch.bfloat16, torch.float32


def begin(weights: Weights, step: Step) -> torch.Tensor:
    """Look up the tokens: float32 [n, H]."""
    x = _new(weights, (len(step.tokens), weights.shape.hidden), F32)
    if len(x):
        projection.embed(step.tokens, weights.edges.embedding, x)
    return x


def attend(weights: Weights, layer: int, x: torch.Tensor, step: Step, cache: Cache) -> None:
    """Add the layer's attention to x [n, H]; write its keys and values to the cache."""
    shape, own = weights.shape, weights.layers[layer]
    sliding = shape.sliding[layer]
    pool, where = cache.full, step.full_where
    table, window = step.full_table, 0
    if sliding:
        pool, where = cache.sliding, step.sliding_where
        table, window = step.sliding_table, shape.window
    index = shape.sliding[:layer].count(sliding)
    keys, values = pool.keys[index], pool.values[index]
    n = len(x)
    q = _new(weights, (n, shape.heads, shape.head_dim), BF16)
    mixed = _new(weights, (n, shape.heads * shape.head_dim), BF16)
    projection.qkv(
        x, own.attention_norm, shape.norm_eps, own.qkv, own.qkv_bias, cache.cos, cache.sin,
        step.positions, where, q, keys, values,
    )  # fmt: skip
    few = step.singles
    if few:
        # As many as in a graph: another number would be compiled anew.
        splits = attention_decode.splits(bucket(few) or few, shape.kv_heads, window)
        room = attention_decode.scratch(few, shape.heads, shape.head_dim, splits)
        attention_decode.decode(
            q[:few], keys, values, table[:few], step.positions[:few], own.sinks, window,
            mixed[:few], _new(weights, (room,), F32), splits,
        )  # fmt: skip
    if len(step.tiles):
        attention_prefill.prefill(q, keys, values, table, step.tiles, own.sinks, window, mixed)
    projection.out(mixed, own.out, own.out_bias, x)


def mix(weights: Weights, layer: int, x: torch.Tensor) -> None:
    """Add the layer's mixture of experts to x [n, H]."""
    shape, own = weights.shape, weights.layers[layer]
    n, k = len(x), shape.experts_per_token
    scores = _new(weights, (n, shape.experts), F32)
    if n <= experts_few.FEW:
        normed = _new(weights, (n, shape.hidden), BF16)
        hidden = _new(weights, (n, k, shape.intermediate), BF16)
        router.scores(
            x, own.mlp_norm, shape.norm_eps, own.router, own.router_bias, scores, normed
        )  # fmt: skip
        experts_few.gate_up(
            normed, scores, own.gate_up, own.gate_up_bias, hidden,
            shape.swiglu_alpha, shape.swiglu_limit,
        )  # fmt: skip
        experts_few.down(hidden, scores, own.down, own.down_bias, x)
        return
    router.scores(x, own.mlp_norm, shape.norm_eps, own.router, own.router_bias, scores)
    chosen = torch.empty((n, k), dtype=torch.int32, device=weights.device)
    shares = _new(weights, (n, k), F32)
    router.choose(scores, chosen, shares)
    experts_many.experts(
        x, own.mlp_norm, shape.norm_eps, chosen, shares, own.gate_up, own.gate_up_bias,
        own.down, own.down_bias, shape.swiglu_alpha, shape.swiglu_limit,
    )  # fmt: skip


def end(weights: Weights, x: torch.Tensor, logits: torch.Tensor) -> None:
    """Write the logits of x [m, H]: float32 [m, vocab]."""
    if len(x):
        edges = weights.edges
        projection.unembed(x, edges.norm, weights.shape.norm_eps, edges.unembedding, logits)


def _new(weights: Weights, dims: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    return torch.empty(dims, dtype=dtype, device=weights.device)
