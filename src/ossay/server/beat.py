"""A sign of life on a stream that has been silent, and an end to one that nobody reads.

The sign is an SSE comment, which clients skip.

Knows nothing of what the stream says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.types import Send

# Proxies and clients give up on a connection that is silent for about a minute.
QUIET_S = 15.0
# Looks in a row that find the same event still on its way: a minute in which nothing was read.
_STUCK = 4
_PING = b": ping\n\n"


class Beat:
    """Looks every `quiet_s` seconds whether anything was sent since it last looked.

    Args:
        send: Of the stream.
        give_up: Called once the client has read nothing for a minute.
        quiet_s: As above.

    Attributes:
        sending: Set while an event is on its way; set back afterwards.
    """

    def __init__(self, send: Send, give_up: Callable[[], None], quiet_s: float = QUIET_S) -> None:
        self._send = send
        self._give_up = give_up
        self._stuck = 0
        self._quiet_s = quiet_s
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._pinging: asyncio.Task[None] | None = None
        self._sent = True
        self._sending = False

    @property
    def sending(self) -> bool:
        """Whether an event is on its way."""
        return self._sending

    @sending.setter
    def sending(self, value: bool) -> None:
        self._sending = value
        self._sent = True

    def start(self) -> None:
        """Begin to look."""
        self._timer = self._loop.call_later(self._quiet_s, self._look)

    def stop(self) -> None:
        """Stop looking; a ping on its way is dropped."""
        if self._timer is not None:
            self._timer.cancel()
        if self._pinging is not None:
            self._pinging.cancel()

    def _look(self) -> None:
        busy = self._sending or self._pinging is not None
        self._stuck = self._stuck + 1 if busy and not self._sent else 0
        if self._stuck >= _STUCK:
            self._give_up()
            return
        if not self._sent and not busy:
            self._pinging = self._loop.create_task(self._ping())
        self._sent = False
        self.start()

    async def _ping(self) -> None:
        await self._send({"type": "http.response.body", "body": _PING, "more_body": True})
        self._pinging = None
