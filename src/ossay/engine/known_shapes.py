"""The shapes of the published models, and a tiny one for tests. Knows nothing of weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ossay.core.errors import UsageError
from ossay.engine.config import every_second
from ossay.engine.shape import ModelShape


def gpt_oss_20b() -> ModelShape:
    """The shape of openai/gpt-oss-20b (its config.json)."""
    return _gpt_oss(layers=24, experts=32)


def gpt_oss_120b() -> ModelShape:
    """The shape of openai/gpt-oss-120b (its config.json)."""
    return _gpt_oss(layers=36, experts=128)


def _gpt_oss(layers: int, experts: int) -> ModelShape:
    return ModelShape(
        layers=layers,
        hidden=2880,
        intermediate=2880,
        experts=experts,
        experts_per_token=4,
        heads=64,
        kv_heads=8,
        head_dim=64,
        vocab=201_088,
        window=128,
        sliding=every_second(layers),
    )


def tiny_shape(**overrides: Any) -> ModelShape:
    """A shape that uses every feature of the family in half a million weights.

    `overrides` are fields of `ModelShape`; `sliding` follows `layers` unless it is given.
    """
    fields: dict[str, Any] = {
        "layers": 4,
        "hidden": 128,
        "intermediate": 96,
        "experts": 8,
        "experts_per_token": 4,
        "heads": 8,
        "kv_heads": 2,
        "head_dim": 16,
        "vocab": 512,
        "window": 8,
        **overrides,
    }
    fields.setdefault("sliding", every_second(fields["layers"]))
    return ModelShape(**fields)


SHAPES: dict[str, Callable[[], ModelShape]] = {
    "gpt-oss-20b": gpt_oss_20b,
    "gpt-oss-120b": gpt_oss_120b,
    "tiny": tiny_shape,
}


def first_layers(shape: ModelShape, layers: int | None) -> ModelShape:
    """The shape with its first `layers` layers only; None keeps all."""
    if layers is None:
        return shape
    if not 1 <= layers <= shape.layers:
        raise UsageError(f"{layers} layers of a shape that has {shape.layers}: give 1 to that")
    return msgspec.structs.replace(shape, layers=layers, sliding=shape.sliding[:layers])
