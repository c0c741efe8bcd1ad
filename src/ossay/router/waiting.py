"""Waiting: the next of a stream, awaited under a deadline of which only the model's time counts.

Whoever awaits it may let it stand half way, as `server.pull` does while it sends what is ready to a
client that reads slowly. A timeout of asyncio's would count that as well, and cancel the sending.
So the step is taken by hand, and what the deadline cancels is what the model itself waits for.
Knows nothing of what comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator
from typing import Any, Generic, TypeVar

from ossay.core.stepping import driven
from ossay.router.deadline import Deadline

T = TypeVar("T")


class Waiting(Generic[T]):
    """Await it once. Raises `TimeoutError`, `StopAsyncIteration`, and what the stream raises."""

    __slots__ = ("_awaited", "_deadline", "_is_late", "_items", "_stands")

    def __init__(self, items: AsyncIterator[T], deadline: Deadline) -> None:
        self._items = items
        self._deadline = deadline
        self._awaited: asyncio.Future[Any] | None = None
        self._stands = False  # on what the step waits for
        self._is_late = False

    def __await__(self) -> Generator[Any, Any, T]:
        """Return the next item."""
        step = self._items.__anext__().__await__()
        task = asyncio.current_task()
        before = task.cancelling() if task is not None else 0
        try:
            awaited = step.send(None)
            return (yield from driven(step, awaited, self._one))
        except StopIteration as stop:  # it did not have to wait
            item: T = stop.value
            return item
        except asyncio.CancelledError:
            if self._is_late and (task is None or task.cancelling() <= before):
                raise TimeoutError from None
            raise

    def _one(self, awaited: asyncio.Future[Any] | None) -> Generator[Any, Any, Any]:
        """Wait for what the step waits for; None is a turn of the loop."""
        if self._is_late:  # it cleans up
            return (yield awaited)
        deadline, loop = self._deadline, asyncio.get_running_loop()
        self._awaited, self._stands = awaited, True
        if awaited is None:
            loop.call_soon(self._came)
        else:
            awaited.add_done_callback(self._came)
        timer = loop.call_later(deadline.left_s, self._cut)
        try:
            sent = yield awaited
        finally:
            timer.cancel()
            if awaited is not None:
                awaited.remove_done_callback(self._came)
            self._awaited, self._stands = None, False
            deadline.take_back()
        if awaited is None and deadline.left_s <= 0.0:
            self._is_late = True
            raise asyncio.CancelledError
        return sent

    def _came(self, _future: asyncio.Future[Any] | None = None) -> None:
        """What the step waited for is there: from here on it waits for whoever awaits it."""
        if self._stands and not self._is_late:
            self._deadline.give()

    def _cut(self) -> None:
        awaited = self._awaited
        if awaited is not None and not awaited.done():
            self._is_late = True
            awaited.cancel()
