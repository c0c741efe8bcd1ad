"""Proving a suite before a model meets it: the reference passes, idling and cheating fail.

`rehearse` plays one script of one instance through the real loop, tools and grader; `check_suite`
goes over many seeds. Knows nothing of real models.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

from ossay.agent.loop import run_loop
from ossay.agent.sandbox.base import Sandbox
from ossay.agent.workspace import Workspace
from ossay.core.errors import OssayError
from ossay.core.task import Grade, Instance, Suite, Task, Transcript
from ossay.core.types import Sampling
from ossay.models.scripted import Scripted
from ossay.suites.grading import check_environment, judge

REFERENCE = "reference"


class Rehearsed(Struct, frozen=True):
    """One script played on one instance. `upset` says what was wrong with that, '' if nothing."""

    task: str
    seed: int
    script: str
    grade: Grade
    transcript: Transcript
    upset: str = ""


async def rehearse(
    task: Task, instance: Instance, script: str, *, system: str, sandbox: Sandbox
) -> Rehearsed:
    """Play `script` of `instance` and judge it in this process."""
    with tempfile.TemporaryDirectory(prefix="ossay-rehearsal-") as scratch:
        workspace = await asyncio.to_thread(Workspace.create, Path(scratch), instance.files)
        try:
            transcript = await run_loop(
                Scripted(instance.scripts[script], name=script),
                instance,
                system=system,
                workspace=workspace,
                sandbox=sandbox,
                sampling=Sampling(),
            )
            grade = await asyncio.to_thread(judge, task, instance, workspace.root, transcript)
        finally:
            await asyncio.to_thread(workspace.remove)
    return Rehearsed(
        task.name, instance.seed, script, grade, transcript, _upset(script, grade, transcript)
    )


async def check_suite(
    suite: Suite,
    seeds: Iterable[int],
    *,
    sandbox: Sandbox,
    tasks: Iterable[str] | None = None,
    jobs: int = 2,
    on_done: Callable[[Rehearsed], None] = lambda _: None,
) -> list[Rehearsed]:
    """Rehearse every script of every seed, `jobs` at once; return those that went wrong.

    Raises:
        EnvironmentDefect: the machine lacks what a task needs, or its sandbox failed.
    """
    upsets: list[Rehearsed] = []
    todo = iter([(suite.tasks[name], seed) for seed in seeds for name in tasks or suite.tasks])

    async def worker() -> None:
        for task, seed in todo:
            instance = await asyncio.to_thread(task.instance, seed)
            await check_environment(instance, sandbox)
            for script in instance.scripts:
                done = await rehearse(task, instance, script, system=suite.system, sandbox=sandbox)
                on_done(done)
                if done.upset:
                    upsets.append(done)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(jobs):
                group.create_task(worker())
    except* OssayError as failed:
        raise failed.exceptions[0] from None
    return upsets


def _upset(script: str, grade: Grade, transcript: Transcript) -> str:
    if transcript.error:
        return f"the run broke: {transcript.error}"
    if script == REFERENCE and not grade.passed:
        return f"the reference failed: {grade.reason}"
    if script != REFERENCE and grade.passed:
        return f"{script!r} passed"
    return ""
