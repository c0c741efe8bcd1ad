"""Serving on a socket: uvicorn, signals, a drain that ends.

The first SIGTERM or SIGINT closes the door: running answers may finish, for `drain_s` seconds; then
they end with an error. A second signal ends at once. Knows nothing of what is served.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import uvicorn
from starlette.types import Receive, Scope, Send

from ossay.core.errors import UsageError
from ossay.server.connection import Connection

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# A client that keeps connections in a pool should close them first; most do within a minute.
_KEEP_ALIVE_S = 75
_BACKLOG = 2048
# What is left of the drain for answers that were cut to say so.
_LAST_WORDS_S = 2.0


class Served(Protocol):
    """An ASGI app that can be told to end."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        ...

    def drain(self) -> None:
        """Take no more requests."""
        ...

    def stop_all(self) -> None:
        """End the answers that still run, each with an error."""
        ...

    async def aclose(self) -> None:
        """Give back what it works with."""
        ...


def bind(host: str, port: int) -> socket.socket:
    """Take the address; nobody is listened to yet. Raises `UsageError`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{host!r} is no address of this machine: {error}") from error
    family, kind, protocol, _, address = found[0]
    taken = socket.socket(family, kind, protocol)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except OSError as error:
        taken.close()
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; "
            "take another with --port (0 takes any that is free)"
        ) from error
    return taken


async def serve(
    app: Served, bound: socket.socket, *, drain_s: float, ready: Callable[[], None]
) -> int | None:
    """Serve until a signal comes, and close the app.

    Returns:
        The signal that cut the drain short, None where it ran to its end.
    """
    server = Server(app, bound, drain_s, ready)
    with server.signals():
        try:
            await server.serve(sockets=[bound])
        finally:
            app.stop_all()  # none that is left may find its model closed
            await app.aclose()
    return server.cut_by


class Server(uvicorn.Server):
    """uvicorn with our signals instead of its own.

    Attributes:
        cut_by: The signal that cut the drain short, None where there was none.
    """

    def __init__(
        self,
        app: Served,
        bound: socket.socket,
        drain_s: float,
        ready: Callable[[], None],
        *,
        connection: type[Connection] = Connection,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=connection,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                backlog=_BACKLOG,
            )
        )
        self._app = app
        self._drain_s = drain_s
        self._ready = ready
        self.cut_by: int | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and say so."""
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: `signals` has them."""
        yield

    @contextmanager
    def signals(self) -> Iterator[None]:
        """While entered, SIGINT and SIGTERM drain."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def drain(self) -> None:
        """Close the door; what still runs after `drain_s` seconds ends with an error."""
        self._app.drain()
        self.should_exit = True
        loop = asyncio.get_running_loop()
        loop.call_later(self._drain_s, self._app.stop_all)
        loop.call_later(self._drain_s + _LAST_WORDS_S, self._force)

    def _signalled(self, number: int) -> None:
        if not self.should_exit:
            self.drain()
            return
        self.cut_by = number
        self.force_exit = True
        self._app.stop_all()

    def _force(self) -> None:
        self.force_exit = True
