"""From a folder to an engine: which backend, how much memory, how large a cache.

Says before anything is read that a model is larger than the memory. Knows nothing of how weights
are laid out or computed with.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from ossay.core.errors import UnknownName, UsageError
from ossay.engine.card import load_on_card
from ossay.engine.checkpoint import Checkpoint, open_checkpoint
from ossay.engine.config import read_shape
from ossay.engine.engine import Engine
from ossay.engine.kernels import Kernels
from ossay.engine.memory import available_memory
from ossay.engine.sizing import gb, most_sequences, sizes_for
from ossay.engine.weights import Mxfp4

Backend = Literal["cpu", "cuda", "reference", "null"]
Precision = Literal["exact", "int8"]

_CACHE_BYTES = 2 << 30  # of the cache, where nothing is said and there is room for twice as much
_MXFP4_BYTES = 17 / 32  # a weight of an expert
_BF16_BYTES = 2.0  # the same where it was not made from MXFP4


def load(  # noqa: PLR0913  each is something that a user may want to set
    path: Path | str,
    *,
    backend: str = "cpu",
    precision: Precision = "int8",
    context: int | None = None,
    max_sequences: int | None = None,
    cache_bytes: int | None = None,
    threads: int | None = None,
    prefix_cache: bool = True,
    check_memory: bool = True,
) -> Engine:
    """Load a gpt-oss checkpoint from a folder.

    `precision` is int8 by default: decoding waits for memory, and for a token of gpt-oss-20b int8
    reads 2.57 GB where exact reads 3.71, 31 % less. On the same random weights it stays as close
    to the reference as llama.cpp with a Q8_0 file, or closer (measured: design/engine.md). The
    `reference` and `cuda` backends are always exact; `null` reads config.json only.

    Args:
        path: The folder with config.json and the safetensors files.
        backend: cpu, cuda (one NVIDIA GPU), reference (numpy, slow, the specification) or null
            (no arithmetic).
        precision: exact (weights as stored) or int8, of the cpu backend.
        context: The most tokens of one sequence; by default as many as model and cache allow.
        max_sequences: The most that run at once; by default 16, or 64 with cuda.
        cache_bytes: For keys and values; by default 2 GiB, or half of what the weights leave free;
            with cuda nine tenths of what they leave of the card.
        threads: Of the cpu backend; by default one for each core that this process may use.
        prefix_cache: Whether prompts that begin alike are computed once.
        check_memory: False loads a model that is larger than the free memory all the same.

    Raises:
        UsageError: no such backend or precision, not built here, no GPU, or not enough memory.
        CheckpointError: the folder does not hold a whole gpt-oss model.
    """
    _check_names(backend, precision)
    if backend == "cpu":
        _check_built()
    if max_sequences is not None and max_sequences < 1:
        raise UsageError(f"max_sequences={max_sequences!r} must be 1 or more")
    if backend == "cuda":
        return load_on_card(
            path,
            context=context,
            max_sequences=max_sequences,
            cache_bytes=cache_bytes,
            prefix_cache=prefix_cache,
            check_memory=check_memory,
        )
    max_sequences = max_sequences or most_sequences(backend)
    free = available_memory()
    if backend == "null":
        from ossay.engine.kernels.null import Null

        kernels: Kernels = Null(read_shape(Path(path)))
    else:
        checkpoint = open_checkpoint(path)
        if backend == "reference":
            precision = "exact"
        need = loaded_bytes(checkpoint, backend, precision)
        if check_memory and free is not None and need > free:
            raise UsageError(too_large(str(path), need, free, precision))
        kernels = _kernels(checkpoint, backend, precision, threads)
        free = None if free is None else max(0, free - need)
    if cache_bytes is None:
        cache_bytes = _CACHE_BYTES if free is None else min(_CACHE_BYTES, free // 2)
    sizes = sizes_for(
        kernels, cache_bytes, context=context, max_sequences=max_sequences, reuse=prefix_cache
    )
    return Engine(kernels, sizes)


def loaded_bytes(checkpoint: Checkpoint, backend: str, precision: Precision) -> int:
    """Return about how much memory the weights take once loaded; the reference maps the files."""
    if backend == "reference":
        return checkpoint.weight_bytes
    from ossay.engine.kernels.cpu import packed_bytes

    shape = checkpoint.shape
    need = packed_bytes(shape, precision)
    if checkpoint.form == "bf16" and not isinstance(checkpoint.layer(0).gate_up, Mxfp4):
        experts = shape.layers * shape.experts * 3 * shape.hidden * shape.intermediate
        need += int(experts * (_BF16_BYTES - _MXFP4_BYTES))
    return need


def too_large(path: str, need: int, free: int, precision: str) -> str:
    """Say that a model is larger than the memory, and what can be done."""
    less = "" if precision == "int8" else "load it with precision 'int8', "
    return (
        f"{path!r} takes about {gb(need)} of memory with precision {precision!r}, and {gb(free)} "
        f"is free here; {less}close other programs, or take a smaller model (check_memory=False "
        "loads it all the same)"
    )


def _check_names(backend: str, precision: str) -> None:
    if backend not in get_args(Backend):
        raise UnknownName.of("backend", backend, get_args(Backend))
    if precision not in get_args(Precision):
        raise UnknownName.of("precision", precision, get_args(Precision))


def _kernels(
    checkpoint: Checkpoint, backend: str, precision: Precision, threads: int | None
) -> Kernels:
    if backend == "reference":
        from ossay.engine.kernels.reference import Reference

        return Reference(checkpoint.shape, checkpoint)
    from ossay.engine.kernels.cpu import Cpu

    return Cpu(checkpoint.shape, checkpoint, precision=precision, threads=threads)


def _check_built() -> None:
    from ossay.engine.kernels import cpu

    if why := cpu.missing():
        raise UsageError(
            f"backend 'cpu' cannot be used: {why}. Or use backend='reference', which is slow"
        )
