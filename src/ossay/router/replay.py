"""Replay: what the routes of today would have done with the requests of a log.

Only planning is repeated: criticality, detectors, policy, floor. No model is asked, so what would
have come out of a plan that was not taken is not known, and its cost is an estimate. Knows nothing
of where the log or its bodies are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ossay.core.decision import Audit, Criticality, Decision, Entry, PlanName, Trip
from ossay.core.types import Request
from ossay.router.criticality import assess
from ossay.router.foreseen import Foreseen
from ossay.router.planner import Planned
from ossay.router.work import Parts

# Reasons that are told; a planner gives few.
_REASONS = 20

_decoder = msgspec.json.Decoder(Request)


class Cell(Struct, frozen=True):
    """Requests of one route that had one plan and would now have another, or the same.

    Attributes:
        route, then, now: Where, and the plans.
        count: Requests.
        priced: Those of which both costs are known or can be estimated; the sums are over them.
        usd_then, usd_now: What they cost, and about what they would cost now.
        audited: Those whose draft went out and was audited with a verdict.
        wrong: Those of them that the auditor did not approve.
    """

    route: str
    then: PlanName
    now: PlanName
    count: int
    priced: int
    usd_then: float
    usd_now: float
    audited: int
    wrong: int


class Replayed(Struct, frozen=True):
    """A log seen through today's routes.

    Attributes:
        requests: Decisions in the log.
        replayed: Those whose plan of today is known.
        left_out: Why a request could not be replayed -> how many.
        cells: By route, plan then and plan now.
        raised: Requests that would now be treated as more critical; `lowered` as less.
        why: Why a plan would be another now, in the planner's words -> how many.
    """

    requests: int
    replayed: int
    left_out: dict[str, int]
    cells: tuple[Cell, ...]
    raised: int
    lowered: int
    why: dict[str, int]

    @property
    def changed(self) -> int:
        """Requests that would get another plan now."""
        return sum(cell.count for cell in self.cells if cell.then != cell.now)


class _Sums:
    """One cell, while it is counted."""

    def __init__(self) -> None:
        self.count = self.audited = self.wrong = 0
        self.foreseen = Foreseen()


def replay(
    entries: Iterable[Entry], body: Callable[[str], bytes | None], routes: Mapping[str, Parts]
) -> Replayed:
    """Plan every request of the log anew.

    Args:
        entries: In the order of the log.
        body: SHA-256 -> what has that hash, None where it is not kept.
        routes: Name -> what that route works with today. Of it, only what plans is asked.
    """
    left_out: Counter[str] = Counter()
    why: Counter[str] = Counter()
    cells: dict[tuple[str, PlanName, PlanName], _Sums] = {}
    awaited: dict[str, _Sums] = {}
    before = {name: Foreseen() for name in routes}
    requests = raised = lowered = 0
    for entry in entries:
        if isinstance(entry, Audit):
            found = awaited.pop(entry.of, None)
            if found is not None and entry.wrong is not None:
                found.audited += 1
                found.wrong += entry.wrong
        if not isinstance(entry, Decision):
            continue
        if isinstance(entry, Trip):
            continue
        requests += 1
        parts = routes.get(entry.route)
        if parts is not None:
            before[entry.route].learn(entry)
        request = _request(entry, body, known=parts is not None)
        if isinstance(request, str) or parts is None:
            left_out[str(request)] += 1
            continue
        level, planned = plan_now(parts, request, entry)
        raised += _rank(level) > _rank(entry.criticality)
        lowered += _rank(level) < _rank(entry.criticality)
        if planned.plan != entry.plan and (len(why) < _REASONS or planned.why in why):
            why[planned.why] += 1
        sums = cells.setdefault((entry.route, entry.plan, planned.plan), _Sums())
        sums.count += 1
        sums.foreseen.add(entry, planned.plan)
        if entry.audited:
            awaited[entry.id] = sums
    return Replayed(
        requests,
        sum(sums.count for sums in cells.values()),
        dict(left_out),
        tuple(
            _cell(where, sums, before[where[0]])
            for where, sums in sorted(cells.items(), key=lambda one: one[0])
        ),
        raised,
        lowered,
        dict(why.most_common()),
    )


def plan_now(parts: Parts, request: Request, then: Decision) -> tuple[Criticality, Planned]:
    """What a route would do with a request; what its key or header declared is declared again."""
    header = then.declared if then.declared_by != "route" else None
    assessed = assess(
        request, route=parts.route.criticality, header=header, detectors=parts.detectors
    )
    planned = parts.planner.plan(parts.route, request, assessed.criticality)
    judges = parts.validator is not None or parts.check is not None
    if planned.plan == "validate" and not judges:
        planned = replace(planned, plan="strong", why="nobody is there to validate")
    if planned.plan == "cheap" and assessed.criticality == "high":
        planned = replace(planned, plan="strong", why="high criticality is never unvalidated")
    return assessed.criticality, planned


def _request(
    decision: Decision, body: Callable[[str], bytes | None], *, known: bool
) -> Request | str:
    """The request as it was, or why it can't be had."""
    if not known:
        return "there is no such route now"
    if not decision.kept_until:
        return "its text was not kept (keep_days = 0)"
    text = body(decision.request_hash)
    if text is None:
        return "its text is no longer kept"
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return "its text can't be read"


def _cell(where: tuple[str, PlanName, PlanName], sums: _Sums, route: Foreseen) -> Cell:
    priced, usd_then, usd_now = sums.foreseen.costs(where[2], route)
    return Cell(*where, sums.count, priced, usd_then, usd_now, sums.audited, sums.wrong)


def _rank(level: Criticality) -> int:
    return ("low", "medium", "high").index(level)
