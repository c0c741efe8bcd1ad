"""The backend on one NVIDIA GPU: a batch in, logits or chosen tokens out.

Steps that only decode run as CUDA graphs, everything else is launched as it comes; both go through
`layers`. Weights stay as stored, what is multiplied with them is rounded to bf16, sums and the
hidden state are float32, keys and values bf16. Knows nothing of sequences or files.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from msgspec import Struct
from numpy.typing import NDArray

from ossay.core.errors import UsageError
from ossay.engine.batch import BLOCK, I32, Batch
from ossay.engine.cache import blocks_for
from ossay.engine.draw import Draw
from ossay.engine.kernels.cuda import attention_prefill, graphs, layers, paper
from ossay.engine.kernels.cuda.cache import Cache, new_cache
from ossay.engine.kernels.cuda.choices import Chosen, Desk
from ossay.engine.kernels.cuda.decode import Decode
from ossay.engine.kernels.cuda.step import (
    Form,
    Stage,
    Step,
    check,
    check_blocks,
    fill,
    singles_of,
    tiles_of,
    wide,
)
from ossay.engine.kernels.cuda.weights import Weights
from ossay.engine.shape import ModelShape

_HEAD_DIMS = (16, 32, 64, 128)
_WARM = (2, 12, 80, 128, 1024, 2048)  # tokens: one for each way in which a prompt is computed
_WARM_DRAWS = (Draw(), Draw(temperature=1.0, top_k=5, top_p=0.9, min_p=0.01))
_ROOM = 1 << 16  # integers of a batch that is launched as it comes, at first


class Hidden(Struct, frozen=True):
    """The hidden state of a batch, float32 [n, H], and the batch on the card; none after `rows`."""

    values: torch.Tensor
    step: Step | None


class Cuda:
    """`Kernels` on one card, which also choose tokens there; without one, in the interpreter.

    Args:
        weights: A model on its device (`weights.read_weights`, `synthetic.random_weights`).
    """

    precision = "exact"
    chooses = True

    def __init__(self, weights: Weights) -> None:
        check_shape(weights.shape)
        self.shape = weights.shape
        self.device = weights.device
        self._weights = weights
        self._stage = Stage(_ROOM, self.device)
        self._memory = graphs.new_pool(self.device)
        self._decodes: dict[int, Decode] = {}  # by bucket, all for one cache
        self._cache: Cache | None = None
        self._desk = Desk(paper.LOGIT_ROWS, self.shape.vocab, self.device)

    def new_cache(self, full_blocks: int, sliding_blocks: int) -> Cache:
        """Make room for keys and values, bf16."""
        return new_cache(self.shape, full_blocks, sliding_blocks, self.device)

    def cache_bytes(self, full_blocks: int, sliding_blocks: int) -> int:
        """Bytes that `new_cache` would take."""
        return paper.cache_bytes(self.shape, full_blocks, sliding_blocks)

    def prepare(self, cache: Cache, most: int) -> None:
        """Record the graphs for up to `most` sequences, and compile what prompts and draws need.

        Writes to blocks of the cache, so call it before anything is in there.
        """
        self._be_here()
        for size in reversed(graphs.buckets(most)):  # smaller ones then fit in its memory
            self._decode(size, cache)
        if self.device.type == "cuda":  # after the graphs, which give free memory back first
            for number, tokens in enumerate(warm_lengths(cache)):
                draw = _WARM_DRAWS[number % len(_WARM_DRAWS)]
                self.step(_prompt(tokens), cache, [draw]).token(0)

    def step(self, batch: Batch, cache: Cache, draws: Sequence[Draw | None]) -> Chosen:
        """Compute the batch and choose tokens; returns before the card has done it.

        A decode runs as a graph: where every sequence has one token, whose logits are wanted.
        """
        self._be_here()
        n = len(batch.tokens)
        bucket = graphs.bucket(n)
        if bucket is not None and n == len(batch.starts) - 1 == len(batch.wanted):
            check(batch, self.shape.vocab)
            check_blocks(batch, cache)
            self._decode(bucket, cache).run(batch)
            return Chosen(self._weights, None, self._desk, draws)
        return Chosen(self._weights, self._launched(batch, cache), self._desk, draws)

    def embed(self, batch: Batch) -> Hidden:
        """Look up the tokens, and send the batch's integers, once for all layers."""
        shape = self.shape
        check(batch, shape.vocab)
        singles = singles_of(batch)
        tokens = attention_prefill.tile_tokens(shape.heads, shape.kv_heads)
        tiles = tiles_of(batch, singles, tokens)
        form = Form(
            tokens=len(batch.tokens),
            sequences=len(batch.starts) - 1,
            width=wide(max(batch.full_blocks.shape[1], batch.sliding_blocks.shape[1])),
            tiles=len(tiles),
            wanted=len(batch.wanted),
        )
        if form.size > self._stage.room:
            self._stage = Stage(2 * form.size, self.device)
        host = self._stage.host(form)
        fill(host, batch)
        host["tiles"][:] = tiles
        step = Step(**self._stage.send(form), singles=singles)
        return Hidden(layers.begin(self._weights, step), step)

    def attend(self, layer: int, x: Hidden, batch: Batch, cache: Cache) -> None:
        """Add the layer's attention to x, in place; write its keys and values to the cache."""
        if x.step is None:
            raise ValueError("attend takes what embed gave, not some of its rows")
        if layer == 0:
            check_blocks(batch, cache)
        layers.attend(self._weights, layer, x.values, x.step, cache)

    def rows(self, x: Hidden, wanted: I32) -> Hidden:
        """Return x[wanted]."""
        index = torch.from_numpy(wanted.astype(np.int64)).to(self.device)
        return Hidden(x.values[index], None)

    def experts(self, layer: int, x: Hidden) -> None:
        """Add the layer's mixture of experts to x, in place."""
        if len(x.values):
            layers.mix(self._weights, layer, x.values)

    def logits(self, x: Hidden) -> NDArray[np.float32]:
        """Norm and unembed: float32 [rows of x, vocab]."""
        rows = Chosen(self._weights, x.values, self._desk, [None] * len(x.values))
        return rows.logits(0, len(x.values)).copy()

    def _be_here(self) -> None:
        """Make the card the calling thread's: Triton launches there, and a thread begins on 0."""
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)

    def _launched(self, batch: Batch, cache: Cache) -> torch.Tensor:
        """Compute any batch, kernel by kernel: the hidden state of the wanted tokens, [m, H]."""
        x = self.embed(batch)
        assert x.step is not None
        for layer in range(self.shape.layers):
            self.attend(layer, x, batch, cache)
            if layer == self.shape.layers - 1:  # nothing after this looks at another token
                x = Hidden(x.values[x.step.wanted.long()], None)
            self.experts(layer, x)
        return x.values

    def _decode(self, rows: int, cache: Cache) -> Decode:
        """Return the bucket's graph, recorded when it is first asked for."""
        if cache is not self._cache:  # graphs know where the keys lie
            self._decodes.clear()
            self._memory = graphs.new_pool(self.device)
            self._cache = cache
        if rows not in self._decodes:
            room = self._desk.logits
            self._decodes[rows] = Decode(self._weights, cache, rows, room, self._memory)
        return self._decodes[rows]


