"""Cached: gives the answer again that the same caller got for the same request a while ago.

Off unless a route says how long. Only an answer that ended properly is kept, never one of high
criticality, of a request with tools or their results, or under a caller's own check. It is given
again only where today's plan guards no better than the one that made it, so a stratum that was
tripped, or a request that counts for more by now, is answered anew. Knows nothing of HTTP.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec.structs import replace

from ossay.core.decision import Decision, PlanName, canonical, digest, entry_id
from ossay.core.errors import OssayError
from ossay.core.types import Delta, Reply, Request, Timing
from ossay.gateway.asks import Answering, Asks
from ossay.gateway.cache import Cache, Kept
from ossay.router.account import Account
from ossay.router.criticality import Assessed, assess
from ossay.router.planner import Planned
from ossay.router.route import PLANS
from ossay.router.work import Caller, Parts


class Cached:
    """Asks another only where the cache has no answer.

    Args:
        asks: Answers what is not there.
        cache: Where answers are kept.
        seconds: For how long.
    """

    def __init__(self, asks: Asks, cache: Cache, seconds: float) -> None:
        self._asks = asks
        self._cache = cache
        self._seconds = seconds

    @property
    def parts(self) -> Parts:
        """What the route works with."""
        return self._asks.parts

    def ask(self, request: Request, caller: Caller) -> Answering:
        """Return the serving of one request."""
        if not _may(request, caller):
            return self._asks.ask(request, caller)
        key = digest(canonical((self.parts.route.name, caller.key, request)))
        kept = self._cache.get(key)
        if kept is not None:
            assessed, planned = self._today(request, caller)
            if assessed.criticality != "high" and _guards(kept.decision.plan, planned.plan):
                return _Again(self.parts, self._cache, request, caller, kept, assessed, planned)
        return _Keeping(self._asks.ask(request, caller), self._cache, key, self._seconds)

    async def aclose(self) -> None:
        """Break off what runs beside answers."""
        await self._asks.aclose()

    def _today(self, request: Request, caller: Caller) -> tuple[Assessed, Planned]:
        """What the request would be treated as, and planned, if it were answered now."""
        parts = self.parts
        assessed = assess(
            request,
            route=parts.route.criticality,
            key=caller.key_criticality,
            header=caller.header,
            detectors=parts.detectors,
        )
        return assessed, parts.planner.plan(parts.route, request, assessed.criticality)


class _Keeping:
    """A serving whose answer is kept where it may be."""

    def __init__(self, serving: Answering, cache: Cache, key: str, seconds: float) -> None:
        self._serving = serving
        self._cache = cache
        self._key = key
        self._seconds = seconds

    @property
    def id(self) -> str:
        return self._serving.id

    @property
    def plan(self) -> PlanName:
        return self._serving.plan

    @property
    def decision(self) -> Decision | None:
        return self._serving.decision

    async def stream(self) -> AsyncGenerator[Delta, None]:
        async with aclosing(self._serving.stream()) as deltas:
            async for delta in deltas:
                decision, reply = self._serving.decision, delta.reply
                if reply is not None and decision is not None and _whole(reply, decision):
                    self._cache.put(self._key, reply, decision, self._seconds)
                yield delta


class _Again:
    """A serving of a kept answer: its own row in the log, no call, no cost.

    Whether it is audited is drawn as for any other, so that what is said of escapes holds for
    answers given again, too.
    """

    def __init__(
        self,
        parts: Parts,
        cache: Cache,
        request: Request,
        caller: Caller,
        kept: Kept,
        assessed: Assessed,
        planned: Planned,
    ) -> None:
        self._parts = parts
        self._cache = cache
        self._kept = kept
        self._request = request
        self._began = parts.clock.monotonic()
        at = parts.clock.unix()
        self._account = Account(entry_id(at, parts.rng), at, parts.route, caller.key, request)
        self._account.assessed = assessed
        self._account.planned = replace(planned, plan=kept.decision.plan)
        self._account.why = f"cached: the answer of {kept.decision.id}"
        self.decision: Decision | None = None

    @property
    def id(self) -> str:
        return self._account.id

    @property
    def plan(self) -> PlanName:
        return self._account.planned.plan

    async def stream(self) -> AsyncGenerator[Delta, None]:
        parts, account, reply = self._parts, self._account, self._kept.reply
        made = self._kept.decision
        if made.audit_chance and account.criticality == "low" and parts.auditor is not None:
            account.audit_chance = parts.route.audit_share
            account.audited = parts.rng.random() < account.audit_chance
        seconds = parts.clock.monotonic() - self._began
        self.decision = account.close(made.ending, reply, seconds)
        await self._log(self.decision)
        if account.audited and made.ending != "strong" and parts.auditor is not None:
            self._cache.repeat(self._kept, account.id)
            parts.auditor.begin(account, self._request, reply)
        message = reply.message
        if message.content or message.reasoning:
            yield Delta(message.content, message.reasoning)
        yield Delta(reply=replace(reply, timing=Timing(account.at, seconds), attempts=0))

    async def _log(self, decision: Decision) -> None:
        if self._parts.log is None:
            return
        try:
            await self._parts.log.append(decision, self._account.bodies, durable=False)
        except OssayError:
            return  # the log counts what it could not write


def _may(request: Request, caller: Caller) -> bool:
    """Whether such a request may be answered from the cache at all."""
    acts = bool(request.tools) or any(
        message.role == "tool" or message.tool_calls for message in request.messages
    )
    return not acts and caller.check is None


def _whole(reply: Reply, decision: Decision) -> bool:
    """Whether an answer may be given again."""
    published = decision.ending in ("draft", "repair", "strong")
    proper = reply.finish == "stop" and not reply.message.tool_calls
    return published and proper and decision.criticality != "high"


def _guards(then: PlanName, now: PlanName) -> bool:
    return PLANS.index(then) >= PLANS.index(now)
