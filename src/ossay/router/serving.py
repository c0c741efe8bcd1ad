"""Serving: one request from its arrival to its answer, under one plan.

What is held (validated, or of high criticality) goes out only when everything about it is decided
and, for high criticality, on disk. What is not held passes through as it comes. Knows nothing of
HTTP, and nothing of where the log is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec.structs import replace

from ossay.core.decision import Decision, Ending, PlanName, Step
from ossay.core.errors import ModelCallError, OssayError
from ossay.core.types import Delta, Reply, Request, Timing, ToolCallDelta
from ossay.router.budget import OverBudget
from ossay.router.failure import Withheld
from ossay.router.finalising import finalised
from ossay.router.judging import judged
from ossay.router.planning import plan
from ossay.router.stage import Upstream
from ossay.router.work import Caller, Parts, Work

# For a row to get to the disk, however little time is left to the request.
_LEAST_LOG_S = 2.0


class Serving:
    """Iterate `stream` once.

    Attributes:
        work: The request, its account and its money.
        decision: What was decided; there before the last delta, and before the first of what is
            held. Its `ending` says what was to go out: a caller may leave in the middle of it.
    """

    def __init__(self, parts: Parts, request: Request, caller: Caller) -> None:
        self._parts = parts
        self.work = Work(parts, request, caller)
        self._account = self.work.account
        self._seen = False  # the caller has got a piece of an answer
        self._is_planned = False
        self.passed_over = False  # the cheap model failed already, see `passing`
        self.decision: Decision | None = None

    @property
    def id(self) -> str:
        """The decision's."""
        return self._account.id

    @property
    def plan(self) -> PlanName:
        """What was planned; there before the first delta."""
        return self._account.planned.plan

    async def stream(self) -> AsyncGenerator[Delta, None]:
        """Yield the answer; the last delta carries the reply, an empty one is a heartbeat.

        Raises `ModelCallError`: nothing was published, or what was published breaks off here.
        """
        try:
            self.make_plan()
            deltas = self._held() if self.is_held else self._passed()
            async with aclosing(deltas):
                async for delta in deltas:
                    yield delta
        except OverBudget:
            await self.end("refused")
            raise
        except Exception:
            await self.end("failed")
            raise
        finally:
            await self.end("left")
            self.free()

    def make_plan(self) -> None:
        """Plan, where that was not done. Raises `OverBudget`; `stream` does it too."""
        if not self._is_planned:
            self._is_planned = True
            plan(self.work)

    @property
    def is_held(self) -> bool:
        """Whether nothing goes out before all is decided; known once it is planned."""
        plan = self._account.planned.plan
        return plan in ("validate", "finalise") or self._account.criticality == "high"

    async def _passed(self) -> AsyncGenerator[Delta, None]:
        """Pass on the first model that answers; another is asked only while nothing was seen."""
        account, work = self._account, self.work
        ways: list[tuple[Step, Upstream]] = [("strong", one) for one in self._parts.strong]
        if account.planned.plan == "cheap" and not self.passed_over:
            ways.insert(0, ("draft", self._parts.cheap))
        for number, (step, upstream) in enumerate(ways, 1):
            stage = work.stage(step, upstream, whole=False)
            reply: Reply | None = None
            try:
                async with aclosing(stage.stream(work.request)) as deltas:
                    async for delta in deltas:
                        reply = delta.reply
                        if reply is not None:
                            break
                        self._seen = stage.began
                        yield delta
            except ModelCallError as error:
                seen = self._seen or stage.acted
                if seen or number == len(ways) or isinstance(error, OverBudget):
                    raise
                account.why = f"{step} failed: {error.kind}"
                continue
            finally:
                account.calls.append(stage.record())
            assert reply is not None  # a stage ends with a reply or an error
            if step == "draft":
                account.add_draft(reply.message)
            await self.publish("draft" if step == "draft" else "strong", reply)
            yield Delta(reply=self._timed(reply))
            return

    async def _held(self) -> AsyncGenerator[Delta, None]:
        """Decide behind the caller's back, with heartbeats, then publish what was decided."""
        deciding = asyncio.create_task(self._decide())
        try:
            while not deciding.done():
                await asyncio.wait((deciding,), timeout=self._parts.route.beat_s)
                if not deciding.done():
                    yield Delta()
            reply = deciding.result()
        finally:
            deciding.cancel()  # does nothing to what is done
            await asyncio.wait((deciding,))
            if not deciding.cancelled():
                deciding.exception()  # looked at, so that nobody is told of it again
        for delta in _pieces(reply):
            yield delta
        yield Delta(reply=self._timed(reply))

    async def _decide(self) -> Reply:
        """Return what may go out, once the log has it. Raises `ModelCallError`."""
        plan = self._account.planned.plan
        found = await self._drafted() if plan in ("validate", "finalise") else None
        reply, ending = found if found is not None else (await self._strong(), "strong")
        await self.publish(ending, reply, durable=self._account.criticality == "high")
        return reply

    async def _drafted(self) -> tuple[Reply, Ending] | None:
        """Draft, and have it judged or finalised; None where it must be redone."""
        account = self._account
        try:
            draft = await self.work.ask("draft", self._parts.cheap)
        except OverBudget:
            raise
        except ModelCallError as error:
            account.why = f"draft failed: {error.kind}"
            return None
        # Nobody validates thoughts, so none are published.
        draft = replace(draft, message=replace(draft.message, reasoning=""))
        account.add_draft(draft.message)
        if account.planned.plan == "finalise":
            return await finalised(self.work, draft)
        return await judged(self.work, draft)

    async def _strong(self) -> Reply:
        """Ask the strong models in turn. Raises `ModelCallError` where none answers."""
        failed: ModelCallError | None = None
        for upstream in self._parts.strong:
            try:
                return await self.work.ask("strong", upstream)
            except OverBudget:
                raise
            except ModelCallError as error:
                failed = error
        assert failed is not None  # a router has a strong model
        try:
            if self._account.planned.plan == "strong":
                raise failed
            raise Withheld(self._account.why, failed) from failed
        finally:
            del failed  # else it and this frame, with the request, would hold each other

    async def publish(self, ending: Ending, reply: Reply, *, durable: bool = False) -> None:
        """Log what goes out, then begin its audit where it was drawn."""
        await self.end(ending, reply, durable=durable)
        account, auditor = self._account, self._parts.auditor
        if account.audited and ending != "strong" and auditor is not None:
            auditor.begin(account, self.work.request, reply)

    async def end(
        self, ending: Ending, reply: Reply | None = None, *, durable: bool = False
    ) -> None:
        """Log the decision, the first time that an ending is known."""
        if self.decision is not None:
            return
        decision = self._account.close(ending, reply, self.work.seconds)
        self.decision = decision
        if self._parts.log is None:
            return
        try:
            if not durable:
                await self._parts.log.append(decision, self._account.bodies, durable=False)
                return
            left_s = self.work.ends_at - self._parts.clock.monotonic()
            async with asyncio.timeout(max(left_s, _LEAST_LOG_S)):
                await self._parts.log.append(decision, self._account.bodies, durable=True)
        except (OssayError, TimeoutError) as error:  # the log counts what it could not write
            if durable:
                self.decision = replace(decision, ending="failed", why="it could not be logged")
                raise ModelCallError(
                    "server_error", "the decision could not be logged", status=503, attempts=0
                ) from error

    def free(self) -> None:
        """Give back the money that is still held."""
        if self.work.purse is not None:
            self.work.purse.close()

    def _timed(self, reply: Reply) -> Reply:
        return replace(reply, timing=Timing(self._account.at, self.work.seconds))


def _pieces(reply: Reply) -> list[Delta]:
    """A whole answer as deltas."""
    message = reply.message
    said = [Delta(reasoning=message.reasoning)] if message.reasoning else []
    said += [Delta(content=message.content)] if message.content else []
    return said + [
        Delta(tool_call=ToolCallDelta(index, call.id, call.name, call.arguments))
        for index, call in enumerate(message.tool_calls)
    ]
