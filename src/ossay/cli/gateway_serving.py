"""One process that serves a gateway, and what is said when it listens.

Knows nothing of other processes.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from ossay.cli.gateway_parts import Gateway
from ossay.cli.gateway_source import Source

if TYPE_CHECKING:
    from ossay.cli.gateway_budgets import Share


Ready = Callable[[Sequence[str]], None]


def prepare(source: Source) -> list[str]:
    """Find out beforehand, and once, what keeps the gateway from starting; returns its notes.

    Raises:
        UsageError: that.
    """
    from ossay.store.decisions import open_decisions

    gateway = Gateway(source)
    for name in source.file.routes:
        gateway.parts(name)
    asyncio.run(gateway.aclose())
    address = source.log
    with source.blaming(("gateway", "log")):
        open_decisions(address, create=True).close()
    return gateway.notes


def serve_alone(source: Source, bound: socket.socket, share: Share, ready: Ready) -> int:
    """Serve on a socket until a signal comes; returns the exit code.

    `ready` is called with the gateway's notes once it listens.
    """
    import uvloop

    with bound, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        cut_by = runner.run(_serve(source, bound, share, ready))
    return 0 if cut_by is None else 128 + cut_by


async def _serve(source: Source, bound: socket.socket, share: Share, ready: Ready) -> int | None:
    from ossay.gateway.app import App
    from ossay.server.garbage import settle
    from ossay.server.serve import serve

    gateway = Gateway(source, share=share)
    try:
        house = await gateway.open()
        drain_s = source.file.gateway.drain_s
        settle()
        return await serve(App(house), bound, drain_s=drain_s, ready=lambda: ready(gateway.notes))
    finally:
        await gateway.aclose()


def said(
    source: Source, bound: socket.socket, workers: int, notes: Sequence[str], *, as_json: bool
) -> str:
    """What a start says on standard output."""
    host, port = bound.getsockname()[:2]
    if bound.family == socket.AF_INET6:
        host = f"[{host}]"
    page = f"http://{host}:{port}/"
    url = f"{page}v1"
    routes = list(source.file.routes)
    if as_json:
        told = {
            "url": url,
            "page": page,
            "port": port,
            "pid": os.getpid(),
            "workers": workers,
            "routes": routes,
            "default": source.file.default,
            "notes": notes,
        }
        return msgspec.json.encode(told).decode()
    processes = f", {workers} processes" if workers > 1 else ""
    lines = [
        f"ossay gateway at {url}, routes: {', '.join(routes)}{processes}; page at {page}",
        *notes,
    ]
    return "\n".join(lines)
