"""`ossay transcript`."""

from __future__ import annotations

import json

import click

from ossay.cli import place


@click.command()
@click.argument("run_id")
@click.option("--ledger", "url", help="Path or database URL of the ledger.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def transcript(run_id: str, url: str | None, as_json: bool) -> None:
    """Read what was said and done in one run. RUN_ID is shown in reports; its start is enough."""
    import msgspec

    from ossay.core.errors import UnknownName
    from ossay.reports.transcript import transcript_text

    with place.ledger(url) as ledger:
        found = ledger.transcript(run_id)
    if found is None:
        raise UnknownName(
            f"no transcript of a run {run_id!r}; `ossay report NAME` writes a page and a runs.csv "
            "with all run ids"
        )
    if as_json:
        # Plain ASCII: what a model wrote must not act on the terminal.
        click.echo(json.dumps(msgspec.to_builtins(found), indent=2))
    else:
        click.echo(transcript_text(found))
