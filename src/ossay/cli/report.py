"""`ossay report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ossay.cli import place

if TYPE_CHECKING:
    from ossay.core.records import CampaignRecord
    from ossay.reports.judgements import Judgements
    from ossay.store.ledger import Ledger


@click.command()
@click.argument("name")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder.  [default: ossay-reports/NAME]"
)
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON, write nothing.")
@click.option("--table", "table_only", is_flag=True, help="Print the table, write nothing.")
@click.option("--ledger", "url", help="Path or database URL of the ledger.")
def report(name: str, out: Path | None, as_json: bool, table_only: bool, url: str | None) -> None:
    """Show a campaign.

    NAME is a campaign in the ledger, or the folder of a data pack. Prints a table, and writes
    report.html (one file, works offline) and the data pack.
    """
    from ossay.reports.pack import is_pack, read_pack
    from ossay.reports.summary import summarize, summary_json
    from ossay.reports.terminal import print_report
    from ossay.reports.writing import write_report

    # The folder that this command wrote, or the pack inside it.
    if is_pack(Path(name) / "pack"):
        name = str(Path(name) / "pack")
    if is_pack(Path(name)):
        record, transcripts = read_pack(Path(name))
        summary = summarize(record)
        folder = out or Path("ossay-reports") / record.name
        written = None if as_json or table_only else write_report(record, transcripts, folder)
    else:
        with place.ledger(url) as ledger:
            record = _campaign(ledger, name)
            judgements = judgements_of(ledger, record)
            summary = summarize(record, judgements)
            folder = out or Path("ossay-reports") / record.name
            written = (
                None
                if as_json or table_only
                else write_report(record, ledger.transcript, folder, judgements)
            )
    if as_json:
        click.echo(summary_json(summary).decode())
        return
    print_report(summary, place.console())
    if written is not None:
        click.echo(f"Report:    {written.html}")
        click.echo(f"Data pack: {written.pack}")


def judgements_of(ledger: Ledger, record: CampaignRecord) -> Judgements:
    """The ratings of a campaign by the latest version of each rubric, and what graders kept.

    The latest among people's ratings, and among a judge's; among both where the two are held
    against each other, as `ossay judge` does.
    """
    from ossay.cli.held import rated_anew
    from ossay.core.errors import UnknownName
    from ossay.reports.judgements import Judgements

    def artefact(run: str, name: str) -> bytes | None:
        try:
            return ledger.artefact(run, name)
        except UnknownName:
            return None

    people = rated_anew(ledger, record.name, "human")
    judge = rated_anew(ledger, record.name, "model")
    rows = [row for row in people.ratings if row.kind == "human"]
    rows += [row for row in judge.ratings if row.kind == "model"]
    return Judgements(
        tuple(rows),
        ledger.rubrics(record.name),
        artefact,
        {"human": tuple(people.notes), "model": tuple(judge.notes)},
        # Each side's latest may be another version: their difference would be the rubrics'.
        together=rated_anew(ledger, record.name).ratings,
    )


def _campaign(ledger: Ledger, name: str) -> CampaignRecord:
    """The campaign of that name; imported results have no runs to report, and are said to be so."""
    from ossay.core.errors import UnknownName, UsageError

    try:
        return ledger.campaign(name)
    except UnknownName:
        if all(row.name != name for row in ledger.imports()):
            raise
    raise UsageError(
        f"{name!r} is imported results, which have no report: "
        f"ossay leaderboard --in {name} ranks its models"
    )
