"""`ossay campaigns`."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from ossay.cli import place


@click.command()
@click.option("--ledger", "url", help="Path or database URL of the ledger.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def campaigns(url: str | None, as_json: bool) -> None:
    """List the campaigns in the ledger."""
    with place.ledger(url) as ledger:
        rows = ledger.campaigns()
    if as_json:
        click.echo(json.dumps([row._asdict() for row in rows], indent=2))
        return
    for row in rows:
        day = datetime.fromtimestamp(row.created_at, UTC).strftime("%Y-%m-%d %H:%M")
        click.echo(
            f"{row.name}  {row.finished}/{row.total} runs  {day} UTC  {row.stopped}".rstrip()
        )
    if not rows:
        click.echo("No campaigns yet. Start one: ossay run agentic-core --model PROVIDER/NAME")
