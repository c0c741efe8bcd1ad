"""In which order a rater sees answers: at random, each rater another, the same after a restart.

Knows nothing of answers but their runs' ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence


def order_of(runs: Iterable[str], *, rater: str, seed: int) -> list[str]:
    """Return the runs in the rater's order. One that comes later changes no other's order."""
    return sorted(runs, key=lambda run: _drawn(run, rater, seed))


def beside(runs: Sequence[str], first: str, *, rater: str, seed: int, most: int) -> list[str]:
    """Return the runs to show beside `first`, itself among them, in an order that names no model.

    All of `runs` fall into groups of at most so many, as even as can be: whichever of a group is
    asked for, the same ones are shown.
    """
    order = order_of(runs, rater=f"{rater}\0beside", seed=seed)
    groups = -(-len(order) // most)
    parts = [order[number::groups] for number in range(groups)]
    return next(part for part in parts if first in part)


def next_open(order: Sequence[str], rated: Iterable[str], *, after: str = "") -> str | None:
    """Return the first run that is not rated, looking from `after` on and then from the start."""
    done = set(rated)
    start = order.index(after) + 1 if after in order else 0
    return next((run for run in (*order[start:], *order[:start]) if run not in done), None)


def _drawn(run: str, rater: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\0{rater}\0{run}".encode("utf-8", "replace")).digest()
