"""HTTP/1.1 to one origin: connections kept alive, a request out, its answer as it comes.

No redirects, no cookies, no compression, no proxy. What it meets it raises as `ModelCallError`,
whose text is not yet cleaned of keys; `failures.cleaned` does that. Knows nothing of what is asked.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from ossay.core.errors import ModelCallError
from ossay.models.h1_connection import Connection
from ossay.models.h1_exchange import Exchange

_CONNECT_S = 30.0
_MOST_IDLE = 512


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
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._tls: ssl.SSLContext | None = None

    async def ask(self, path: str, body: bytes, timeout_s: float) -> Exchange:
        """Send a request and wait for the head of its answer. Raises `ModelCallError`.

        A server may give up a kept connection just as a request is on its way. Then that met
        nobody, and is sent once more at once, on a new connection.
        """
        until = asyncio.get_running_loop().time() + timeout_s
        exchange = await self._post(path, body, until)
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
        exchange = self._send(await self._connected(until), path, body, until)
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
        return await self._post(path, body, asyncio.get_running_loop().time() + timeout_s)

    async def _post(self, path: str, body: bytes, until: float) -> Exchange:
        kept = self._kept()
        if kept is None:
            return self._send(await self._connected(until), path, body, until)
        exchange = self._send(kept, path, body, until)
        exchange.kept = True
        return exchange

    def _send(self, connection: Connection, path: str, body: bytes, until: float) -> Exchange:
        head = self._heads.get(path)
        if head is None:
            target = f"{self.origin.prefix}{path}"
            head = b"POST %b HTTP/1.1\r\n%bContent-Length: " % (target.encode(), self._headers)
            self._heads[path] = head
        return connection.send(b"%b%d\r\n\r\n%b" % (head, len(body), body), until)

    def trust(self, tls: ssl.SSLContext) -> None:
        """Take this context instead of the system's certificates."""
        self._tls = tls

    def close(self) -> None:
        """Break off everything."""
        for connection in list(self._open):
            connection.abort()

    def _kept(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable():
                return connection
            connection.abort()
        return None

    async def _connected(self, until: float) -> Connection:
        origin, loop = self.origin, asyncio.get_running_loop()
        if origin.tls and self._tls is None:
            self._tls = ssl.create_default_context()
        try:
            async with asyncio.timeout_at(min(until, loop.time() + _CONNECT_S)):
                _, connection = await loop.create_connection(
                    lambda: Connection(self, loop),
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

    # What a connection says.

    def opened(self, connection: Connection) -> None:
        """It is open."""
        self._open.add(connection)

    def keep(self, connection: Connection) -> None:
        """It may be used again."""
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.abort()

    def forget(self, connection: Connection) -> None:
        """It is closed."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
