"""Carrying out one run: instance, workspace, loop, grader, outcome.

Whatever breaks that is not the model's doing ends in `infrastructure_error`, with the error's text.
Knows nothing of the other runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from ossay.agent.behaviour import flags_of
from ossay.agent.loop import run_loop
from ossay.agent.sandbox.base import Sandbox
from ossay.agent.workspace import Workspace
from ossay.campaign.books import Books
from ossay.campaign.classify import classify
from ossay.campaign.instances import Instances
from ossay.core.errors import EnvironmentDefect, LedgerError
from ossay.core.model import Model, Rehearsed
from ossay.core.outcome import Flag, Outcome
from ossay.core.records import RunKey, RunRecord
from ossay.core.task import Grade, Instance, Suite, Transcript
from ossay.core.types import Sampling
from ossay.store.claim import Claim, ClaimLost
from ossay.suites.grading import check_environment, grade_run

# What a grader may take, in seconds. Beyond that it is broken.
GRADER_S = 120.0


class Ended(NamedTuple):
    """How a run ended, what was said, and the files to keep of it, name -> content."""

    record: RunRecord
    transcript: Transcript | None
    artefacts: Mapping[str, bytes]


@dataclass(frozen=True)
class Attempts:
    """What every run of a campaign shares, and how one is carried out."""

    suites: Mapping[str, Suite]
    models: Mapping[str, Model]
    instances: Instances
    sampling: Sampling
    sandbox: Sandbox | None
    scratch: Path
    trust_local: bool
    hide: Callable[[str], str]

    async def carry_out(self, claim: Claim, books: Books) -> Ended:
        """Carry out a run from a fresh start; return how it ended.

        Raises:
            ClaimLost, LedgerError: its calls cannot be booked; nothing may be written of it.
        """
        transcript: Transcript | None = None
        grade: Grade | None = None
        error = ""
        try:
            instance = await self.instances.get(claim.key)
            async with self._workspace(instance) as workspace:
                transcript = await self._play(claim.key, instance, workspace, books)
                if transcript.stop not in ("call_failed", "tool_failed"):
                    grade = await self._grade(claim.key, instance, workspace, transcript)
        except (ClaimLost, LedgerError):
            raise
        except Exception as broken:  # noqa: BLE001  # ours or the machine's, never the model's
            await books.abandon(broken)
            error = f"{type(broken).__name__}: {broken}"
        return self._ending(claim, books, transcript, None if error else grade, error)

    @asynccontextmanager
    async def _workspace(self, instance: Instance) -> AsyncIterator[Workspace | None]:
        """Make a fresh workspace, if the instance needs one, and remove it afterwards."""
        if not (instance.files or instance.tools):
            yield None
            return
        if self.sandbox is None:
            raise EnvironmentDefect(f"{instance.task!r} needs a sandbox, and there is none")
        await check_environment(instance, self.sandbox)
        workspace = await asyncio.to_thread(Workspace.create, self.scratch, instance.files)
        try:
            yield workspace
        except asyncio.CancelledError:
            raise  # a command may still be at work in it; it goes with the session's folder
        except BaseException:
            await _remove(workspace)
            raise
        await _remove(workspace)

    async def _play(
        self, key: RunKey, instance: Instance, workspace: Workspace | None, books: Books
    ) -> Transcript:
        model = self.models[key.model]
        if isinstance(model, Rehearsed):
            model = model.rehearse(instance)
        return await run_loop(
            model,
            instance,
            system=self.suites[key.suite].system,
            workspace=workspace,
            sandbox=self.sandbox,
            sampling=self.sampling,
            recorder=books,
        )

    async def _grade(
        self, key: RunKey, instance: Instance, workspace: Workspace | None, transcript: Transcript
    ) -> Grade:
        if workspace is None:
            return self.suites[key.suite].tasks[key.task].grade(instance, Path(), transcript)
        return await grade_run(
            key.suite,
            instance,
            workspace,
            transcript,
            trust_local=self.trust_local,
            timeout_s=GRADER_S,
            scratch=self.scratch,
        )

    def _ending(
        self,
        claim: Claim,
        books: Books,
        transcript: Transcript | None,
        grade: Grade | None,
        error: str,
    ) -> Ended:
        flags: tuple[Flag, ...] = ()
        outcome = Outcome.INFRASTRUCTURE_ERROR
        if transcript is not None:
            seen = {*flags_of(transcript), *(grade.flags if grade else ())}
            flags = tuple(flag for flag in Flag if flag in seen)
            outcome = classify(transcript, grade, flags)
            if transcript.error:
                transcript = msgspec.structs.replace(transcript, error=self.hide(transcript.error))
        record = RunRecord(
            claim.run_id,
            claim.key,
            "finished",
            outcome,
            flags,
            reason=grade.reason if grade else "",
            error=self.hide(error) or (transcript.error if transcript else ""),
            done=grade.done if grade else 0,
            of=grade.of if grade else 0,
            turns=len(transcript.steps) if transcript else 0,
            tool_calls=len(transcript.results) if transcript else 0,
            started_at=claim.started_at,
            seconds=transcript.seconds if transcript else None,
            usage=books.usage,
            cost_usd=books.cost_usd,
            tries=claim.try_,
            facts=grade.facts if grade else {},
        )
        return Ended(record, transcript, grade.artefacts if grade else {})


async def _remove(workspace: Workspace) -> None:
    # What is left goes with the session's folder, and says nothing of the run.
    with suppress(OSError):
        await asyncio.to_thread(workspace.remove)
