"""A step in which each of n sequences has one token, as one CUDA graph.

Everything that the graph reads and writes lies where it was when it was recorded: the integers of
the batch, the weights, the cache, the logits. Knows nothing of how a token is chosen.
"""

from __future__ import annotations

from typing import Any

import torch

from ossay.engine.batch import Batch
from ossay.engine.kernels.cuda import layers
from ossay.engine.kernels.cuda.cache import Cache
from ossay.engine.kernels.cuda.graphs import Graph
from ossay.engine.kernels.cuda.step import Form, Stage, Step, fill, wide
from ossay.engine.kernels.cuda.weights import Weights


class Decode:
    """One bucket: `rows` sequences of one token each.

    Args:
        logits: float32 [at least rows, vocab], written by each run.
        pool: Memory that it shares with other buckets' graphs, see `graphs.new_pool`.
    """

    def __init__(
        self, weights: Weights, cache: Cache, rows: int, logits: torch.Tensor, pool: Any
    ) -> None:
        self._form = Form(rows, rows, wide(cache.width), 0, rows)
        self._stage = Stage(self._form.size, weights.device)
        self._nowhere = cache.nowhere
        # While it is recorded every row is a token 0 at position 0 that nobody reads again.
        host = self._stage.host(self._form)
        host["full_where"][:], host["sliding_where"][:] = cache.nowhere
        step = Step(**self._stage.send(self._form), singles=rows)

        def work() -> None:
            x = layers.begin(weights, step)
            for layer in range(weights.shape.layers):
                layers.attend(weights, layer, x, step, cache)
                layers.mix(weights, layer, x)
            layers.end(weights, x, logits[:rows])

        self._graph = Graph(work, weights.device, pool)

    def run(self, batch: Batch) -> None:
        """Compute the batch's n tokens: their logits are the first n rows."""
        host = self._stage.host(self._form)
        fill(host, batch, self._nowhere)
        self._stage.send(self._form)
        self._graph.replay()
