"""Tally: decisions and audits, summed one by one: traffic, money, escapes, verdicts, waits.

Memory does not grow with the log: what is kept is counts, histograms, and the ids of requests whose
audit is still to come. Knows nothing of where entries come from.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from msgspec import Struct

from ossay.core.decision import Audit, Called, Criticality, Decision, Ending, Entry, PlanName, Trip
from ossay.router.escaped import Escaped, Escapes
from ossay.router.latency import Latencies, Latency
from ossay.router.spent import Money, Spent

# Requests whose audit is awaited. An audit of one that was forgotten counts as without a label.
_MOST_AWAITED = 100_000
_MOST_TRIPS = 100


class Verdicts(Struct, frozen=True):
    """What validators and checks said of drafts.

    Attributes:
        asked: Requests whose draft a validator or check was asked about.
        approved, repaired, rejected: By the last verdict.
        too_unsure: Approvals with a score below the route's threshold; redone, and in `approved`.
        malformed: Answers of a validator that were no verdict.
        failed: Calls of a validator or check that brought none.
        redone: Requests that the strong model answered after all.
        same_again: Of the drafts refused, those that the strong model then gave word for word: so
            many were refused without need, at least. The rest may be right as well.
    """

    asked: int
    approved: int
    repaired: int
    rejected: int
    too_unsure: int
    malformed: int
    failed: int
    redone: int
    same_again: int


class Summary(Struct, frozen=True):
    """What was added up.

    Attributes:
        requests: Decisions.
        first_at, last_at: Unix seconds of the earliest and latest, None before the first.
        plans, endings, criticality: How many of each.
        endings_of: Plan -> ending -> how many.
        raised: Requests whose criticality detectors raised.
        money, verdicts: See there.
        escapes: Of all plans; `cheap` and `validated` of one plan each.
        latency: Step, or 'audit', or 'request' -> waits, failed calls among them. A request's is
            until its decision.
        failures: Step or 'audit' -> how a call ended -> how many; answered ones are left out.
        trips: Strata sent back to the strong model, the last of them.
        strayed: Audits of decisions that were not added.
    """

    requests: int
    first_at: float | None
    last_at: float | None
    plans: dict[PlanName, int]
    endings: dict[Ending, int]
    endings_of: dict[PlanName, dict[Ending, int]]
    criticality: dict[Criticality, int]
    raised: int
    money: Money
    verdicts: Verdicts
    escapes: Escapes
    cheap: Escapes
    validated: Escapes
    latency: dict[str, Latency]
    failures: dict[str, dict[str, int]]
    trips: tuple[Trip, ...]
    strayed: int


class Tally:
    """Add entries in the order of the log; ask for the summary at any time."""

    def __init__(self) -> None:
        self._first_at: float | None = None
        self._last_at: float | None = None
        self._endings: dict[PlanName, Counter[Ending]] = {}
        self._criticality: Counter[Criticality] = Counter()
        self._said: Counter[str] = Counter()
        self._spent = Spent()
        self._escaped: dict[str, Escaped] = {
            name: Escaped() for name in ("all", "cheap", "validate")
        }
        self._latencies: dict[str, Latencies] = {}
        self._failures: dict[str, Counter[str]] = {}
        self._awaited: dict[str, PlanName] = {}
        self._trips: deque[Trip] = deque(maxlen=_MOST_TRIPS)
        self._raised = 0
        self._strayed = 0

    def add(self, entry: Entry) -> None:
        """Add a decision, an audit or a trip."""
        if isinstance(entry, Audit):
            self._add_audit(entry)
        elif isinstance(entry, Decision):
            self._add_decision(entry)
        else:
            self._trips.append(entry)

    def summary(self, level: float = 0.95) -> Summary:
        """What was added so far; intervals at `level`."""
        endings: Counter[Ending] = Counter()
        for counted in self._endings.values():
            endings.update(counted)
        said = self._said
        return Summary(
            requests=endings.total(),
            first_at=self._first_at,
            last_at=self._last_at,
            plans={plan: counted.total() for plan, counted in self._endings.items()},
            endings=dict(endings),
            endings_of={plan: dict(counted) for plan, counted in self._endings.items()},
            criticality=dict(self._criticality),
            raised=self._raised,
            money=self._spent.summary(),
            verdicts=Verdicts(*(said[name] for name in Verdicts.__struct_fields__)),
            escapes=self._escaped["all"].summary(level),
            cheap=self._escaped["cheap"].summary(level),
            validated=self._escaped["validate"].summary(level),
            latency={
                name: found
                for name, one in self._latencies.items()
                if (found := one.summary()) is not None
            },
            failures={name: dict(counted) for name, counted in self._failures.items()},
            trips=tuple(self._trips),
            strayed=self._strayed,
        )

    def _add_decision(self, decision: Decision) -> None:
        at = decision.at
        self._first_at = at if self._first_at is None else min(self._first_at, at)
        self._last_at = at if self._last_at is None else max(self._last_at, at)
        endings = self._endings.get(decision.plan)
        if endings is None:
            endings = self._endings[decision.plan] = Counter()
        endings[decision.ending] += 1
        self._criticality[decision.criticality] += 1
        self._raised += bool(decision.raised)
        self._spent.add(decision)
        self._escaped["all"].add(decision)
        if decision.plan in self._escaped:
            self._escaped[decision.plan].add(decision)
        self._add_verdict(decision)
        self._time("request", decision.seconds)
        for call in decision.calls:
            self._add_call(call.step, call)
        if decision.audited and decision.ending in ("draft", "repair"):
            self._awaited[decision.id] = decision.plan
            if len(self._awaited) > _MOST_AWAITED:
                del self._awaited[next(iter(self._awaited))]

    def _add_verdict(self, decision: Decision) -> None:
        judges = [call for call in decision.calls if call.step in ("check", "validate")]
        if not (judges or decision.ruling):
            return
        said, ruling, ending = self._said, decision.ruling, decision.ending
        said["asked"] += 1
        said["approved"] += ruling == "approve"
        said["repaired"] += ruling == "repair"
        said["rejected"] += ruling == "reject"
        said["too_unsure"] += ruling == "approve" and ending in ("strong", "failed")
        for call in judges:
            said["malformed"] += call.ended == "malformed"
            said["failed"] += call.ended not in ("answered", "malformed", "left")
        said["redone"] += ending == "strong"
        again = decision.draft_hash != "" and decision.draft_hash == decision.answer_hash
        said["same_again"] += ending == "strong" and again

    def _add_audit(self, audit: Audit) -> None:
        plan = self._awaited.pop(audit.of, None)
        if plan is None:
            self._strayed += 1
            return
        self._spent.add_audit(audit)
        self._escaped["all"].add_audit(audit)
        if plan in self._escaped:
            self._escaped[plan].add_audit(audit)
        if audit.call is not None:
            self._add_call("audit", audit.call)

    def _add_call(self, name: str, call: Called) -> None:
        """Failed calls are timed too: without those that ran into a deadline all looks quick."""
        if call.ended not in ("not_asked", "left"):
            self._time(name, call.seconds)
        if call.ended != "answered":
            self._failures.setdefault(name, Counter())[call.ended] += 1

    def _time(self, name: str, seconds: float) -> None:
        found = self._latencies.get(name)
        if found is None:
            found = self._latencies[name] = Latencies()
        found.add(seconds)


class Tallies:
    """A tally for each group of requests; an audit goes where its decision went."""

    def __init__(self, group: Callable[[Decision], str]) -> None:
        self._group = group
        self._groups: dict[str, Tally] = {}
        self._awaited: dict[str, str] = {}

    def add(self, entry: Entry) -> None:
        """Add a decision, or an audit of one that was added; a trip is of no group."""
        if isinstance(entry, Audit):
            name = self._awaited.pop(entry.of, None)
            if name is not None:
                self._groups[name].add(entry)
            return
        if isinstance(entry, Trip):
            return
        name = self._group(entry)
        if name not in self._groups:
            self._groups[name] = Tally()
        self._groups[name].add(entry)
        if entry.audited:
            self._awaited[entry.id] = name
            if len(self._awaited) > _MOST_AWAITED:
                del self._awaited[next(iter(self._awaited))]

    def summaries(self, level: float = 0.95) -> dict[str, Summary]:
        """Group -> its summary, by name."""
        return {name: one.summary(level) for name, one in sorted(self._groups.items())}


def answered_by(decision: Decision) -> str:
    """The model whose answer went out, as this side names it; '' where none did."""
    step = {"draft": "draft", "repair": "draft", "strong": "strong"}.get(decision.ending)
    found = [
        call.model for call in decision.calls if call.step == step and call.ended == "answered"
    ]
    return found[-1] if found else ""
