"""Tokens from the engine's thread to an event loop, with one wake-up a step for all streams.

Waking a loop costs a system call and a fight for the interpreter, so a token alone does not: it is
put into its stream's box, and the engine's step, once over, wakes the loop if any box was filled.
Knows nothing of what the tokens mean.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress

from ossay.engine import Engine, Handle, Token


class Box:
    """The tokens of one sequence that its stream has not taken yet.

    Attributes:
        expired: Whether the stream's time is over.
    """

    __slots__ = ("_delivery", "_ended", "_marked", "_tokens", "_waiter", "expired")

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._tokens: deque[int] = deque()
        self._ended = False
        self._marked = False
        self._waiter: asyncio.Future[None] | None = None
        self.expired = False

    def put(self, token: Token) -> None:
        """Take a token, in the engine's thread."""
        self._tokens.append(token.id)
        self._mark()

    def end(self, _handle: Handle) -> None:
        """Note that no token follows, in the engine's thread."""
        self._ended = True
        self._mark()

    async def take(self) -> list[int]:
        """Wait for tokens and return all that are there; [] at the end, or once `expired`."""
        while not self._tokens and not self._ended and not self.expired:
            self._waiter = self._delivery.loop.create_future()
            await self._waiter
        taken = []
        with suppress(IndexError):  # the engine's thread may append meanwhile
            while True:
                taken.append(self._tokens.popleft())
        return taken

    def expire(self) -> None:
        """Wake the stream: its time is over. In the loop's thread."""
        self.expired = True
        self.wake()

    def wake(self) -> None:
        """Let the stream look, in the loop's thread."""
        self._marked = False  # first: what is put from here on marks the box again
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _mark(self) -> None:
        if not self._marked:
            self._marked = True
            self._delivery.filled.append(self)


class Delivery:
    """The boxes of one event loop. `flush` is called after each step of the engine."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.filled: deque[Box] = deque()
        self._waking = False

    def box(self) -> Box:
        """Return the box of a new stream."""
        return Box(self)

    def flush(self) -> None:
        """Wake the loop where a box was filled, in the engine's thread."""
        if self.filled and not self._waking:
            self._waking = True
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                self.loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._waking = False
        with suppress(IndexError):
            while True:
                self.filled.popleft().wake()


class Deliveries:
    """One delivery for each event loop that asks, fed by one engine."""

    def __init__(self, engine: Engine) -> None:
        self._by_loop: dict[asyncio.AbstractEventLoop, Delivery] = {}
        self._adding = threading.Lock()  # loops of several threads may come at once
        engine.watch(self._flush)

    def here(self) -> Delivery:
        """Return the running loop's."""
        loop = asyncio.get_running_loop()
        found = self._by_loop.get(loop)
        if found is None:
            found = Delivery(loop)
            with self._adding:
                # A new dict, since the engine's thread may be walking the old one.
                open_ = {at: d for at, d in self._by_loop.items() if not at.is_closed()}
                self._by_loop = {**open_, loop: found}
        return found

    def _flush(self) -> None:
        for delivery in self._by_loop.values():
            delivery.flush()
