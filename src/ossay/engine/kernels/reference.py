"""The reference backend: gpt-oss in plain numpy float32. The specification the others are held to.

Every function does one step of the model as its formula is written; none is fast. Weights stay as
stored and are widened where they are used, experts one at a time, so the memory is that of the
checkpoint's own bytes and of the widest matrix; attention holds one sequence's scores
[heads, queries, keys] at once. The model is openai/gpt-oss, gpt_oss/torch/model.py. Knows nothing
of files, of sequences beyond a batch, or of sampling.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ossay.engine import mxfp4, rope
from ossay.engine.batch import BLOCK, I32, Batch
from ossay.engine.checkpoint import Checkpoint
from ossay.engine.shape import ModelShape
from ossay.engine.weights import F32, Bf16, Mxfp4, to_float32

I64 = NDArray[np.int64]


class Pool(Struct, frozen=True):
    """Keys and values of one kind of layer: [layers of it, blocks, BLOCK, kv_heads, head_dim]."""

    keys: F32
    values: F32


class Cache(Struct, frozen=True):
    """Both kinds' pools."""

    full: Pool
    sliding: Pool


class Reference:
    """`Kernels` in numpy. The hidden state is a float32 array [n, hidden]."""

    def __init__(self, shape: ModelShape, checkpoint: Checkpoint) -> None:
        """Take all weights; what the checkpoint maps from its files stays mapped."""
        self.shape = shape
        self._layers = [checkpoint.layer(layer) for layer in range(shape.layers)]
        self._edges = checkpoint.edges()

    def new_cache(self, full_blocks: int, sliding_blocks: int) -> Cache:
        """Return zeroed pools of so many blocks."""
        return Cache(self._pool(full_blocks, False), self._pool(sliding_blocks, True))

    def cache_bytes(self, full_blocks: int, sliding_blocks: int) -> int:
        """Bytes of both pools, keys and values, four bytes a number."""
        sliding = sum(self.shape.sliding)
        layers = full_blocks * (self.shape.layers - sliding) + sliding_blocks * sliding
        return layers * BLOCK * self.shape.kv_heads * self.shape.head_dim * 2 * 4

    def embed(self, batch: Batch) -> F32:
        """Look up the tokens' rows: [n, hidden]."""
        return to_float32(self._edges.embedding[batch.tokens])

    def attend(self, layer: int, x: F32, batch: Batch, cache: Cache) -> None:
        """Add the layer's attention to x [n, hidden]; sequences do not see each other."""
        shape, weights = self.shape, self._layers[layer]
        sliding = shape.sliding[layer]
        table = batch.sliding_blocks if sliding else batch.full_blocks
        pool = cache.sliding if sliding else cache.full
        index = shape.sliding[:layer].count(sliding)  # of this layer among those of its kind
        stored = Pool(pool.keys[index], pool.values[index])

        normed = rms_norm(x, weights.attention_norm, shape.norm_eps)
        qkv = linear(normed, weights.qkv, weights.qkv_bias)
        queries, keys, values = split_heads(qkv, shape)
        cos, sin = rope.tables(shape.rope, shape.head_dim, batch.positions)
        queries, keys = rotate(queries, cos, sin), rotate(keys, cos, sin)

        mixed = np.empty_like(queries)
        for blocks, start, stop in zip(table, batch.starts[:-1], batch.starts[1:], strict=True):
            if start == stop:
                continue
            positions = batch.positions[start:stop].astype(np.int64)
            write(stored, blocks, positions, keys[start:stop], values[start:stop])
            first = max(0, int(positions[0]) - shape.window + 1) if sliding else 0
            seen = np.arange(first, positions[-1] + 1)
            mixed[start:stop] = attention(
                queries[start:stop],
                *read(stored, blocks, seen),
                visible(positions, seen, shape.window if sliding else None),
                weights.sinks,
            )
        x += linear(mixed.reshape(len(x), -1), weights.out, weights.out_bias)

    def rows(self, x: F32, wanted: I32) -> F32:
        """Return a copy of those rows."""
        return x[wanted]

    def experts(self, layer: int, x: F32) -> None:
        """Add the layer's mixture of experts to x [n, hidden]."""
        shape, weights = self.shape, self._layers[layer]
        normed = rms_norm(x, weights.mlp_norm, shape.norm_eps)
        scores = linear(normed, weights.router, weights.router_bias)
        chosen, shares = route(scores, shape.experts_per_token)
        for index in np.unique(chosen):
            token, place = np.nonzero(chosen == index)
            out = expert(
                normed[token],
                matrix(weights.gate_up, index),
                weights.gate_up_bias[index],
                matrix(weights.down, index),
                weights.down_bias[index],
                shape,
            )
            x[token] += shares[token, place, None] * out

    def logits(self, x: F32) -> F32:
        """Norm and unembed: [n, vocab]."""
        normed = rms_norm(x, self._edges.norm, self.shape.norm_eps)
        return linear(normed, self._edges.unembedding)

    def _pool(self, blocks: int, sliding: bool) -> Pool:
        shape = self.shape
        layers = shape.sliding.count(sliding)
        size = (layers, blocks, BLOCK, shape.kv_heads, shape.head_dim)
        return Pool(np.zeros(size, np.float32), np.zeros(size, np.float32))


def rms_norm(x: F32, scale: F32, eps: float) -> F32:
    """Divide each row of x [n, h] by its root mean square, then multiply by scale [h]."""
    mean_square = np.mean(np.square(x), axis=-1, keepdims=True)
    out: F32 = x / np.sqrt(mean_square + np.float32(eps)) * scale
    return out


