"""`ossay claims`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ossay.cli import place

if TYPE_CHECKING:
    from ossay.core.records import CampaignRecord
    from ossay.core.results import Records

SEED = 20_260_101  # of sign flips that are too many to count: the same command prints the same


def _print_kinds(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    from ossay.cli.claims_kinds import kinds_lines

    for line in kinds_lines(100):
        click.echo(line)
    context.exit()


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--only", multiple=True, metavar="ID", help="Check this claim alone. Repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--strict", is_flag=True, help="Exit with 1 where a claim is contradicted or not reproduced."
)
@click.option("--outside", is_flag=True, help="Let FILE name files outside its own folder.")
@click.option("--ledger", "url", help="Path or database URL of the ledger.")
@click.option(
    "--kinds",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_kinds,
    help="List the kinds of claims and their keys.",
)
def claims(
    file: Path, only: tuple[str, ...], as_json: bool, strict: bool, outside: bool, url: str | None
) -> None:
    """Check sentences about results against the numbers.

    FILE is TOML: sources, tables of numbers, and claims bound to them. Each claim comes out as
    reproduced, supported, not distinguishable (with how many runs it would need), contradicted, not
    reproduced, or not checkable; the arithmetic is shown.

    \b
    ossay claims examples/published/agentic_campaign.toml
    ossay claims our-results.toml --strict --json
    """  # noqa: D301  click reads the escape
    from numpy.random import PCG64, Generator

    from ossay.claims.check import check_claims
    from ossay.claims.file import read_claims
    from ossay.cli.claims_json import claims_json
    from ossay.cli.claims_text import print_claims

    def ledgered(name: str) -> tuple[Records, CampaignRecord | None]:
        from ossay.cli.sources import Asked, gather

        found = gather(Asked(names=(name,), ledger=url))
        return found.records, found.campaigns.get(name)

    read = read_claims(file, outside=outside, ledgered=ledgered)
    checked = check_claims(read, lambda: Generator(PCG64(SEED)), only)
    if as_json:
        click.echo(claims_json(read.title, file.name, checked))
    else:
        print_claims(read.title, checked, place.console())
    bad = ("contradicted", "not_reproduced")
    if strict and any(one.answer.verdict in bad for one in checked):
        raise click.exceptions.Exit(1)
