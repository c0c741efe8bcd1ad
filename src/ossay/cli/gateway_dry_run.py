"""`ossay gateway FILE --dry-run LOG`: what the routes of today would have done with a log.

Knows nothing of how that is worked out.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from ossay.cli import place
from ossay.cli.gateway_parts import Gateway
from ossay.cli.log_replay import print_replayed, replay_figures, replay_log
from ossay.core.display import visible

if TYPE_CHECKING:
    from ossay.cli.gateway_source import Source


def print_dry_run(source: Source, log: str, *, as_json: bool) -> None:
    """Plan every request of the log anew, and print what would change. Raises `UsageError`."""
    gateway = Gateway(source)
    try:
        routes = {name: gateway.parts(name) for name in source.file.routes}
        found = replay_log(log, routes, quiet=as_json)
    finally:
        asyncio.run(gateway.aclose())
    if as_json:
        click.echo(replay_figures(found, gateway.notes).decode())
        return
    for note in gateway.notes:
        click.echo(visible(note))
    print_replayed(found, place.console())
