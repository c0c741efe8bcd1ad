"""`ossay demo`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click

from ossay.cli import place
from ossay.core.errors import UsageError

REFERENCE = "scripted/reference"
SMALL = "llamacpp/smollm2-135m"

# For the runs of both suites together, on 2 cores, and how much of it is kept for coding at least.
MINUTES = 3.5
CODING_MINUTES = 1.0


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("ossay-reports/demo"),
    show_default=True,
    help="Folder of the report.",
)
def demo(out: Path) -> None:
    """See it work: two suites, two models, a report of each.

    Runs the ten tasks of agentic-core on their reference solutions (30 of 30, or the suite is
    broken) and on SmolLM2-135M, a real model of 135M parameters which fails most of them; then one
    problem of each coding task that can be graded here (Node.js, TypeScript, Chromium). Takes a few
    minutes on 2 cores; nothing leaves this machine.
    """
    from datetime import UTC, datetime

    from ossay.agent.sandbox.find import find_sandbox
    from ossay.cli.demo_coding import coding_here
    from ossay.suites.coding import Coding

    models = (REFERENCE, SMALL) if _small_is_here() else (REFERENCE,)
    name = datetime.now(UTC).strftime("demo-%Y%m%d-%H%M%S")
    sandbox = find_sandbox()
    coding = coding_here(Coding(lambda: sandbox), sandbox)
    started = time.monotonic()
    first = MINUTES - CODING_MINUTES * bool(coding.tasks)
    fine = _carry_out("agentic-core", name, models, out, minutes=first, instances=3)
    for line in coding.missing:
        click.echo(line, err=True)
    if coding.tasks:
        click.echo()
        left = max(CODING_MINUTES, MINUTES - (time.monotonic() - started) / 60.0)
        fine &= _carry_out(
            "coding", f"{name}-coding", models, out / "coding", minutes=left, tasks=coding.tasks
        )
    if not fine:
        raise SystemExit(1)


def _carry_out(
    suite: str,
    name: str,
    models: tuple[str, ...],
    out: Path,
    *,
    minutes: float,
    instances: int = 1,
    tasks: Sequence[str] = (),
) -> bool:
    """Run, print and write one report; whether every reference solution passed."""
    from ossay.campaign.plan import BudgetChange, Limits, Plan
    from ossay.cli.conduct import conduct
    from ossay.cli.report import judgements_of
    from ossay.core.types import Sampling
    from ossay.reports.demo import sentences
    from ossay.reports.summary import summarize
    from ossay.reports.terminal import print_report
    from ossay.reports.writing import write_report

    plan = Plan(
        name=name,
        models=models,
        suites=(suite,),
        tasks=tuple(tasks),
        instances=instances,
        attempts=1,
        concurrency=2,
        order="model_by_model",
        sampling=Sampling(temperature=0.0),
        # Enough for a model of this size to show what it does, on 2 cores.
        budget=BudgetChange(max_tokens=200),
        limits=Limits(max_minutes=minutes, grace_seconds=15),
    )
    record = conduct(plan)
    with place.ledger(None) as ledger:
        judgements = judgements_of(ledger, record)
        written = write_report(record, ledger.transcript, out, judgements)
    summary = summarize(record, judgements)
    print_report(summary, place.console())
    click.echo()
    for sentence in sentences(summary):
        place.console().print(sentence)
    if record.stopped:
        click.echo(f"Stopped early ({record.stopped}). Go on: ossay run {record.name}")
    click.echo(f"\nReport: {written.html}")
    return all(run.outcome == "passed" for run in record.runs if run.key.model == REFERENCE)


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
