"""THE tool loop: ask the model, run the tools it calls, until it answers or a budget ends.

Knows nothing of grading, of ledgers or of which model it drives. A failed call ends the run and is
told as what it is; only cancellation passes through.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from ossay.agent.dialects import JsonAction
from ossay.agent.sandbox.base import Limits, Sandbox
from ossay.agent.tools import TOOLS, call_tool
from ossay.agent.workspace import Workspace
from ossay.core.errors import EnvironmentDefect, ModelCallError
from ossay.core.model import Model
from ossay.core.task import Instance, Step, Stop, ToolResult, Transcript
from ossay.core.types import Message, Reply, Request, Sampling, Tool

# A call that fails with no more than this left of the run's budget used all of it. Seconds: timers
# and the sending of a request are not exact.
_NOTHING_LEFT_S = 0.1


class Recorder(Protocol):
    """Who keeps the books of a run's calls. `turn` counts from 1."""

    async def opened(self, turn: int, request: Request) -> None:
        """Hear that a call is about to be sent."""
        ...

    async def settled(self, turn: int, reply: Reply) -> None:
        """Hear that a call was answered; returns when that is on the books."""
        ...

    async def failed(self, turn: int, error: ModelCallError) -> None:
        """Hear that a call failed; returns when that is on the books."""
        ...


async def run_loop(
    model: Model,
    instance: Instance,
    *,
    system: str,
    workspace: Workspace | None,
    sandbox: Sandbox | None,
    sampling: Sampling,
    recorder: Recorder | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Transcript:
    """Drive `model` through `instance` and return everything that was said and done."""
    run = _Run(model, instance, system, workspace, sandbox, sampling, recorder, clock)
    stop = await run.play()
    return Transcript(
        instance.task,
        instance.seed,
        system,
        instance.prompt,
        stop,
        instance.tools,
        tuple(run.steps),
        run.error,
        run.elapsed(),
    )


class _Run:
    """The state of one run while it lasts."""

    def __init__(
        self,
        model: Model,
        instance: Instance,
        system: str,
        workspace: Workspace | None,
        sandbox: Sandbox | None,
        sampling: Sampling,
        recorder: Recorder | None,
        clock: Callable[[], float],
    ) -> None:
        self.instance = instance
        self.budget = instance.budget
        self.tools: tuple[Tool, ...] = tuple(TOOLS[name] for name in instance.tools)
        constrained = model.card.dialect == "json_action" and self.tools
        self.model: Model = JsonAction(model) if constrained else model
        self.workspace = workspace
        self.sandbox = sandbox
        asked = sampling.max_tokens or self.budget.max_tokens
        self.sampling = msgspec.structs.replace(sampling, max_tokens=asked)
        self.recorder = recorder
        self.clock = clock
        self.started = clock()
        self.messages = [Message("system", system), Message("user", instance.prompt)]
        self.steps: list[Step] = []
        self.error = ""
        self.waited = 0.0  # seconds for which calls waited to be sent

    def elapsed(self) -> float:
        return self.clock() - self.started

    def left(self) -> float:
        """Seconds of the run's budget that are left; the waiting of calls is not charged to it."""
        return self.budget.seconds - self.elapsed() + self.waited

    async def play(self) -> Stop:
        for turn in range(1, self.budget.turns + 1):
            left = self.left()
            if left <= 0:
                return "deadline"
            request = Request(
                tuple(self.messages),
                self.tools,
                sampling=self.sampling,
                deadline_s=min(self.budget.call_seconds, left),
            )
            try:
                reply = await self._ask(turn, request)
            except ModelCallError as error:
                return self._failed(error)
            self.waited += reply.timing.waited_s
            self.messages.append(reply.message)
            results = await self._use_tools(reply)
            self.steps.append(Step(reply, tuple(results)))
            if self.error:
                return "tool_failed"
            if not reply.message.tool_calls:
                return "answered"
            if len(results) < len(reply.message.tool_calls):
                return "deadline"
        return "turns"

    async def _ask(self, turn: int, request: Request) -> Reply:
        if self.recorder is None:
            return await self.model.reply(request)
        await self.recorder.opened(turn, request)
        try:
            reply = await self.model.reply(request)
        except ModelCallError as error:
            await self.recorder.failed(turn, error)
            raise
        await self.recorder.settled(turn, reply)
        return reply

    def _failed(self, error: ModelCallError) -> Stop:
        self.error = f"{error.kind}: {error}"
        self.waited += error.waited_s
        if error.kind == "context_exhausted":
            return "context"
        # Only a model that was at work used the budget up; one that never began may hang.
        if error.kind == "deadline" and error.began and self.left() <= _NOTHING_LEFT_S:
            return "deadline"
        return "call_failed"

    async def _use_tools(self, reply: Reply) -> list[ToolResult]:
        """Run the calls of one reply in order, until the run's budget is used up.

        A sandbox that fails sets `error` and stops.
        """
        results: list[ToolResult] = []
        for call in reply.message.tool_calls:
            if self.left() <= 0:
                return results
            if self.workspace is None or self.sandbox is None:
                result = ToolResult(
                    call.id, call.name, call.arguments, "There are no tools here.", 0.0,
                    "unknown_tool",
                )  # fmt: skip
            else:
                limits = Limits(wall_s=max(0.1, min(Limits().wall_s, self.left())))
                try:
                    result = await call_tool(
                        call,
                        offered=self.instance.tools,
                        workspace=self.workspace,
                        sandbox=self.sandbox,
                        limits=limits,
                        max_chars=self.budget.tool_output_chars,
                    )
                except (OSError, EnvironmentDefect) as error:
                    self.error = f"{call.name}: {error}"
                    return results
            results.append(result)
            self.messages.append(Message("tool", result.output, tool_call_id=call.id))
        return results
