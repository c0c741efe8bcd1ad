"""Write a GGUF file (version 3) one tensor at a time: what llama.cpp reads.

Format: ggml/include/gguf.h. Tensors are declared first and their bytes written after, in the same
order, so that a file of any size takes the memory of one piece. Knows nothing of any model.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 32
# Block quantisations hold 32 values: type number of ggml.h, values a block, bytes a block.
KINDS = {"F32": (0, 1, 4), "Q8_0": (8, 32, 34), "MXFP4": (39, 32, 17)}
_CODES = {bool: (7, "<?"), int: (4, "<I"), float: (6, "<f"), str: (8, "")}
_PIECE = 1 << 22  # values worked on together: they and their intermediate results stay small


@dataclass(frozen=True)
class Tensor:
    """One tensor: shape as numpy has it (GGUF turns it round) and its bytes, piece by piece."""

    name: str
    kind: str
    shape: tuple[int, ...]
    pieces: Callable[[], Iterable[NDArray[Any]]]

    @property
    def size(self) -> int:
        """Bytes in the file, without padding."""
        _, values, size = KINDS[self.kind]
        return int(np.prod(self.shape)) // values * size


def write(path: Path, metadata: dict[str, Any], tensors: list[Tensor]) -> None:
    """Write the whole file. Raises `ValueError` where a tensor's bytes are not as many as said.

    Values of `metadata` are bool, int (written as uint32), float (float32), str, or lists of one
    of these; a list of int is written as int32.
    """
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)))
        for key, value in metadata.items():
            file.write(_string(key) + _value(value))
        offset = 0
        for tensor in tensors:
            dims = tensor.shape[::-1]
            file.write(_string(tensor.name) + struct.pack("<I", len(dims)))
            file.write(struct.pack(f"<{len(dims)}QIQ", *dims, KINDS[tensor.kind][0], offset))
            offset += _padded(tensor.size)
        file.write(bytes(_padded(file.tell()) - file.tell()))
        for tensor in tensors:
            written = sum(file.write(piece.data) for piece in tensor.pieces())
            if written != tensor.size:
                raise ValueError(f"{tensor.name!r} has {written} bytes, not {tensor.size}")
            file.write(bytes(_padded(written) - written))


def q8_0(matrix: NDArray[Any], widen: Callable[[Any], NDArray[np.float32]]) -> Iterator[Any]:
    """Quantise [rows, columns] to Q8_0: a float16 scale, then 32 int8 (quantize_row_q8_0_ref).

    `widen` makes a slice of the matrix float32. Halves are rounded away from zero, as C's roundf.
    """
    step = max(1, _PIECE // matrix.shape[1])
    for start in range(0, len(matrix), step):
        blocks = widen(matrix[start : start + step]).reshape(-1, 32)
        scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
        inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)
        scaled = blocks * inverse
        codes = np.trunc(scaled + np.copysign(np.float32(0.5), scaled)).astype(np.int8)
        piece = np.empty((len(blocks), 34), np.uint8)
        piece[:, :2] = scale.astype(np.float16).view(np.uint8)
        piece[:, 2:] = codes.view(np.uint8)
        yield piece


def mxfp4(blocks: NDArray[np.uint8], scales: NDArray[np.uint8]) -> Iterator[Any]:
    """Turn OCP's MXFP4 into ggml's: [..., 16] and [...] uint8 -> pieces of [blocks, 17].

    OCP: byte j holds elements 2j (low nibble) and 2j + 1. ggml: the scale, then bytes that hold
    elements j (low) and j + 16. Eight bytes at a time as one integer: in `first` are elements 0 to
    15, in `second` 16 to 31, and even elements are in low nibbles.
    """
    low, high = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0xF0F0F0F0F0F0F0F0)
    four = np.uint64(4)
    for stack, their_scales in zip(blocks, scales, strict=True):
        halves = np.ascontiguousarray(stack).reshape(-1, 16).view(np.uint64)
        first, second = halves[:, 0], halves[:, 1]
        even = (first & low) | ((second & low) << four)
        odd = ((first & high) >> four) | (second & high)
        piece = np.empty((len(halves), 17), np.uint8)
        piece[:, 0] = their_scales.reshape(-1)
        piece[:, 1::2] = even.view(np.uint8).reshape(-1, 8)
        piece[:, 2::2] = odd.view(np.uint8).reshape(-1, 8)
        yield piece


def _padded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _string(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def _value(value: Any) -> bytes:
    if not isinstance(value, list):
        return struct.pack("<I", _CODES[type(value)][0]) + _scalar(value)
    code = 5 if type(value[0]) is int else _CODES[type(value[0])][0]  # 5: int32
    items = b"".join(map(_scalar, value))
    return struct.pack("<IIQ", 9, code, len(value)) + items


def _scalar(value: Any) -> bytes:
    return _string(value) if isinstance(value, str) else struct.pack(_CODES[type(value)][1], value)
