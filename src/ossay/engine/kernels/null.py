"""A backend without weights: instant, and strict about what it is given.

The next token is a fixed function of all tokens before it, read back from the cache's blocks; so a
block that holds another sequence's positions changes the output. `teach` sets what comes after a
prompt, so that a script can be spoken through the whole engine. Beyond that it raises
AssertionError where a batch breaks the interface's promises: positions that skip, a block with two
writers, a look at a position that was never written or belongs to another prefix.

Stands in for a model in tests of the engine and in benches of the wire. Knows nothing of text.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ossay.engine.batch import BLOCK, I32, Batch
from ossay.engine.draw import Draw
from ossay.engine.kernels import Choices, Rows, forward
from ossay.engine.shape import ModelShape

U64 = NDArray[np.uint64]
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so its powers never vanish modulo 2 ** 64
_MIX = np.uint64(0xD6E8FEB86659FD93)
_HOT = np.float32(20.0)  # the logit of the next token; all others are 0


class Digests:
    """The hidden state: per token, a digest of its sequence up to it (filled in by `attend`)."""

    def __init__(self, prefix: U64, *, known: bool = True) -> None:
        self.prefix = prefix
        self.known = known


class Blocks:
    """Per slot of a pool: which position was written there, and the digest up to it."""

    def __init__(self, count: int) -> None:
        self.position = np.full((count, BLOCK), -1, np.int64)
        self.prefix = np.zeros((count, BLOCK), np.uint64)


class Lesson(Struct, frozen=True):
    """What `Null.teach` taught: digests of the prefixes after which it set a token."""

    digests: tuple[int, ...]


class Null:
    """`Kernels` of any shape, without arithmetic.

    Args:
        shape: Of the model that it stands for.
        fail_at: Raise once that token is embedded.
        endings: Tokens to prefer, the first most, wherever nothing was taught; without any, the
            next token is as good as random.
        chooses: Be `Choosing`, as a backend on a device is.
    """

    def __init__(
        self,
        shape: ModelShape,
        *,
        fail_at: int | None = None,
        endings: Sequence[int] = (),
        chooses: bool = False,
    ) -> None:
        self.shape = shape
        self.chooses = chooses
        self.fail_at = fail_at
        self._endings = list(endings)
        self.steps = 0
        self._power = np.multiply.accumulate(np.full(shape.max_positions + 1, _BASE, np.uint64))
        self._unpower = _inverse(self._power)
        kinds = shape.sliding[: shape.layers]
        self._taught: dict[int, int] = {}  # digest of a prefix -> the token after it
        self._holders = Counter[int]()  # digest -> lessons that teach it
        self._teaching = threading.Lock()
        self._logits = np.zeros((0, shape.vocab), np.float32)
        self._hot: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
        self._first = {kinds.index(kind) for kind in set(kinds)}  # the layers that write

    def new_cache(self, full_blocks: int, sliding_blocks: int) -> dict[bool, Blocks]:
        """Return both pools; the key says whether it is the sliding one."""
        return {False: Blocks(full_blocks), True: Blocks(sliding_blocks)}

    def cache_bytes(self, full_blocks: int, sliding_blocks: int) -> int:
        """Bytes of both pools."""
        return (full_blocks + sliding_blocks) * BLOCK * 16

    def embed(self, batch: Batch) -> Digests:
        """Check the batch's own promises."""
        self.steps += 1
        if self.fail_at is not None and self.fail_at in batch.tokens:
            raise FloatingPointError(f"told to fail at token {self.fail_at}")
        _require(bool(np.all(batch.tokens >= 0)), "a token below 0")
        _require(bool(np.all(batch.tokens < self.shape.vocab)), "a token outside the vocabulary")
        _require(bool(np.all(np.diff(batch.starts) > 0)), "a sequence without tokens")
        _require(int(batch.starts[-1]) == len(batch.tokens), "starts end elsewhere than tokens")
        _require(bool(np.all(np.diff(batch.wanted) > 0)), "wanted does not ascend")
        for first, last in _spans(batch):
            run = batch.positions[first:last]
            _require(bool(np.all(np.diff(run) == 1)), "positions that do not count up")
        return Digests(np.zeros(len(batch.tokens), np.uint64), known=False)

    def attend(self, layer: int, x: Digests, batch: Batch, cache: dict[bool, Blocks]) -> None:
        """Write this step's positions, then look at all that its tokens can see."""
        if layer not in self._first:
            return
        sliding = self.shape.sliding[layer]
        table = batch.sliding_blocks if sliding else batch.full_blocks
        pool = cache[sliding]
        _one_writer(batch, table, len(pool.position))
        for index, (first, last) in enumerate(_spans(batch)):
            begin, end = int(batch.positions[first]), int(batch.positions[last - 1]) + 1
            low = max(0, begin - self.shape.window + 1) if sliding else 0
            before = np.uint64(0)
            if begin:
                block = int(table[index, (begin - 1) // BLOCK])
                _require(block >= 0, f"position {begin - 1} is seen and has no block")
                before = pool.prefix[block, (begin - 1) % BLOCK]
            terms = (batch.tokens[first:last].astype(np.uint64) + np.uint64(1)) * (
                self._power[begin:end]
            )
            prefix = np.cumsum(terms, dtype=np.uint64) + before
            same = not x.known or bool(np.array_equal(prefix, x.prefix[first:last]))
            _require(same, "full and sliding blocks belong to different prefixes")
            x.prefix[first:last] = prefix
            _write(pool, table[index], np.arange(begin, end), prefix)
            self._look(pool, table[index], low, end)
        x.known = True

    def _look(self, pool: Blocks, table: I32, low: int, end: int) -> None:
        seen = np.arange(low, end)
        blocks = table[seen // BLOCK]
        _require(bool(np.all(blocks >= 0)), f"a position in [{low}, {end}) has no block")
        held = pool.position[blocks, seen % BLOCK]
        _require(bool(np.array_equal(held, seen)), f"[{low}, {end}) reads what it never wrote")
        # Digests of one prefix only ever grow by a term that token 0 … vocab - 1 can explain.
        steps = np.diff(pool.prefix[blocks, seen % BLOCK])
        terms = steps * self._unpower[low + 1 : end]
        good = bool(np.all((terms > 0) & (terms <= np.uint64(self.shape.vocab))))
        _require(good, f"[{low}, {end}) mixes the blocks of two prefixes")

    def rows(self, x: Digests, wanted: NDArray[np.int32]) -> Digests:
        """Return the digests of the wanted tokens."""
        return Digests(x.prefix[wanted])

    def experts(self, layer: int, x: Digests) -> None:
        """Do nothing."""

    def logits(self, x: Digests) -> NDArray[np.float32]:
        """Return [rows, vocab]: one token stands out. The array is used again by the next call."""
        rows = np.arange(len(x.prefix))
        if self._hot is not None:
            self._logits[self._hot] = 0
        if len(rows) > len(self._logits):
            self._logits = np.zeros((len(rows), self.shape.vocab), np.float32)
        self._hot = rows, self.following(x.prefix)
        out = self._logits[: len(rows)]
        out[:, self._endings] = _HOT / 2 - np.arange(len(self._endings), dtype=np.float32)
        out[self._hot] = _HOT
        return out

    def step(self, batch: Batch, cache: Any, draws: Sequence[Draw | None]) -> Choices:
        """Tokens are chosen when they are asked for."""
        _require(len(draws) == len(batch.wanted), "not one draw for each wanted token")
        return Rows(forward(self, batch, cache), draws)

    def following(self, prefix: U64) -> NDArray[np.int64]:
        """The next token after each prefix digest."""
        mixed = (prefix ^ (prefix >> np.uint64(29))) * _MIX
        out = ((mixed >> np.uint64(33)) % np.uint64(self.shape.vocab)).astype(np.int64)
        if self._endings:
            out[:] = self._endings[0]
        for row, digest in enumerate(prefix.tolist() if self._taught else ()):
            out[row] = self._taught.get(digest, out[row])
        return out

    def teach(self, prompt: Sequence[int], answer: Sequence[int]) -> Lesson:
        """Make `answer` follow `prompt`, whatever was taught before; may be called from any thread.

        The rest of an answer follows its own beginning, too: a prompt that ends inside it goes on.
        """
        tokens = np.array([*prompt, *answer[:-1]], np.uint64) + np.uint64(1)
        digests = np.cumsum(tokens * self._power[: len(tokens)], dtype=np.uint64)
        lesson = Lesson(tuple(digests[len(prompt) - 1 :].tolist()))
        with self._teaching:
            self._taught.update(zip(lesson.digests, answer, strict=True))
            self._holders.update(lesson.digests)
        return lesson

    def forget(self, lesson: Lesson) -> None:
        """Take back what was taught, unless another lesson teaches it as well."""
        with self._teaching:
            for digest in lesson.digests:
                self._holders[digest] -= 1
                if not self._holders[digest]:
                    del self._holders[digest], self._taught[digest]

    def continuation(self, tokens: list[int], count: int) -> list[int]:
        """What greedy decoding must give after these tokens, worked out without any cache."""
        out = list(tokens)
        for _ in range(count):
            terms = (np.array(out, np.uint64) + np.uint64(1)) * self._power[: len(out)]
            out.append(int(self.following(terms.sum(dtype=np.uint64, keepdims=True))[0]))
        return out[len(tokens) :]


def _require(good: bool, text: str) -> None:
    if not good:
        raise AssertionError(f"the batch breaks a promise: {text}")


def _spans(batch: Batch) -> Any:
    return zip(batch.starts[:-1].tolist(), batch.starts[1:].tolist(), strict=True)


def _one_writer(batch: Batch, table: I32, size: int) -> None:
    """No block that one sequence writes may be in the table of another."""
    _require(int(table.max(initial=-1)) < size, "a block outside the pool")
    held = table[table >= 0]
    holders = np.bincount(held, minlength=size)
    for index, (first, last) in enumerate(_spans(batch)):
        written = np.unique(batch.positions[first:last] // BLOCK)
        _require(int(written[-1]) < table.shape[1], "a position beyond its block table")
        blocks = table[index, written]
        _require(bool(np.all(blocks >= 0)), "a position to write has no block")
        _require(bool(np.all(holders[blocks] == 1)), "a block that is written has two holders")


def _write(pool: Blocks, table: I32, positions: NDArray[np.int64], prefix: U64) -> None:
    blocks = table[positions // BLOCK]
    pool.position[blocks, positions % BLOCK] = positions
    pool.prefix[blocks, positions % BLOCK] = prefix


def _inverse(odd: U64) -> U64:
    """Inverses modulo 2 ** 64, by Newton's iteration: each round doubles the good bits."""
    inverse = odd.copy()
    for _ in range(5):  # 3 bits are right at the start
        inverse *= np.uint64(2) - odd * inverse
    return inverse
