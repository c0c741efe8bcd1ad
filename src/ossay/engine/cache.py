"""Where keys and values live: blocks of BLOCK positions, shared by sequences with the same prefix.

Two pools, one for layers that see everything and one for sliding layers. A full block is named by
a digest of its tokens and of all before them, so that whoever comes with the same beginning finds
it. Nobody holds a block twice for writing: only whole blocks are named, and a whole block is never
written again.

Sliding layers look back `window` positions only, so a live sequence gives back each sliding block
that the window has passed; it stays findable until its place is needed. A prefix of P tokens can
be reused if all full blocks before P are there and the sliding blocks that the next token will
look at: those that cover [P - window + 1, P).

What goes first when room is needed: blocks that were never named, then, least recently used first,
sliding blocks that were passed on the way, and only then those at an *end*: where a prompt ended,
where a sequence ended, and where an earlier prompt was found to branch off. The next turn of a
conversation starts at such an end, and needs window / BLOCK blocks there and no others. Of a
chain of full blocks the tail goes first, for a head without its tail is still of use.

Knows nothing of what is in a block, of when a sequence runs, or of threads.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import OrderedDict

from ossay.engine.batch import BLOCK
from ossay.engine.sequence import Sequence

PASSED = -1  # stands in a sequence's sliding table for a block that was given back


class Pool:
    """Blocks 0 … size - 1 with a count of holders each, and names for those that are whole."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.holders = [0] * size
        self._name: list[bytes | None] = [None] * size
        self._block: dict[bytes, int] = {}
        self._spare = list(range(size - 1, -1, -1))
        self._passed: OrderedDict[int, None] = OrderedDict()  # least recently used first
        self._ends: OrderedDict[int, None] = OrderedDict()

    @property
    def free(self) -> int:
        """How many blocks nobody holds; some of them can still be found by name."""
        return len(self._spare) + len(self._passed) + len(self._ends)

    def find(self, name: bytes) -> int | None:
        """Return the block of that name, held or not."""
        return self._block.get(name)

    def name(self, block: int, name: bytes) -> None:
        """Make a whole block findable. The first of equal blocks keeps the name."""
        if self._name[block] is None and name not in self._block:
            self._name[block] = name
            self._block[name] = block

    def hold(self, block: int) -> None:
        """Count one holder more of a block that was found."""
        if self.holders[block] == 0:
            del (self._passed if block in self._passed else self._ends)[block]
        self.holders[block] += 1

    def take(self) -> int:
        """Return a block for new positions, held once. Call only while `free` is above zero."""
        if self._spare:
            block = self._spare.pop()
        else:
            block, _ = (self._passed or self._ends).popitem(last=False)
            name = self._name[block]
            if name is not None:
                del self._block[name]
            self._name[block] = None
        self.holders[block] = 1
        return block

    def drop(self, block: int, *, end: bool) -> None:
        """Count one holder less; `end` says that a later prompt is likely to start here."""
        if self.holders[block] < 1:
            raise AssertionError(f"block {block} is given back by one who does not hold it")
        self.holders[block] -= 1
        if self.holders[block]:
            return
        if self._name[block] is None:
            self._spare.append(block)
        else:
            (self._ends if end else self._passed)[block] = None


