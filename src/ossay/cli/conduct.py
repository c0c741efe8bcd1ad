"""Carrying out a plan from the terminal: open everything, show progress, stop cleanly.

Shared by `run` and `demo`. Knows nothing of what a run is; `campaign` does the work.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import click

from ossay.cli import place
from ossay.core.records import CampaignRecord

if TYPE_CHECKING:
    from ossay.campaign.plan import Plan
    from ossay.campaign.progress import Progress
    from ossay.core.model import Model

# For loading models, compressing transcripts and the like.
SPARE_THREADS = 8

# A campaign that stopped so is over.
_OVER = ("decided", "undecidable")


def conduct(
    plan: Plan, *, url: str | None = None, trust_local: bool = False, quiet: bool = False
) -> CampaignRecord:
    """Run or resume `plan` and return its record. The first Ctrl-C stops it cleanly."""
    from ossay.agent.sandbox.find import find_sandbox
    from ossay.models.resolve import open_model
    from ossay.suites.registry import open_suite

    settings = place.here()
    sandbox = find_sandbox(trust_local=trust_local)
    suites = {name: open_suite(name, lambda: sandbox) for name in plan.suites}
    models = {
        reference: open_model(reference, settings=settings, environ=os.environ)
        for reference in plan.models
    }

    async def campaign(on_progress: Callable[[Progress], None] | None) -> None:
        from ossay.campaign.environment import describe_environment
        from ossay.campaign.runner import run_campaign

        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        # Each run may wait in a thread for a command or a grader's copy.
        loop.set_default_executor(ThreadPoolExecutor(plan.concurrency + SPARE_THREADS))
        loop.add_signal_handler(signal.SIGINT, _interrupt, stop)
        loop.add_signal_handler(signal.SIGTERM, _interrupt, stop)
        try:
            await run_campaign(
                plan,
                suites=suites,
                models=models,
                ledger=ledger,
                sandbox=sandbox,
                scratch=place.scratch(),
                command=command_line(sys.argv[1:]),
                environment=describe_environment(sandbox.kind),
                on_entered=_tell_commitment,
                on_progress=on_progress,
                stop=stop,
                trust_local=trust_local,
            )
        finally:
            await close(models.values())

    with place.ledger(url, create=True) as ledger:
        if quiet:
            asyncio.run(campaign(None))
        elif not sys.stderr.isatty():
            from ossay.cli.live import Lines

            asyncio.run(campaign(Lines(plan.name, time.monotonic).update))
        else:
            from ossay.cli.live import Live

            with Live(plan.name, place.console(stderr=True)) as live:
                asyncio.run(campaign(live.update))
        return ledger.campaign(plan.name)


def show(record: CampaignRecord, *, as_json: bool) -> None:
    """Print the results of a campaign and the next step."""
    from ossay.reports.summary import summarize, summary_json
    from ossay.reports.terminal import print_report

    summary = summarize(record)
    if as_json:
        click.echo(summary_json(summary).decode())
    else:
        print_report(summary, place.console())
    if record.stopped in _OVER:
        click.echo(f"Stopped: {record.stopped}. Nothing more of {record.name} is run.", err=True)
    elif record.stopped:
        click.echo(f"Stopped early ({record.stopped}). {_go_on(record)}", err=True)
    if not as_json and (not record.stopped or record.stopped in _OVER):
        click.echo(f"Full report: ossay report {record.name}", err=True)


def _tell_commitment(header: CampaignRecord) -> None:
    """Say the digest of what was predicted, so that it can be published before the results."""
    from ossay.cli.predictions_text import committed_lines

    if header.committed is not None:
        click.echo("\n".join(committed_lines(header.committed)), err=True)


def exit_code(record: CampaignRecord) -> int:
    """Return 130 after an interruption, 1 where no run says anything of a model, else 0."""
    if record.stopped == "interrupted":
        return 130
    ended = [run.outcome for run in record.runs if run.outcome is not None]
    return 1 if ended and not any(outcome.counts for outcome in ended) else 0


def command_line(arguments: Sequence[str]) -> str:
    """Return the command that was typed, ready to be typed again, without passwords."""
    from ossay.campaign.hiding import hiding
    from ossay.store.address import Address

    words = (Address(url=word).scrub(word) for word in arguments)
    return hiding(os.environ)(shlex.join(["ossay", *words]))


def _go_on(record: CampaignRecord) -> str:
    """Name the command that goes on; a limit has to be raised for that."""
    if record.stopped == "cost_unknown":
        return (
            "Calls came back without tokens or price, so the limit cannot be kept: give the "
            "model a price in ossay.toml, or start a campaign without that limit"
        )
    limit = "--" + record.stopped.replace("_", "-")
    raised = f" {limit} MORE" if record.stopped in ("max_usd", "max_tokens") else ""
    return f"Go on: ossay run {record.name}{raised}"


async def close(models: Iterable[Model]) -> None:
    """Close every model, whatever the others do."""
    closing = [model.aclose() for model in models]
    await asyncio.gather(*closing, return_exceptions=True)


def _interrupt(stop: asyncio.Event) -> None:
    """Stop cleanly at the first Ctrl-C, at once at the second."""
    if stop.is_set():
        raise KeyboardInterrupt
    click.echo("\nStopping: finishing the books. Ctrl-C again to leave at once.", err=True)
    stop.set()
