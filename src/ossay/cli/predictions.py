"""`ossay predictions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ossay.cli import place
from ossay.cli.predictions_text import committed_lines, record_lines, scored_lines
from ossay.core.errors import UnknownName

if TYPE_CHECKING:
    from ossay.campaign.forecaster import TrackRecord
    from ossay.core.predictions import Committed
    from ossay.store.ledger import Ledger


# The same command prints the same.
SEED = 1


@click.command()
@click.argument("name", required=False)
@click.option("--ledger", "url", help="Path or database URL of the ledger.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def predictions(name: str | None, url: str | None, as_json: bool) -> None:
    """How forecasts of runs came out.

    NAME is a campaign (its predictions, one by one) or a forecaster (hits over all campaigns, with
    their interval, Brier and log score). Without it: every forecaster's record.

    Predictions stand in a plan as [[predict]], and are committed before its first run.
    """
    with place.ledger(url) as ledger:
        campaigns = [row.name for row in ledger.campaigns()]
        if name in campaigns:  # whatever happened to the predictions of others
            _print_campaign(name, ledger, as_json)
            return
        commitments = ledger.commitments()
        forecasters = sorted({found.forecaster for found in commitments})
        if name is None:
            _print_records([_record(who, ledger, commitments) for who in forecasters], as_json)
        elif name in forecasters:
            _print_records([_record(name, ledger, commitments)], as_json)
        else:
            raise UnknownName.of("campaign or forecaster", name, [*campaigns, *forecasters])


def _record(who: str, ledger: Ledger, commitments: Sequence[Committed]) -> TrackRecord:
    from numpy.random import PCG64, Generator

    from ossay.campaign.forecast import score_predictions
    from ossay.campaign.forecaster import track_record

    theirs = [found.campaign for found in commitments if found.forecaster == who]
    scored = [line for name in theirs for line in score_predictions(ledger.campaign(name))]
    return track_record(who, scored, Generator(PCG64(SEED)))


def _print_campaign(name: str, ledger: Ledger, as_json: bool) -> None:
    import msgspec

    from ossay.campaign.forecast import score_predictions

    record = ledger.campaign(name)
    scored = score_predictions(record)
    if as_json:
        listing = {"committed": record.committed, "scored": scored}
        click.echo(msgspec.json.format(msgspec.json.encode(listing)).decode())
        return
    if record.committed is None:
        click.echo(f"Nothing was predicted of {name}. Predictions stand in a plan as [[predict]].")
        return
    for line in committed_lines(record.committed):
        click.echo(line)
    for line in scored_lines(scored):
        click.echo(line)


def _print_records(records: Sequence[TrackRecord], as_json: bool) -> None:
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(records)).decode())
        return
    if not records:
        click.echo("No predictions yet. Write some into a plan: [[predict]], and forecaster.")
    for record in records:
        for line in record_lines(record):
            click.echo(line)