class Cache:
    """The blocks of all sequences. `window` is that of the sliding layers, in positions."""

    def __init__(
        self, full_blocks: int, sliding_blocks: int, window: int, *, reuse: bool = True
    ) -> None:
        self.full = Pool(full_blocks)
        self.sliding = Pool(sliding_blocks)
        self.window = window
        self.reuse = reuse

    def adopt(self, sequence: Sequence) -> None:
        """Give a sequence without blocks the longest prefix that is here; at least 1 token stays.

        Sets `computed`, and remembers where the prompt leaves what was known: there its sliding
        blocks will be kept as an end.
        """
        if not self.reuse:
            return
        whole = (len(sequence.tokens) - 1) // BLOCK
        names = self._names(sequence, whole)
        known = 0
        while known < whole and self.full.find(names[known]) is not None:
            known += 1
        sequence.ends.add(known)
        shared = self._longest(names, known)
        first = self._first_seen(shared * BLOCK)
        for index in range(shared):
            sequence.full.append(_held(self.full, names[index]))
            sequence.sliding.append(_held(self.sliding, names[index]) if index >= first else PASSED)
        sequence.ends.add(shared)
        sequence.computed = shared * BLOCK
        sequence.named = shared

    def extend(self, sequence: Sequence, length: int) -> bool:
        """Give a sequence blocks for its first `length` positions; all of them, or none and False.

        Sliding blocks that the next position cannot see any more are given back first.
        """
        self._pass(sequence)
        more_full = blocks_for(length) - len(sequence.full)
        more_sliding = blocks_for(length) - len(sequence.sliding)
        if more_full > self.full.free or more_sliding > self.sliding.free:
            return False
        sequence.full.extend(self.full.take() for _ in range(more_full))
        sequence.sliding.extend(self.sliding.take() for _ in range(more_sliding))
        return True

    def settle(self, sequence: Sequence) -> None:
        """Name the blocks that `computed` has made whole, and give back what the window passed."""
        if self.reuse:
            whole = sequence.computed // BLOCK
            names = self._names(sequence, whole)
            for index in range(sequence.named, whole):
                self.full.name(sequence.full[index], names[index])
                if sequence.sliding[index] != PASSED:
                    self.sliding.name(sequence.sliding[index], names[index])
            sequence.named = max(sequence.named, whole)
        self._pass(sequence)

    def release(self, sequence: Sequence) -> None:
        """Take all blocks from a sequence; those that were named stay findable."""
        sequence.ends.add(sequence.computed // BLOCK)
        for index in range(len(sequence.full) - 1, -1, -1):
            self.full.drop(sequence.full[index], end=False)
            if sequence.sliding[index] != PASSED:
                self.sliding.drop(sequence.sliding[index], end=self._at_end(sequence, index))
        sequence.full.clear()
        sequence.sliding.clear()
        sequence.computed = sequence.named = 0

    def _pass(self, sequence: Sequence) -> None:
        first = self._first_seen(sequence.computed)
        index = min(first, len(sequence.sliding)) - 1
        while index >= 0 and sequence.sliding[index] != PASSED:
            self.sliding.drop(sequence.sliding[index], end=self._at_end(sequence, index))
            sequence.sliding[index] = PASSED
            index -= 1

    def _first_seen(self, position: int) -> int:
        """Index of the first sliding block that a query at `position` looks at."""
        return max(0, position - self.window + 1) // BLOCK

    def _at_end(self, sequence: Sequence, index: int) -> bool:
        """Whether sliding block `index` is needed by a prompt that starts at one of the ends."""
        return any(self._first_seen(end * BLOCK) <= index < end for end in sequence.ends)

    def _longest(self, names: list[bytes], known: int) -> int:
        """The most blocks, of `known` full ones, whose sliding blocks are here as well."""
        for shared in range(known, 0, -1):
            first = self._first_seen(shared * BLOCK)
            if all(
                self.sliding.find(names[i]) is not None for i in range(shared - 1, first - 1, -1)
            ):
                return shared
        return 0

    def _names(self, sequence: Sequence, count: int) -> list[bytes]:
        """Digests of the first `count` blocks. Not Python's hash: a prompt may be an attack."""
        names = sequence.names
        for index in range(len(names), count):
            tokens = array("i", sequence.tokens[index * BLOCK : (index + 1) * BLOCK])
            digest = hashlib.blake2b(names[-1] if names else b"", digest_size=16)
            digest.update(tokens.tobytes())
            names.append(digest.digest())
        return names


def blocks_for(positions: int) -> int:
    """Blocks that hold so many positions."""
    return -(-positions // BLOCK)


def most_sliding(window: int, step: int) -> int:
    """The most sliding blocks that one sequence holds while a step computes `step` positions."""
    return blocks_for(window - 1 + step - 1) + 1


def _held(pool: Pool, name: bytes) -> int:
    block = pool.find(name)
    assert block is not None  # the caller has just looked
    pool.hold(block)
    return block
