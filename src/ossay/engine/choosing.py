"""Where a step's tokens are chosen: on the backend's device where it can, else here.

A row can be chosen there where its token depends on its logits alone; one that asks for more (a
grammar that binds, bias, penalties, log-probabilities) is fetched and chosen here, and costs the
others nothing. Either way a sequence's numbers come from its own sampler, in the same order, so a
seed gives the same tokens.

Knows nothing of threads, of callbacks or of how a sequence ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ossay.engine.batch import Batch
from ossay.engine.constraint import Guide
from ossay.engine.draw import Draw, check_finite
from ossay.engine.errors import GenerationError
from ossay.engine.kernels import Choices, Kernels, Rows, chooser, forward
from ossay.engine.sampling import Sampler
from ossay.engine.scheduler import Part

Chosen = tuple[int, float | None, tuple[tuple[int, float], ...]]


class Chooser:
    """Computes steps on a backend and chooses tokens of what came out."""

    def __init__(self, kernels: Kernels, memory: Any) -> None:
        self._kernels = kernels
        self._there = chooser(kernels)
        self._memory = memory

    def compute(
        self, batch: Batch, parts: Iterable[tuple[Part, Guide | None]]
    ) -> tuple[Choices, list[Draw | None]]:
        """Compute a step; `parts` are its sequences. Returns draws for its wanted rows, too."""
        draws: list[Draw | None] = [None] * len(batch.wanted)
        if self._there is None:
            return Rows(forward(self._kernels, batch, self._memory)), draws
        for part, guide in parts:
            sampler = part.sequence.sampler
            bound = guide is not None and guide.bound
            if sampler is not None and part.last > part.first and not bound:
                draws[part.first] = sampler.draw()
        return self._there.step(batch, self._memory, draws), draws


def choose(
    choices: Choices, row: int, draw: Draw | None, sampler: Sampler, guide: Guide | None
) -> Chosen:
    """Return a row's token, its log-probability and the most likely ones, as far as asked for.

    Raises:
        GenerationError: a logit is NaN or infinite, or the grammar allows nothing.
    """
    if draw is None:
        logits = choices.logits(row, row + 1)[0]
        token = sampler.choose(logits, guide.mask(len(logits)) if guide is not None else None)
        logprob, top = sampler.report(logits, token)
    else:
        token, logprob, top = choices.token(row), None, ()
        if token < 0:
            check_finite(choices.logits(row, row + 1)[0])  # names the logit
            raise GenerationError(
                "the device says that a logit is not finite, and the host finds none; this is a "
                "fault of the engine's backend"
            )
        sampler.note(token)
    if guide is not None:
        guide.advance(token)
    return token, logprob, top
