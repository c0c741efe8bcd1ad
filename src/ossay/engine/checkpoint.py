"""A gpt-oss checkpoint on disk -> the weights of each layer, one form for all three file forms.

Everything that headers tell is checked before any weight is read; a layer's numbers are checked
for NaN and infinity when the layer is read. Files are mapped, so memory holds what a backend made
of the layers and the pages of one layer. Knows nothing of what a backend does with the weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ossay.engine.config import config_path, is_original, read_shape
from ossay.engine.errors import CheckpointError
from ossay.engine.finite import check_bf16, check_scales
from ossay.engine.forms import EDGE, Form, Tensor, tensor_name, tensors
from ossay.engine.json_keys import read_object
from ossay.engine.mxfp4 import exact
from ossay.engine.safetensors_file import SafetensorsFile
from ossay.engine.shape import ModelShape
from ossay.engine.weights import F32, Bf16, EdgeWeights, LayerWeights, Mxfp4, to_float32

_INDEX = "model.safetensors.index.json"
_SHARD = re.compile(r"model-{1,2}(\d{5})-of-(\d{5})\.safetensors")


def open_checkpoint(folder: Path | str) -> Checkpoint:
    """Open the checkpoint in `folder`: Hugging Face's form, or the original's (or in original/).

    Every tensor's name, type, shape and place is checked here. Raises `CheckpointError` that names
    the first tensor, key or file at fault.
    """
    folder = Path(folder)
    shape = read_shape(folder)
    config = config_path(folder)
    original = is_original(read_object(config))
    place = config.parent
    if not original and not _has_weights(place) and _has_weights(place / "original"):
        original, place = True, place / "original"
    files = _open_files(place)
    form: Form = "original" if original else _hugging_face_form(files)
    return Checkpoint(shape, form, files)


class Checkpoint:
    """An open, checked checkpoint.

    Attributes:
        shape: The model's.
        form: How the files hold it.
        weight_bytes: Of all tensors as stored.
    """

    def __init__(self, shape: ModelShape, form: Form, files: Iterable[SafetensorsFile]) -> None:
        """Check all tensors of `files` against what the shape asks for."""
        self.shape = shape
        self.form: Form = form
        self._files = tuple(files)
        self._wanted = {tensor.name: tensor for tensor in tensors(shape, form)}
        self._where = _match(self._wanted, self._files, form, shape.layers)
        entries = [entry for file in self._files for entry in file.entries.values()]
        self.weight_bytes = sum(entry.stop - entry.start for entry in entries)

    def layer(self, index: int) -> LayerWeights:
        """Return one layer's weights; MXFP4 and single matrices are views of the file.

        Joined and transposed matrices are copies. bf16 experts whose values are all MXFP4 values
        come as `Mxfp4`. Gives back the pages of earlier layers. Raises `CheckpointError` that
        names the tensor and the index of a NaN or infinity.
        """
        self.release()
        return LayerWeights(
            attention_norm=self._vector(index, "attention_norm"),
            qkv=self._joined(index, "qkv", self._matrix),
            qkv_bias=self._joined(index, "qkv_bias", self._vector),
            out=self._matrix(index, "out"),
            out_bias=self._vector(index, "out_bias"),
            sinks=self._vector(index, "sinks"),
            mlp_norm=self._vector(index, "mlp_norm"),
            router=self._matrix(index, "router"),
            router_bias=self._vector(index, "router_bias"),
            gate_up=self._experts(index, "gate_up"),
            gate_up_bias=self._vector(index, "gate_up_bias"),
            down=self._experts(index, "down"),
            down_bias=self._vector(index, "down_bias"),
        )

    def edges(self) -> EdgeWeights:
        """Return embedding, last norm and unembedding; both matrices are views of the file."""
        self.release()
        return EdgeWeights(
            embedding=self._matrix(EDGE, "embedding"),
            norm=self._vector(EDGE, "norm"),
            unembedding=self._matrix(EDGE, "unembedding"),
        )

    def release(self) -> None:
        """Give the files' pages back to the system. Views stay valid, and are read anew if used."""
        for file in self._files:
            file.release()

    def _array(self, layer: int, part: str) -> tuple[str, NDArray[Any]]:
        name = tensor_name(self.form, layer, part)
        return name, self._where[name].array(name)

    def _matrix(self, layer: int, part: str) -> Bf16:
        name, bits = self._array(layer, part)
        check_bf16(self._where[name].path, name, bits)
        return bits

    def _vector(self, layer: int, part: str) -> F32:
        return to_float32(self._matrix(layer, part))

    def _joined(self, layer: int, part: str, read: Any) -> Any:
        if self.form == "original":
            return read(layer, part)
        _, _, rest = part.partition("_")
        names = [f"{letter}_{rest}" if rest else letter for letter in "qkv"]
        return np.concatenate([read(layer, name) for name in names])

    def _experts(self, layer: int, part: str) -> Mxfp4 | Bf16:
        if self.form == "bf16":
            stored = self._matrix(layer, part)  # [E, columns, rows]
            rows_first = stored.swapaxes(1, 2)
            return exact(rows_first) or np.ascontiguousarray(rows_first)
        name, scales = self._array(layer, f"{part}.scales")
        check_scales(self._where[name].path, name, scales)
        _, blocks = self._array(layer, f"{part}.blocks")
        return Mxfp4(blocks, scales)


