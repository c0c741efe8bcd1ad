"""`ossay log show`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, get_args

import click

from ossay.cli import log_source
from ossay.cli.log_source import as_json, open_log, since_of, source
from ossay.core.decision import Criticality, Ending, PlanName
from ossay.core.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from ossay.store.decisions import DecisionLog
    from ossay.store.decisions_find import Found, Wanted

_LAST = 20
# So often a log that is followed is asked for more. Seconds.
_EVERY_S = 0.5


@click.command()
@source
@click.argument("id", required=False)
@click.option("--last", type=click.IntRange(1), metavar="N", help=f"So many.  [default: {_LAST}]")
@click.option("--route", default="", metavar="NAME", help="Of that route.")
@click.option("--key", default="", metavar="NAME", help="Of that key.")
@click.option("--plan", type=click.Choice(get_args(PlanName)), help="With that plan.")
@click.option("--ending", type=click.Choice(get_args(Ending)), help="That ended so.")
@click.option("--criticality", type=click.Choice(get_args(Criticality)), help="Treated as that.")
@log_source.since
@click.option("--audits", is_flag=True, help="Audits, and what they tripped, not requests.")
@click.option("--bodies", is_flag=True, help="With what was said, where it is kept.")
@click.option("--follow", is_flag=True, help="Go on with what is appended, until interrupted.")
@as_json
def show(  # noqa: PLR0913 - the command's options
    source: str,
    id: str | None,
    last: int | None,
    route: str,
    key: str,
    plan: str | None,
    ending: str | None,
    criticality: str | None,
    since: str | None,
    audits: bool,
    bodies: bool,
    follow: bool,
    as_json: bool,
) -> None:
    """Show requests, one a line, the last at the end; or one in full, by the start of its ID.

    --json prints one object a line. Text that callers or models wrote is shown with --bodies only;
    most logs keep none (keep_days in gateway.toml).
    """
    from ossay.store.decisions_find import Wanted

    wanted = Wanted(
        kinds=("audit", "trip") if audits else ("decision",),
        route=route,
        key=key,
        plan=plan or "",
        ending=ending or "",
        criticality=criticality or "",
        since=since_of(since, time.time()),
    )
    picky = any((last, route, key, plan, ending, criticality, since, audits, follow))
    if id is not None and picky:
        raise UsageError("an ID names one request: leave out the options that pick several")
    if audits and any((route, key, plan, ending, criticality)):
        raise UsageError("an audit has no route, key, plan, ending or criticality; leave them out")
    with open_log(source) as log:
        if id is not None:
            _one(log, id, bodies=bodies, as_json=as_json)
            return
        found = log.last(last or _LAST, wanted)
        _lines(log, found, bodies=bodies, as_json=as_json)
        if not found and not follow and not as_json:
            click.echo("Nothing in the log fits." if log.head().seq else "The log is empty.")
        if follow:
            after = found[-1].head.seq if found else 0
            _follow(log, wanted, after, bodies=bodies, as_json=as_json)


def _one(log: DecisionLog, id: str, *, bodies: bool, as_json: bool) -> None:
    from ossay.cli.log_text import in_full
    from ossay.store.decisions_find import Wanted

    found = log.find(id)
    if found is None:
        raise UnknownName(f"no entry {id!r} in the log; `ossay log show LOG` lists the last ones")
    audits = log.last(100, Wanted(audit_of=found.entry.id))
    if as_json:
        _lines(log, [found, *audits], bodies=bodies, as_json=True)
    else:
        click.echo(in_full(found, audits, log.body if bodies else None))


def _lines(log: DecisionLog, found: Iterable[Found], *, bodies: bool, as_json: bool) -> None:
    from ossay.cli.log_text import json_line, line, texts

    for one in found:
        if as_json:
            click.echo(json_line(one, log.body if bodies else None))
            continue
        click.echo(line(one))
        if bodies:
            for text in texts(one.entry, log.body):
                click.echo(text)


def _follow(log: DecisionLog, wanted: Wanted, after: int, *, bodies: bool, as_json: bool) -> None:
    from msgspec.structs import replace

    while True:
        for one in log.scan(replace(wanted, after=after)):
            after = one.head.seq
            _lines(log, [one], bodies=bodies, as_json=as_json)
        time.sleep(_EVERY_S)
