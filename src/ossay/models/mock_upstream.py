"""An OpenAI-compatible server on this machine that misbehaves on purpose.

It plays scripts as `scripted` does and meets each request with a fault, by name, so that whatever
calls models can be tried against every way in which a provider fails. It counts what it served, so
that a ledger can be audited against it. It listens on loopback only, checks no key and computes
nothing. Which faults there are: `mock_faults`.

    python -m ossay.models.mock_upstream --fault rate_limited --fault ok
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections import deque
from collections.abc import Sequence

import msgspec
from aiohttp import web
from msgspec import Struct

from ossay.core.errors import UnknownName, UsageError
from ossay.core.types import Message, Usage
from ossay.models.mock_answer import Ask, error, read_ask
from ossay.models.mock_faults import FAULTS, Exchange

HOST = "127.0.0.1"
GREETING = Message("assistant", "Hello from the mock upstream.")
SCRIPT_ENDED = Message("assistant", "The script is at its end.")

# How many requests' bodies are kept to look at.
_KEPT_BODIES = 256


class Served(Struct, frozen=True):
    """One request as the server saw it. `usage` is None where no whole, counted answer was sent.

    `status` is 0 where the connection broke before one could be sent.
    """

    fault: str
    status: int
    model: str
    usage: Usage | None = None


class MockUpstream:
    """The server, as an async context manager.

    Args:
        faults: What the first request meets, the second, and so on; the last one is repeated.
        script: Assistant messages to play, one a turn; a greeting where there is none.
        delay_s: How long every request waits before its fault begins.
        loris_s: How long 'slow_loris' waits after each byte.
        port: 0 takes a free one.

    Attributes:
        served: Every request whose exchange is over, in the order in which it ended.
        seen: How many requests came.
        left_at: When callers went before their exchange was over, by the loop's clock.
        bodies: The latest requests' bodies.
    """

    def __init__(
        self,
        faults: Sequence[str] = ("ok",),
        script: Sequence[Message] = (),
        *,
        delay_s: float = 0.0,
        loris_s: float = 0.02,
        port: int = 0,
    ) -> None:
        for fault in faults:
            if fault not in FAULTS:
                raise UnknownName.of("fault", fault, FAULTS)
        self._faults = tuple(faults) or ("ok",)
        self._script = tuple(script)
        self._delay_s = delay_s
        self._loris_s = loris_s
        self._port = port
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()
        self.served: list[Served] = []
        self.seen = 0
        self.left_at: list[float] = []
        self.bodies: deque[bytes] = deque(maxlen=_KEPT_BODIES)

    @property
    def base_url(self) -> str:
        """What comes before /chat/completions."""
        if self._runner is None:
            raise UsageError("the mock upstream is not running; use it in an 'async with' block")
        return f"http://{HOST}:{self._runner.addresses[0][1]}/v1"

    @property
    def completed(self) -> list[Served]:
        """The requests that were answered whole."""
        return [served for served in self.served if served.usage is not None]

    async def __aenter__(self) -> MockUpstream:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/chat/completions", self._handle)
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=1.0, handler_cancellation=True
        )
        await runner.setup()
        await web.TCPSite(runner, HOST, self._port).start()
        self._runner = runner
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        fault = self._faults[min(self.seen, len(self._faults) - 1)]
        self.seen += 1
        body = await http.read()
        self.bodies.append(body)
        try:
            ask = read_ask(body)
        except msgspec.DecodeError as problem:
            return web.json_response(error(str(problem)), status=400)
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        exchange = Exchange(http, ask, self._message(ask), self._closing, self._loris_s)
        status = 0
        try:
            response = await FAULTS[fault](exchange)
            status = response.status if response.prepared or _open(http) else 0
        except (ConnectionError, asyncio.CancelledError):
            if self._closing.is_set():
                raise
            self.left_at.append(asyncio.get_running_loop().time())  # the caller left
            response = web.Response(status=500)
        usage = ask.usage(exchange.message) if exchange.whole else None
        self.served.append(Served(fault, status, ask.model, usage))
        return response

    def _message(self, ask: Ask) -> Message:
        if not self._script:
            return GREETING
        return self._script[ask.turn] if ask.turn < len(self._script) else SCRIPT_ENDED


def _open(http: web.Request) -> bool:
    return http.transport is not None and not http.transport.is_closing()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted; the first line on stdout is the base URL."""
    parser = argparse.ArgumentParser(
        prog="python -m ossay.models.mock_upstream", description=__doc__
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--fault", action="append", choices=sorted(FAULTS), metavar="NAME")
    given = parser.parse_args(arguments)
    asyncio.run(_serve(given.fault or ["ok"], given.delay, given.port))


async def _serve(faults: list[str], delay_s: float, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with MockUpstream(faults, delay_s=delay_s, port=port) as upstream:
        sys.stdout.write(f"{upstream.base_url}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    main()
