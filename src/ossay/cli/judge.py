"""`ossay judge`."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ossay.cli import place
from ossay.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ossay.campaign.judge import Judging
    from ossay.records.judged import Judged
    from ossay.store.ledger import Ledger

SEED = 20_260_101  # of intervals: the same ratings print the same


@click.command()
@click.argument("campaign")
@click.option("--model", "reference", required=True, metavar="REF", help="Who judges.")
@click.option("--task", "tasks", multiple=True, metavar="NAME", help="Only this one. Repeatable.")
@click.option(
    "--rubrics",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with rubrics of your own, *.toml.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="Calls in flight at once.",
)
@click.option("--max-usd", type=float, help="Start no call once so much was spent.")
@click.option("--ledger", "url", help="Path or database URL of the ledger.")
def judge(
    campaign: str,
    reference: str,
    tasks: tuple[str, ...],
    folder: Path | None,
    concurrency: int,
    max_usd: float | None,
    url: str | None,
) -> None:
    """Let a model rate a campaign's answers by the rubrics.

    Each answer is shown beside a shorter and beside a longer one, in both orders, so that a lean to
    a place or to length shows. A judge reads text; it sees no rendered page. Its ratings are kept
    apart from people's, and held against them. What it judged before is not asked again.

    \b
    ossay judge my-campaign --model groq/openai/gpt-oss-120b --max-usd 1
    ossay compare a b --in my-campaign --raters models
    """  # noqa: D301  click reads the escape
    from ossay.cli.judge_text import judged_lines, state_lines
    from ossay.suites.rubrics import read_rubrics

    rubrics = read_rubrics(folder)
    unknown = [task for task in tasks if task not in rubrics]
    if unknown:
        from ossay.core.errors import UnknownName

        raise UnknownName.of("rubric of task", unknown[0], rubrics)
    with place.ledger(url, create=True) as ledger:
        if not ledger.answers(campaign, limit=1):
            raise UsageError(f"campaign {campaign!r} has no answers yet: ossay run {campaign}")

        async def judging() -> Judging:
            from ossay.campaign.judge import Judge
            from ossay.models.resolve import open_model

            model = open_model(reference, settings=place.here(), environ=os.environ)
            try:
                return await Judge(
                    model, rubrics, ledger, campaign, clock=time.time, max_usd=max_usd
                ).judge(concurrency=concurrency, tasks=tasks)
            finally:
                await model.aclose()

        state = asyncio.run(judging())
        for line in (*state_lines(state), *judged_lines(_against(ledger, campaign))):
            click.echo(line)
    if state.failed and not state.rated:
        raise UsageError(f"nothing was judged now: {state.problem}")


def _against(ledger: Ledger, campaign: str) -> Sequence[Judged]:
    from numpy.random import PCG64, Generator

    from ossay.campaign.showings import length_of
    from ossay.cli.held import rated_anew
    from ossay.records.judged import judged_against

    rng = Generator(PCG64(SEED))
    rated = rated_anew(ledger, campaign)
    return judged_against(rated.ratings, ledger.answers(campaign), length_of, rng)
