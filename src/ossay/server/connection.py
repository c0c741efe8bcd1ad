"""One HTTP/1.1 connection: what is refused before anybody reads it, and news that a client left.

uvicorn's protocol on llhttp, which refuses what could be read in two ways (both lengths, a folded
header, a bare line feed). What is added: bounds on a head's size and time, single Hosts, errors in
OpenAI's shape, no error in the middle of an answer, an upgrade that is ignored with its body read.
Knows nothing of what is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from ossay.server.errors import ApiError
from ossay.server.head import MOST_HEAD, fault_of, too_much
from ossay.server.respond import Headers, chunked, refusal

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

# For a client to read why its request was refused.
_LAST_LOOK_S = 2.0
# Requests that may wait for the answers before theirs; few clients send any.
_MOST_QUEUED = 4


class _Refused(Exception):
    """Raised inside the parser."""

    def __init__(self, error: ApiError) -> None:
        self.error = error


class Connection(HttpToolsProtocol):
    """See the module. A request finds it in its scope as 'ossay.connection'.

    Attributes:
        head_s: Seconds for a whole head to come, and for a connection's first byte.
        left: Called when the client goes while somebody is there to be told.
    """

    head_s = 30.0
    left: Callable[[], None] | None = None
    _active: RequestResponseCycle | None = None
    _timer: asyncio.TimerHandle | None = None
    _in_head = True
    _silent = True  # not a byte has come
    _head = 0  # bytes of a head that came in more than one piece
    _in_second_body = False
    _hung_up = False

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
        into it unread. Without a content-length the body is chunked; with one it must be whole.
        """
        cycle = self._active
        if cycle is None or cycle.response_started:
            return
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        if cycle.disconnected:
            return
        fields = [*self.server_state.default_headers, *head]
        length = any(name == b"content-length" for name, _ in head)
        if not length:
            fields.append((b"transfer-encoding", b"chunked"))
        if not cycle.keep_alive:
            fields.append((b"connection", b"close"))
        said = [STATUS_LINE[status], *(b"%b: %b\r\n" % field for field in fields), b"\r\n"]
        if cycle.scope["method"] != "HEAD":
            said.append(body if length else chunked(body, more=more))
        self.transport.write(b"".join(said))
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        cycle.chunked_encoding = not length
        if more:
            return
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            self._hang_up()
        cycle.on_response()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; the first head must come in time."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.head_s, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever answers."""
        super().connection_lost(exc)
        self._calm()
        self._tell()

    def data_received(self, data: bytes) -> None:
        """Parse. What is no HTTP, or too much of it, ends the connection."""
        if self._hung_up:
            return
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
        if self._in_head:
            self._wait(len(data))
        elif self.cycle.response_complete and not self.transport.is_closing():
            # The rest of a body that was refused: the next request is waited for as ever.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_message_begin(self) -> None:
        """A head begins."""
        if self._in_second_body:
            return
        super().on_message_begin()
        self.scope["ossay.connection"] = self  # type: ignore[typeddict-unknown-key]
        self._in_head = True
        self._silent = False
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
        self.scope["ossay.fields"] = fields = dict(self.headers)  # type: ignore[typeddict-unknown-key]
        line = (self.url, self.parser.get_http_version(), self.parser.get_method())
        error = fault_of(self.headers, fields, *line)
        if error is None and len(self.pipeline) >= _MOST_QUEUED:
            error = ApiError(429, "too many requests at once on one connection; wait for answers")
        if error is not None:
            raise _Refused(error)
        super().on_headers_complete()
        if self.pipeline:
            self.flow.resume_reading()  # as at the end of a large body

    def on_body(self, body: bytes) -> None:
        """A piece of the body; those that wait for their turn must be small together."""
        if self.pipeline:
            size = len(body) + sum(len(cycle.body) for cycle, _ in self.pipeline)
            if size > HIGH_WATER_LIMIT:
                text = "a large request must wait for the answer to the one before"
                raise _Refused(ApiError(413, text))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The body's end; that of a request with an upgrade is still to come."""
        if self.parser is not None and self.parser.should_upgrade():
            return
        self._in_second_body = False
        super().on_message_complete()
        if self.cycle is self._active:
            # A large body paused the reading; only what is read tells that the client has left.
            self.flow.resume_reading()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._active = cycle
        super()._start_asgi_task(cycle, app)

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
            self._timer = self.loop.call_later(self.head_s, self._late)
        else:
            self._head += size
        if self._head > MOST_HEAD:
            self._refuse(too_much("too many bytes", f"{MOST_HEAD:,} are the limit"))

    def _calm(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _late(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if self._silent:  # a client that keeps a connection for later
            self.transport.close()
        else:
            self._refuse(ApiError(408, f"no request within {self.head_s:.0f} s", code="timeout"))

    def _tell(self) -> None:
        """Tell whoever answers that nobody waits for it any more."""
        active = self._active
        if active is not None and not active.response_complete:
            active.disconnected = True
            active.message_event.set()
        if self.left is not None:
            self.left()

    def _hang_up(self) -> None:
        """Close, but not on a client that still sends: it might never read the answer."""
        active = self._active
        is_whole = active is not None and active.response_complete and not active.more_body
        if self.transport.is_closing() or (is_whole and not self._in_head):
            self.transport.close()
            return
        self._hung_up = True
        self.flow.resume_reading()
        self.transport.write_eof()
        self._calm()
        self._timer = self.loop.call_later(_LAST_LOOK_S, self.transport.close)

    def _refuse(self, error: ApiError) -> None:
        """Say so where no answer is on its way, and close."""
        self._calm()
        active = self._active
        if active is None or active.response_complete or not active.response_started:
            self.transport.write(STATUS_LINE[error.status] + refusal(error))
            self._tell()
            self._hang_up()
        else:
            self.transport.close()
