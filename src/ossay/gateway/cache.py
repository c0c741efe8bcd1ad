"""Cache: whole answers that may be given again, bounded in bytes, each until its time is over.

One that an audit finds wrong is forgotten, whichever time it was given, and is not taken in where
the audit was sooner. Knows nothing of which may be kept: `cached` does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from msgspec import Struct

from ossay.core.decision import Audit, Decision, Entry, canonical
from ossay.core.types import Reply

MOST_BYTES = 64 << 20  # of all answers that one process keeps
_MOST_ONE = 1 << 20
_ABOUT = 1_024  # bytes that an entry takes besides its texts
_MOST_IDS = 4_096  # more than audits that are on their way at once


class Kept(Struct, frozen=True):
    """An answer, the decision that made it, its bytes, and until when it may be given again."""

    reply: Reply
    decision: Decision
    size: int
    until: float


class Cache:
    """Answers by key, the one used longest ago let go first. One for all routes of a process.

    Args:
        monotonic: Returns seconds that only go up.
        most: Bytes of all answers.
    """

    def __init__(self, monotonic: Callable[[], float], most: int = MOST_BYTES) -> None:
        self._monotonic = monotonic
        self._most = most
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._of: dict[str, str] = {}  # decision -> key
        self._again: OrderedDict[str, str] = OrderedDict()  # decision -> the one it repeats
        self._wrong: OrderedDict[str, None] = OrderedDict()  # decisions found wrong
        self.size = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str) -> Kept | None:
        """Return what is kept under a key, None for nothing or what is too old."""
        kept = self._kept.get(key)
        if kept is not None and kept.until <= self._monotonic():
            self._drop(key)
            kept = None
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def put(self, key: str, reply: Reply, decision: Decision, seconds: float) -> None:
        """Keep an answer for so long, unless it was found wrong already."""
        if decision.id in self._wrong:
            return
        size = len(canonical(reply)) + len(canonical(decision)) + _ABOUT
        if size > min(_MOST_ONE, self._most):
            return
        self._drop(key)
        self._kept[key] = Kept(reply, decision, size, self._monotonic() + seconds)
        self._of[decision.id] = key
        self.size += size
        while self.size > self._most:
            self._drop(next(iter(self._kept)))

    def repeat(self, kept: Kept, id: str) -> None:
        """Say that a decision of that id gives this answer again, and is to be audited."""
        self._again[id] = kept.decision.id
        if len(self._again) > _MOST_IDS:
            self._again.popitem(last=False)

    def hear(self, entry: Entry) -> None:
        """Forget the answer that an audit found wrong."""
        if not isinstance(entry, Audit):
            return
        of = self._again.pop(entry.of, entry.of)
        if not entry.wrong:
            return
        if of in self._of:
            self._drop(self._of[of])
        self._wrong[of] = None
        if len(self._wrong) > _MOST_IDS:
            self._wrong.popitem(last=False)

    def _drop(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.size -= kept.size
            self._of.pop(kept.decision.id, None)
