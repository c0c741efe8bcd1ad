"""Foreseen: about what a request would cost under another plan, from what its route has cost.

A call that was made is its own measure. One that was not is the route's mean of that step, and a
validated draft is redone as often as the route's were. Means are over the requests that needed the
step: those of another kind may cost more or less. Knows nothing of prices.
"""

from __future__ import annotations

from ossay.core.decision import Decision, PlanName, Step

# Calls of a step below which its mean is not used.
_LEAST = 10
# Plan -> the calls it makes of every request.
_STEPS: dict[PlanName, tuple[Step, ...]] = {
    "cheap": ("draft",),
    "validate": ("draft", "validate"),
    "finalise": ("draft", "strong"),
    "strong": ("strong",),
}


class Foreseen:
    """Adds up requests that would get one plan: what is known, and how often each step is not."""

    def __init__(self) -> None:
        self._calls: dict[Step, list[float]] = {}  # step -> [calls, USD]
        self._validated = self._redone = 0
        self._priced, self._usd_then, self._usd_now = 0, 0.0, 0.0
        # Requests by the steps that were not measured: how many, what they cost, what is known.
        self._open: dict[tuple[Step, ...], list[float]] = {}

    def learn(self, decision: Decision) -> None:
        """Take in what the steps of a route cost."""
        for step, usd in _measured(decision).items():
            sums = self._calls.setdefault(step, [0, 0.0])
            sums[0] += 1
            sums[1] += usd
        if decision.plan == "validate" and decision.ending in ("draft", "repair", "strong"):
            self._validated += 1
            self._redone += decision.ending == "strong"

    def add(self, decision: Decision, now: PlanName) -> None:
        """Add a request that would get the plan `now`."""
        if decision.cost_usd is None or decision.ending not in ("draft", "repair", "strong"):
            return
        if now == decision.plan:
            self._priced += 1
            self._usd_then += decision.cost_usd
            self._usd_now += decision.cost_usd
            return
        measured = _measured(decision)
        steps = _STEPS[now]
        lacking = tuple(step for step in steps if step not in measured)
        sums = self._open.setdefault(lacking, [0, 0.0, 0.0])
        sums[0] += 1
        sums[1] += decision.cost_usd
        sums[2] += sum(measured[step] for step in steps if step in measured)

    def costs(self, now: PlanName, route: Foreseen) -> tuple[int, float, float]:
        """How many requests have both costs, and the sums: then, and about now."""
        priced, usd_then, usd_now = self._priced, self._usd_then, self._usd_now
        redo = route.redo_usd() if now == "validate" else 0.0
        for lacking, (count, then, known) in self._open.items():
            means = [route.mean_usd(step) for step in lacking]
            if redo is None or None in means:
                continue
            priced += int(count)
            usd_then += then
            usd_now += known + count * (sum(one for one in means if one is not None) + redo)
        return priced, usd_then, usd_now

    def mean_usd(self, step: Step) -> float | None:
        """What a call of that step costs, None where too few were seen."""
        count, usd = self._calls.get(step, [0, 0.0])
        return usd / count if count >= _LEAST else None

    def redo_usd(self) -> float | None:
        """What redoing adds to a validated draft on average, None where too few were seen."""
        strong = self.mean_usd("strong")
        if self._validated < _LEAST:
            return None
        if not self._redone:
            return 0.0
        return None if strong is None else strong * self._redone / self._validated


def _measured(decision: Decision) -> dict[Step, float]:
    """Step -> what its answered calls cost, where that is known."""
    found: dict[Step, float] = {}
    for call in decision.calls:
        if call.ended == "answered" and call.cost_usd is not None:
            found[call.step] = found.get(call.step, 0.0) + call.cost_usd
    return found
