"""`ossay compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ossay.cli import place
from ossay.cli.sources import Found, asked_of, gather, source_options

if TYPE_CHECKING:
    from ossay.stats.many import Family

SEED = 20_260_101  # of the sign flips: the same command prints the same


@click.command()
@click.argument("a")
@click.argument("b")
@source_options
@click.option("--metric", help="What to compare; cost_usd, seconds and output_tokens work too.")
@click.option(
    "--margin",
    type=float,
    help="Largest difference that doesn't matter, for a tie; 0.05 is 5 points of a rate.",
)
@click.option("--alpha", type=float, help="Level of the test.  [default: 0.05]")
@click.option(
    "--family",
    "family_name",
    metavar="all-pairs|NAME",
    help="Correct for all pairs of the models in the records, or for a family of the plan.",
)
@click.option("--intersect", is_flag=True, help="Leave out items that one of the two lacks.")
@click.option("--all", "show_all", is_flag=True, help="List every item on which they differ.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(  # noqa: PLR0913 - one argument an option
    a: str,
    b: str,
    metric: str | None,
    margin: float | None,
    alpha: float | None,
    family_name: str | None,
    intersect: bool,
    show_all: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Compare two models: A better, tied, or not enough data.

    A and B are models as the records name them; a part that fits one alone is enough. MODEL@SOURCE
    is what one campaign, import or file holds of a model, to compare a model with itself. Says what
    the test allows, the numbers behind it, and on which items the two differ.

    \b
    ossay compare gpt-oss-120b Qwen2.5-Coder --records results.csv.gz
    ossay compare groq/openai/gpt-oss-120b llamacpp/smollm2-135m --in my-campaign --margin 0.05
    ossay compare o3 "GPT-5 mini" --records results.csv --metric cost_usd
    ossay compare gpt-oss-120b@low gpt-oss-120b@high --in low --in high
    """  # noqa: D301  click reads the escape
    from numpy.random import PCG64, Generator

    from ossay.claims.watched import judged_as_watched
    from ossay.cli.compare_json import finding_json
    from ossay.cli.compare_text import print_finding
    from ossay.compare.pair import compare_models

    asked = asked_of(options)
    found = gather(asked, (a, b), metric)
    finding = compare_models(
        found.records,
        *found.models,
        metric=metric,
        margin=margin,
        alpha=0.05 if alpha is None else alpha,
        intersect=intersect,
        family=_family(found, family_name),
        rng=Generator(PCG64(SEED)),
    )
    campaigns = found.campaigns.values()
    finding = judged_as_watched(finding, campaigns, alpha=alpha, margin=margin)
    if as_json:
        click.echo(finding_json(finding))
    else:
        print_finding(finding, found.records, place.console(), show_all=show_all)


def _family(found: Found, name: str | None) -> Family | None:
    from ossay.compare.selection import models_in
    from ossay.core.errors import UnknownName
    from ossay.stats.many import all_pairs

    if name is None:
        return None
    if name == "all-pairs":
        return all_pairs(name, models_in(found.records))
    for family in found.families:
        if family.name == name:
            return family
    declared = [family.name for family in found.families]
    raise UnknownName.of("family", name, ("all-pairs", *declared))
