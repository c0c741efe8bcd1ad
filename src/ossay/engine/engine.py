"""The engine: token ids in, token ids out, many sequences at once.

A request becomes a sequence (`request`), the scheduler says whose tokens come next (`scheduler`),
a thread takes the steps (`loop`), the kernels compute, `sampling` chooses.

Knows nothing of text, of the chat format or of HTTP.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from typing import Self

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

from ossay.engine.cache import Cache
from ossay.engine.constraint import Constraint, Guide
from ossay.engine.handle import Handle
from ossay.engine.kernels import Kernels, Prepares
from ossay.engine.loop import Loop
from ossay.engine.request import to_generate, to_score
from ossay.engine.sampling import Sampling
from ossay.engine.scheduler import Scheduler
from ossay.engine.sequence import Sequence, Token

OnToken = Callable[[Token], None]
OnEnd = Callable[[Handle], None]


class Sizes(Struct, frozen=True):
    """How much an engine may hold at once; `loading` works them out.

    Attributes:
        context: The most tokens of one sequence.
        full_blocks: Blocks of the cache for layers that see everything.
        sliding_blocks: Blocks for sliding layers.
        max_sequences: The most that run at once; more wait.
        step_tokens: The most tokens of one step.
        beside_tokens: The most tokens of prompts in a step in which other sequences generate.
        prefix_cache: Whether what was computed is kept for later prompts that begin alike.
    """

    context: int
    full_blocks: int
    sliding_blocks: int
    max_sequences: int = 16
    step_tokens: int = 512
    beside_tokens: int = 64
    prefix_cache: bool = True


class Stats(Struct, frozen=True):
    """What holds right now, and counts since the engine was made.

    Attributes:
        running, waiting: Sequences.
        full_blocks_free, sliding_blocks_free: Blocks that nobody holds, of those in `Sizes`.
        steps: Steps taken.
        preemptions: How often a sequence lost its blocks to an older one.
        prompt_tokens: Of all prompts that were started.
        cached_tokens: How many of these were found in the cache.
        generated_tokens: Of all sequences.
        ended: Sequences by how they ended: stop, length, cancelled, error.
    """

    running: int
    waiting: int
    full_blocks_free: int
    sliding_blocks_free: int
    steps: int
    preemptions: int
    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int
    ended: dict[str, int]


class Engine:
    """A loaded model that serves any number of sequences. A context manager; thread-safe."""

    def __init__(
        self, kernels: Kernels, sizes: Sizes, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.shape = kernels.shape
        self.sizes = sizes
        cache = Cache(
            sizes.full_blocks,
            sizes.sliding_blocks,
            kernels.shape.window,
            reuse=sizes.prefix_cache,
        )
        scheduler = Scheduler(
            cache,
            max_sequences=sizes.max_sequences,
            step_tokens=sizes.step_tokens,
            beside_tokens=sizes.beside_tokens,
        )
        memory = kernels.new_cache(sizes.full_blocks, sizes.sliding_blocks)
        if isinstance(kernels, Prepares):
            kernels.prepare(memory, sizes.max_sequences)
        self._loop = Loop(kernels, memory, scheduler, clock)

    def logits(self, token_ids: ArrayLike) -> NDArray[np.float32]:
        """Return the logits after each of n tokens, float32 [n, vocab]."""
        sequence = to_score(token_ids, self.shape, self.sizes.context)
        handle = self._start(sequence, None, None, None)
        handle.result()
        return np.concatenate(handle.rows)

    def generate(
        self,
        token_ids: ArrayLike,
        sampling: Sampling | None = None,
        constraint: Constraint | None = None,
    ) -> Iterator[Token]:
        """Return an iterator of tokens as they come; the last says in `finish` why it is.

        It begins when first asked; closing it cancels.

        Raises:
            RequestError: at once, where the request cannot be served.
            GenerationError: from the iterator, where it cannot go on.
        """
        sequence, guide = self._request(token_ids, sampling, constraint)
        return self._stream(sequence, guide)

    def submit(
        self,
        token_ids: ArrayLike,
        sampling: Sampling | None = None,
        constraint: Constraint | None = None,
        *,
        on_token: OnToken | None = None,
        on_end: OnEnd | None = None,
    ) -> Handle:
        """Queue a prompt and return at once; sampling defaults to `Sampling()`.

        `on_token` is called with each token, `on_end` once, last, however it ends; both from the
        engine's thread, so they should return at once. One that raises fails its own sequence.

        Raises:
            RequestError: empty_prompt, context_overflow, bad_token, bad_sampling or bad_schema.
            UsageError: the engine is closed.
        """
        sequence, guide = self._request(token_ids, sampling, constraint)
        return self._start(sequence, guide, on_token, on_end)

    def cancel(self, handle: Handle) -> None:
        """Stop a sequence before the next step; harmless where it has ended."""
        self._loop.cancel(handle)

    def now(self) -> float:
        """Return the time by the clock that handles are stamped with, in seconds."""
        return self._loop.clock()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Have `watcher` called after each step, from the engine's thread.

        All `on_token` and `on_end` of the step have then been called: whoever gathers what they
        bring can hand it on once a step. It should return at once, and not raise.
        """
        with self._loop.changed:
            self._loop.watchers = (*self._loop.watchers, watcher)

    def stats(self) -> Stats:
        """Return counts as of now."""
        with self._loop.changed:
            scheduler, counts = self._loop.scheduler, self._loop.counts
            return Stats(
                running=len(scheduler.running),
                waiting=len(scheduler.waiting),
                full_blocks_free=scheduler.cache.full.free,
                sliding_blocks_free=scheduler.cache.sliding.free,
                steps=counts["steps"],
                preemptions=scheduler.preemptions,
                prompt_tokens=counts["prompt"],
                cached_tokens=counts["cached"],
                generated_tokens=counts["generated"],
                ended={how: counts[how] for how in ("stop", "length", "cancelled", "error")},
            )

    def close(self) -> None:
        """Stop after the current step; whatever still runs or waits fails."""
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _request(
        self, token_ids: ArrayLike, sampling: Sampling | None, constraint: Constraint | None
    ) -> tuple[Sequence, Guide | None]:
        sequence = to_generate(token_ids, sampling or Sampling(), self.shape, self.sizes.context)
        return sequence, constraint.guide() if constraint is not None else None

    def _start(
        self,
        sequence: Sequence,
        guide: Guide | None,
        on_token: OnToken | None,
        on_end: OnEnd | None,
    ) -> Handle:
        handle = Handle(sequence, guide, on_token, on_end, self._loop.clock())
        self._loop.add(handle)
        return handle

    def _stream(self, sequence: Sequence, guide: Guide | None) -> Iterator[Token]:
        tokens: queue.SimpleQueue[Token | None] = queue.SimpleQueue()
        handle = self._start(sequence, guide, tokens.put, lambda _: tokens.put(None))
        try:
            while (token := tokens.get()) is not None:
                yield token
        finally:
            self.cancel(handle)
        handle.result()  # raises what it failed with
