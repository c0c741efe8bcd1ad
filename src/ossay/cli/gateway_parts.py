"""A gateway put together from its file: models, budgets, policies, checks, audits, log; and closed.

Knows nothing of sockets and processes.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING

from ossay.cli import place
from ossay.cli.gateway_budgets import Budgets, Share
from ossay.cli.gateway_drift import Following
from ossay.cli.gateway_losses import tell_losses
from ossay.cli.gateway_models import Models
from ossay.cli.gateway_policies import note_of, planner_of
from ossay.cli.gateway_source import Source
from ossay.core.chance import Unforeseen
from ossay.core.decision import entry_id
from ossay.core.errors import LedgerError
from ossay.gateway.front import front_of
from ossay.gateway.house import House, Lane
from ossay.gateway.keyring import Key, Keyring
from ossay.gateway.options import Options
from ossay.gateway.pins import changes_of
from ossay.gateway.redaction import Redaction
from ossay.gateway.seen import Seen
from ossay.models.clock import SystemClock
from ossay.router.audit import Auditor
from ossay.router.detectors import detector
from ossay.router.drift import Guard, Monitor, guard_of
from ossay.router.router import Router
from ossay.router.work import Parts

if TYPE_CHECKING:
    from ossay.cli.gateway_check import InSandbox
    from ossay.core.decision import Log
    from ossay.gateway.file import KeyTable
    from ossay.router.budget import Budget
    from ossay.router.check import Check
    from ossay.router.policy import Change
    from ossay.store.decisions import DecisionLog

_MIB = 2**20
_PRUNE_S = 3_600.0
_log = logging.getLogger("ossay.gateway")


class Gateway:
    """All of it. Make it, `open` it in the loop that serves, and `aclose` it there.

    Attributes:
        source: The file.
        models: As the file names them.
        policies: By route.
        expired: By route: what is no longer as its policy pins it.
        notes: What whoever starts it should know: policies that have expired, strata that tripped.

    Raises:
        ConfigError: something in the file that can't be, with its line; also the log.
    """

    def __init__(
        self, source: Source, *, share: Share | None = None, environ: Mapping[str, str] = os.environ
    ) -> None:
        self.source = source
        self.notes: list[str] = []
        self._share = share or Share()
        self._clock = SystemClock()
        self._rng = Unforeseen()  # nobody may foresee an audit, or an id
        self._beside = {name: source.beside(name) for name in source.file.routes}
        self.models = Models(source, place.here(), environ)
        self._detectors = tuple(detector(name) for name in source.file.gateway.detectors)
        self._sandboxed: list[InSandbox] = []
        self._log: DecisionLog | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.policies = {name: beside.policy for name, beside in self._beside.items()}
        self.expired = {name: self._expired(name) for name in source.file.routes}
        self._planners = {
            name: planner_of(self.policies[name], self.expired[name]) for name in source.file.routes
        }

    async def open(self) -> House:
        """Open the log, restore what it knows, and begin what runs beside the requests."""
        from ossay.store.decisions import open_decisions

        file, clock, share = self.source.file, self._clock, self._share
        address = self.source.log
        with self.source.blaming(("gateway", "log")):
            log = self._log = open_decisions(address, create=True)
        redaction = Redaction(file.gateway.redact)
        seen = Seen(log, redaction=redaction, now=clock.unix, monotonic=clock.monotonic)
        budgets = Budgets(file.keys, share, log.spent_usd, clock.unix())
        lanes: dict[str, Lane] = {}
        guards: dict[str, Guard] = {}
        for name, table in file.routes.items():
            router = self._router(name, seen.log, budgets)
            guard = guard_of(router.parts)
            if guard is not None:
                guards[name] = guard
            hides = redaction if table.redact_upstream else None
            asks = front_of(router, cache=seen.cache, cache_s=table.cache_s, hides=hides)
            embeds = None if table.embeddings is None else self.models[table.embeddings]
            lanes[name] = Lane(name, asks, embeds)
        await self.models.load()
        if guards:
            following = Following(log, Monitor(guards), None if share.number else self._unique)
            following.heed()
            self._note_tripped()
            self._begin(following.keep(clock))
        self._begin(budgets.keep(clock))
        self._begin(tell_losses(log, clock))
        if share.number == 0:
            self._begin(self._prune(log))
        return House(
            lanes, file.default, self._keyring(), self._options(), rng=self._rng, seen=seen
        )

    def parts(self, name: str) -> Parts:
        """A route as it would plan: with no log, no budgets and no auditor."""
        table = self.source.file.routes[name]
        return Parts(
            route=table.route(name),
            cheap=self.models[table.cheap],
            strong=[self.models[one] for one in table.strongs],
            validator=None if table.validator is None else self.models[table.validator],
            clock=self._clock,
            rng=self._rng,
            check=self._check(name),
            planner=self._planners[name],
            detectors=self._detectors,
        )

    async def aclose(self) -> None:
        """Close what is open: tasks, checks, models, then the log, which writes what waits."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for check in self._sandboxed:
            check.close()
        try:
            await self.models.aclose()
        finally:
            if self._log is not None:
                self._log.close()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(_ended)
        self._tasks.append(task)

    def _unique(self) -> str:
        return entry_id(self._clock.unix(), self._rng)

    def _note_tripped(self) -> None:
        for name, planner in self._planners.items():
            for stratum, why in planner.tripped.items():
                self.notes.append(
                    f"route {name!r}: {stratum!r} goes to the strong model since it was tripped: "
                    f"{why}"
                )

    def _keyring(self) -> Keyring:
        keys = [
            Key(name, one.sha256, one.routes, one.criticality, self._per_minute(one))
            for name, one in self.source.file.keys.items()
        ]
        return Keyring(keys, self._clock.monotonic)

    def _options(self) -> Options:
        table = self.source.file.gateway
        return Options(
            max_body=int(table.max_body_mib * _MIB),
            in_flight=table.queue,
            deadline_s=table.deadline_s,
        )

    def _router(self, name: str, log: Log, budgets: Budgets) -> Router:
        from msgspec.structs import replace

        file = self.source.file
        table, parts = file.routes[name], self.parts(name)
        auditor = None
        if table.audit_share:
            auditor = Auditor(
                self.models[table.judge],
                log,
                clock=self._clock,
                rng=self._rng,
                rules=table.rules,
            )
        payers: dict[str, Budget] = {
            key: budget
            for key, budget in budgets.by_key.items()
            if not file.keys[key].routes or name in file.keys[key].routes
        }
        with self.source.blaming(("routes", name)):
            return Router(replace(parts, log=log, budgets=payers, auditor=auditor))

    def check_made_of(self, name: str) -> bytes:
        """What a route's check is made of, for its pin."""
        return self._beside[name].check

    def _expired(self, name: str) -> tuple[Change, ...]:
        policy, table = self.policies[name], self.source.file.routes[name]
        if policy is None:
            return ()
        changes = changes_of(policy, table, self.models.cards, self.check_made_of(name))
        note = note_of(self.source, name, policy, changes)
        self.notes += [note] if note else []
        return changes

    def _check(self, name: str) -> Check | None:
        if self.source.file.routes[name].check is None:
            return None
        from ossay.cli.gateway_check import InSandbox, open_check

        check = open_check(self.source, name, self._beside[name])
        if isinstance(check, InSandbox):
            self._sandboxed.append(check)
        return check

    def _per_minute(self, key: KeyTable) -> int | None:
        """A process's part of what a key may ask; at least one."""
        most = key.requests_per_minute
        return None if most is None else max(1, most // self._share.of)

    async def _prune(self, log: DecisionLog) -> None:
        """Delete bodies whose time is over, now and every hour."""
        while True:
            try:
                await asyncio.to_thread(log.prune, self._clock.unix())
            except LedgerError as error:
                _log.warning("bodies of the decision log could not be deleted: %s", error)
            await self._clock.sleep(_PRUNE_S)


def _ended(task: asyncio.Task[None]) -> None:
    """Say that something ended which should run for ever."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("%s ended: %r", task.get_coro(), error)
