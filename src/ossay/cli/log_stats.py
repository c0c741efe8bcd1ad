"""`ossay log stats`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from ossay.cli import log_source, place
from ossay.cli.log_source import as_json, open_log, since_of, source

if TYPE_CHECKING:
    from ossay.router.tally import Tallies, Tally
    from ossay.store.decisions import DecisionLog

_BY = ("route", "key", "criticality", "model")


@click.command()
@source
@log_source.since
@click.option("--by", type=click.Choice(_BY), help="A sum for each.")
@as_json
def stats(source: str, since: str | None, by: str | None, as_json: bool) -> None:
    """Sum up: traffic, cost against always-strong, escapes with their bound, verdicts, waits.

    The rate of escapes comes from audits drawn by chance, each weighted by one over its chance; its
    bounds hold however often one looks. What always-strong would have cost is measured where the
    strong model answered, and estimated from such requests where it did not.
    """
    from ossay.cli.log_stats_text import figures, print_summaries
    from ossay.router.tally import Tallies, Tally, answered_by

    tally: Tally | Tallies
    if by is None:
        tally = Tally()
    else:
        tally = Tallies(answered_by if by == "model" else lambda one: str(getattr(one, by)))
    with open_log(source) as log:
        _add(log, tally, since_of(since, time.time()), quiet=as_json)
    found = {"": tally.summary()} if isinstance(tally, Tally) else tally.summaries()
    if as_json:
        click.echo(figures(found, by or "").decode())
    else:
        print_summaries(found, by or "", place.console())


def _add(log: DecisionLog, tally: Tally | Tallies, since: float | None, *, quiet: bool) -> None:
    from ossay.cli.log_progress import walking
    from ossay.store.decisions_find import Wanted

    with walking("rows", log.head().seq, quiet=quiet) as walked:
        for count, found in enumerate(log.scan(Wanted(since=since)), 1):
            tally.add(found.entry)
            if count % 1_000 == 0:
                walked(found.head.seq)
