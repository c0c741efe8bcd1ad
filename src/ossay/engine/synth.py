"""Random checkpoints of the real shape: for tests, and for measuring speed without the weights.

The same seed gives the same values in all three forms, tensor by tensor in bounded memory. What
such a model says is noise, and its config.json says so. Knows nothing of what is done with it.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from ossay.core.errors import UsageError
from ossay.engine.config_writing import write_config
from ossay.engine.forms import Form, Tensor, tensors
from ossay.engine.known_shapes import SHAPES, first_layers, gpt_oss_20b, gpt_oss_120b, tiny_shape
from ossay.engine.random_weights import pieces
from ossay.engine.shape import ModelShape

__all__ = [
    "SHAPES",
    "checkpoint_bytes",
    "first_layers",
    "gpt_oss_20b",
    "gpt_oss_120b",
    "tiny_shape",
    "write_checkpoint",
]

Report = Callable[[int, int], None]  # bytes written, bytes in all

_SHARD_BYTES = 5 * 10**9  # as the hub's files: no file much larger


def checkpoint_bytes(shape: ModelShape, form: Form = "mxfp4") -> int:
    """Bytes of the weights of such a checkpoint."""
    return sum(_bytes(tensor) for tensor in tensors(shape, form))


def write_checkpoint(
    folder: Path | str,
    shape: ModelShape,
    seed: int,
    form: Form = "mxfp4",
    layers: int | None = None,
    *,
    shard_bytes: int = _SHARD_BYTES,
    on_progress: Report | None = None,
) -> Path:
    """Write a random checkpoint to `folder`, which must not exist or be empty, and return it.

    `layers` keeps the first so many of the shape's layers, with the values that the whole model
    would have there. It is written beside `folder` and renamed at the end, so that what is
    interrupted leaves nothing. Raises `UsageError` for a folder with files in it, and where the
    disk has too little room.
    """
    folder = Path(folder).resolve()  # "." has no name, and a link cannot be replaced by a folder
    shape = first_layers(shape, layers)
    _check_room(folder, checkpoint_bytes(shape, form))
    partial = folder.with_name(f".partial-{folder.name}")
    shutil.rmtree(partial, ignore_errors=True)  # of one that was killed
    partial.mkdir(parents=True)
    try:
        _write(partial, shape, seed, form, shard_bytes, on_progress or (lambda _done, _all: None))
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _check_room(folder: Path, size: int) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{str(folder)!r} is a file; give a folder that is not there yet")
    if folder == Path.cwd():
        raise UsageError(f"{str(folder)!r} is where you are; give a folder that is not there yet")
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{str(folder)!r} is not empty; give a folder that is not there yet")
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free
    if free < size * 1.01:
        raise UsageError(
            f"the checkpoint takes {size / 1e9:.1f} GB and {free / 1e9:.1f} GB are free at "
            f"{str(there)!r}: make room, or ask for fewer layers"
        )


def _write(
    folder: Path, shape: ModelShape, seed: int, form: Form, shard_bytes: int, report: Report
) -> None:
    write_config(folder, shape, seed, form)
    shards = _shards(list(tensors(shape, form)), shard_bytes)
    total, done = sum(_bytes(t) for shard in shards for t in shard), 0
    placed: dict[str, str] = {}
    for number, shard in enumerate(shards, 1):
        dash = "--" if form == "original" else "-"
        numbered = f"model{dash}{number:05}-of-{len(shards):05}.safetensors"
        name = numbered if len(shards) > 1 else "model.safetensors"
        placed |= {tensor.name: name for tensor in shard}
        with (folder / name).open("wb") as file:
            _write_header(file, shard)
            for tensor in shard:
                for piece in pieces(tensor, shape, seed):
                    file.write(piece.data)
                    done += piece.nbytes
                    report(done, total)
    if len(shards) > 1 and form != "original":
        index = {"metadata": {"total_size": total}, "weight_map": placed}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1))


def _shards(wanted: list[Tensor], limit: int) -> list[list[Tensor]]:
    """Cut the list so that no shard passes `limit` bytes, unless one tensor does alone."""
    shards: list[list[Tensor]] = [[]]
    size = 0
    for tensor in wanted:
        if shards[-1] and size + _bytes(tensor) > limit:
            shards.append([])
            size = 0
        shards[-1].append(tensor)
        size += _bytes(tensor)
    return shards


def _write_header(file: BinaryIO, shard: list[Tensor]) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for tensor in shard:
        end = at + _bytes(tensor)
        offsets = [at, end]
        header[tensor.name] = {
            "dtype": tensor.dtype,
            "shape": list(tensor.shape),
            "data_offsets": offsets,
        }
        at = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)


def _bytes(tensor: Tensor) -> int:
    return math.prod(tensor.shape) * (2 if tensor.dtype == "BF16" else 1)
