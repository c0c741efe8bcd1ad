"""One answer on its way out: deltas from the model, bytes to the client.

Nothing is sent before the model's first delta, so that what is refused gets its status. Knows
nothing of any API: an `Encoder` writes the bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing

from starlette.types import Send

from ossay.core.errors import ModelCallError
from ossay.core.types import Delta, Reply
from ossay.server.beat import Beat
from ossay.server.errors import ApiError
from ossay.server.pull import Pull
from ossay.server.respond import Headers, send_body
from ossay.server.wire import Encoder

_STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back
]


class Answer:
    """Writes what comes back from the model.

    Attributes:
        begun: Whether a status went out; after that an error is an event of the stream.
        reply: The whole reply, once it is there.
        first_at: When the first piece of text came, by the clock given.
        over: Whether the last event, or the whole body, is out; whatever comes then is no failure.
        give_up: Called where the client has stopped reading.
        ended: Called once it is over: nobody is to look for the client any more.
    """

    def __init__(
        self, encoder: Encoder, send: Send, headers: Headers, clock: Callable[[], float]
    ) -> None:
        self._encoder = encoder
        self._send = send
        self._headers = headers
        self._beat = Beat(send, lambda: self.give_up())
        self._clock = clock
        self.give_up: Callable[[], None] = lambda: None
        self.ended: Callable[[], None] = lambda: None
        self.begun = False
        self.reply: Reply | None = None
        self.first_at: float | None = None
        self.over = False

    async def whole(self, deltas: AsyncIterator[Delta]) -> None:
        """Collect the reply and send it in one body."""
        async with aclosing(Pull(deltas)) as pull:
            while self.reply is None and (batch := await pull):
                self._look(batch)
            body = self._encoder.whole(self._replied())
            self.begun = True
            await send_body(self._send, 200, body, headers=self._headers)
            self._end()

    async def stream(self, deltas: AsyncIterator[Delta]) -> None:
        """Send events as they come."""
        async with aclosing(Pull(deltas)) as pull:
            batch = await pull
            if not batch:
                self._replied()
            await self._begin()
            head = self._encoder.begin()
            piece = self._encoder.piece
            try:
                self._beat.start()
                while batch:
                    self._look(batch)
                    data = head + b"".join(map(piece, batch))
                    if self.reply is not None:
                        await self._event(data + self._encoder.end(self.reply), more=False)
                        self._end()
                        return
                    if data:
                        await self._event(data)
                    head = b""
                    batch = await pull
            finally:
                self._beat.stop()
        self._replied()

    async def fail(self, error: ApiError) -> None:
        """End a stream that had begun."""
        await self._event(self._encoder.failed(error), more=False)
        self._end()

    def _look(self, batch: Sequence[Delta]) -> None:
        last = batch[-1]
        if last.reply is not None:
            self.reply = last.reply
        if self.first_at is None and any(d.content or d.reasoning or d.tool_call for d in batch):
            self.first_at = self._clock()

    def _end(self) -> None:
        self.over = True
        self.ended()

    def _replied(self) -> Reply:
        if self.reply is None:
            raise ModelCallError("cut_off", "the model's answer ended without a reply")
        return self.reply

    async def _begin(self) -> None:
        self.begun = True
        headers = [*_STREAM_HEADERS, *self._headers]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def _event(self, data: bytes, *, more: bool = True) -> None:
        self._beat.sending = True
        await self._send({"type": "http.response.body", "body": data, "more_body": more})
        self._beat.sending = False
