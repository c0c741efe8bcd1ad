"""Whose tokens are computed next: continuous batching with chunked prefill.

A step holds at most `step_tokens` tokens: first one for each sequence that is generating, then
pieces of prompts in order of arrival. Beside sequences that are generating, prompts get no more
than `beside_tokens` of a step, lest those wait long for their next token. New sequences enter in
order of arrival, none overtakes. Where blocks run out the youngest running sequence gives its own
back and is computed again later (its tokens are kept), so the oldest always goes on and nothing
waits for ever.

Knows nothing of threads, of time, or of how a token is chosen.
"""

from __future__ import annotations

from bisect import insort

import numpy as np
from msgspec import Struct

from ossay.engine.batch import Batch
from ossay.engine.cache import Cache, blocks_for, most_sliding
from ossay.engine.sequence import Sequence


class Part(Struct, frozen=True):
    """What a step does for one sequence: `count` tokens; its logits are rows[first:last]."""

    sequence: Sequence
    count: int
    first: int
    last: int


class Step(Struct, frozen=True):
    """A batch and whose it is."""

    batch: Batch
    parts: tuple[Part, ...]


class Scheduler:
    """Sequences that wait and that run, and the cache whose blocks they hold."""

    def __init__(
        self, cache: Cache, *, max_sequences: int, step_tokens: int, beside_tokens: int = 64
    ) -> None:
        """Raise ValueError where the oldest sequence might not get on.

        `step_tokens` must be above `max_sequences`, `beside_tokens` above 0, and the cache must
        hold one whole step.
        """
        if step_tokens <= max_sequences:
            raise ValueError(
                f"step_tokens={step_tokens!r} must be above max_sequences={max_sequences!r}, "
                "or prompts would starve"
            )
        if beside_tokens < 1:
            raise ValueError(
                f"beside_tokens={beside_tokens!r} must be 1 or more, or prompts would starve"
            )
        if cache.sliding.size < most_sliding(cache.window, step_tokens):
            raise ValueError(
                f"{cache.sliding.size!r} sliding blocks cannot hold a step of {step_tokens!r} "
                f"tokens with a window of {cache.window!r}: "
                f"{most_sliding(cache.window, step_tokens)} are needed"
            )
        self.cache = cache
        self.max_sequences = max_sequences
        self.step_tokens = step_tokens
        self.beside_tokens = beside_tokens
        self.waiting: list[Sequence] = []  # oldest first, both
        self.running: list[Sequence] = []
        self.preemptions = 0

    def add(self, sequence: Sequence) -> None:
        """Queue a sequence that the cache can hold at its limit."""
        if blocks_for(sequence.limit) > self.cache.full.size:
            raise ValueError(f"a sequence of {sequence.limit!r} tokens can never fit the cache")
        insort(self.waiting, sequence, key=_number)

    def end(self, sequence: Sequence) -> None:
        """Take a sequence out, wherever it stands; its blocks are free. Harmless when repeated."""
        if sequence.state == "ended":
            return
        (self.running if sequence.state == "running" else self.waiting).remove(sequence)
        self.cache.release(sequence)
        sequence.state = "ended"

    def plan(self) -> Step | None:
        """Choose the next step and take the blocks for it; None where there is nothing to do."""
        before = self.preemptions
        counts: dict[int, int] = {}  # tokens by sequence number
        room = self.step_tokens
        ordered = [s for s in self.running if s.pending == 1]
        if ordered:
            room = min(room, len(ordered) + self.beside_tokens)
        ordered += [s for s in self.running if s.pending > 1]
        for sequence in ordered:
            count = min(sequence.pending, room)
            if sequence.state != "running" or count == 0:
                continue  # it lost its blocks to an older one a moment ago, or must wait a step
            while not self.cache.extend(sequence, sequence.computed + count):
                victim = self.running[-1]
                self._preempt(victim)
                room += counts.pop(victim.number, 0)
                if victim is sequence:
                    break
            else:
                counts[sequence.number] = count
                room -= count
        if self.preemptions == before:  # else what was given up would be taken back at once
            self._admit(counts, room)
        chosen = [(s, counts[s.number]) for s in self.running if s.number in counts]
        return _step(chosen) if chosen else None

    def computed(self, step: Step) -> None:
        """Note that a step's keys and values are in the cache."""
        for part in step.parts:
            if part.sequence.state == "running":
                part.sequence.computed += part.count
                self.cache.settle(part.sequence)

    def _admit(self, counts: dict[int, int], room: int) -> None:
        while self.waiting and len(self.running) < self.max_sequences and room > 0:
            sequence = self.waiting[0]
            if not sequence.scoring:  # a scoring one wants the logits of every token
                self.cache.adopt(sequence)
            count = min(sequence.pending, room)
            # Room for the whole prompt, not for its first piece only: else prompts that cannot
            # all stay would throw each other out in turn.
            whole = blocks_for(len(sequence.tokens)) - len(sequence.full)
            if whole > self.cache.full.free or not self.cache.extend(
                sequence, sequence.computed + count
            ):
                self.cache.release(sequence)
                return
            if sequence.cached is None:
                sequence.cached = sequence.computed
            del self.waiting[0]
            insort(self.running, sequence, key=_number)
            sequence.state = "running"
            counts[sequence.number] = count
            room -= count

    def _preempt(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        self.cache.release(sequence)
        sequence.state = "waiting"
        sequence.preempted += 1
        self.preemptions += 1
        insort(self.waiting, sequence, key=_number)


def _number(sequence: Sequence) -> int:
    return sequence.number


def _step(chosen: list[tuple[Sequence, int]]) -> Step:
    """Lay the chosen tokens end to end."""
    tokens: list[int] = []
    starts = [0]
    positions: list[np.ndarray[tuple[int], np.dtype[np.int32]]] = []
    wanted: list[int] = []
    parts: list[Part] = []
    for sequence, count in chosen:
        upto = sequence.computed + count
        tokens += sequence.tokens[sequence.computed : upto]
        positions.append(np.arange(sequence.computed, upto, dtype=np.int32))
        starts.append(len(tokens))
        first = len(wanted)
        if sequence.scoring:
            wanted += range(starts[-2], starts[-1])
        elif upto == len(sequence.tokens):
            wanted.append(starts[-1] - 1)
        parts.append(Part(sequence, count, first, len(wanted)))
    batch = Batch(
        tokens=np.array(tokens, np.int32),
        positions=np.concatenate(positions),
        starts=np.array(starts, np.int32),
        full_blocks=_table([s.full for s, _ in chosen]),
        sliding_blocks=_table([s.sliding for s, _ in chosen]),
        wanted=np.array(wanted, np.int32),
    )
    return Step(batch, tuple(parts))


def _table(rows: list[list[int]]) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    table = np.full((len(rows), max(map(len, rows))), -1, np.int32)
    for index, row in enumerate(rows):
        table[index, : len(row)] = row
    return table