def linear(x: F32, weight: Bf16, bias: F32 | None = None) -> F32:
    """Multiply x [n, columns] by weight [rows, columns] and add bias [rows]: [n, rows]."""
    out: F32 = x @ to_float32(weight).T
    return out if bias is None else out + bias


def split_heads(qkv: F32, shape: ModelShape) -> tuple[F32, F32, F32]:
    """Cut [n, qkv_rows] into queries [n, heads, d] and keys and values [n, kv_heads, d]."""
    by_head = qkv.reshape(len(qkv), -1, shape.head_dim)
    ends = [shape.heads, shape.heads + shape.kv_heads]
    queries, keys, values = np.split(by_head, ends, axis=1)
    return queries, keys, values


def rotate(x: F32, cos: F32, sin: F32) -> F32:
    """Turn x [n, heads, d] by the angles of its rows' positions; cos and sin are [n, d / 2].

    Element i pairs with element i + d / 2 (NeoX's half-split), not with its neighbour.
    """
    first, second = np.split(x, 2, axis=-1)
    cos, sin = cos[:, None], sin[:, None]  # the same for every head
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def visible(queries: I64, keys: I64, window: int | None) -> NDArray[np.bool_]:
    """Which key positions [t] each query position [n] sees: [n, t]; itself and `window` - 1 back.

    `window` None: everything up to itself.
    """
    behind = queries[:, None] - keys[None, :]
    seen: NDArray[np.bool_] = behind >= 0
    return seen if window is None else seen & (behind < window)


def attention(queries: F32, keys: F32, values: F32, seen: NDArray[np.bool_], sinks: F32) -> F32:
    """Mix values by softmax(queries . keys / sqrt(d)), each head with its sink: [n, heads, d].

    queries [n, heads, d]; keys and values [t, kv_heads, d], each shared by heads / kv_heads
    neighbouring heads; seen [n, t]; sinks [heads]. A sink is one score more in the softmax, not
    divided by sqrt(d), whose share goes nowhere.
    """
    sharing = queries.shape[1] // keys.shape[1]
    keys = np.repeat(keys, sharing, axis=1)
    values = np.repeat(values, sharing, axis=1)
    scale = np.float32(1 / np.sqrt(queries.shape[-1]))
    scores = np.matmul(queries.transpose(1, 0, 2), keys.transpose(1, 2, 0)) * scale
    scores = np.where(seen, scores, np.float32(-np.inf))  # [heads, n, t]
    sink = sinks[:, None, None]
    highest = np.maximum(scores.max(axis=-1, keepdims=True), sink)
    powers = np.exp(scores - highest)
    shares = powers / (powers.sum(axis=-1, keepdims=True) + np.exp(sink - highest))
    mixed: F32 = np.matmul(shares, values.transpose(1, 0, 2)).transpose(1, 0, 2)
    return mixed


def write(pool: Pool, blocks: I32, positions: I64, keys: F32, values: F32) -> None:
    """Put keys and values [n, kv_heads, d] where the table `blocks` [b] has their positions [n].

    The pool is one layer's: [blocks, BLOCK, kv_heads, d].
    """
    where = blocks[positions // BLOCK], positions % BLOCK
    pool.keys[where] = keys
    pool.values[where] = values


def read(pool: Pool, blocks: I32, positions: I64) -> tuple[F32, F32]:
    """Return keys and values [t, kv_heads, d] of the positions [t] from one layer's pool."""
    where = blocks[positions // BLOCK], positions % BLOCK
    return pool.keys[where], pool.values[where]


def route(scores: F32, experts_per_token: int) -> tuple[I64, F32]:
    """Choose the highest of scores [n, experts]: indices and shares, [n, experts_per_token].

    Shares are the softmax over the chosen scores alone. Of equal scores the lower index wins.
    """
    chosen = np.argsort(-scores, axis=-1, kind="stable")[:, :experts_per_token]
    best = np.take_along_axis(scores, chosen, axis=-1)
    powers = np.exp(best - best[:, :1])  # the first is the highest
    return chosen, powers / powers.sum(axis=-1, keepdims=True)


def expert(
    x: F32, gate_up: F32, gate_up_bias: F32, down: F32, down_bias: F32, shape: ModelShape
) -> F32:
    """One expert's answer to x [n, H]: [n, H]. gate_up [2 I, H], down [H, I], biases by row."""
    inner = swiglu(x @ gate_up.T + gate_up_bias, shape.swiglu_alpha, shape.swiglu_limit)
    out: F32 = inner @ down.T + down_bias
    return out


def swiglu(gate_up: F32, alpha: float, limit: float) -> F32:
    """Gate [n, 2 I], gates in even columns and ups in odd ones: [n, I].

    (up + 1) * gate * sigmoid(alpha * gate), the gate held below `limit`, up within it.
    """
    gate = np.minimum(gate_up[:, 0::2], np.float32(limit))
    up = np.clip(gate_up[:, 1::2], np.float32(-limit), np.float32(limit))
    return (up + 1) * gate * sigmoid(np.float32(alpha) * gate)


def sigmoid(x: F32) -> F32:
    """1 / (1 + exp(-x)), without overflow: by tanh(x / 2)."""
    out: F32 = np.float32(0.5) * (np.tanh(np.float32(0.5) * x) + 1)
    return out


def matrix(stack: Mxfp4 | Bf16, index: int) -> F32:
    """Return matrix `index` of a stack [experts, rows, columns], widened to float32, exactly."""
    if isinstance(stack, Mxfp4):
        return mxfp4.decode(Mxfp4(stack.blocks[index], stack.scales[index]))
    return to_float32(stack[index])
