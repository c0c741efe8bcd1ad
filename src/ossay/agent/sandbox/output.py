"""Keeping the beginning and the end of an output of any length in bounded memory.

Knows nothing of processes.
"""

from __future__ import annotations

KILL_FACTOR = 64  # a command that writes this many times what is kept is killed


class Capture:
    """Keeps 3/4 of `limit` bytes from the start and 1/4 from the end."""

    def __init__(self, limit: int) -> None:
        self.total = 0
        self.limit = limit
        self._head_limit = limit * 3 // 4
        self._tail_limit = limit - self._head_limit
        self._head = bytearray()
        self._tail = bytearray()

    @property
    def flooded(self) -> bool:
        """Whether far more came than is kept."""
        return self.total > KILL_FACTOR * self.limit

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        self.total += len(data)
        room = self._head_limit - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        if len(self._tail) > 2 * self._tail_limit:
            del self._tail[: len(self._tail) - self._tail_limit]

    def text(self) -> tuple[str, int]:
        """What was kept, undecodable bytes replaced, and how many bytes were left out."""
        surplus = max(0, len(self._tail) - self._tail_limit)
        cut = self.total - len(self._head) - len(self._tail) + surplus
        return bytes(self._head + self._tail[surplus:]).decode("utf-8", "replace"), cut
