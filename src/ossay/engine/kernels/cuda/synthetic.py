"""Random weights of any shape, made on the card: for measuring speed where no checkpoint is.

Scaled as `engine.random_weights` scales them, so that the numbers which a model computes are
ordinary ones and its tokens spread about evenly over the experts; other values than there, though,
and others on another device. Knows nothing of files.
"""

from __future__ import annotations

import math

import torch

from ossay.engine.kernels.cuda.mxfp4 import Packed, pack
from ossay.engine.kernels.cuda.weights import Edges, Layer, Report, Weights, joined
from ossay.engine.random_weights import BIASES, FP4_RMS, GAINS
from ossay.engine.shape import ModelShape

_AT_ONCE = 256 << 20  # bytes of codes that are made, and laid, together


def random_weights(
    shape: ModelShape, seed: int, device: str, *, on_progress: Report | None = None
) -> Weights:
    """Make a model of noise on `device`; the same seed gives the same there."""
    source = _Source(torch.Generator(device).manual_seed(seed), torch.device(device))
    layers = []
    for index in range(shape.layers):
        layers.append(_layer(shape, source))
        if on_progress is not None:
            on_progress(index + 1, shape.layers)
    wide = (shape.vocab, shape.hidden)
    edges = Edges(
        embedding=source.normal(wide, 1.0),
        norm=source.norm(shape.hidden),
        unembedding=source.matrix("unembedding", *wide),
    )
    return Weights(shape, tuple(layers), edges)


class _Source:
    """Random numbers by the part of the model that they are for."""

    def __init__(self, generator: torch.Generator, device: torch.device) -> None:
        self._generator = generator
        self.device = device

    def normal(self, dims: tuple[int, ...], deviation: float) -> torch.Tensor:
        """Numbers around 0, bf16."""
        drawn = torch.empty(dims, device=self.device, dtype=torch.bfloat16)
        return drawn.normal_(0.0, deviation, generator=self._generator)

    def matrix(self, part: str, rows: int, columns: int) -> torch.Tensor:
        """bf16 [rows, columns]."""
        return self.normal((rows, columns), GAINS[part] / math.sqrt(columns))

    def vector(self, part: str, *dims: int) -> torch.Tensor:
        """A bias or the sinks, float32."""
        return self.normal(dims, BIASES.get(part, 0.1)).float()

    def norm(self, width: int) -> torch.Tensor:
        """A norm's scale, float32 around 1."""
        return (1 + self.normal((width,), 0.1)).float()

    def experts(self, part: str, experts: int, rows: int, columns: int) -> Packed:
        """Experts [rows, columns] in MXFP4: all codes as likely, two neighbouring scales."""
        groups = columns // 32
        step = max(1, _AT_ONCE // (rows * groups * 16))
        unit = GAINS[part] / math.sqrt(columns) / FP4_RMS
        low = math.floor(math.log2(unit))
        share = ((unit / 2.0**low) ** 2 - 1) / 3  # of blocks at low + 1: squares count four times
        return joined(
            (
                self._packed(min(step, experts - start), rows, groups, low, share)
                for start in range(0, experts, step)
            ),
            experts,
        )

    def _packed(self, experts: int, rows: int, groups: int, low: int, share: float) -> Packed:
        blocks = self._bytes(experts, rows, groups, 16)
        drawn = self._bytes(experts, rows, groups)
        return pack(blocks, (drawn < round(share * 256)).to(torch.uint8) + (low + 127))

    def _bytes(self, *dims: int) -> torch.Tensor:
        return torch.randint(
            256, dims, dtype=torch.uint8, device=self.device, generator=self._generator
        )


def _layer(shape: ModelShape, source: _Source) -> Layer:
    hidden, inner, experts = shape.hidden, shape.intermediate, shape.experts
    width = shape.heads * shape.head_dim
    return Layer(
        attention_norm=source.norm(hidden),
        qkv=source.matrix("q", shape.qkv_rows, hidden),
        qkv_bias=source.vector("q_bias", shape.qkv_rows),
        out=source.matrix("out", hidden, width),
        out_bias=source.vector("out_bias", hidden),
        sinks=source.vector("sinks", shape.heads),
        mlp_norm=source.norm(hidden),
        router=source.matrix("router", experts, hidden),
        router_bias=source.vector("router_bias", experts),
        gate_up=source.experts("gate_up", experts, 2 * inner, hidden),
        gate_up_bias=source.vector("gate_up_bias", experts, 2 * inner),
        down=source.experts("down", experts, hidden, inner),
        down_bias=source.vector("down_bias", experts, hidden),
    )
