"""Weights on the card: read from a checkpoint layer by layer, each matrix copied once.

bf16 and MXFP4 travel as they are stored, through a pinned buffer in pieces, and MXFP4 is laid anew
on the card, some experts at a time: the memory in use never stands far above the final size. Knows
nothing of what is computed with them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from msgspec import Struct
from numpy.typing import NDArray

from ossay.core.errors import UsageError
from ossay.engine.checkpoint import Checkpoint
from ossay.engine.kernels.cuda.mxfp4 import LARGEST_SCALE, Packed, pack
from ossay.engine.shape import ModelShape
from ossay.engine.weights import Bf16, EdgeWeights, LayerWeights, Mxfp4

Report = Callable[[int, int], None]  # layers that are there, of how many

_PIECE = 64 << 20  # bytes of each of the two pinned buffers
_AT_ONCE = 256 << 20  # bytes of MXFP4 that are laid anew together


class Layer(Struct, frozen=True):
    """One layer, as `engine.weights.LayerWeights`: matrices bf16 or packed, vectors float32."""

    attention_norm: torch.Tensor
    qkv: torch.Tensor
    qkv_bias: torch.Tensor
    out: torch.Tensor
    out_bias: torch.Tensor
    sinks: torch.Tensor
    mlp_norm: torch.Tensor
    router: torch.Tensor
    router_bias: torch.Tensor
    gate_up: Packed
    gate_up_bias: torch.Tensor
    down: Packed
    down_bias: torch.Tensor


class Edges(Struct, frozen=True):
    """What stands before and after the layers: bf16 [vocab, H] twice, and float32 [H]."""

    embedding: torch.Tensor
    norm: torch.Tensor
    unembedding: torch.Tensor


class Weights(Struct, frozen=True):
    """A whole model on one device."""

    shape: ModelShape
    layers: tuple[Layer, ...]
    edges: Edges

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.edges.norm.device


def read_weights(
    checkpoint: Checkpoint, device: str, *, on_progress: Report | None = None
) -> Weights:
    """Copy a checkpoint's weights to `device`; gives its pages back as it goes.

    Raises:
        CheckpointError: a tensor holds NaN or infinity.
        UsageError: experts that are not in MXFP4, or a scale beyond what the kernels hold.
    """
    shape = checkpoint.shape
    lane = Lane(device)
    layers = []
    for index in range(shape.layers):
        layers.append(_layer(index, checkpoint.layer(index), lane))
        if on_progress is not None:
            on_progress(index + 1, shape.layers)
    edges = _edges(checkpoint.edges(), lane)
    lane.finish()
    checkpoint.release()
    return Weights(shape, tuple(layers), edges)


class Lane:
    """The way from numpy arrays to a device: two pinned buffers, filled and sent in turns."""

    def __init__(self, device: str, piece: int = _PIECE) -> None:
        self.device = torch.device(device)
        on_card = self.device.type == "cuda"
        self._buffers = [torch.empty(piece, dtype=torch.uint8, pin_memory=on_card) for _ in "ab"]
        self._sent: list[Any] = [torch.cuda.Event() for _ in "ab"] if on_card else []
        self._turn = 0

    def send(self, array: NDArray[Any]) -> torch.Tensor:
        """Return the bytes of `array` on the device: uint8 [its bytes]."""
        # A view of mapped pages is read here for the first time, a piece at a time.
        stored = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        out = torch.empty(stored.size, dtype=torch.uint8, device=self.device)
        size = self._buffers[0].numel()
        for start in range(0, stored.size, size):
            piece = stored[start : start + size]
            buffer = self._buffers[self._turn]
            if self._sent:
                self._sent[self._turn].synchronize()
            np.copyto(buffer.numpy()[: piece.size], piece)
            out[start : start + piece.size].copy_(buffer[: piece.size], non_blocking=True)
            if self._sent:
                self._sent[self._turn].record()
            self._turn ^= 1
        return out

    def bf16(self, bits: Bf16) -> torch.Tensor:
        """Return bf16 bits as they are."""
        return self.send(bits).view(torch.bfloat16).view(bits.shape)

    def float32(self, values: NDArray[np.float32]) -> torch.Tensor:
        """Return a small vector or table as it is."""
        return self.send(values).view(torch.float32).view(values.shape)

    def packed(self, stack: Mxfp4, at_once: int = _AT_ONCE) -> Packed:
        """Return a stack of experts in the kernels' layout; `at_once` bytes are laid together."""
        experts = stack.scales.shape[0]
        step = max(1, at_once // max(1, stack.blocks[0].nbytes))
        return joined(
            (
                pack(
                    self.send(stack.blocks[start : start + step]).view(
                        min(step, experts - start), *stack.blocks.shape[1:]
                    ),
                    self.send(stack.scales[start : start + step]).view(
                        min(step, experts - start), *stack.scales.shape[1:]
                    ),
                )
                for start in range(0, experts, step)
            ),
            experts,
        )

    def finish(self) -> None:
        """Wait for all that was sent."""
        for event in self._sent:
            event.synchronize()


def joined(parts: Any, experts: int) -> Packed:
    """Join packed experts, part by part, into a stack of `experts` that is made only once."""
    whole: Packed | None = None
    at = 0
    for part in parts:
        if whole is None:
            words, scales = (
                torch.empty((experts, *tensor.shape[1:]), dtype=tensor.dtype, device=tensor.device)
                for tensor in (part.words, part.scales)
            )
            whole = Packed(words, scales, part.rows, part.columns)
        count = len(part.words)
        whole.words[at : at + count] = part.words
        whole.scales[at : at + count] = part.scales
        at += count
    assert whole is not None  # a model has experts
    assert at == experts
    return whole


def _layer(index: int, weights: LayerWeights, lane: Lane) -> Layer:
    parts: dict[str, Any] = {}
    for name in LayerWeights.__struct_fields__:
        part = getattr(weights, name)
        if name in ("gate_up", "down"):
            parts[name] = lane.packed(_checked(index, name, part))
        elif part.dtype == np.uint16:
            parts[name] = lane.bf16(part)
        else:
            parts[name] = lane.float32(part)
    return Layer(**parts)


def _edges(weights: EdgeWeights, lane: Lane) -> Edges:
    return Edges(
        lane.bf16(weights.embedding), lane.float32(weights.norm), lane.bf16(weights.unembedding)
    )


def _checked(index: int, name: str, stack: Mxfp4 | Bf16) -> Mxfp4:
    if not isinstance(stack, Mxfp4):
        raise UsageError(
            f"layer {index}: the experts' {name!r} are bf16 numbers that MXFP4 does not hold, and "
            "backend 'cuda' computes with MXFP4 only; use backend='cpu', or the checkpoint as "
            "OpenAI published it"
        )
    largest = int(stack.scales.max(initial=0))
    if largest > LARGEST_SCALE:
        raise UsageError(
            f"layer {index}: the experts' {name!r} have the scale {largest!r}, and backend 'cuda' "
            f"computes with scales up to {LARGEST_SCALE} (weights up to 12); use backend='cpu'"
        )
    return stack
