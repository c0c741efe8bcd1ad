"""The weights of one layer, as every backend takes them. Knows nothing of files or layouts.

bf16 is held as uint16 (numpy has no such type); small vectors are float32 already.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Bf16 = NDArray[np.uint16]


class Mxfp4(Struct, frozen=True):
    """A stack of matrices in MXFP4 (OCP Microscaling 1.0): 32 values share an e8m0 scale.

    Attributes:
        blocks: uint8 [experts, rows, columns / 32, 16]; byte j of a block holds element 2j in its
            low and 2j + 1 in its high nibble.
        scales: uint8 [experts, rows, columns / 32]; value = fp4 * 2 ** (scale - 127).
    """

    blocks: NDArray[np.uint8]
    scales: NDArray[np.uint8]


class LayerWeights(Struct, frozen=True):
    """One layer. H = hidden, I = intermediate, E = experts; matrices are [rows out, columns in].

    Attributes:
        attention_norm: [H].
        qkv: [(heads + 2 kv_heads) * head_dim, H]: all queries, then keys, then values.
        qkv_bias: As many as rows.
        out: [H, heads * head_dim].
        out_bias: [H].
        sinks: [heads], a logit each that takes part in the softmax and is dropped.
        mlp_norm: [H].
        router: [E, H].
        router_bias: [E].
        gate_up: [E, 2 I, H]; even rows gate, odd rows up.
        gate_up_bias: [E, 2 I].
        down: [E, H, I].
        down_bias: [E, H].
    """

    attention_norm: F32
    qkv: Bf16
    qkv_bias: F32
    out: Bf16
    out_bias: F32
    sinks: F32
    mlp_norm: F32
    router: Bf16
    router_bias: F32
    gate_up: Mxfp4 | Bf16
    gate_up_bias: F32
    down: Mxfp4 | Bf16
    down_bias: F32


class EdgeWeights(Struct, frozen=True):
    """What stands before and after the layers: embedding and unembedding [vocab, H], norm [H]."""

    embedding: Bf16
    norm: F32
    unembedding: Bf16


def to_float32(bits: Bf16) -> F32:
    """Widen bf16 bits to float32, exactly."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def to_bf16(values: F32) -> Bf16:
    """Round float32 to bf16 bits, to nearest, ties to even. No NaN goes in."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> 16).astype(
        np.uint16
    )
