"""One HTTP/1.1 connection: what is refused before anybody reads it, and news that a client left.

uvicorn's protocol on llhttp, which refuses what could be read in two ways (both lengths, a folded
header, a bare line feed). What is added: bounds on a head's size and time, single Hosts, errors in
OpenAI's shape, no error in the middle of an answer, an upgrade that is ignored with its body read.
Knows nothing of what is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from ossay.server.errors import ApiError

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

Headers = list[tuple[bytes, bytes]]

# More than any client sends; proxies draw the line at 8 to 32 KiB and at 100 fields.
MOST_HEAD = 32 * 1024
MOST_FIELDS = 100
# For a whole head, and for the first byte of a connection.
_HEAD_S = 30.0
# Fields that a reader before us could have taken the other one of.
_SINGLE = frozenset(
    (b"authorization", b"content-encoding", b"content-type", b"host", b"origin", b"x-api-key")
)


class _Refused(Exception):
    """Raised inside the parser."""

    def __init__(self, error: ApiError) -> None:
        self.error = error


class Connection(HttpToolsProtocol):
    """See the module. A request finds it in its scope as 'ossay.connection'.

    Attributes:
        left: Called when the client goes while somebody is there to be told.
    """

    left: Callable[[], None] | None = None
    _active: RequestResponseCycle | None = None
    _timer: asyncio.TimerHandle | None = None
    _in_head = True
    _head = 0  # bytes of a head that came in more than one piece
    _in_second_body = False

    @property
    def whole(self) -> bool:
        """Whether the body of the request that is answered is all here."""
        return self._active is not None and not self._active.more_body

    @property
    def gone(self) -> bool:
        """Whether the client has left."""
        return self.parser is None

    async def answer(self, status: int, head: Headers, body: bytes, *, more: bool) -> None:
        """Send an answer's head with its body, or its first piece, in one write.

        Two writes cost twice as much. `head` is ours: nothing that a client or a model wrote goes
        into it unread.
        """
        cycle = self._active
        if cycle is None or cycle.response_started:
            return
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        if cycle.disconnected:
            return
        said = [STATUS_LINE[status]]
        for name, value in self.server_state.default_headers:
            said += (name, b": ", value, b"\r\n")
        for name, value in head:
            said += (name, b": ", value, b"\r\n")
        if not cycle.keep_alive:
            said.append(b"connection: close\r\n")
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        if more:
            cycle.chunked_encoding = True
            said += (b"transfer-encoding: chunked\r\n\r\n%x\r\n" % len(body), body, b"\r\n")
            self.transport.write(b"".join(said))
            return
        said += (b"content-length: %d\r\n\r\n" % len(body),)
        if cycle.scope["method"] != "HEAD":
            said.append(body)
        self.transport.write(b"".join(said))
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; the first head must come in time."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(_HEAD_S, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever answers."""
        super().connection_lost(exc)
        self._calm()
        active = self._active
        if active is not None and not active.response_complete:
            active.disconnected = True
            active.message_event.set()
        if self.left is not None:
            self.left()

    def data_received(self, data: bytes) -> None:
        """Parse. What is no HTTP, or too much of it, ends the connection."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, _Refused):
                self._refuse(cause.error)
            else:
                self._refuse(ApiError(400, f"this is no valid HTTP/1.1: {error}"))
            return
        if self._in_head and not self.transport.is_closing():
            self._wait(len(data))

    def on_message_begin(self) -> None:
        """A head begins."""
        if self._in_second_body:
            return
        super().on_message_begin()
        self.scope["ossay.connection"] = self  # type: ignore[typeddict-unknown-key]
        self._in_head = True
        self._head = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        if not self._in_second_body:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field, or one of a chunked body's trailers, which are dropped."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Refuse, or begin to answer."""
        if self._in_second_body:
            return
        self._in_head = False
        if self._timer is not None:
            self._calm()
        error = self._fault()
        if error is not None:
            raise _Refused(error)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body's end; that of a request with an upgrade is still to come."""
        if self.parser is not None and self.parser.should_upgrade():
            return
        self._in_second_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(ApiError(400, msg))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._active = cycle
        super()._start_asgi_task(cycle, app)

    def _fault(self) -> ApiError | None:
        """What is wrong with the head."""
        headers = self.headers
        if len(headers) > MOST_FIELDS:
            return _too_much(f"{len(headers)} fields", f"{MOST_FIELDS} are the limit")
        size = sum(len(name) + len(value) for name, value in headers) + len(self.url)
        if size > MOST_HEAD:
            return _too_much(f"{size:,} bytes", f"{MOST_HEAD:,} are the limit")
        fields = dict(headers)
        self.scope["ossay.fields"] = fields  # type: ignore[typeddict-unknown-key]
        if len(fields) != len(headers):
            seen: set[bytes] = set()
            for name, _ in headers:
                if name in _SINGLE and name in seen:
                    return ApiError(400, f"the field {name.decode()!r} is there twice")
                seen.add(name)
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            return ApiError(400, f"HTTP/{version} is not spoken here; use HTTP/1.1")
        if version == "1.1" and b"host" not in fields:
            return ApiError(400, "the field 'host' is missing")
        coding = fields.get(b"transfer-encoding")
        if coding is not None and (version == "1.0" or coding.strip().lower() != b"chunked"):
            return ApiError(400, "this transfer encoding is not understood here; use 'chunked'")
        if self.parser.get_method() == b"CONNECT":
            return ApiError(405, "this is no proxy")
        return None

    def _stay(self, rest: bytes) -> None:
        """Go on in HTTP/1.1 where a client offers another protocol, and read its body.

        The parser takes what follows for the other protocol, so a second one gets the rest, behind
        a head that says how long the body is.
        """
        fields: dict[bytes, bytes] = self.scope["ossay.fields"]  # type: ignore[typeddict-item]
        self.parser = httptools.HttpRequestParser(self)
        self._in_second_body = True
        if b"transfer-encoding" in fields:
            length = b"transfer-encoding: chunked"
        else:
            length = b"content-length: " + fields.get(b"content-length", b"0")
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + length + b"\r\n\r\n")
        if rest:
            self.data_received(rest)

    def _wait(self, size: int) -> None:
        """A head that is not whole yet: bound it."""
        if self._timer is None:
            self._timer = self.loop.call_later(_HEAD_S, self._late)
        else:
            self._head += size
        if self._head > MOST_HEAD:
            self._refuse(_too_much("too many bytes", f"{MOST_HEAD:,} are the limit"))

    def _calm(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _late(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self._refuse(ApiError(408, f"no request within {_HEAD_S:.0f} s", code="timeout"))

    def _refuse(self, error: ApiError) -> None:
        """Say so where no answer is on its way, and close."""
        self._calm()
        active = self._active
        if active is None or active.response_complete or not active.response_started:
            body = error.body()
            head: list[Any] = [
                STATUS_LINE[error.status],
                b"content-type: application/json\r\n",
                b"content-length: %d\r\n" % len(body),
                b"connection: close\r\n\r\n",
                body,
            ]
            self.transport.write(b"".join(head))
        self.transport.close()


def _too_much(said: str, limit: str) -> ApiError:
    return ApiError(431, f"the head of the request has {said}; {limit}", code="request_too_large")
