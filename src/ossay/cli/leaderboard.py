"""`ossay leaderboard`."""

from __future__ import annotations

from typing import Any

import click

from ossay.cli import place
from ossay.cli.sources import asked_of, gather, source_options


@click.command()
@source_options
@click.option("--metric", help="What to rank by; cost_usd, seconds and output_tokens work too.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Of the whole board.")
@click.option("--model", "models", multiple=True, metavar="NAME", help="Rank this one. Repeatable.")
@click.option("--intersect", is_flag=True, help="Leave out items that a model lacks.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def leaderboard(
    metric: str | None,
    alpha: float,
    models: tuple[str, ...],
    intersect: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Rank models, with those that are tied.

    Every pair is tested on the same items, corrected for all pairs by Holm. A rank is an interval:
    the places that the data leave possible. A model whose rows contradict their own source's
    summary (--stated) is left out with the reason.

    \b
    ossay leaderboard --records results.csv.gz --stated summary.json
    ossay leaderboard --in my-campaign --metric cost_usd
    """  # noqa: D301  click reads the escape
    from msgspec.structs import replace
    from numpy.random import PCG64, Generator

    from ossay.claims.watched import stop_notes
    from ossay.cli.compare import SEED
    from ossay.cli.compare_json import board_json
    from ossay.cli.leaderboard_text import print_board
    from ossay.compare.board import rank_models
    from ossay.compare.selection import find_model, only

    found = gather(asked_of(options), models, metric)
    records = found.records
    if models:
        records = only(records, [find_model(records, name) for name in found.models])
    board = rank_models(
        records, metric=metric, alpha=alpha, intersect=intersect, rng=Generator(PCG64(SEED))
    )
    board = replace(board, notes=(*board.notes, *stop_notes(found.campaigns.values())))
    if as_json:
        click.echo(board_json(board))
    else:
        print_board(board, records, place.console())
