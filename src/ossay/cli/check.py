"""`ossay check`."""

from __future__ import annotations

import asyncio

import click

from ossay.cli import place


@click.command()
@click.argument("suite", default="agentic-core")
@click.option("--seeds", default=10, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--first", default=1, show_default=True, help="The first seed.")
@click.option("--task", "tasks", multiple=True, help="Only this task. Repeat for more.")
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1), help="At once.")
@click.option("--trust-local", is_flag=True, help="Run without a sandbox. Not for model output.")
def check(
    suite: str, seeds: int, first: int, tasks: tuple[str, ...], jobs: int, trust_local: bool
) -> None:
    """Prove a suite on this machine.

    For each seed the reference solution must pass, and doing nothing and every cheat must fail.
    Exit code 1 if anything went wrong.
    """
    from rich.progress import Progress

    from ossay.agent.sandbox.find import find_sandbox
    from ossay.core.errors import UnknownName
    from ossay.suites.registry import open_suite
    from ossay.suites.rehearsal import check_suite

    sandbox = find_sandbox(trust_local=trust_local)
    opened = open_suite(suite, lambda: sandbox)
    names = tasks or tuple(opened.tasks)
    for name in names:
        if name not in opened.tasks:
            raise UnknownName.of("task", name, opened.tasks)
    scripts = sum(len(opened.tasks[name].instance(first).scripts) for name in names)
    count = 0
    with Progress(console=place.console(stderr=True)) as progress:
        bar = progress.add_task(f"{suite} {opened.version}", total=scripts * seeds)

        def on_done(_: object) -> None:
            nonlocal count
            count += 1
            progress.advance(bar)

        upsets = asyncio.run(
            check_suite(
                opened,
                range(first, first + seeds),
                sandbox=sandbox,
                tasks=names,
                jobs=jobs,
                on_done=on_done,
            )
        )
    for upset in upsets:
        click.echo(f"{upset.task} seed {upset.seed} {upset.script}: {upset.upset}")
    click.echo(f"{count - len(upsets)} passed, {len(upsets)} failed")
    if upsets:
        raise SystemExit(1)
