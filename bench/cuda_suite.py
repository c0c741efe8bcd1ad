"""Every check of the GPU backend, in order: kernels, layers, tiny models, batches among others."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

import cuda_clock as clock
import cuda_greedy
import cuda_models
import cuda_right
from cuda_check import Check
from ossay.engine.kernels.cuda.backend import Cuda
from ossay.engine.kernels.cuda.synthetic import random_weights
from ossay.engine.known_shapes import first_layers, tiny_shape
from ossay.engine.shape import ModelShape

Named = list[tuple[str, ModelShape]]


def checks(shapes: Named, seed: int, device: str, tiny: bool) -> Iterator[Check]:
    """Check kernels and layers of each shape, tiny models, then batches of the first shape."""
    for name, shape in shapes:
        for check in _of_one(shape, seed, device, tiny):
            yield msgspec.structs.replace(check, what=f"{name}: {check.what}")
    few = {"count": 1, "length": 6} if tiny else {}
    yield from cuda_models.check_models(seed, device, **few)
    for name, shape in shapes[:1] if tiny else (("tiny", small()), *shapes[:1]):
        for check in _among_others(first_layers(shape, min(6, shape.layers)), seed, device, tiny):
            yield msgspec.structs.replace(check, what=f"{name}: {check.what}")


def small() -> ModelShape:
    """Two layers that the interpreter can compute."""
    return tiny_shape(layers=2, vocab=96, hidden=64, intermediate=64, heads=4)


def _of_one(shape: ModelShape, seed: int, device: str, tiny: bool) -> Iterator[Check]:
    many, tokens = (18, 20) if tiny else (2048, 400)
    yield from cuda_right.check_kernels(shape, seed, device, many)
    clock.free()
    for sliding in (True, False):
        yield from cuda_models.check_layer(shape, sliding, seed, tokens, device)
        clock.free()


def _among_others(shape: ModelShape, seed: int, device: str, tiny: bool) -> Iterator[Check]:
    weights = random_weights(shape, seed, device)
    yield from cuda_greedy.check_plan(weights, seed, (1,) if tiny else (1, 8, 64))
    few = {"length": 3, "tokens": 2} if tiny else {}
    groups = (1, 2) if tiny else (1, 2, 8, 64)
    yield from cuda_greedy.check_greedy(Cuda(weights), seed, groups, **few)
    del weights
    clock.free()
