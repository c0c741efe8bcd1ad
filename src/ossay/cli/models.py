"""`ossay models`."""

from __future__ import annotations

import os

import click

from ossay.cli import place


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def models(as_json: bool) -> None:
    """List providers, the environment variable of each key, and dated prices.

    A model is named provider/name. Add providers and prices of your own in ossay.toml.
    """
    import msgspec
    from rich.table import Table

    from ossay.models.providers import known_providers

    rows = known_providers(place.here(), os.environ)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows)).decode())
        return
    table = Table("provider", "key variable", "set", "base URL", box=None, pad_edge=False)
    prices = Table("model", "$/M in", "cached", "out", "on", "source", box=None, pad_edge=False)
    for row in rows:
        is_set = "-" if row.key_variable is None else ("yes" if row.key_set else "no")
        table.add_row(row.name, row.key_variable or "none needed", is_set, row.base_url)
        for model, price in row.prices.items():
            cached = "" if price.cached_input is None else f"{price.cached_input:g}"
            prices.add_row(
                f"{row.name}/{model}",
                f"{price.input:g}",
                cached,
                f"{price.output:g}",
                price.date,
                price.source,
            )
    console = place.console()
    console.print(table)
    console.print()
    console.print(prices)
    click.echo("\nOn this machine: llamacpp/NAME (see `ossay pull`), scripted/reference.")
