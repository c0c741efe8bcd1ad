"""Hiding: asks a route without what is not to go upstream, and puts it back into the answer.

Log, drafts, validators and audits see placeholders alone. Detectors see the request as it came, so
that hiding can't lower its criticality, and so do executable checks. Knows nothing of patterns.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec.structs import replace

from ossay.core.decision import Criticality, Decision, PlanName
from ossay.core.types import Delta, Message, Request
from ossay.gateway.asks import Answering, Asks
from ossay.gateway.hidden import MOST_CHARS, Hidden, Restorer, too_long
from ossay.gateway.redacted import redacted
from ossay.gateway.redaction import Redaction
from ossay.router.check import Check
from ossay.router.criticality import assess
from ossay.router.verdict import Verdict
from ossay.router.work import Caller, Parts


class Hiding:
    """Asks another, see the module."""

    def __init__(self, asks: Asks, redaction: Redaction) -> None:
        self._asks = asks
        self._redaction = redaction

    @property
    def parts(self) -> Parts:
        """What the route works with."""
        return self._asks.parts

    def ask(self, request: Request, caller: Caller) -> Answering:
        """Return the serving of one request. Raises `ModelCallError` 413 where it is too long."""
        hidden = Hidden(self._redaction, request)
        # Even where nothing is hidden, bytes must not pass with fields that nobody has read.
        if not hidden:
            return _Restored(self._asks.ask(request, caller), hidden)
        check = caller.check or self.parts.check
        if check is not None:
            check = _Unhidden(check, request, hidden)
        caller = replace(caller, header=self._level(request, caller), check=check)
        return _Restored(self._asks.ask(hidden.request, caller), hidden)

    def without(self, body: bytes) -> bytes:
        """A body for a model whose answer quotes nothing, as embeddings; nothing is put back.

        Raises `ModelCallError` 413 where it is too long.
        """
        if len(body) > MOST_CHARS:
            raise too_long()
        return redacted(body, self._redaction)

    async def aclose(self) -> None:
        """Break off what runs beside answers."""
        await self._asks.aclose()

    def _level(self, request: Request, caller: Caller) -> Criticality:
        """What the request as it came is worth, whoever says so."""
        parts = self.parts
        return assess(
            request,
            route=parts.route.criticality,
            key=caller.key_criticality,
            header=caller.header,
            detectors=parts.detectors,
        ).criticality


class _Restored:
    """A serving whose answer gets back what was hidden."""

    def __init__(self, serving: Answering, hidden: Hidden) -> None:
        self._serving = serving
        self._hidden = hidden

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
        restorer = Restorer(self._hidden)
        async with aclosing(self._serving.stream()) as deltas:
            async for delta in deltas:
                for ready in restorer.delta(delta):
                    yield ready


class _Unhidden:
    """A check that sees request and draft as the caller would."""

    def __init__(self, check: Check, request: Request, hidden: Hidden) -> None:
        self._check = check
        self._request = request
        self._hidden = hidden

    async def __call__(self, request: Request, draft: Message) -> Verdict:
        return await self._check(self._request, self._hidden.message(draft))
