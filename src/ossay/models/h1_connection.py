"""A connection of HTTP/1.1: bytes in, one exchange after the other.

Knows nothing of where it leads, and nothing of what is asked.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from ossay.core.errors import ModelCallError
from ossay.models.h1_exchange import UNREAD_BYTES, Exchange

# Of all headers of one answer; what never ends (a header, the extension of a chunk) is no longer.
_HEAD_BYTES = 64 << 10
# A server that is about to give up an idle connection must not meet our next request.
_IDLE_S = 30.0
_TICK_S = 1e-3  # of a loop's clock


class Owner(Protocol):
    """Whose connection it is."""

    def opened(self, connection: Connection) -> None:
        """It is open."""
        ...

    def keep(self, connection: Connection) -> None:
        """It may be used again."""
        ...

    def forget(self, connection: Connection) -> None:
        """It is closed."""
        ...


class Connection(asyncio.Protocol):
    """One connection; the parser calls its `on_…` methods."""

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        self._owner = owner
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._exchange: Exchange | None = None
        self._head_bytes = 0
        self._quiet_bytes = 0  # that have brought neither head nor body
        self._to_eof = False  # the body ends where the connection does
        self._idle_since = 0.0
        self._paused = False

    def send(self, data: bytes, until: float) -> Exchange:
        """Send a request; nothing else may be on its way.

        `until`: by the loop's time; it moves while the answer is there and nobody waits for more.
        """
        assert self._transport is not None
        exchange = self._exchange = Exchange(self)
        exchange.bound(until, self._loop.call_at(until, self.late, exchange))
        self._head_bytes = self._quiet_bytes = 0
        self._to_eof = False
        self._transport.write(data)
        return exchange

    def usable(self) -> bool:
        """Whether a request may be sent on it."""
        fresh = self._loop.time() - self._idle_since < _IDLE_S
        return fresh and self._transport is not None and not self._transport.is_closing()

    def go_on(self) -> None:
        """What was unread has been read."""
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def abort(self) -> None:
        """Drop the connection."""
        self._fail(ModelCallError("cut_off", "the connection was closed"))

    def give_up(self, exchange: Exchange) -> None:
        """Drop the connection if it still waits for the rest of that answer."""
        if self._exchange is exchange:
            self.abort()

    def late(self, exchange: Exchange) -> None:
        """Break it off, unless its deadline has moved meanwhile."""
        if self._exchange is not exchange:
            return
        now = self._loop.time()
        left_s = exchange.left_s(now)
        if left_s is None:
            return
        if left_s > _TICK_S:
            exchange.bound(now + left_s, self._loop.call_at(now + left_s, self.late, exchange))
        else:
            self._fail(ModelCallError("deadline", "no whole answer before the call's deadline"))

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        exchange = self._exchange
        if exchange is None:
            self.abort()  # nobody asked
            return
        exchange.heard = True
        self._quiet_bytes += len(data)
        try:
            self._parser.feed_data(data)
            if self._exchange is exchange and self._quiet_bytes > _HEAD_BYTES:
                raise _too_much()
        except ModelCallError as error:
            self._fail(error)
        except (HttpParserError, HttpParserUpgrade) as error:
            if isinstance(error.__context__, ModelCallError):
                self._fail(error.__context__)
            else:
                self._fail(ModelCallError("bad_response", f"the answer is no HTTP/1.1: {error}"))
        exchange.wake()

    def eof_received(self) -> None:
        """The server closes."""

    def connection_lost(self, error: Exception | None) -> None:
        """It is closed."""
        exchange = self._exchange
        if exchange is None:
            self._fail(ModelCallError("cut_off", "closed"))
        elif exchange.status and self._to_eof and error is None:
            self._exchange = None
            exchange.end(None)
            self._fail(ModelCallError("cut_off", "closed"))
        elif exchange.status:
            self._fail(ModelCallError("cut_off", "the connection broke before the answer's end"))
        else:
            text = "the server closed the connection before it answered"
            self._fail(ModelCallError("connection", text))

    # httptools

    def on_message_begin(self) -> None:
        """An answer begins. One that nobody asked for would be taken for the next one's."""
        if self._exchange is None:
            raise ModelCallError("bad_response", "a second answer to one request")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header came."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > _HEAD_BYTES:
            raise _too_much()
        if self._exchange is not None:
            self._exchange.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The head is there. What is only on the way (100, 103) is skipped."""
        exchange = self._exchange
        assert exchange is not None  # else it had not begun
        status = self._parser.get_status_code()
        if status < 200:
            exchange.headers.clear()
            return
        self._quiet_bytes = 0
        exchange.status = status
        headers = exchange.headers
        self._to_eof = "content-length" not in headers and "transfer-encoding" not in headers

    def on_body(self, body: bytes) -> None:
        """A part of the body came."""
        self._quiet_bytes = 0
        exchange = self._exchange
        if (
            exchange is not None
            and exchange.add(body) > UNREAD_BYTES
            and not self._paused
            and self._transport is not None
        ):
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """The answer is whole."""
        exchange = self._exchange
        if exchange is None or not exchange.status:
            return
        self._exchange = None
        exchange.end(None)
        self.go_on()
        if self._parser.should_keep_alive():
            self._idle_since = self._loop.time()
            self._owner.keep(self)
        else:
            self.abort()

    def _fail(self, error: ModelCallError) -> None:
        """End what is on its way, and the connection."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.end(error)
        self._owner.forget(self)
        if self._transport is not None:
            self._transport.abort()
            self._transport = None


def _too_much() -> ModelCallError:
    return ModelCallError("bad_response", f"more than {_HEAD_BYTES:,} bytes of headers")
