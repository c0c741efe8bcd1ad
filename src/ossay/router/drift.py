"""Drift: watches through audits how much escapes, and sends a stratum back to the strong model.

What was promised holds while traffic and models are as they were. `Monitor` sees every entry of the
log and bets against the promise (`stats.escapes`), so it may look after each. The same entries in
the same order lead to the same state: the log restores it. Requests count in the order in which
they were decided, however late their audits are: a model that takes longer to approve than to
reject would else make what is true look worse. Knows nothing of where the log is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from ossay.core.decision import Audit, Decision, Entry, Trip
from ossay.router.gate import Estimand
from ossay.router.glance import OUT_OF_REACH
from ossay.router.planner import ByPolicy, ByTable
from ossay.router.work import Parts
from ossay.stats.escapes import Alarm, Watch

# An audit that has not come after so long, by the log, never will: whoever asked for it has died.
_LATE_S = 900.0
# Requests of a stratum that wait for an audit before them; beyond that it is waited for no longer.
_MOST_WAITING = 10_000
# The chance of ever tripping a stratum that keeps its promise.
FALSE_ALARM = 0.05


class Guard(Struct, frozen=True):
    """What a route's planner has promised.

    Attributes:
        cheap: The model that drafts. What another one drafted before says nothing.
        alarm: The rate, the least chance of an audit, the chance of a false alarm in each stratum.
        trip: Called with a stratum and why.
        policy: The policy's digest, '' for a table.
        estimand: 'escape': a rate of all requests; 'selective': of the drafts that went out.
    """

    cheap: str
    alarm: Alarm
    trip: Callable[[str, str], None]
    policy: str = ""
    estimand: Estimand = "escape"


def guard_of(parts: Parts) -> Guard | None:
    """Return what to watch of a route; None where nothing is promised, or nothing audited.

    `most_escapes` goes before a policy's alpha.
    """
    route, planner = parts.route, parts.planner
    alpha, policy = route.most_escapes, ""
    estimand: Estimand = "escape"
    if isinstance(planner, ByPolicy):
        policy, estimand = planner.policy.digest, planner.policy.estimand
        alpha = alpha or planner.policy.alpha
    elif not isinstance(planner, ByTable):
        return None
    if alpha is None or not route.audit_share:
        return None
    alarm = Alarm(alpha, route.audit_share, FALSE_ALARM)
    return Guard(parts.cheap.name, alarm, planner.trip, policy, estimand)


class _Waiting(Struct):
    """A request whose turn has not come; `escaped` None: nobody knows, or not yet."""

    id: str
    at: float
    escaped: bool | None = None
    chance: float = 1.0
    known: bool = True  # whether all is known that ever will be


class Standing(Struct, frozen=True):
    """A stratum and what is known of it."""

    route: str
    stratum: str
    watch: Watch


class Monitor:
    """Give it each entry of the log, once and in order.

    Only low criticality is watched: nothing else is audited. An audit without a label counts as an
    escape where its failure may have to do with the answer (a verdict that is none, say), and not
    at all where the auditor was out of reach: an outage must not send all traffic to the model that
    is out.

    Args:
        guards: By the route's name; other routes are not watched.
    """

    def __init__(self, guards: Mapping[str, Guard]) -> None:
        self._guards = dict(guards)
        self._watches: dict[tuple[str, str], Watch] = {}
        self._tripped: set[tuple[str, str]] = set()
        self._waiting: dict[tuple[str, str], deque[_Waiting]] = {}
        self._awaited: dict[str, tuple[tuple[str, str], _Waiting]] = {}

    @property
    def standings(self) -> list[Standing]:
        """Where each stratum stands, of which anything was seen."""
        return [Standing(*place, watch) for place, watch in self._watches.items()]

    def see(self, entry: Entry) -> Trip | None:
        """Take an entry in; returns the trip that it leads to, which has no id yet."""
        if isinstance(entry, Decision):
            return self._decided(entry)
        if isinstance(entry, Audit):
            return self._audited(entry)
        self._remember(entry)
        return None

    def restore(self, entries: Iterable[Entry]) -> list[Trip]:
        """Take in what a log holds; returns the trips that it leads to and does not hold."""
        found: dict[tuple[str, str], Trip] = {}
        for entry in entries:
            trip = self.see(entry)
            if trip is not None:
                found[trip.route, trip.stratum] = trip
            elif isinstance(entry, Trip):
                found.pop((entry.route, entry.stratum), None)
        return list(found.values())

    def _decided(self, decision: Decision) -> Trip | None:
        route = decision.route
        guard = self._guards.get(route)
        if guard is None or decision.policy != guard.policy or decision.criticality != "low":
            return None
        drafted_by = {call.model for call in decision.calls if call.step == "draft"}
        if not drafted_by <= {guard.cheap}:
            return None
        place = route, decision.stratum or f"{route}/low"
        if decision.ending == "strong":  # it can't have escaped
            escape = guard.estimand == "escape"
            if not escape:
                return None
            return self._count(place, _Waiting(decision.id, decision.at, escaped=False))
        published = decision.ending in ("draft", "repair")
        if not published or decision.audit_chance < guard.alarm.propensity:
            return None
        one = _Waiting(decision.id, decision.at, known=not decision.audited)
        if decision.audited:
            one.chance = decision.audit_chance
            self._awaited[one.id] = place, one
        return self._count(place, one)

    def _audited(self, audit: Audit) -> Trip | None:
        awaited = self._awaited.pop(audit.of, None)
        if awaited is None:
            return None
        place, one = awaited
        ended = audit.call.ended if audit.call is not None else "not_asked"
        escaped = audit.wrong
        if escaped is None and ended not in OUT_OF_REACH:
            escaped = True
        one.escaped, one.known = escaped, True
        return self._go_on(place, audit.at)

    def _count(self, place: tuple[str, str], one: _Waiting) -> Trip | None:
        self._waiting.setdefault(place, deque()).append(one)
        return self._go_on(place, one.at)

    def _go_on(self, place: tuple[str, str], now: float) -> Trip | None:
        """Count whose turn it is; returns the trip that this leads to."""
        waiting, trip = self._waiting[place], None
        while waiting:
            first = waiting[0]
            late = now - first.at > _LATE_S or len(waiting) > _MOST_WAITING
            if not (first.known or late):
                break
            waiting.popleft()
            self._awaited.pop(first.id, None)
            trip = self._after(place, first.escaped, first.chance, now) or trip
        return trip

    def _after(
        self, place: tuple[str, str], escaped: bool | None, chance: float, at: float
    ) -> Trip | None:
        if place in self._tripped:
            return None
        guard = self._guards[place[0]]
        watch = self._watches.get(place) or Watch(guard.alarm)
        watch = self._watches[place] = watch.after(escaped, chance)
        if watch.tripped_at is None:
            return None
        trip = Trip(
            id="",
            at=at,
            route=place[0],
            stratum=place[1],
            cheap=guard.cheap,
            alpha=guard.alarm.alpha,
            level=guard.alarm.level,
            e_value=watch.e_value,
            requests=watch.requests,
            known=watch.known,
            escapes=watch.escapes,
            policy=guard.policy,
        )
        self._trip(guard, trip)
        return trip

    def _remember(self, trip: Trip) -> None:
        """Heed a trip of the log, unless something else is promised, or drafts, by now."""
        guard = self._guards.get(trip.route)
        if guard is None or (trip.route, trip.stratum) in self._tripped:
            return
        now = guard.policy, guard.cheap, guard.alarm.alpha
        if now == (trip.policy, trip.cheap, trip.alpha):
            self._trip(guard, trip)

    def _trip(self, guard: Guard, trip: Trip) -> None:
        self._tripped.add((trip.route, trip.stratum))
        guard.trip(trip.stratum, trip.why)
