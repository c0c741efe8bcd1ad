"""`ossay pull`."""

from __future__ import annotations

import click

from ossay.cli import place


@click.command()
@click.argument("name")
def pull(name: str) -> None:
    """Fetch a model's weights: smollm2-135m, gpt-oss-20b, gpt-oss-120b; or vocab, gpt-oss's text.

    smollm2-135m and vocab are checked against their pinned sha256, files of a hub against the
    hashes that it lists. What is already there is not fetched again.
    """
    from ossay.models.pull import pull as fetch

    path = fetch(name, settings=place.here(), on_progress=lambda line: click.echo(line, err=True))
    click.echo(str(path))
