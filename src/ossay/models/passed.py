"""Answers in bytes, read along on the way: a whole body, or a stream of events.

Of a stream whole events are given, each written anew, so that a caller never sees half of one.
Knows nothing of the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from ossay.core.errors import ModelCallError
from ossay.core.types import Message, Reply, Timing, Usage
from ossay.models import failures
from ossay.models.assembly import Assembly
from ossay.models.chunks import Chunk, WireUsage, as_usage, decode_chunk
from ossay.models.clock import Clock
from ossay.models.h1_exchange import Exchange
from ossay.models.sse import EventParser

if TYPE_CHECKING:
    from ossay.models.passing import Passage

EVENTS = "text/event-stream"
JSON = "application/json"
_DONE = b"data: [DONE]\n\n"


class _Counted(Struct):
    """What is read of an answer that is no chat."""

    model: str = ""
    usage: WireUsage | None = None
    error: Any = None


_COUNTED = msgspec.json.Decoder(_Counted)


class PassedWhole:
    """An answer in one body, see `core.model.Passed`."""

    content_type = JSON
    streamed = False

    def __init__(self, passage: Passage, exchange: Exchange, began: float, *, chat: bool) -> None:
        self._passage = passage
        self._exchange = exchange
        self._began = began
        self._chat = chat
        self.began = self.acted = False
        self.reply: Reply | None = None

    async def read(self) -> bytes:
        """Return the body, then nothing."""
        if self.reply is not None:
            return b""
        failure: ModelCallError
        passage = self._passage
        try:
            body = await self._exchange.whole(passage.max_reply_bytes)
            self.reply = self._read(body)
        except ModelCallError as error:
            failure = error
        else:
            return body
        self.close()
        failure.status = 200
        try:
            raise passage.cleaned(failure)
        finally:
            del failure  # else it and this frame would hold each other

    def close(self) -> None:
        """Break it off."""
        self._exchange.close()

    def _read(self, body: bytes) -> Reply:
        passage = self._passage
        if not self._chat:
            message, usage, model = _counted(body)
            return Reply(message, usage, _timing(passage.clock, self._began), model=model)
        assembly = Assembly()
        assembly.add(body)
        reply = _reply(assembly, passage, self._began)
        self.began, self.acted = assembly.told.began, assembly.acted
        return reply


class PassedStream:
    """An answer as events, see `core.model.Passed`."""

    content_type = EVENTS
    streamed = True

    def __init__(
        self, passage: Passage, exchange: Exchange, began: float, *, show_usage: bool
    ) -> None:
        self._passage = passage
        self._exchange = exchange
        self._began = began
        self._show_usage = show_usage
        self._assembly = Assembly()
        self._parser = EventParser()
        self._first_s: float | None = None
        self.reply: Reply | None = None

    @property
    def began(self) -> bool:
        """See `core.model.Passed`."""
        return self._assembly.told.began

    @property
    def acted(self) -> bool:
        """See `core.model.Passed`."""
        return self._assembly.acted

    async def read(self) -> bytes:
        """Return the events that came."""
        if self.reply is not None:
            return b""
        failure: ModelCallError
        try:
            while True:
                data = await self._came()
                said = self._events(self._parser.feed(data) if data else self._parser.close())
                if not data and self.reply is None:
                    said += self._ended()
                if said:
                    return said
        except ModelCallError as error:
            failure = error
        self.close()
        failure.began, failure.acted, failure.status = self.began, self.acted, 200
        try:
            raise self._passage.cleaned(failure)
        finally:
            del failure  # else it and this frame would hold each other

    def close(self) -> None:
        """Break it off; what is at its end keeps its connection."""
        if self.reply is not None:
            self._exchange.release()
        else:
            self._exchange.close()

    async def _came(self) -> bytes:
        try:
            return await self._exchange.read()
        except ModelCallError:
            if self._assembly.complete:
                return b""  # whole, but for the count of tokens
            raise

    def _events(self, events: list[bytes]) -> bytes:
        """Read events along and write them anew. Raises `ModelCallError`."""
        assembly = self._assembly
        said = []
        for event in events:
            if event == b"[DONE]":
                assembly.add(event)
                said.append(self._ended())
                break
            chunk = decode_chunk(event)
            piece = assembly.add_chunk(chunk)
            if self._first_s is None and (piece.content or piece.reasoning or assembly.acted):
                self._first_s = self._passage.clock.monotonic() - self._began
            if self._show_usage or not _counts_only(chunk):
                said.append(b"data: %b\n\n" % event.replace(b"\n", b"\ndata: "))
        size = assembly.told.size + self._parser.pending
        if size > self._passage.max_reply_bytes:
            text = f"the reply is longer than {self._passage.max_reply_bytes:,} bytes"
            raise ModelCallError("bad_response", text)
        return said[0] if len(said) == 1 else b"".join(said)

    def _ended(self) -> bytes:
        """Make the reply, and return the end of the stream. Raises `ModelCallError`."""
        if not self._assembly.complete:
            raise ModelCallError("cut_off", "the stream ended before the answer did")
        self.reply = _reply(self._assembly, self._passage, self._began, self._first_s)
        return _DONE


def _reply(
    assembly: Assembly, passage: Passage, began: float, first_s: float | None = None
) -> Reply:
    message = assembly.message()
    if message.tool_calls:
        passage.attached(assembly.extras())
    return Reply(
        message,
        assembly.usage(),
        _timing(passage.clock, began, first_s),
        finish=assembly.finish(),
        model=assembly.told.model,
    )


def _timing(clock: Clock, began: float, first_s: float | None = None) -> Timing:
    total_s = clock.monotonic() - began
    return Timing(clock.unix() - total_s, total_s, first_s)


def _counted(body: bytes) -> tuple[Message, Usage, str]:
    try:
        read = _COUNTED.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        shown = body[:200].decode("utf-8", "replace")
        raise ModelCallError("bad_response", f"not a JSON answer: {shown}") from None
    if read.error:
        raise failures.in_answer(read.error)
    usage = as_usage(read.usage) if read.usage else Usage()
    return Message("assistant"), usage, read.model


def _counts_only(chunk: Chunk) -> bool:
    return not chunk.choices and (chunk.usage is not None or chunk.x_groq is not None)
