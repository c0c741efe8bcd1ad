"""The search for NaN and infinity in stored weights, in bounded memory.

Knows nothing of what a tensor is for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ossay.engine.errors import CheckpointError
from ossay.engine.weights import Bf16

_CHUNK = 1 << 20  # values looked at together: they stay in a core's cache
_MAX_SCALE = 252  # 6 * 2 ** (252 - 127) is the last finite float32; 255 is NaN (OCP MX 5.3)


def check_bf16(path: Path, name: str, bits: Bf16) -> None:
    """Raise where a bf16 exponent is all ones: NaN or infinity."""
    flat = bits.reshape(-1)
    room = np.empty(min(_CHUNK, flat.size), np.uint16)
    for start in range(0, flat.size, _CHUNK):
        chunk = flat[start : start + _CHUNK]
        sizes = np.bitwise_and(chunk, np.uint16(0x7FFF), out=room[: chunk.size])
        if sizes.max() >= 0x7F80:
            at = int(np.argmax(sizes >= 0x7F80))
            kind = "NaN" if sizes[at] > 0x7F80 else "infinite"
            raise CheckpointError(_at(path, name, bits.shape, start + at, f"is {kind}"))


def check_scales(path: Path, name: str, scales: NDArray[np.uint8]) -> None:
    """Raise at an e8m0 scale that is NaN (255) or takes weights beyond float32."""
    flat = scales.reshape(-1)
    for start in range(0, flat.size, _CHUNK):
        chunk = flat[start : start + _CHUNK]
        if chunk.max() > _MAX_SCALE:
            at = int(np.argmax(chunk > _MAX_SCALE))
            told = "is NaN" if chunk[at] == 255 else "is beyond float32"
            text = f"(scale {int(chunk[at])}) {told}"
            raise CheckpointError(_at(path, name, scales.shape, start + at, text))


def _at(path: Path, name: str, dims: tuple[int, ...], flat: int, text: str) -> str:
    index = [int(i) for i in np.unravel_index(flat, dims)]
    return f"{str(path)!r}: tensor {name!r} at {index} {text}"
