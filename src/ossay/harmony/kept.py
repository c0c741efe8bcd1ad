"""The tokens of turns that were generated, so that history is what the model wrote.

Found by what the client sends back: content and calls, the arguments by their JSON value, since
clients write them anew. Calls have ids that no other conversation has, so their turn comes back
whole, with the reasoning that the client left out. Equal answers are given in many conversations,
so of a turn without calls only the answer comes back. Knows nothing of how a prompt is put
together.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from ossay.core.types import Message
from ossay.harmony.generated import read_turn
from ossay.harmony.types import HarmonyMessage
from ossay.harmony.vocabulary import Vocabulary

_Key = tuple[str, tuple[tuple[str, str, str], ...]]


class Kept:
    """The turns that were used last, up to so many tokens in all. Any thread may use it."""

    def __init__(self, capacity_tokens: int = 4_000_000) -> None:
        self._capacity = capacity_tokens
        self._turns: OrderedDict[_Key, _Turn] = OrderedDict()
        self._tokens = 0
        self._lock = threading.Lock()

    def remember(self, message: Message, ids: Sequence[int]) -> None:
        """Keep a turn: `ids` as generated, from after `<|start|>assistant` to its last token."""
        if not ids or len(ids) > self._capacity:
            return
        key = _key(message)
        with self._lock:
            self._forget(key)
            self._turns[key] = _Turn(message, tuple(ids))
            self._tokens += len(ids)
            while self._tokens > self._capacity:
                self._forget(next(iter(self._turns)))

    def find(self, message: Message, vocabulary: Vocabulary) -> tuple[HarmonyMessage, ...] | None:
        """Return the messages of a turn with their tokens.

        None of a turn that is unknown or was edited, that is not formed as the format has it, or
        whose tokens do not say what its message says. Without calls the reasoning is left out.
        """
        key = _key(message)
        with self._lock:
            turn = self._turns.get(key)
            if turn is None:
                return None
            self._turns.move_to_end(key)
        if message.tool_calls and message.reasoning not in ("", turn.message.reasoning):
            return None
        if turn.read is None:  # two threads that read it read the same
            turn.read = read_turn(turn.message, turn.ids, vocabulary) or ()
        return turn.read or None

    def tokens(self, message: Message) -> int:
        """Return how many tokens are kept of a turn, 0 of an unknown one."""
        if message.role != "assistant":
            return 0
        with self._lock:
            turn = self._turns.get(_key(message))
        return 0 if turn is None else len(turn.ids)

    def _forget(self, key: _Key) -> None:
        turn = self._turns.pop(key, None)
        if turn is not None:
            self._tokens -= len(turn.ids)


class _Turn:
    """A turn that was generated. `read`: its messages; () of one that cannot be used."""

    __slots__ = ("ids", "message", "read")

    def __init__(self, message: Message, ids: tuple[int, ...]) -> None:
        self.message = message
        self.ids = ids
        self.read: tuple[HarmonyMessage, ...] | None = None


def _key(message: Message) -> _Key:
    return message.content, tuple((c.id, c.name, _value(c.arguments)) for c in message.tool_calls)


def _value(arguments: str) -> str:
    """Write a JSON value in the one way; what has no plain value is left as it is."""
    try:
        value = json.loads(arguments, object_pairs_hook=_object, parse_constant=_no_number)
        return json.dumps(value, sort_keys=True, allow_nan=False)
    except (ValueError, RecursionError):
        return arguments


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
