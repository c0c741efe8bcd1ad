"""`ossay rate`."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from ossay.cli import place
from ossay.core.errors import UsageError

if TYPE_CHECKING:
    from numpy.random import Generator

    from ossay.web.study import Study

_PORT = 8650
_DRAWS = 20_261_121


@click.command()
@click.argument("campaign")
@click.option("--ledger", "url", help="Path or database URL of the ledger.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=_PORT, show_default=True,
              help="0 takes any that is free.")  # fmt: skip
@click.option("--rubrics", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="A folder of your own rubrics; they replace the shipped ones.")  # fmt: skip
@click.option(
    "--open", "is_open", is_flag=True, help="Name the models. Without it nobody sees them."
)
@click.option("--seed", type=int, default=1, show_default=True,
              help="Of the order in which raters see answers.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Say as JSON that it is ready: url, pid.")
def rate(
    campaign: str,
    url: str | None,
    host: str,
    port: int,
    rubrics: Path | None,
    is_open: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Rate the answers of CAMPAIGN in a browser, by their rubrics, until Ctrl-C.

    Open the link that it prints: whoever has the link can rate. Ratings are rows of the ledger,
    kept as they are sent; an undo is a row too. It can be stopped and started at any time.
    """
    from ossay.suites.rubrics import read_rubrics
    from ossay.web.study import Study

    known = read_rubrics(rubrics)
    with place.ledger(url, create=True) as ledger:
        study = Study(
            ledger, campaign, known, blind=not is_open, seed=seed, monotonic=time.monotonic
        )
        answers = ledger.answers(campaign)
        if not any(answer.key.task in known for answer in answers):
            raise UsageError(
                f"campaign {campaign!r} has no finished answer with a rubric; there are some for "
                f"{', '.join(sorted(known))}, and --rubrics adds your own"
            )
        _serve(study, host, port, as_json)


def _serve(study: Study, host: str, port: int, as_json: bool) -> None:
    import uvloop

    from ossay.server.serve import bind, serve
    from ossay.web.app import App

    bound = bind(host, port)
    secret = _secret()
    app = App(study, secret, draws=_draws, loopback=_is_loopback(bound))
    link = f"http://{_address(bound)}/?key={secret}"

    def ready() -> None:
        if as_json:
            click.echo(msgspec.json.encode({"url": link, "pid": os.getpid()}))
        else:
            click.echo(f"Rate {study.campaign} at {link}")
        sys.stdout.flush()

    with bound, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(study.refresh())  # now, and not while the first page waits
        runner.run(serve(app, bound, drain_s=1.0, ready=ready))


def _draws() -> Generator:
    """Always the same draws: the same ratings show the same intervals."""
    from numpy.random import PCG64, Generator

    return Generator(PCG64(_DRAWS))


def _secret() -> str:
    """This user's secret for rating pages: it lasts, so that an open page outlives a restart."""
    path = place.here().home / "rate.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
    except FileExistsError:
        pass
    secret = path.read_text().strip()
    if len(secret) < 16:
        raise UsageError(f"{str(path)!r} holds no secret; delete it")
    return secret


def _is_loopback(bound: socket.socket) -> bool:
    import ipaddress

    return ipaddress.ip_address(bound.getsockname()[0]).is_loopback


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
