"""Simulated campaigns of two models: which of them passed each item, in the order of the looks.

A world gives +1 where only A passes, -1 where only B does, 0 where they agree; shape [runs, items].
`bench/adaptive.py` follows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ossay.stats.sequential import SPREAD, Bet, boundary

Steps = Any  # int8 array, shape [runs, items]
_CHUNK = 1_000  # runs that are simulated at once


class Crossed(NamedTuple):
    """The item, from 1, at which each run decided (0: never), and +1 for A, -1 for B."""

    item: Any
    sign: Any


def crossed(steps: Steps, alpha: float = 0.05, bet: Bet = SPREAD) -> Crossed:
    """Look after every item, as `campaign.stopping` does."""
    up = np.cumsum(steps == 1, axis=1, dtype=np.int32)
    down = np.cumsum(steps == -1, axis=1, dtype=np.int32)
    bar = np.array(boundary(int((up + down).max(initial=0)), alpha, bet))[up + down]
    over_a, over_b = up >= bar, down >= bar
    over = over_a | over_b
    first = over.argmax(axis=1)
    hit = over.any(axis=1)
    sign = np.where(over_a[np.arange(len(first)), first], 1, -1)
    return Crossed(np.where(hit, first + 1, 0), np.where(hit, sign, 0))


class Tasks(NamedTuple):
    """Items of fixed tasks: the share on which only A, and only B, passes, and how many there are.

    They come in a fresh random order each run, or with `shuffled` False one task after the other.
    `late` items pass between the start of an item and its end, but for those that only A passes:
    these end at once, and the looks follow the ends.
    """

    name: str
    only_a: tuple[float, ...]
    only_b: tuple[float, ...]
    items: tuple[int, ...]
    shuffled: bool = True
    late: int = 0

    def steps(self, runs: int, rng: np.random.Generator) -> Iterator[Steps]:
        """Draw runs, a chunk at a time."""
        shares = [np.repeat(np.array(side), self.items) for side in (self.only_a, self.only_b)]
        place = np.arange(sum(self.items))
        for start in range(0, runs, _CHUNK):
            count = min(_CHUNK, runs - start)
            order = np.tile(place, (count, 1))
            if self.shuffled:
                order = rng.permuted(order, axis=1)
            u = rng.random(order.shape)
            a, b = shares[0][order], shares[1][order]
            steps = (u < a).astype(np.int8) - ((u >= a) & (u < a + b)).astype(np.int8)
            if self.late:
                ends = place + np.where(steps == 1, 0, self.late)
                steps = np.take_along_axis(steps, ends.argsort(axis=1, kind="stable"), axis=1)
            yield steps


class Drawn(NamedTuple):
    """Items of tasks that are themselves a sample: each run draws its own tasks.

    Of every task either A or B alone passes a share, by the toss of a coin: nobody is better over
    all tasks that could have been drawn, and somebody is over those that were.
    """

    name: str
    tasks: int
    each: int
    share: float

    def steps(self, runs: int, rng: np.random.Generator) -> Iterator[Steps]:
        """Draw runs, a chunk at a time."""
        for start in range(0, runs, _CHUNK):
            count = min(_CHUNK, runs - start)
            side = np.repeat(rng.choice([-1, 1], size=(count, self.tasks)), self.each, axis=1)
            hit = rng.random(side.shape) < self.share
            yield rng.permuted((side * hit).astype(np.int8), axis=1)


def level_worlds() -> list[Tasks]:
    """Worlds in which neither model is better on average over the plan's items."""
    return [
        Tasks("items alike", (0.1,), (0.1,), (1000,)),
        Tasks("nearly all items differ", (0.5,), (0.5,), (300,)),
        Tasks(
            "ten tasks, five for A and five for B", (0.35, 0.05) * 5, (0.05, 0.35) * 5, (50,) * 10
        ),
        Tasks("the same, outcomes certain", (1.0, 0.0) * 5, (0.0, 1.0) * 5, (50,) * 10),
        Tasks("20 items, 10 for A and 10 for B", (1.0, 0.0), (0.0, 1.0), (10, 10)),
        Tasks("few items sure for B, many rare for A", (0.0, 0.01), (1.0, 0.0), (10, 1000)),
        Tasks("some leaning to B, many rare for A", (0.4, 0.02), (0.6, 0.0), (50, 500)),
        Tasks("half leaning to B, half to A", (0.2, 0.5), (0.5, 0.2), (100, 100)),
        Tasks("one task of ten differs", (0.3, 0.0), (0.3, 0.0), (100, 900)),
    ]


def drawn_worlds(count: int, rng: np.random.Generator) -> list[Tasks]:
    """Populations at random in which neither is better on average; to look for a bad one."""
    worlds: list[Tasks] = []
    while len(worlds) < count:
        kinds = int(rng.integers(2, 6))
        items = np.exp(rng.uniform(np.log(3), np.log(200), kinds)).astype(int)
        a, b = rng.beta(0.4, 0.6, (2, kinds))
        a, b = a / np.maximum(1.0, a + b), b / np.maximum(1.0, a + b)
        ahead, behind = float(items @ a), float(items @ b)
        a, b = (a, b * ahead / behind) if ahead < behind else (a * behind / ahead, b)
        name = f"drawn {len(worlds) + 1}"
        worlds.append(Tasks(name, tuple(a), tuple(b), tuple(int(n) for n in items)))
    return worlds


def wrong_worlds() -> list[Tasks | Drawn]:
    """What a campaign must not do, or what its decision doesn't speak of."""
    return [
        # Both pass as often; 3 of 10 items that B alone fails break on its side instead.
        Tasks("(errors hide 3 of 10 failures of B)", (0.14,), (0.2,), (500,)),
        Tasks("(tasks one after the other)", (0.35, 0.05), (0.05, 0.35), (100, 100), False),
        Tasks("(looks in the order of ends)", (0.1,), (0.1,), (500,), True, late=64),
        Drawn("(about tasks not drawn, 10 of 50)", 10, 50, 0.3),
        Drawn("(about tasks not drawn, 100 of 5)", 100, 5, 0.3),
    ]