def warm_lengths(cache: Cache) -> list[int]:
    """Return how long the prompts are that a new cache is tried with: those that it can hold."""
    most = min(*(blocks * BLOCK for blocks in cache.blocks), int(cache.cos.shape[0]))
    return [tokens for tokens in _WARM if tokens <= most]


def _prompt(tokens: int) -> Batch:
    """A prompt of zeros in the first blocks, of which the last token's logits are wanted."""
    table = np.arange(blocks_for(tokens), dtype=np.int32)[None]
    return Batch(
        tokens=np.zeros(tokens, np.int32),
        positions=np.arange(tokens, dtype=np.int32),
        starts=np.array([0, tokens], np.int32),
        full_blocks=table,
        sliding_blocks=table,
        wanted=np.array([tokens - 1], np.int32),
    )


def check_shape(shape: ModelShape) -> None:
    """Raise UsageError for a shape that these kernels cannot compute."""
    if shape.head_dim not in _HEAD_DIMS:
        raise UsageError(
            f"head_dim={shape.head_dim!r} must be one of {', '.join(map(str, _HEAD_DIMS))} for "
            "backend 'cuda'; use backend='cpu'"
        )
    for name in ("hidden", "intermediate"):
        if getattr(shape, name) % 32:
            raise UsageError(f"{name}={getattr(shape, name)!r} is not a multiple of 32")
