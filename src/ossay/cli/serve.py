"""`ossay serve`."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import sys
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import click
import msgspec

from ossay.cli import place
from ossay.core.errors import UsageError

if TYPE_CHECKING:
    from ossay.core.model import Model
    from ossay.server.house import Options

_KEYS = "OSSAY_API_KEYS"
_MIB = 2**20


@click.command()
@click.argument("model")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True,
              help="0 takes any that is free.")  # fmt: skip
@click.option("--backend", type=click.Choice(["cpu", "cuda", "reference"]),
              help="For a model that runs here; cuda: one NVIDIA GPU. [default: cpu]")  # fmt: skip
@click.option("--alias", "aliases", multiple=True, metavar="NAME",
              help="A further name for the model, such as gpt-4o. Repeatable.")  # fmt: skip
@click.option("--keys-variable", default=_KEYS, show_default=True, metavar="NAME",
              help="Environment variable with the API keys, separated by commas.")  # fmt: skip
@click.option("--queue", type=click.IntRange(0), default=128, show_default=True, metavar="N",
              help="Requests that may wait for a place; beyond that: 429.")  # fmt: skip
@click.option("--deadline", type=click.FloatRange(min=0, min_open=True), default=600,
              show_default=True, metavar="SECONDS", help="For one answer.")  # fmt: skip
@click.option("--drain", type=click.FloatRange(min=0), default=30, show_default=True,
              metavar="SECONDS", help="For running answers, once it is told to stop.")  # fmt: skip
@click.option("--max-body", type=click.FloatRange(min=0, min_open=True), default=8,
              show_default=True, metavar="MIB", help="Largest body; beyond that: 413.")  # fmt: skip
@click.option("--log-level", type=click.Choice(["error", "warning", "info", "debug"]),
              default="warning", show_default=True,
              help="info: a line for each request. Keys and texts are never logged.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True,
              help="Say as JSON that it is ready: url, port, model, models, pid.")  # fmt: skip
@click.pass_context
def serve(  # noqa: PLR0913  each is something that a user may want to set
    context: click.Context,
    model: str,
    host: str,
    port: int,
    backend: str | None,
    aliases: tuple[str, ...],
    keys_variable: str,
    queue: int,
    deadline: float,
    drain: float,
    max_body: float,
    log_level: str,
    as_json: bool,
) -> None:
    """Serve MODEL to every client of the OpenAI API, until SIGTERM or Ctrl-C.

    MODEL is a reference such as local/gpt-oss-20b or scripted/echo, or the name of a model that
    runs here: gpt-oss-20b. Clients ask for it by this name, by its last part, or by an --alias.

    \b
    POST /v1/chat/completions   GET /v1/models    GET /metrics
    POST /v1/responses          GET /health       GET /openapi.json
    POST /v1/completions

    Without API keys only this machine can reach it: give it some before you set --host.

    The first SIGTERM or Ctrl-C lets running answers finish and exits with 0; a second one ends at
    once and exits with 130 (Ctrl-C) or 143 (SIGTERM).
    """  # noqa: D301  click reads the escape
    from ossay.server.house import Options
    from ossay.server.keys import Keys

    given = os.environ.get(keys_variable, "")
    keys = Keys.from_text(given)
    if not keys and (given or keys_variable != _KEYS):
        raise UsageError(
            f"{keys_variable!r} holds no key: set it to KEY or KEY,KEY; or unset it and leave out "
            "--keys-variable"
        )
    _check_host(host, bool(keys), keys_variable)
    options = Options(
        aliases=aliases,
        keys=keys,
        queue=queue,
        max_body=int(max_body * _MIB),
        deadline_s=deadline,
    )
    _log_to_stderr(log_level)
    cut_by = _run(_reference(model, backend), options, host, port, drain_s=drain, as_json=as_json)
    context.exit(0 if cut_by is None else 128 + cut_by)


def _check_host(host: str, has_keys: bool, variable: str) -> None:
    """Refuse to open the door to a network without a key."""
    from ossay.server.origin import is_loopback

    if not (has_keys or is_loopback(host.partition("%")[0])):
        raise UsageError(
            f"--host {host!r} is reached from other machines: set {variable}=KEY first "
            "(any long random text), or leave out --host"
        )


def _log_to_stderr(level: str) -> None:
    import logging

    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )


def _run(
    reference: str, options: Options, host: str, port: int, *, drain_s: float, as_json: bool
) -> int | None:
    """Open, load and serve; see `ossay.server.serve.serve`."""
    import uvloop

    from ossay.server.serve import bind

    model = _open(reference)
    bound = bind(host, port)
    with bound, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(model, options, bound, drain_s, as_json))


def _reference(model: str, backend: str | None) -> str:
    """The reference of what is to be served, with the backend among its options."""
    reference = model if "/" in model else f"local/{model}"
    if backend is None:
        return reference
    if not reference.startswith("local/"):
        raise UsageError(
            f"--backend {backend!r} is for models that run here, and {reference!r} does not: "
            "leave it out, or serve local/NAME"
        )
    if "backend" in dict(parse_qsl(reference.partition("?")[2], keep_blank_values=True)):
        raise UsageError(
            f"{reference!r} names its backend, and --backend {backend!r} does so again: leave one "
            "of them out"
        )
    return f"{reference}{'&' if '?' in reference else '?'}backend={backend}"


def _open(reference: str) -> Model:
    from ossay.models.resolve import open_model
    from ossay.models.scripted import Rehearsal, scripted

    model = open_model(reference, settings=place.here(), environ=os.environ)
    provider, _, name = reference.partition("?")[0].partition("/")
    if provider in ("scripted", "played") and isinstance(scripted(name), Rehearsal):
        raise UsageError(f"{reference!r} plays in campaigns only; try '{provider}/echo'")
    return model


def acting(model: Model) -> Model:
    """Return the model, able to call tools also where it knows none of its own."""
    from ossay.agent.dialects import JsonAction

    return JsonAction(model) if model.card.dialect == "json_action" else model


async def _serve(
    model: Model, options: Options, bound: socket.socket, drain_s: float, as_json: bool
) -> int | None:
    from ossay.cli.serve_load import load
    from ossay.server.app import App
    from ossay.server.garbage import settle
    from ossay.server.house import House
    from ossay.server.serve import serve as serve_app

    try:
        await load(model)
    except BaseException:
        await model.aclose()
        raise
    # The id of a response opens what was said: it must not be guessed.
    house = House(acting(model), options, rng=random.SystemRandom())
    url = _url(bound)

    def ready() -> None:
        if as_json:
            said = {
                "url": url,
                "port": bound.getsockname()[1],
                "model": house.names.first,
                "models": house.names.all,
                "pid": os.getpid(),
            }
            click.echo(msgspec.json.encode(said))
        else:
            click.echo(f"ossay serves {house.names.first} at {url}")
        sys.stdout.flush()

    settle()
    return await serve_app(App(house), bound, drain_s=drain_s, ready=ready)


def _url(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    if bound.family == socket.AF_INET6:
        host = f"[{host}]"
    return f"http://{host}:{port}/v1"
