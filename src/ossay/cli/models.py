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

    from ossay.models.providers import known_providers, load_providers

    settings = place.here()
    rows = known_providers(settings, os.environ)
    providers = load_providers(settings)
    if as_json:
        listing = [
            {**msgspec.to_builtins(row), "prices": msgspec.to_builtins(providers[row.name].prices)}
            for row in rows
        ]
        click.echo(msgspec.json.format(msgspec.json.encode(listing)).decode())
        return
    table = Table("provider", "key variable", "set", box=None, pad_edge=False)
    table.add_column("base URL", overflow="fold")
    prices = Table(box=None, pad_edge=False)
    prices.add_column("model", overflow="fold")
    for heading in ("$/M in", "cached", "out", "on"):
        prices.add_column(heading, no_wrap=True)
    for row in rows:
        is_set = ("yes" if row.key_set else "no") if row.key_variable else ""
        table.add_row(row.name, row.key_variable or "none needed", is_set, row.base_url)
        for model, price in providers[row.name].prices.items():
            cached = "" if price.cached_input is None else f"{price.cached_input:g}"
            dollars = (f"{price.input:g}", cached, f"{price.output:g}")
            prices.add_row(f"{row.name}/{model}", *dollars, price.date)
    console = place.console()
    console.print(table)
    console.print()
    console.print(prices)
    click.echo("\nWhere each price was read: ossay models --json")
    here = "local/gpt-oss-20b, llamacpp/NAME (see `ossay pull`), scripted/reference"
    click.echo(f"On this machine: {here}, scripted/sometimes?rate=0.7&seed=1.")
    click.echo("Talk with one: ossay chat MODEL. Let programs: ossay serve MODEL.")
