"""The arithmetic, in one interface and several backends: `reference`, `cpu`, `null` (and `cuda`).

`Kernels` is a loaded model on one device. Its arrays are the backend's own: `forward` passes what
`embed` gave on to the next call and looks at none of it. A backend knows nothing of sequences,
sampling or files.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ossay.engine.batch import Batch
from ossay.engine.shape import ModelShape


class Kernels(Protocol):
    """One loaded model on one device."""

    shape: ModelShape

    def new_cache(self, full_blocks: int, sliding_blocks: int) -> Any:
        """Make room for keys and values: so many blocks of BLOCK positions for each kind of layer.

        A full block holds its positions for all full layers, a sliding block for all sliding ones.
        """

    def cache_bytes(self, full_blocks: int, sliding_blocks: int) -> int:
        """Bytes that `new_cache` would take."""

    def embed(self, batch: Batch) -> Any:
        """Return the hidden state x [n, hidden] of the batch's tokens."""

    def attend(self, layer: int, x: Any, batch: Batch, cache: Any) -> None:
        """Add the layer's attention to x, in place; write its keys and values to the cache."""

    def rows(self, x: Any, wanted: NDArray[np.int32]) -> Any:
        """Return x[wanted]."""

    def experts(self, layer: int, x: Any) -> None:
        """Add the layer's mixture of experts to x, in place."""

    def logits(self, x: Any) -> NDArray[np.float32]:
        """Norm and unembed: float32 [rows of x, vocab]."""


def forward(kernels: Kernels, batch: Batch, cache: Any) -> NDArray[np.float32]:
    """Return the logits of the wanted tokens, [m, vocab]; keys and values go to the cache."""
    x = kernels.embed(batch)
    last = kernels.shape.layers - 1
    for layer in range(kernels.shape.layers):
        kernels.attend(layer, x, batch, cache)
        if layer == last:  # nothing after this looks at another token
            if len(batch.wanted) == 0:  # the middle of a prompt
                return np.empty((0, kernels.shape.vocab), np.float32)
            x = kernels.rows(x, batch.wanted)
        kernels.experts(layer, x)
    return kernels.logits(x)
