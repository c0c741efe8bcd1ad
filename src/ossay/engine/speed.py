"""What a step costs on paper: bytes that must be read and operations that must be done.

Turns tokens per second into GB/s, GFLOP/s and a share of what the machine could do. Pure numbers:
knows nothing of clocks, and measures nothing (`machine` and `throughput` do).

Counted are the matrices, their biases, and keys and values. Left out, since they stay in caches or
are too small to see: activations, norms, sampling. Experts count as routed uniformly; routing that
favours some reads fewer bytes than is said here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from ossay.engine.machine import Machine
from ossay.engine.shape import ModelShape

Precision = Literal["exact", "int8"]
Bound = Literal["memory", "arithmetic"]

_MXFP4 = 17 / 32  # bytes a weight: 32 of 4 bits and a scale of 8
_Q8 = 34 / 32  # 32 of 8 bits and a scale of 16
_BF16 = _HALF = 2.0
_FLOAT = 4.0


class Widths(Struct, frozen=True):
    """Bytes that a value takes where it is read: an expert's weight, another weight, a key."""

    expert: float
    rest: float
    key: float


def widths(precision: Precision, *, bf16_experts: bool = False) -> Widths:
    """Return what the cpu backend reads; `bf16_experts` where a checkpoint has no MXFP4."""
    rest, key = (_Q8, _HALF) if precision == "int8" else (_BF16, _FLOAT)
    return Widths(rest if bf16_experts else _MXFP4, rest, key)


CARD = Widths(_MXFP4, _BF16, _BF16)  # what the cuda backend reads


class Work(Struct, frozen=True):
    """What a step must read, in bytes, and compute, in operations (a multiply-add is two)."""

    weight_bytes: float
    kv_bytes: float
    operations: float

    @property
    def bytes(self) -> float:
        """All bytes read."""
        return self.weight_bytes + self.kv_bytes


class Limit(Struct, frozen=True):
    """The least time that some work can take on a machine, and what sets it."""

    seconds: float
    bound: Bound


def experts_hit(shape: ModelShape, tokens: int) -> float:
    """Distinct experts that `tokens` tokens meet in a layer, expected under uniform routing.

    An expert is missed by one token with probability 1 - k/E, by all with that to their number.
    """
    missed = (1 - shape.experts_per_token / shape.experts) ** tokens
    return shape.experts * (1 - missed)


def decode_step(shape: ModelShape, contexts: Sequence[int], width: Widths) -> Work:
    """Return the work of one step: a token for each of the sequences, with logits.

    `contexts` are the positions that each token sees, its own included.
    """
    tokens = len(contexts)
    return _step(shape, tokens, tokens, sum(_pairs(shape, n - 1, n) for n in contexts), width)


def prefill(shape: ModelShape, tokens: int, width: Widths, *, start: int = 0) -> Work:
    """Return the work of `tokens` prompt tokens after `start` earlier ones; logits of the last.

    Keys and values count once a chunk, as if they stayed in caches while it is worked on.
    """
    work = _step(shape, tokens, 1, _pairs(shape, start, start + tokens), width)
    seen = _key_values(shape) * sum(
        min(start + tokens, tokens + shape.window - 1) if near else start + tokens
        for near in shape.sliding
    )
    return Work(work.weight_bytes, seen * width.key, work.operations)


def limit(work: Work, machine: Machine, precision: Precision) -> Limit:
    """Return the least time that the work can take: by reading, or by computing."""
    peak = machine.int8_gop_s if precision == "int8" else machine.fp32_gflop_s
    peak = machine.bf16_gflop_s or peak
    reading = work.bytes / (machine.read_gb_s * 1e9)
    computing = work.operations / (peak * 1e9)
    if reading >= computing:
        return Limit(reading, "memory")
    return Limit(computing, "arithmetic")


def _step(shape: ModelShape, tokens: int, wanted: int, pairs: float, width: Widths) -> Work:
    """A step's work. `pairs` are (query, key) position pairs, summed over the layers."""
    expert = 3 * shape.intermediate * shape.hidden
    router = shape.experts * shape.hidden  # stays bf16, lest a rounding picks another expert
    dense = (shape.qkv_rows + shape.heads * shape.head_dim) * shape.hidden
    biases = shape.qkv_rows + shape.hidden + shape.experts
    expert_biases = 2 * shape.intermediate + shape.hidden
    unembedding = shape.vocab * shape.hidden
    # After the last layer's attention, nothing but the wanted tokens is followed.
    followed = (shape.layers - 1) * tokens + wanted
    hit = (shape.layers - 1) * experts_hit(shape, tokens) + experts_hit(shape, wanted)
    weight_bytes = (
        hit * (expert * width.expert + expert_biases * _FLOAT)
        + shape.layers * (dense * width.rest + router * _BF16 + biases * _FLOAT)
        + unembedding * width.rest
    )
    operations = 2 * (
        followed * shape.experts_per_token * expert
        + shape.layers * tokens * (dense + router)
        + wanted * unembedding
        + 2 * pairs * shape.heads * shape.head_dim
    )
    return Work(weight_bytes, pairs * _key_values(shape) * width.key, operations)


def _key_values(shape: ModelShape) -> int:
    """Values that a position keeps in one layer: a key and a value."""
    return 2 * shape.kv_heads * shape.head_dim


def _pairs(shape: ModelShape, begin: int, end: int) -> float:
    """Pairs of a query at positions [begin, end) and a key that it sees, summed over layers."""
    everything = (end * (end + 1) - begin * (begin + 1)) // 2
    near = sum(min(position + 1, shape.window) for position in range(begin, end))
    sliding = sum(shape.sliding)
    return sliding * near + (shape.layers - sliding) * everything
