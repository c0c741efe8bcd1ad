"""`ossay demo`."""

from __future__ import annotations

from pathlib import Path

import click

from ossay.cli import place
from ossay.core.errors import UsageError

REFERENCE = "scripted/reference"
SMALL = "llamacpp/smollm2-135m"


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("ossay-reports/demo"),
    show_default=True,
    help="Folder of the report.",
)
def demo(out: Path) -> None:
    """See it work: ten tasks, two models, one report.

    Runs the ten tasks of agentic-core on their reference solutions (30 of 30, or the suite is
    broken) and on SmolLM2-135M, a real model of 135M parameters which fails most of them. Takes a
    few minutes on 2 cores; nothing leaves this machine.
    """
    from datetime import UTC, datetime

    from ossay.campaign.plan import BudgetChange, Limits, Plan
    from ossay.cli.conduct import conduct
    from ossay.core.types import Sampling
    from ossay.reports.demo import sentences
    from ossay.reports.summary import summarize
    from ossay.reports.terminal import print_report
    from ossay.reports.writing import write_report

    models = (REFERENCE, SMALL) if _small_is_here() else (REFERENCE,)
    plan = Plan(
        name=datetime.now(UTC).strftime("demo-%Y%m%d-%H%M%S"),
        models=models,
        suites=("agentic-core",),
        instances=3,
        attempts=1,
        concurrency=2,
        order="model_by_model",
        sampling=Sampling(temperature=0.0),
        # Enough for a model of this size to show what it does, on 2 cores.
        budget=BudgetChange(max_tokens=200),
        limits=Limits(max_minutes=3.5, grace_seconds=15),
    )
    record = conduct(plan)
    summary = summarize(record)
    print_report(summary, place.console())
    with place.ledger(None) as ledger:
        written = write_report(record, ledger.transcript, out)
    click.echo()
    for sentence in sentences(summary):
        place.console().print(sentence)
    if record.stopped:
        click.echo(f"Stopped early ({record.stopped}). Go on: ossay run {record.name}")
    click.echo(f"\nReport: {written.html}")
    if not all(run.outcome == "passed" for run in record.runs if run.key.model == REFERENCE):
        raise SystemExit(1)


def _small_is_here() -> bool:
    """Fetch the small model where it is missing; say so where that cannot be."""
    from ossay.core.errors import OssayError
    from ossay.models.llamacpp import open_llamacpp
    from ossay.models.pull import pull

    name = SMALL.partition("/")[2]
    settings = place.here()
    try:
        pull(name, settings=settings, on_progress=lambda line: click.echo(line, err=True))
        open_llamacpp(name, settings)
    except (OssayError, OSError) as error:
        why = error if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
        click.echo(f"{SMALL} is left out: {why}", err=True)
        return False
    return True
