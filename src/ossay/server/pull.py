"""Taking what is ready from an async iterator: `Pull`.

`async for` hands over one item at a time, and a send for each would cost more than the item. A
`Pull` steps the iterator by hand until it would wait, and waits only where nothing is ready yet. No
task, no queue. Knows nothing of what the items are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator
from typing import Any, Generic, TypeVar

from ossay.core.stepping import driven

T = TypeVar("T")

MOST = 64  # items at once; then others get their turn


class Pull(Generic[T]):
    """Awaited, it gives the items that are ready, at least one; [] at the end.

    `aclose` it when done: the iterator may be in the middle of a step.
    """

    def __init__(self, items: AsyncIterator[T]) -> None:
        self._items = items
        # A step that waits, and what it waits for; kept while ready items are handed over.
        self._step: Generator[Any, Any, T] | None = None
        self._awaited: Any = None
        self._error: Exception | None = None

    def __await__(self) -> Generator[Any, Any, list[T]]:
        """Return what is ready. Raises what the iterator raises, after the items before it."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        ready: list[T] = []
        while len(ready) < MOST:
            try:
                if self._step is None:
                    self._step = self._items.__anext__().__await__()
                    self._awaited = self._step.send(None)
                if ready:
                    return ready
                ready.append((yield from self._wait(self._step)))
                self._step = None
            except StopIteration as stop:
                self._step = None
                ready.append(stop.value)
            except StopAsyncIteration:
                self._step = None
                return ready
            except Exception as error:
                self._step = None
                if not ready:
                    raise
                self._error = error
                return ready
            except BaseException:
                self._step = None
                raise
        yield from asyncio.sleep(0).__await__()
        return ready

    async def aclose(self) -> None:
        """End the iterator, in the middle of a step or not.

        A cancellation of the caller waits until the step has cleaned up.
        """
        step, self._step = self._step, None
        try:
            if step is not None:
                await _Ended(step, self._awaited)
        finally:
            close = getattr(self._items, "aclose", None)
            if close is not None:
                await close()

    def _wait(self, step: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """Wait on behalf of a step until it has its item."""
        return (yield from driven(step, self._awaited))


class _Ended:
    """Cancels a step that waits, as its own task would, and lets it clean up."""

    def __init__(self, step: Generator[Any, Any, Any], awaited: Any) -> None:
        self._step = step
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, None]:
        task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()
        try:
            awaited = self._awaited
            # What is cancelled tells the step itself, once it has ended.
            if awaited is None or not awaited.cancel():
                awaited = self._step.throw(asyncio.CancelledError())
            yield from driven(self._step, awaited)
        except (StopIteration, StopAsyncIteration):
            pass
        except asyncio.CancelledError:
            if task.cancelling() > before:
                raise
        if task.cancelling() > before:  # the step has swallowed what was the caller's
            raise asyncio.CancelledError
