"""Random values for each tensor of a checkpoint, a piece at a time.

A value depends on the seed, the layer and the part only: the same in all forms, and in a model cut
to its first layers. Every number is one that bf16 or MXFP4 holds exactly. The values are scaled so
that a model of any size computes ordinary numbers: logits with a standard deviation near 1, about
even routing, some SwiGLU inputs beyond the limit. Knows nothing of files.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ossay.engine.forms import EDGE, Tensor, expert_matrices
from ossay.engine.mxfp4 import VALUES
from ossay.engine.shape import ModelShape
from ossay.engine.weights import Bf16, to_bf16

_CHUNK = 1 << 22  # values made at once
_QUANTILES = 1 << 16
# Parts in the order that numbers their random streams: never reorder, only append.
_PARTS = (
    "embedding", "norm", "unembedding", "attention_norm", "q", "k", "v", "q_bias", "k_bias",
    "v_bias", "out", "out_bias", "sinks", "mlp_norm", "router", "router_bias", "gate_up",
    "gate_up_bias", "down", "down_bias",
)  # fmt: skip
# Standard deviation of what a matrix gives for inputs of standard deviation 1.
GAINS = {
    "unembedding": 1.0, "q": 1.0, "k": 1.0, "v": 1.0, "out": 1.0, "router": 1.0,
    "gate_up": 2.5,  # one in 200 beyond the limit of 7, so that the clamp is at work
    "down": 0.2,  # brings (up + 1) * gate * sigmoid back to about 1
}  # fmt: skip
BIASES = {"sinks": 1.0, "gate_up_bias": 0.5}  # standard deviations; others 0.1
FP4_RMS = math.sqrt(68.5 / 8)  # of codes that are all as likely


def pieces(tensor: Tensor, shape: ModelShape, seed: int) -> Iterator[NDArray[Any]]:
    """The tensor's values, a piece at a time, ready to write."""
    part, _, packed = tensor.part.partition(".")
    if part in ("gate_up", "down"):
        columns = next(c for name, _, c in expert_matrices(shape) if name == part)
        for expert in range(shape.experts):
            yield _expert(tensor, packed, columns, seed, expert)
    elif part in ("qkv", "qkv_bias"):
        end = part[3:]
        keys = shape.kv_heads * shape.head_dim
        for letter, rows in (("q", shape.heads * shape.head_dim), ("k", keys), ("v", keys)):
            yield from _numbers(tensor.layer, letter + end, (rows, *tensor.shape[1:]), seed)
    else:
        yield from _numbers(tensor.layer, part, tensor.shape, seed)


def _numbers(layer: int, part: str, dims: tuple[int, ...], seed: int) -> Iterator[Bf16]:
    """Normal numbers in bf16, in pieces; a norm's are around 1."""
    deviation = GAINS.get(part, 0.1) / math.sqrt(dims[-1]) if len(dims) == 2 else 0.1
    if part.endswith("bias") or part == "sinks":
        deviation = BIASES.get(part, 0.1)
    elif part == "embedding":
        deviation = 1.0
    table = _normal(deviation, 1.0 if part.endswith("norm") else 0.0)
    random = _stream(seed, layer, part)
    count = math.prod(dims)
    for start in range(0, count, _CHUNK):
        size = min(_CHUNK, count - start)
        drawn = np.frombuffer(random.bytes(2 * size), "<u2")
        yield table[drawn]


@lru_cache(maxsize=64)
def _normal(deviation: float, mean: float) -> Bf16:
    """Normal quantiles in bf16: drawing one of them is fast, and exact in every form."""
    return to_bf16((_standard_quantiles() * deviation + mean).astype(np.float32))


@lru_cache(maxsize=1)
def _standard_quantiles() -> NDArray[np.float64]:
    inverse = NormalDist().inv_cdf
    half = [inverse((i + 0.5) / _QUANTILES) for i in range(_QUANTILES // 2)]
    return np.array(half + [-value for value in reversed(half)])


def _expert(tensor: Tensor, packed: str, columns: int, seed: int, expert: int) -> NDArray[Any]:
    """One expert's matrix: its blocks, its scales, or bf16 [columns, rows]."""
    part = tensor.part.partition(".")[0]
    rows = tensor.shape[1] if packed else tensor.shape[2]
    groups = columns // 32
    if packed != "scales":
        random = _stream(seed, tensor.layer, part, expert, 0)
        blocks = np.frombuffer(random.bytes(rows * groups * 16), np.uint8)
        if packed:
            return blocks
    scales = _scales(_stream(seed, tensor.layer, part, expert, 1), rows * groups, part, columns)
    if packed:
        return scales
    low = scales.min()
    places = blocks.reshape(-1, 16) + (256 * (scales - low).astype(np.uint16))[:, None]
    bits = _pairs(int(low))[places].view(np.uint16)
    return np.ascontiguousarray(bits.reshape(rows, columns).T)


@lru_cache(maxsize=8)
def _pairs(scale: int) -> NDArray[np.uint32]:
    """Both bf16 values of each byte at `scale`, then at the next: [512], two in an entry."""
    byte = np.arange(256)
    codes = VALUES[np.stack([byte & 15, byte >> 4], axis=-1)]
    both = np.stack([np.ldexp(codes, at - 127) for at in (scale, scale + 1)])
    return to_bf16(both).view(np.uint32).reshape(512)


def _scales(random: np.random.Generator, count: int, part: str, columns: int) -> NDArray[np.uint8]:
    """Two neighbouring exponents, mixed so that the weights have the wanted deviation."""
    unit = GAINS[part] / math.sqrt(columns) / FP4_RMS
    low = math.floor(math.log2(unit))
    share = ((unit / 2.0**low) ** 2 - 1) / 3  # of blocks at low + 1: their squares count four times
    drawn = np.frombuffer(random.bytes(count), np.uint8)
    return np.where(drawn < round(share * 256), np.uint8(low + 128), np.uint8(low + 127))


def _stream(seed: int, layer: int, part: str, *more: int) -> np.random.Generator:
    key = [seed, layer - EDGE, _PARTS.index(part), *more]
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(key)))
