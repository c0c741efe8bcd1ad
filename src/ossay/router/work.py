"""Work: one request on its way, and what it works with: Parts, Caller, Work.

Knows how to ask a model on the request's behalf; nothing of the order in which that is done.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from ossay.core.decision import Criticality, Log, Step, entry_id
from ossay.core.types import Reply, Request
from ossay.router.account import Account
from ossay.router.audit import Auditor
from ossay.router.budget import Budget, Purse
from ossay.router.check import Check
from ossay.router.clock import Clock
from ossay.router.criticality import Detector
from ossay.router.planner import ByTable, Planner
from ossay.router.route import Route
from ossay.router.stage import Means, Stage, Upstream


class Caller(Struct, frozen=True):
    """Who asks: the key's name and level, what a header declared, a check for the answer."""

    key: str = ""
    key_criticality: Criticality | None = None
    header: Criticality | None = None
    check: Check | None = None


class Parts(Struct, frozen=True):
    """All that a route works with.

    `strong` are asked in turn until one answers. Without a validator and a check, what must be
    validated is answered by the strong model. `budgets` are by the key's name.
    """

    route: Route
    cheap: Upstream
    strong: Sequence[Upstream]
    clock: Clock
    rng: random.Random
    log: Log | None = None
    validator: Upstream | None = None
    check: Check | None = None
    planner: Planner = field(default_factory=ByTable)
    detectors: Sequence[Detector] = ()
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    auditor: Auditor | None = None


class Work:
    """One request, its account and its money."""

    def __init__(self, parts: Parts, request: Request, caller: Caller) -> None:
        self.parts = parts
        self.request = request
        self.caller = caller
        self.began = parts.clock.monotonic()
        at = parts.clock.unix()
        self.account = Account(entry_id(at, parts.rng), at, parts.route, caller.key, request)
        self.purse: Purse | None = None

    @property
    def check(self) -> Check | None:
        """The caller's check, else the route's."""
        return self.caller.check or self.parts.check

    @property
    def ends_at(self) -> float:
        """Monotonic time at which the request's own deadline passes."""
        return self.began + self.request.deadline_s

    @property
    def seconds(self) -> float:
        """Since it arrived."""
        return self.parts.clock.monotonic() - self.began

    def stage(self, step: Step, upstream: Upstream, *, whole: bool) -> Stage:
        """Return a stage that asks that model; its record is for the caller to keep."""
        return Stage(step, upstream, self.means(step, whole=whole))

    def means(self, step: Step, *, whole: bool) -> Means:
        """What a stage of that step works with."""
        parts, route = self.parts, self.parts.route
        return Means(
            clock=parts.clock,
            rng=parts.rng,
            retries=route.retries,
            deadline_s=getattr(route.deadlines, step),
            ends_at=self.ends_at,
            purse=self.purse,
            most_output=route.most_output,
            whole=whole,
        )

    async def ask(self, step: Step, upstream: Upstream, request: Request | None = None) -> Reply:
        """Return that model's whole answer, and keep the record. Raises `ModelCallError`."""
        stage = self.stage(step, upstream, whole=True)
        try:
            return await stage.reply(request or self.request)
        finally:
            self.account.calls.append(stage.record())
