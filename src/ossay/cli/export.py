"""`ossay export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ossay.cli import place
from ossay.core.errors import UsageError

if TYPE_CHECKING:
    from ossay.core.rating import RaterKind
    from ossay.store.ledger import Ledger


@click.command()
@click.argument("campaign")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(("16x", "csv")),
    required=True,
    help="JSON of 16x Eval, or a table with a row a rating.",
)
@click.option(
    "--raters",
    type=click.Choice(("people", "models")),
    default="people",
    show_default=True,
    help="Whose ratings: the two are never in one file.",
)
@click.option("--ledger", "url", help="Path or database URL of the ledger.")
def export(campaign: str, file: Path, form: str, raters: str, url: str | None) -> None:
    """Write a campaign's answers and ratings to FILE; '-' is the terminal.

    The ratings are people's, or with --raters models a judge's, which say so. The table has them as
    they were made, the JSON one score an answer, by a rubric's latest version.

    \b
    ossay export my-campaign ratings.csv --format csv
    ossay export my-campaign evals.json --format 16x
    ossay import evals.json
    """  # noqa: D301  click reads the escape
    kind: RaterKind = "human" if raters == "people" else "model"
    with place.ledger(url) as ledger:
        data = _csv(ledger, campaign, kind) if form == "csv" else _sixteen_x(ledger, campaign, kind)
    if str(file) == "-":
        click.echo(data.decode(), nl=False)
        return
    try:
        file.write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write {str(file)!r}: {error.strerror or error}") from error
    click.echo(f"Wrote {str(file)!r}.", err=True)


def _csv(ledger: Ledger, campaign: str, kind: RaterKind) -> bytes:
    from ossay.core.rating import current
    from ossay.records.ratings_csv import ratings_csv

    answers = ledger.answers(campaign)
    held = current(ledger.ratings(campaign))
    rows = [row for row in held if row.kind == kind]
    _say(len({row.run for row in rows}), len(answers), kind)
    if len(rows) < len(held):
        others = "models" if kind == "human" else "people"
        count = len(held) - len(rows)
        click.echo(f"Left out: {count:,} by {others}; --raters {others} writes them.", err=True)
    return ratings_csv(answers, rows).encode()


def _sixteen_x(ledger: Ledger, campaign: str, kind: RaterKind) -> bytes:
    from ossay.cli.held import rated_anew
    from ossay.cli.rated_by import marked
    from ossay.records.sixteen_x import encode_document
    from ossay.records.sixteen_x_export import document_of
    from ossay.suites.rubrics import read_rubrics

    readings = (ledger.answer(answer.run) for answer in ledger.answers(campaign))
    rated = rated_anew(ledger, campaign, kind)
    for note in rated.notes:
        click.echo(note, err=True)
    rubrics = {**read_rubrics(), **rated.rubrics}
    document = document_of(ledger.campaign(campaign), readings, rated.ratings, rubrics, kind)
    _say(sum(one.rating is not None for one in document.evals), len(document.evals), kind)
    if kind == "model":
        raters: dict[str, list[str]] = {}
        for row in rated.ratings:
            of = raters.setdefault(row.run, [])
            if row.kind == kind and row.rater not in of:
                of.append(row.rater)
        document = marked(document, raters)
    return encode_document(document)


def _say(rated: int, answers: int, kind: RaterKind) -> None:
    who = "people" if kind == "human" else "models"
    click.echo(f"{rated:,} of {answers:,} answers are rated by {who}.", err=True)
