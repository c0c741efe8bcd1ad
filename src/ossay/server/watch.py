"""Ends an answer at once when nobody waits for it any more, or when the server must stop.

Knows nothing of what the answer is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from starlette.types import Receive

from ossay.server.body import Gone


class Line(Protocol):
    """A connection that can tell at once when its client has left."""

    left: Callable[[], None] | None

    @property
    def gone(self) -> bool:
        """Whether it has."""
        ...


class Watch:
    """While it is entered, a client that goes cancels this task.

    Its `line` tells of that, else `receive` is watched by a task. With neither only `stop` cancels
    it: somebody else reads the request. On leaving, a cancellation that came from here becomes the
    reason given: `Gone`, or what `stop` was called with.
    """

    def __init__(
        self, receive: Receive | None, among: set[Watch], line: Line | None = None
    ) -> None:
        self._receive = receive
        self._among = among
        self._line = line
        self._looking: asyncio.Task[None] | None = None
        self._why: Exception | None = None
        self._stopped = False

    def __enter__(self) -> Watch:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._among.add(self)
        if self._line is not None:
            self._line.left = self._hear
            if self._line.gone:
                self._hear()
        elif self._receive is not None:
            self._looking = asyncio.create_task(self._look(self._receive))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._among.discard(self)
        self.look_away()
        why, self._why = self._why, None
        if why is None:
            return
        self._task.uncancel()
        if isinstance(error, asyncio.CancelledError):
            try:
                raise why from None
            finally:
                # Else the reason and this frame hold each other, and all that was on its way.
                del why, error, at

    def stop(self, why: Exception) -> None:
        """Cancel the answer, which then ends with `why`."""
        if not self._stopped:
            self._stopped = True
            self._why = why
            self._task.cancel()

    def look_away(self) -> None:
        """Look for the client no longer: its answer is complete, and it may go."""
        if self._looking is not None:
            self._looking.cancel()
        line = self._line
        if line is not None and line.left == self._hear:  # the next request's may be there
            line.left = None

    def _hear(self) -> None:
        self.stop(Gone())

    async def _look(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._hear()
