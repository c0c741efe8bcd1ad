"""What a step gave: tokens chosen on the card, and rows of logits for whoever wants them here.

Logits of many rows are large (0.8 MB each for gpt-oss), so they are made and held a window at a
time. Knows nothing of sequences, or of how the hidden state came about.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ossay.engine.batch import I32
from ossay.engine.draw import Draw
from ossay.engine.kernels.cuda import layers, sampling
from ossay.engine.kernels.cuda.scores import ASKED
from ossay.engine.kernels.cuda.weights import Weights


class Desk:
    """Room for a window of logits, here and on the card, and for choosing from them.

    Args:
        rows: Of a window.
    """

    def __init__(self, rows: int, vocab: int, device: torch.device) -> None:
        self._on_card = device.type == "cuda"
        self.logits = torch.empty((rows, vocab), dtype=torch.float32, device=device)
        self._room = sampling.new_room(rows, vocab, device)
        self._asked = torch.empty((rows, ASKED.value), dtype=torch.float64, device=device)
        self._tokens = torch.empty(rows, dtype=torch.int32, device=device)
        self._asked_here = torch.empty_like(self._asked, device="cpu", pin_memory=self._on_card)
        self._tokens_here = torch.empty_like(self._tokens, device="cpu", pin_memory=self._on_card)
        self._chosen = torch.cuda.Event() if self._on_card else None
        self._logits_here: torch.Tensor | None = None

    @property
    def rows(self) -> int:
        """Of a window."""
        return len(self.logits)

    def choose(self, draws: Sequence[Draw | None]) -> None:
        """Begin to choose from the first rows, one for each draw; nothing waits for it."""
        count = len(draws)
        if self._chosen is not None:
            self._chosen.synchronize()  # the copy before this one may still be reading
        filters = sampling.ask(draws, self.logits.shape[1], self._asked_here.numpy()[:count])
        self._asked[:count].copy_(self._asked_here[:count], non_blocking=True)
        sampling.choose(self.logits[:count], self._asked, self._tokens, self._room, filters)
        self._tokens_here[:count].copy_(self._tokens[:count], non_blocking=True)
        if self._chosen is not None:
            self._chosen.record()

    def tokens(self, count: int) -> I32:
        """Wait for what was chosen: int32 [count], good until the next choice."""
        if self._chosen is not None:
            self._chosen.synchronize()
        found: I32 = self._tokens_here.numpy()[:count]
        return found

    def fetch(self, first: int, last: int) -> NDArray[np.float32]:
        """Return rows of the window here; good until they are fetched anew."""
        if self._logits_here is None:
            self._logits_here = torch.empty_like(
                self.logits, device="cpu", pin_memory=self._on_card
            )
        self._logits_here[first:last].copy_(self.logits[first:last])
        found: NDArray[np.float32] = self._logits_here.numpy()[first:last]
        return found


class Chosen:
    """`Choices` of one step: m rows, of which the desk holds a window.

    Args:
        weights: The model, for its end.
        x: The rows' hidden state, float32 [m, H]; None where the desk has all logits already.
        desk: The logits of rows [start, start + desk.rows), one window at a time.
        draws: One for each row; None where no token is to be chosen here.
    """

    def __init__(
        self, weights: Weights, x: torch.Tensor | None, desk: Desk, draws: Sequence[Draw | None]
    ) -> None:
        self._weights = weights
        self._x = x
        self._desk = desk
        self._draws = draws
        self._start = 0 if x is None else -1
        self._choosing = -1  # the window whose tokens the desk has, or is about to have
        if any(draw is not None for draw in draws[: desk.rows]):
            self._choose(0)

    def token(self, row: int) -> int:
        """Return the token of a row's draw; -1 where its logits are not finite."""
        start = self._window(row)
        if self._choosing != start:
            self._choose(start)
        return int(self._desk.tokens(row - start + 1)[row - start])

    def logits(self, first: int, last: int) -> NDArray[np.float32]:
        """Return the logits of rows [first, last)."""
        start = self._window(first)
        if last <= start + self._desk.rows and len(self._draws) <= self._desk.rows:
            self._compute(start)
            return self._desk.fetch(first - start, last - start)
        rows = np.empty((last - first, self._desk.logits.shape[1]), np.float32)
        for at in range(start, last, self._desk.rows):  # more than a window: copied once more
            self._compute(at)
            begin, end = max(first, at), min(last, at + self._desk.rows)
            rows[begin - first : end - first] = self._desk.fetch(begin - at, end - at)
        return rows

    def _window(self, row: int) -> int:
        """Return the first row of the window that holds `row`."""
        return row // self._desk.rows * self._desk.rows

    def _compute(self, start: int) -> None:
        if start != self._start and self._x is not None:
            part = self._x[start : start + self._desk.rows]
            layers.end(self._weights, part, self._desk.logits[: len(part)])
            self._start = start

    def _choose(self, start: int) -> None:
        self._compute(start)
        self._desk.choose(self._draws[start : start + self._desk.rows])
        self._choosing = start
