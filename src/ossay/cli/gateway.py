"""`ossay gateway`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ossay.core.errors import UsageError

if TYPE_CHECKING:
    from ossay.cli.gateway_source import Source

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("file", type=_PATH, required=False)
@click.option("--host", help="Address to listen on, instead of the file's.")
@click.option("--port", type=click.IntRange(0, 65535), help="0 takes any that is free.")
@click.option("--workers", type=click.IntRange(0, 256), metavar="N",
              help="Processes on the same port; 0: one a core.")  # fmt: skip
@click.option("--example", type=_PATH, is_flag=False, flag_value="gateway.toml", metavar="[FILE]",
              help="Write a file that works, without keys, and say what to type.")  # fmt: skip
@click.option("--check", is_flag=True, help="Say what each route would do, and ask nobody.")
@click.option("--dry-run", type=str, metavar="LOG",
              help="Say what today's routes and policies would have done with a log.")  # fmt: skip
@click.option("--new-key", metavar="NAME", help="Make a key, and print it once.")
@click.option("--log-level", type=click.Choice(["error", "warning", "info", "debug"]),
              default="warning", show_default=True,
              help="info: a line for each request. Keys and texts are never logged.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True,
              help="Say things as JSON; of a start: url, port, pid, workers, routes.")  # fmt: skip
@click.pass_context
def gateway(  # noqa: PLR0913  each is something that a user may want to set
    context: click.Context,
    file: Path | None,
    host: str | None,
    port: int | None,
    workers: int | None,
    example: Path | None,
    check: bool,
    dry_run: str | None,
    new_key: str | None,
    log_level: str,
    as_json: bool,
) -> None:
    """Serve the routes of FILE to every client of the OpenAI API, until SIGTERM or Ctrl-C.

    A route drafts with a cheap model, has the draft validated by how much a mistake would cost,
    and publishes it, repairs it or has it redone by a strong model. What was decided is in the
    decision log; see `ossay log`.

    \b
    ossay gateway --example          write gateway.toml: scripted models, no keys
    ossay gateway gateway.toml       start it
    ossay gateway gateway.toml --check

    \b
    POST /v1/chat/completions   GET /v1/models   GET /          a page
    POST /v1/embeddings         GET /health      GET /metrics

    Without keys in the file only this machine can reach it: see --new-key.

    The first SIGTERM or Ctrl-C lets running answers finish and exits with 0; a second one ends at
    once and exits with 130 (Ctrl-C) or 143 (SIGTERM).
    """  # noqa: D301  click reads the escape
    _only_one(example=example, check=check, dry_run=dry_run, new_key=new_key)
    if new_key is not None:
        from ossay.cli.gateway_first import print_key

        print_key(new_key, file, as_json=as_json)
        return
    if example is not None:
        from ossay.cli.gateway_first import write_example

        if file is not None:
            raise UsageError(
                f"--example {str(example)!r} and {str(file)!r} are two files; give one"
            )
        write_example(example)
        return
    if file is None:
        raise UsageError("which file? `ossay gateway --example` writes gateway.toml")
    from ossay.cli.gateway_source import Source

    source = Source(file)
    if check:
        from ossay.cli.gateway_check_text import print_check

        print_check(source, as_json=as_json)
        return
    if dry_run is not None:
        from ossay.cli.gateway_dry_run import print_dry_run

        print_dry_run(source, dry_run, as_json=as_json)
        return
    _log_to_stderr(log_level)
    context.exit(_start(source, host, port, workers, as_json=as_json))


def _only_one(**given: object) -> None:
    names = [f"--{name.replace('_', '-')}" for name, one in given.items() if one]
    if len(names) > 1:
        raise UsageError(f"{' and '.join(names)} are two things to do; give one")


def _log_to_stderr(level: str) -> None:
    import logging

    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )


def _start(
    source: Source, host: str | None, port: int | None, workers: int | None, *, as_json: bool
) -> int:
    """Serve to the end; returns the exit code."""
    from ossay.cli.gateway_budgets import Share
    from ossay.cli.gateway_serving import prepare, said, serve_alone
    from ossay.cli.gateway_workers import Crew, sockets
    from ossay.core.cores import physical_cores

    table = source.file.gateway
    address = source.address(host)
    asked = table.workers if workers is None else workers
    count = asked or physical_cores()
    many = count > 1
    known = prepare(source) if many else []
    bound = sockets(address, table.port if port is None else port, count)

    def ready(notes: Sequence[str]) -> None:
        click.echo(said(source, bound[0], count, notes, as_json=as_json))
        sys.stdout.flush()

    if many:
        return Crew(bound, partial(serve_alone, source), lambda: ready(known)).run()
    return _clean(lambda: serve_alone(source, bound[0], Share(), ready))


def _clean(serve: Callable[[], int]) -> int:
    """A Ctrl-C before there is anything to drain is an end like any other."""
    try:
        return serve()
    except KeyboardInterrupt:
        return 130
