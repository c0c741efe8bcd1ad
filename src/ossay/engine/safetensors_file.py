"""One safetensors file, mapped into memory: its header, and views of its tensors without a copy.

The `safetensors` package gives numpy no bfloat16 and no views of a mapped file: it copies, and
for bfloat16 it refuses. An engine that lays 14 GB out anew at load needs both, hence this reader.
bfloat16 comes as uint16. Format: github.com/huggingface/safetensors, README, "Format". Knows
nothing of what the tensors mean.
"""

from __future__ import annotations

import json
import math
import mmap
from pathlib import Path
from typing import Any, NoReturn, TypeGuard

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ossay.engine.errors import CheckpointError

MAX_HEADER = 100_000_000  # bytes; the limit of the safetensors package

_SIZES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1,
    "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8,
}  # fmt: skip
_VIEWS: dict[str, type[np.generic]] = {"U8": np.uint8, "BF16": np.uint16, "F32": np.float32}


class Entry(Struct, frozen=True):
    """Where a tensor lies. `start` and `stop` are bytes from the file's beginning."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


class SafetensorsFile:
    """A file whose header was read and checked against the file's size.

    Attributes:
        path: The file.
        entries: What it holds, by name.
    """

    def __init__(self, path: Path) -> None:
        """Open and check; `CheckpointError` names the file and, where it can, the tensor."""
        self.path = path
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(0)
                header, data = _read_header(path, file.read(8), file, size)
                self.entries = _entries(path, header, data, size)
                # Read-only and private to nobody: the pages are the kernel's own file cache.
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise CheckpointError(f"cannot read {str(path)!r}: {error.strerror}") from error

    def array(self, name: str) -> NDArray[Any]:
        """Return the tensor as a read-only view: uint8, float32, or uint16 for bfloat16."""
        entry = self.entries[name]
        if entry.dtype not in _VIEWS:
            _broken(self.path, f"tensor {name!r} is {entry.dtype}, which is not read here")
        dtype = np.dtype(_VIEWS[entry.dtype])
        count = (entry.stop - entry.start) // dtype.itemsize
        view: NDArray[Any] = np.frombuffer(self._map, dtype, count, entry.start)
        # The format does not promise alignment; code that loads vectors needs it.
        return (view if view.flags.aligned else view.copy()).reshape(entry.shape)

    def release(self) -> None:
        """Give the pages back to the system. Views stay valid: a page is read again when used."""
        self._map.madvise(mmap.MADV_DONTNEED)


def _broken(path: Path, text: str) -> NoReturn:
    raise CheckpointError(f"{str(path)!r}: {text}")


def _read_header(path: Path, prefix: bytes, file: Any, size: int) -> tuple[dict[str, Any], int]:
    """Return the header and the byte at which the data begins."""
    if len(prefix) < 8:
        _broken(path, f"truncated: {size} bytes are no safetensors file")
    length = int.from_bytes(prefix, "little")
    if length > MAX_HEADER:
        _broken(path, f"no safetensors file: its first 8 bytes ask for a header of {length} bytes")
    if 8 + length > size:
        _broken(path, f"truncated inside its header: {size} bytes of {8 + length}")
    try:
        header = json.loads(file.read(length), object_pairs_hook=_unique)
    except _Duplicate as error:
        _broken(path, f"the header names {error.args[0]!r} twice")
    except (ValueError, RecursionError) as error:
        _broken(path, f"the header is not JSON: {error}")
    if not isinstance(header, dict):
        _broken(path, "the header is no JSON object")
    header.pop("__metadata__", None)
    return header, 8 + length


class _Duplicate(Exception):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Duplicate(name)
        found[name] = value
    return found


def _entries(path: Path, header: dict[str, Any], data: int, size: int) -> dict[str, Entry]:
    """Check that the tensors fill the data from end to end, without a gap or an overlap."""
    entries = {name: _entry(path, name, value, data) for name, value in header.items()}
    end, before = data, "the header"
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].stop)):
        if entry.start < end:
            _broken(path, f"tensor {name!r} overlaps {before!r}")
        if entry.start > end:
            _broken(path, f"{entry.start - end} bytes before tensor {name!r} belong to none")
        if entry.stop > size:
            _broken(
                path,
                f"truncated: tensor {name!r} ends at byte {entry.stop}, the file at byte {size}",
            )
        end, before = entry.stop, name
    if end < size:
        _broken(path, f"{size - end} bytes after the last tensor belong to none")
    return entries


def _entry(path: Path, name: str, value: Any, data: int) -> Entry:
    fields = value if isinstance(value, dict) else {}
    dtype, shape, span = (fields.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not (isinstance(dtype, str) and _is_whole(shape) and _is_whole(span) and len(span) == 2):
        _broken(path, f"the header's entry for tensor {name!r} makes no sense: {str(value)[:200]}")
    if dtype not in _SIZES:
        _broken(path, f"tensor {name!r} has the unknown dtype {dtype!r}")
    needed = math.prod(shape) * _SIZES[dtype]
    if span[1] - span[0] != needed:
        _broken(
            path,
            f"tensor {name!r}, {dtype} {list(shape)}, needs {needed} bytes; "
            f"its offsets {list(span)} give {span[1] - span[0]}",
        )
    return Entry(dtype, tuple(shape), data + span[0], data + span[1])


def _is_whole(value: object) -> TypeGuard[list[int]]:
    """Whether it is a list of whole numbers, none negative."""
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**62 for n in value)
