"""The arithmetic, in one interface and several backends: `reference`, `cpu`, `cuda`, `null`.

`Kernels` is a loaded model on one device. Its arrays are the backend's own: `forward` passes what
`embed` gave on to the next call and looks at none of it. A backend on a device far from the host
may also be `Choosing`: it takes a whole step at once and chooses tokens where the logits are, so
that they need not travel. A backend knows nothing of sequences or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ossay.engine.batch import Batch
from ossay.engine.draw import Draw, take
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


class Choices(Protocol):
    """What a step gave for its m wanted tokens; good until the backend's next step.

    Either method may wait for the device, and raises what the work there failed with.
    """

    def token(self, row: int) -> int:
        """Return the token that a row's draw gave; -1: a logit is NaN, or the largest not finite.

        Of a row without a draw it may return anything.
        """

    def logits(self, first: int, last: int) -> NDArray[np.float32]:
        """Return the logits of rows [first, last), whatever their draws: [last - first, vocab]."""


@runtime_checkable
class Choosing(Kernels, Protocol):
    """Kernels that take a whole step and choose tokens on their device.

    Attributes:
        chooses: Whether `step` is to be used; where not, the backend serves as plain `Kernels`.
    """

    chooses: bool

    def step(self, batch: Batch, cache: Any, draws: Sequence[Draw | None]) -> Choices:
        """Compute the batch; keys and values go to the cache. May return before all is done.

        `draws` has one entry for each of `batch.wanted` (there may be none): None for a row whose
        logits are wanted on the host. A row's token depends on its own logits and draw only.
        """


class Rows(Struct, frozen=True):
    """`Choices` from logits that are on the host already.

    Attributes:
        values: float32 [m, vocab].
        draws: One for each row, where any were asked for.
    """

    values: NDArray[np.float32]
    draws: Sequence[Draw | None] = ()

    def token(self, row: int) -> int:
        """Choose by the row's draw."""
        draw, scores = self.draws[row], self.values[row]
        assert draw is not None, f"row {row!r} has no draw"
        best = int(scores.argmax())
        return take(scores, draw, best) if np.isfinite(scores[best]) else -1

    def logits(self, first: int, last: int) -> NDArray[np.float32]:
        """Return a view."""
        return self.values[first:last]


@runtime_checkable
class Prepares(Protocol):
    """Kernels that do work beforehand which no request should wait for."""

    def prepare(self, cache: Any, most: int) -> None:
        """Make ready for steps of up to `most` sequences over this cache."""


def chooser(kernels: Kernels) -> Choosing | None:
    """Return the kernels themselves where they choose tokens on their device."""
    return kernels if isinstance(kernels, Choosing) and kernels.chooses else None


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
