"""One request over HTTP/1.1 and its answer, as it is read.

Knows nothing of sockets, and nothing of what is asked.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from ossay.core.errors import ModelCallError

UNREAD_BYTES = 1 << 20  # above this the server is made to wait
# How long the end of an answer may take once nobody needs it, so that its connection is kept.
_LINGER_S = 0.25


class Line(Protocol):
    """The connection that an answer comes over."""

    def go_on(self) -> None:
        """What was unread has been read."""
        ...

    def abort(self) -> None:
        """Drop the connection."""
        ...

    def give_up(self, exchange: Exchange) -> None:
        """Drop the connection if it still waits for the rest of that answer."""
        ...

    def late(self, exchange: Exchange) -> None:
        """Its deadline may have passed: see how much of it is left."""
        ...


class Exchange:
    """One request and its answer.

    Attributes:
        status: Of the answer, 0 until its head is there.
        headers: In lower case; of equal names the last.
        complete: Whether all of it came.
        kept: Whether it went over a connection that had been used before.
    """

    __slots__ = (
        "_connection",
        "_error",
        "_idle_since",
        "_is_due",
        "_parts",
        "_timer",
        "_unread",
        "_until",
        "_waiter",
        "complete",
        "headers",
        "heard",
        "kept",
        "status",
    )

    def __init__(self, connection: Line) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.complete = False
        self.kept = False
        self.heard = False
        self._connection: Line | None = connection
        self._parts: list[bytes] = []
        self._unread = 0
        self._error: ModelCallError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._until = 0.0
        self._idle_since: float | None = None
        self._is_due = False  # the deadline came while nobody waited

    @property
    def unheard(self) -> bool:
        """Whether the connection was lost before a single byte of an answer."""
        return not self.heard and self._error is not None and self._error.kind == "connection"

    async def begin(self) -> None:
        """Wait for the head. Raises `ModelCallError`."""
        while not self.status:
            if self._error is not None:
                raise self._error
            await self._wait()

    async def read(self) -> bytes:
        """Return what came; b'' after the last. Raises `ModelCallError` where it is cut off."""
        while not self._parts:
            if self.complete:
                return b""
            if self._error is not None:
                raise self._error
            await self._wait()
        return self._taken()

    async def whole(self, limit: int) -> bytes:
        """Return all of the body. Raises `ModelCallError`, also where it is longer than `limit`."""
        parts = []
        size = 0
        while data := await self.read():
            parts.append(data)
            size += len(data)
            if size > limit:
                raise ModelCallError("bad_response", f"the reply is longer than {limit:,} bytes")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Break off what has not come."""
        if self._connection is not None:
            self._connection.abort()

    def release(self) -> None:
        """Let the rest come, if it does so at once; nobody reads it."""
        connection = self._connection
        if connection is not None:
            asyncio.get_running_loop().call_later(_LINGER_S, connection.give_up, self)

    async def _wait(self) -> None:
        """Wait for more. Only such time counts: a slow reader is not the server's fault."""
        loop = asyncio.get_running_loop()
        if self._idle_since is not None:
            self._until += loop.time() - self._idle_since
            self._idle_since = None
        self._waiter = loop.create_future()
        if self._is_due and self._connection is not None:
            self._is_due = False
            self._connection.late(self)
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._idle_since = loop.time()

    def _taken(self) -> bytes:
        parts = self._parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        if self._unread > UNREAD_BYTES and self._connection is not None:
            self._connection.go_on()
        self._unread = 0
        return data

    # What the connection says.

    def bound(self, until: float, timer: asyncio.TimerHandle) -> None:
        """It has a deadline, by the loop's time; the end takes the timer back."""
        self._until, self._timer = until, timer

    def left_s(self, now: float) -> float | None:
        """Seconds for which it may still be waited; None while nobody waits: `late` comes later."""
        if self._waiter is None:
            self._is_due = True
            return None
        return self._until - now

    def add(self, data: bytes) -> int:
        """A part of the body came; returns how many bytes nobody has read."""
        self._parts.append(data)
        self._unread += len(data)
        return self._unread

    def end(self, error: ModelCallError | None) -> None:
        """It is over, well or not; the connection is no longer this exchange's."""
        self._connection = None
        self._error = error
        self.complete = error is None
        if self._timer is not None:
            self._timer.cancel()
        self.wake()

    def wake(self) -> None:
        """Something came."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
