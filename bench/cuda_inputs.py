"""What steps of a model need: weights without values, weights as stored, a batch, a cache, room.

On torch's meta device everything has its shape and no values, so real sizes fit anywhere. Knows
nothing of what is done with it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

import cuda_reference as plain
from cuda_paper import Load
from ossay.engine.batch import BLOCK, Batch
from ossay.engine.engine import Sizes
from ossay.engine.kernels.cuda import mxfp4
from ossay.engine.kernels.cuda.cache import Cache, new_cache
from ossay.engine.kernels.cuda.weights import Edges, Layer, Weights
from ossay.engine.shape import ModelShape

BF16, F32 = torch.bfloat16, torch.float32


def meta_weights(shape: ModelShape) -> Weights:
    """A model of that shape without values: one layer's tensors stand for all layers."""
    device = torch.device("meta")

    def empty(*dims: int, dtype: torch.dtype = F32) -> Tensor:
        return torch.empty(dims, dtype=dtype, device=device)

    def packed(rows: int, columns: int) -> mxfp4.Packed:
        groups = columns // 32
        blocks, scales = (torch.zeros(1, 1, groups, *end, dtype=torch.uint8) for end in ((16,), ()))
        one = mxfp4.pack(blocks, scales)  # one row, on the host, to see how long it gets
        words, scales = (
            empty(shape.experts, rows, part.shape[-1], dtype=part.dtype)
            for part in (one.words, one.scales)
        )
        return mxfp4.Packed(words, scales, rows, columns)

    hidden, inner, experts = shape.hidden, shape.intermediate, shape.experts
    wide = shape.heads * shape.head_dim
    layer = Layer(
        attention_norm=empty(hidden),
        qkv=empty(shape.qkv_rows, hidden, dtype=BF16),
        qkv_bias=empty(shape.qkv_rows),
        out=empty(hidden, wide, dtype=BF16),
        out_bias=empty(hidden),
        sinks=empty(shape.heads),
        mlp_norm=empty(hidden),
        router=empty(experts, hidden, dtype=BF16),
        router_bias=empty(experts),
        gate_up=packed(2 * inner, hidden),
        gate_up_bias=empty(experts, 2 * inner),
        down=packed(hidden, inner),
        down_bias=empty(experts, hidden),
    )
    matrix = empty(shape.vocab, hidden, dtype=BF16)
    return Weights(shape, (layer,) * shape.layers, Edges(matrix, empty(hidden), matrix))


def pack(layer: plain.Layer) -> Layer:
    """The same layer as the kernels take it."""
    fields = {name: getattr(layer, name) for name in layer.__struct_fields__}
    fields["gate_up"] = mxfp4.pack(*layer.gate_up)
    fields["down"] = mxfp4.pack(*layer.down)
    return Layer(**fields)


def batch_of(load: Load, vocab: int, rng: np.random.Generator) -> Batch:
    """Random tokens: each sequence's last `tokens / sequences` positions of `context`."""
    each = load.tokens // load.sequences
    blocks = -(-load.context // BLOCK)
    table = np.arange(load.sequences * blocks, dtype=np.int32).reshape(load.sequences, blocks)
    wanted = np.arange(load.tokens) if load.wanted == load.tokens else [load.tokens - 1]
    positions = np.arange(load.context - each, load.context, dtype=np.int32)
    return Batch(
        tokens=rng.integers(0, vocab, load.tokens, dtype=np.int32),
        positions=np.tile(positions, load.sequences),
        starts=np.arange(load.sequences + 1, dtype=np.int32) * each,
        full_blocks=table,
        sliding_blocks=table,
        wanted=np.asarray(wanted, np.int32),
    )


def cache_for(shape: ModelShape, load: Load, device: str, *, random: bool = True) -> Cache:
    """A cache that holds the load; random keys and values, so that attention has work to do."""
    blocks = load.sequences * -(-load.context // BLOCK)
    cache = new_cache(shape, blocks, blocks, torch.device(device))
    if random and device != "meta":
        for pool in (cache.full, cache.sliding):
            pool.keys.normal_()
            pool.values.normal_()
    return cache


def sizes(sequences: int, context: int, step_tokens: int = 512) -> Sizes:
    """Room for so many sequences of that length, and no prefix cache."""
    blocks = sequences * (-(-context // BLOCK) + 2)
    return Sizes(
        context=context,
        full_blocks=blocks,
        sliding_blocks=blocks + 8 * sequences + -(-step_tokens // BLOCK),
        max_sequences=sequences,
        step_tokens=step_tokens,
        prefix_cache=False,
    )