def _has_weights(folder: Path) -> bool:
    return (folder / _INDEX).is_file() or any(folder.glob("model*.safetensors"))


def _open_files(folder: Path) -> list[SafetensorsFile]:
    index = folder / _INDEX
    if index.is_file():
        return _open_indexed(folder, index)
    paths = sorted(folder.glob("model*.safetensors"))
    if not paths:
        raise CheckpointError(f"no model*.safetensors in {str(folder)!r}: the weights are missing")
    shards = {int(found[1]): int(found[2]) for p in paths if (found := _SHARD.fullmatch(p.name))}
    if shards:
        total = max(shards.values())
        for number in range(1, total + 1):
            if number not in shards:
                raise CheckpointError(
                    f"{str(folder)!r}: shard {number} of {total} of the weights is missing"
                )
    return [SafetensorsFile(path) for path in paths]


def _open_indexed(folder: Path, index: Path) -> list[SafetensorsFile]:
    """Open the shards that the index names, and check that each tensor is where it says."""
    placed = read_object(index).get("weight_map")
    if not isinstance(placed, dict) or not all(isinstance(f, str) for f in placed.values()):
        raise CheckpointError(f"{str(index)!r}: 'weight_map' is missing or no map of file names")
    files: dict[str, SafetensorsFile] = {}
    for name in sorted(set(placed.values())):
        if Path(name).name != name or not (folder / name).is_file():
            raise CheckpointError(f"{str(index)!r} names the shard {name!r}, which is not there")
        files[name] = SafetensorsFile(folder / name)
    for tensor, name in placed.items():
        if tensor not in files[name].entries:
            raise CheckpointError(f"{str(index)!r}: tensor {tensor!r} is not in {name!r}")
    return list(files.values())


def _hugging_face_form(files: Iterable[SafetensorsFile]) -> Form:
    blocks = tensor_name("mxfp4", 0, "gate_up.blocks").rpartition(".")[2]
    packed = any(name.endswith(blocks) for file in files for name in file.entries)
    plain = tensor_name("bf16", 0, "gate_up")
    return "bf16" if not packed and any(plain in file.entries for file in files) else "mxfp4"


def _match(
    wanted: dict[str, Tensor], files: Iterable[SafetensorsFile], form: Form, layers: int
) -> dict[str, SafetensorsFile]:
    """Return which file holds each tensor; raise at the first that is wrong."""
    where: dict[str, SafetensorsFile] = {}
    for file in files:
        for name in file.entries:
            if name in where:
                raise CheckpointError(
                    f"tensor {name!r} is in two files: {where[name].path.name!r}, "
                    f"{file.path.name!r}"
                )
            where[name] = file
    for name, tensor in wanted.items():
        if name not in where:
            raise CheckpointError(
                f"tensor {name!r} is missing; expected {tensor.dtype} {list(tensor.shape)}"
            )
        _check_entry(tensor, where[name])
    for name, file in where.items():
        if name not in wanted:
            raise CheckpointError(
                f"{str(file.path)!r}: tensor {name!r} has no place in a gpt-oss model of "
                f"{layers} layers (form {form})"
            )
    return where


def _check_entry(tensor: Tensor, file: SafetensorsFile) -> None:
    entry = file.entries[tensor.name]
    expected = f"expected {tensor.dtype} {list(tensor.shape)}"
    if entry.shape != tensor.shape:
        turned = len(entry.shape) == 3 and entry.shape == tensor.shape[:1] + tensor.shape[:0:-1]
        raise CheckpointError(
            f"{str(file.path)!r}: tensor {tensor.name!r} has shape {list(entry.shape)}; {expected}"
            + (" (the last two are swapped)" if turned else "")
        )
    if entry.dtype != tensor.dtype:
        raise CheckpointError(
            f"{str(file.path)!r}: tensor {tensor.name!r} is {entry.dtype}; {expected}"
        )
