"""HTTP/1.1 to one origin: connections kept alive, a request out, its answer as it comes.

No redirects, no cookies, no compression, no proxy. What it meets it raises as `ModelCallError`,
whose text is not yet cleaned of keys; `failures.cleaned` does that. Knows nothing of what is asked.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from msgspec import Struct

from ossay.core.errors import ModelCallError

_CONNECT_S = 30.0
_HEAD_BYTES = 64 << 10  # of all headers of one answer
_UNREAD_BYTES = 1 << 20  # above this the server is made to wait
# A server that is about to give up an idle connection must not meet our next request.
_IDLE_S = 30.0
_MOST_IDLE = 512
# How long the end of an answer may take once nobody needs it, so that its connection is kept.
_LINGER_S = 0.25


class Origin(Struct, frozen=True):
    """Where to: `prefix` comes before every path."""

    host: str
    port: int
    tls: bool
    prefix: str

    @classmethod
    def of(cls, url: str) -> Origin:
        """Read a base URL, 'https://host/v1'."""
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        return cls(
            parts.hostname or "", parts.port or (443 if tls else 80), tls, parts.path.rstrip("/")
        )

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.tls else 80
        return host if self.port == usual else f"{host}:{self.port}"


class Pool:
    """Connections to one origin, opened when first needed.

    Args:
        url: What comes before a path.
        headers: Sent with every request, besides Host and Content-Length.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.origin = Origin.of(url)
        lines = [("Host", self.origin.authority), *headers.items()]
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in lines).encode("latin-1")
        self._heads: dict[str, bytes] = {}
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._tls: ssl.SSLContext | None = None

    async def ask(self, path: str, body: bytes, timeout_s: float) -> Exchange:
        """Send a request and wait for the head of its answer. Raises `ModelCallError`.

        A server may give up a kept connection just as a request is on its way. Then that met
        nobody, and is sent once more at once, on a new connection.
        """
        exchange = await self.post(path, body, timeout_s)
        try:
            await exchange.begin()
        except ModelCallError:
            if not (exchange.kept and exchange.unheard):
                raise
        except BaseException:
            exchange.close()
            raise
        else:
            return exchange
        connection = await self._connected(timeout_s)
        exchange = self._send(connection, path, body, timeout_s)
        try:
            await exchange.begin()
        except BaseException:
            exchange.close()
            raise
        return exchange

    async def post(self, path: str, body: bytes, timeout_s: float) -> Exchange:
        """Send a request; returns before its answer. `timeout_s` bounds the whole exchange.

        Raises `ModelCallError` of kind 'connection' or 'deadline'.
        """
        kept = self._kept()
        if kept is None:
            return self._send(await self._connected(timeout_s), path, body, timeout_s)
        exchange = self._send(kept, path, body, timeout_s)
        exchange.kept = True
        return exchange

    def _send(self, connection: _Connection, path: str, body: bytes, timeout_s: float) -> Exchange:
        head = self._heads.get(path)
        if head is None:
            target = f"{self.origin.prefix}{path}"
            head = b"POST %b HTTP/1.1\r\n%bContent-Length: " % (target.encode(), self._headers)
            self._heads[path] = head
        return connection.send(b"%b%d\r\n\r\n%b" % (head, len(body), body), timeout_s)

    def trust(self, tls: ssl.SSLContext) -> None:
        """Take this context instead of the system's certificates."""
        self._tls = tls

    def close(self) -> None:
        """Break off everything."""
        for connection in list(self._open):
            connection.abort()

    def _kept(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable():
                return connection
            connection.abort()
        return None

    async def _connected(self, timeout_s: float) -> _Connection:
        origin, loop = self.origin, asyncio.get_running_loop()
        if origin.tls and self._tls is None:
            self._tls = ssl.create_default_context()
        try:
            async with asyncio.timeout(min(timeout_s, _CONNECT_S)):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self, loop),
                    origin.host,
                    origin.port,
                    ssl=self._tls if origin.tls else None,
                )
        except TimeoutError:
            raise ModelCallError("connection", "no connection in time") from None
        except OSError as error:
            text = f"no connection: {error}; is the server running?"
            raise ModelCallError("connection", text) from None
        return connection

    def _keep(self, connection: _Connection) -> None:
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.abort()


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
        "_parts",
        "_timer",
        "_unread",
        "_waiter",
        "complete",
        "headers",
        "heard",
        "kept",
        "status",
    )

    def __init__(self, connection: _Connection) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.complete = False
        self.kept = False
        self.heard = False
        self._connection: _Connection | None = connection
        self._parts: list[bytes] = []
        self._unread = 0
        self._error: ModelCallError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

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
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _taken(self) -> bytes:
        parts = self._parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        if self._unread > _UNREAD_BYTES and self._connection is not None:
            self._connection.go_on()
        self._unread = 0
        return data

    # What the connection says.

    def _until(self, timer: asyncio.TimerHandle) -> None:
        self._timer = timer

    def _add(self, data: bytes) -> int:
        self._parts.append(data)
        self._unread += len(data)
        return self._unread

    def _end(self, error: ModelCallError | None) -> None:
        """It is over, well or not; the connection is no longer this exchange's."""
        self._connection = None
        self._error = error
        self.complete = error is None
        if self._timer is not None:
            self._timer.cancel()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _Connection(asyncio.Protocol):
    """One connection; the parser calls its `on_…` methods."""

    def __init__(self, pool: Pool, loop: asyncio.AbstractEventLoop) -> None:
        self._pool = pool
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._exchange: Exchange | None = None
        self._head_bytes = 0
        self._to_eof = False  # the body ends where the connection does
        self._idle_since = 0.0
        self._paused = False

    def send(self, data: bytes, timeout_s: float) -> Exchange:
        """Send a request; nothing else may be on its way."""
        assert self._transport is not None
        exchange = self._exchange = Exchange(self)
        exchange._until(self._loop.call_later(max(timeout_s, 0.0), self._late, exchange))
        self._head_bytes = 0
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

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._pool._open.add(self)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        exchange = self._exchange
        if exchange is None:
            self.abort()  # nobody asked
            return
        exchange.heard = True
        try:
            self._parser.feed_data(data)
        except ModelCallError as error:
            self._fail(error)
        except (HttpParserError, HttpParserUpgrade) as error:
            if isinstance(error.__context__, ModelCallError):
                self._fail(error.__context__)
            else:
                self._fail(ModelCallError("bad_response", f"the answer is no HTTP/1.1: {error}"))
        exchange._wake()

    def eof_received(self) -> None:
        """The server closes."""

    def connection_lost(self, error: Exception | None) -> None:
        """It is closed."""
        exchange = self._exchange
        if exchange is None:
            self._fail(ModelCallError("cut_off", "closed"))
        elif exchange.status and self._to_eof and error is None:
            self._exchange = None
            exchange._end(None)
            self._fail(ModelCallError("cut_off", "closed"))
        elif exchange.status:
            self._fail(ModelCallError("cut_off", "the connection broke before the answer's end"))
        else:
            text = "the server closed the connection before it answered"
            self._fail(ModelCallError("connection", text))

    # httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header came."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > _HEAD_BYTES:
            raise ModelCallError("bad_response", f"more than {_HEAD_BYTES:,} bytes of headers")
        if self._exchange is not None:
            self._exchange.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The head is there. What is only on the way (100, 103) is skipped."""
        exchange = self._exchange
        if exchange is None:
            raise ModelCallError("bad_response", "a second answer to one request")
        status = self._parser.get_status_code()
        if status < 200:
            exchange.headers.clear()
            return
        exchange.status = status
        headers = exchange.headers
        self._to_eof = "content-length" not in headers and "transfer-encoding" not in headers

    def on_body(self, body: bytes) -> None:
        """A part of the body came."""
        exchange = self._exchange
        if (
            exchange is not None
            and exchange._add(body) > _UNREAD_BYTES
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
        exchange._end(None)
        self.go_on()
        if self._parser.should_keep_alive():
            self._idle_since = self._loop.time()
            self._pool._keep(self)
        else:
            self.abort()

    def _late(self, exchange: Exchange) -> None:
        if self._exchange is exchange:
            self._fail(ModelCallError("deadline", "no whole answer before the call's deadline"))

    def _fail(self, error: ModelCallError) -> None:
        """End what is on its way, and the connection."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange._end(error)
        self._pool._open.discard(self)
        if self in self._pool._idle:
            self._pool._idle.remove(self)
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
