"""Responses that were answered, kept in memory: for the next turn, to be read, to be deleted.

What was used least lately goes first. Knows nothing of HTTP, and nothing of a process before this
one: after a restart nothing is kept. Any thread may ask: long bodies are read beside the loop.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from sys import getsizeof
from typing import Any

from msgspec import Struct

from ossay.core.types import Message


class Stored(Struct, frozen=True):
    """One response.

    Attributes:
        body: Its JSON.
        messages: What was asked and answered, instructions left out: they bind one turn only.
        items: What came out, as it is in the body.
        size: Bytes that all this counts as.
    """

    body: bytes
    messages: tuple[Message, ...]
    items: tuple[Mapping[str, Any], ...]
    size: int


class Store:
    """Keeps at most `capacity` responses and `capacity_bytes`.

    A conversation counts whole with each of its responses, though they share their messages: the
    bound holds also when only the last of them is left.
    """

    def __init__(self, capacity: int = 10_000, capacity_bytes: int = 256 << 20) -> None:
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._kept: OrderedDict[str, Stored] = OrderedDict()
        self._owners: dict[str, str] = {}  # item id -> response id
        self._lock = threading.Lock()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def put(
        self,
        id: str,
        body: bytes,
        messages: tuple[Message, ...],
        items: Sequence[Mapping[str, Any]],
    ) -> None:
        """Keep a response; one that is larger than the whole store is not kept."""
        size = 3 * len(body) + sum(map(_size, messages))  # the items are about twice their JSON
        with self._lock:
            self._drop(id)
            if size > self._capacity_bytes:
                return
            self._kept[id] = Stored(body, messages, tuple(items), size)
            self._owners.update((item["id"], id) for item in items)
            self.bytes += size
            while len(self._kept) > self._capacity or self.bytes > self._capacity_bytes:
                self._drop(next(iter(self._kept)))

    def find(self, id: str) -> Stored | None:
        """Return a response, or None."""
        with self._lock:
            stored = self._kept.get(id)
            if stored is not None:
                self._kept.move_to_end(id)
            return stored

    def item(self, id: str) -> Mapping[str, Any] | None:
        """Return an item of some response, or None."""
        stored = self.find(self._owners.get(id, ""))
        items = stored.items if stored is not None else ()
        return next((item for item in items if item["id"] == id), None)

    def remove(self, id: str) -> bool:
        """Forget a response; whether it was there."""
        with self._lock:
            return self._drop(id)

    def _drop(self, id: str) -> bool:
        stored = self._kept.pop(id, None)
        if stored is None:
            return False
        self.bytes -= stored.size
        for item in stored.items:
            self._owners.pop(item["id"], None)
        return True


def _size(message: Message) -> int:
    """Bytes that a message takes, about."""
    calls = sum(getsizeof(call.arguments) + 300 for call in message.tool_calls)
    return getsizeof(message.content) + getsizeof(message.reasoning) + calls + 200
