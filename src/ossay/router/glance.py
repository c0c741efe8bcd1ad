"""Glance: what one walk through a log tells before rows are taken out of it.

Which strata there are, with what chance they were audited, what audits said, what calls cost. Knows
nothing of texts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from ossay.core.decision import Audit, Called, Decision, Entry
from ossay.core.graded import NO_CHARGE, Charge

# How an audit ends that says nothing of the answer: the auditor was away, busy, or broken off.
OUT_OF_REACH = ("connection", "rate_limited", "server_error", "not_asked", "left")
# Calls with a known cost below which their mean is not used.
_LEAST = 10


class Glance:
    """Made from all entries, in order.

    Attributes:
        requests: Stratum -> how many.
        labels: Decision -> whether its draft is wrong; None: the audit says nothing.
        failed: Decisions whose audit brought no verdict and may have failed by the answer. They are
            labelled wrong.
    """

    def __init__(self, entries: Iterable[Entry], route: str) -> None:
        self.requests: Counter[str] = Counter()
        self.labels: dict[str, bool | None] = {}
        self.failed: set[str] = set()
        self._drafted: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()
        self._floors: dict[tuple[str, str], float] = {}
        self._means: dict[tuple[str, str, str], _Mean] = defaultdict(_Mean)
        for entry in entries:
            if isinstance(entry, Audit):
                self._label(entry)
            elif isinstance(entry, Decision) and route in ("", entry.route):
                self._look(entry)

    @property
    def cheap(self) -> str:
        """The model that drafted most of what could be audited; '' where none did."""
        return _most(self._drafted)

    @property
    def strong(self) -> str:
        """The strong model that answered most; '' where none did."""
        return _most(self._answered)

    def floor(self, stratum: str, cheap: str) -> float:
        """The least chance of audit of that model's drafts; 0 where none had a chance."""
        return self._floors.get((stratum, cheap), 0.0)

    def others(self, stratum: str, cheap: str) -> bool:
        """Whether drafts of another model had a chance of audit."""
        return any(name == stratum and model != cheap for name, model in self._floors)

    def charges(self, cheap: str) -> Mapping[str, tuple[Charge, Charge]]:
        """Route -> what a call of the cheap and of the strong model takes on average.

        Nothing is known of any route where too little is known of one with drafts, or nothing costs
        anything there.
        """
        found: dict[str, tuple[Charge, Charge]] = {}
        routes = {name.rpartition("/")[0] for name in self.requests}
        for route in routes:
            found[route] = (
                self._means[route, "draft", cheap].charge,
                self._means[route, "strong", self.strong].charge,
            )
        drafting = {name.rpartition("/")[0] for name, model in self._floors if model == cheap}
        known = all(one.usd is not None for route in drafting for one in found[route])
        if not known or not all(found[route][1].usd for route in drafting):
            return dict.fromkeys(routes, (NO_CHARGE, NO_CHARGE))
        return found

    def _label(self, audit: Audit) -> None:
        ended = audit.call.ended if audit.call is not None else "not_asked"
        if audit.wrong is not None:
            self.labels[audit.of] = audit.wrong
        elif ended in OUT_OF_REACH:
            self.labels[audit.of] = None
        else:
            self.labels[audit.of] = True
            self.failed.add(audit.of)

    def _look(self, decision: Decision) -> None:
        name = stratum_of(decision)
        self.requests[name] += 1
        draft, strong = answered(decision, "draft"), answered(decision, "strong")
        if draft is not None:
            self._means[decision.route, "draft", draft.model].add(draft)
            if decision.audit_chance > 0.0 and decision.plan == "cheap":
                self._drafted[draft.model] += 1
                place = name, draft.model
                self._floors[place] = min(self._floors.get(place, 1.0), decision.audit_chance)
        if strong is not None:
            self._answered[strong.model] += 1
            self._means[decision.route, "strong", strong.model].add(strong)


class _Mean:
    """What calls of one kind took."""

    def __init__(self) -> None:
        self._count = self._priced = 0
        self._usd = self._seconds = 0.0

    def add(self, call: Called) -> None:
        self._count += 1
        self._seconds += call.seconds
        if call.cost_usd is not None:
            self._priced += 1
            self._usd += call.cost_usd

    @property
    def charge(self) -> Charge:
        """Means, None where too few are known."""
        usd = self._usd / self._priced if self._priced >= _LEAST else None
        return Charge(usd, self._seconds / self._count if self._count >= _LEAST else None)


def stratum_of(decision: Decision) -> str:
    """'route/criticality', as planners name it."""
    return f"{decision.route}/{decision.criticality}"


def answered(decision: Decision, step: str) -> Called | None:
    """The first call of that step that was answered."""
    for one in decision.calls:
        if one.step == step and one.ended == "answered":
            return one
    return None


def _most(counted: Counter[str]) -> str:
    return max(sorted(counted), key=lambda name: counted[name], default="")
