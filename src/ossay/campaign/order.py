"""The order in which an adaptive campaign runs its items: a shuffle from the plan's seed.

It is read off each item's own hash, so it cannot depend on results, on the other items or on the
machine, and whoever has the rows can find it again. Knows nothing of models.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from ossay.core.records import RunKey

Item = tuple[str, str, int, int]  # suite, task, seed, attempt


def item_of(key: RunKey) -> Item:
    """What a run asks, whichever model it asks."""
    return key.suite, key.task, key.seed, key.attempt


def shuffled(items: Iterable[Item], seed: int) -> tuple[Item, ...]:
    """Return the items in the order that `seed` gives them."""
    return tuple(sorted(items, key=lambda item: _place(item, seed)))


def _place(item: Item, seed: int) -> bytes:
    return hashlib.sha256(msgspec.json.encode((seed, *item))).digest()
