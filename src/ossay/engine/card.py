"""A model on a GPU: whether it fits, what is left for the cache, and the engine over it.

Loads torch only once it is known to be there. Knows nothing of kernels.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from ossay.core.errors import UsageError
from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.engine import Engine
from ossay.engine.kernels.cuda import device, paper
from ossay.engine.shape import ModelShape
from ossay.engine.sizing import gb, most_sequences, sizes_for

if TYPE_CHECKING:
    from ossay.engine.kernels.cuda.weights import Weights

# On paper: a step of fewer prompt tokens reads nearly every expert for few of them. Not measured.
STEP_TOKENS = 2048
BESIDE_TOKENS = 512
_OF_THE_REST = 0.9  # of what is free beside weights and workspace: for the cache


class Need(Struct, frozen=True):
    """Bytes of a card's memory, on paper."""

    weights: int
    workspace: int

    @property
    def total(self) -> int:
        """Both: what a model takes without its cache."""
        return self.weights + self.workspace


def needed(shape: ModelShape) -> Need:
    """Return what a model of that shape takes before there is any cache."""
    return Need(paper.weight_bytes(shape), paper.workspace_bytes(shape, STEP_TOKENS))


def cache_for(shape: ModelShape, free: int, asked: int | None = None) -> int:
    """Return the bytes for keys and values on a card that has `free` left beside the weights.

    Raises UsageError where more is asked for than can be.
    """
    room = max(0, free - needed(shape).workspace)
    if asked is None:
        return int(room * _OF_THE_REST)
    if asked > room:
        raise UsageError(
            f"cache_bytes={asked!r} is more than the {gb(room)} that the weights leave of the "
            "GPU's memory; lower it, or leave it out"
        )
    return asked


def load_on_card(
    path: Path | str,
    *,
    context: int | None = None,
    max_sequences: int | None = None,
    cache_bytes: int | None = None,
    prefix_cache: bool = True,
    check_memory: bool = True,
) -> Engine:
    """Load a checkpoint to the first NVIDIA GPU; see `loading.load`.

    Raises UsageError where there is none, or where the model does not fit.
    """
    check_gpu()
    checkpoint = open_checkpoint(path)
    if check_memory:
        check_fits(str(path), checkpoint.shape)
    from ossay.engine.kernels.cuda.weights import read_weights

    return engine_over(
        read_weights(checkpoint, "cuda"),
        context=context,
        max_sequences=max_sequences,
        cache_bytes=cache_bytes,
        prefix_cache=prefix_cache,
    )


def synthetic_on_card(shape: ModelShape, seed: int, *, max_sequences: int | None = None) -> Engine:
    """Make a model of noise on the first NVIDIA GPU, without any file; raises as `load_on_card`."""
    check_gpu()
    check_fits("random weights", shape)
    from ossay.engine.kernels.cuda.synthetic import random_weights

    return engine_over(random_weights(shape, seed, "cuda"), max_sequences=max_sequences)


def engine_over(
    weights: Weights,
    *,
    context: int | None = None,
    max_sequences: int | None = None,
    cache_bytes: int | None = None,
    prefix_cache: bool = True,
) -> Engine:
    """Return an engine over weights that are on the first GPU already."""
    from ossay.engine.kernels.cuda.backend import Cuda

    kernels = Cuda(weights)
    budget = cache_for(weights.shape, device.free_memory(), cache_bytes)  # as it is, not on paper
    sizes = sizes_for(
        kernels,
        budget,
        context=context,
        max_sequences=max_sequences or most_sequences("cuda"),
        step_tokens=STEP_TOKENS,
        beside_tokens=BESIDE_TOKENS,
        reuse=prefix_cache,
    )
    return Engine(kernels, sizes)


def check_gpu() -> None:
    """Raise UsageError that says what is missing for a GPU, and the next step."""
    if why := device.missing():
        raise UsageError(
            f"backend 'cuda' cannot be used: {why}. Or use backend='cpu', which runs on any machine"
        )


def check_fits(name: str, shape: ModelShape) -> None:
    """Raise UsageError where the card has too little memory free."""
    free, need = device.free_memory(), needed(shape)
    if need.total > free:
        raise UsageError(
            f"{name!r} takes {gb(need.weights)} of the GPU's memory and {gb(need.workspace)} to "
            f"work in, and {gb(free)} of {device.name()} are free; close what else runs on it, "
            "take a larger card or a smaller model, or use backend='cpu'"
        )
