"""Metrics: what one gateway process counts.

An entry of the log costs some dictionary look-ups; everything else is done when somebody looks.
`exposition` writes it down. Knows nothing of HTTP.
"""

from __future__ import annotations

from bisect import bisect_left

from ossay.core.decision import Audit, Called, Decision, Entry

# Upper ends of the buckets, seconds.
SECONDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
)  # fmt: skip
# Different ways in which calls may end; a check names its own errors.
_MOST_ENDS = 1_000
TOKENS = ("input", "cached", "output", "reasoning")


class Timed:
    """Calls of one stage and model, or requests of one route and plan.

    Attributes:
        seconds: Of all of them.
        buckets: How many took at most each of `SECONDS`, and longer; not cumulated.
        tokens: As in `TOKENS`; cached ones are part of input, reasoning ones of output.
        answers, answer_s, answer_tokens: Of the answered ones whose output was counted: their
            speed.
        cost_usd: As far as it is known.
    """

    __slots__ = ("answer_s", "answer_tokens", "answers", "buckets", "cost_usd", "count", "seconds",
                 "tokens")  # fmt: skip

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self.buckets = [0] * (len(SECONDS) + 1)
        self.tokens = [0, 0, 0, 0]
        self.answers = 0
        self.answer_s = 0.0
        self.answer_tokens = 0
        self.cost_usd = 0.0

    def time(self, seconds: float) -> None:
        """Count one."""
        self.count += 1
        self.seconds += seconds
        self.buckets[bisect_left(SECONDS, seconds)] += 1

    def call(self, call: Called) -> None:
        """Count a call."""
        self.time(call.seconds)
        if call.cost_usd:
            self.cost_usd += call.cost_usd
        usage, tokens = call.usage, self.tokens
        output = usage.output_tokens
        if usage.input_tokens:
            tokens[0] += usage.input_tokens
        if usage.cached_input_tokens:
            tokens[1] += usage.cached_input_tokens
        if output:
            tokens[2] += output
            if call.ended == "answered":
                self.answers += 1
                self.answer_s += call.seconds
                self.answer_tokens += output
        if usage.reasoning_tokens:
            tokens[3] += usage.reasoning_tokens


class Metrics:
    """The counters of one gateway. `request` is on the way of every request.

    Attributes:
        decisions: (route, plan, criticality, ending) -> requests.
        requests: (route, plan) -> how long they took until the decision, and what they cost.
        calls: (stage, model) -> see `Timed`; the stage of audits is 'audit'.
        ends: (stage, model, how it ended) -> calls.
        http: (endpoint, status) -> answers over HTTP.
        unpriced: Route -> requests of unknown cost.
        cached: Route -> requests that the cache answered.
        judged: (draft's model, ruling) -> drafts that a validator or check ruled on.
    """

    def __init__(self) -> None:
        self.decisions: dict[tuple[str, str, str, str], int] = {}
        self.requests: dict[tuple[str, str], Timed] = {}
        self.calls: dict[tuple[str, str], Timed] = {}
        self.ends: dict[tuple[str, str, str], int] = {}
        self.http: dict[tuple[str, int], int] = {}
        self.unpriced: dict[str, int] = {}
        self.cached: dict[str, int] = {}
        self.judged: dict[tuple[str, str], int] = {}

    def hear(self, entry: Entry) -> None:
        """Count an entry of the log."""
        if isinstance(entry, Audit):
            if entry.call is not None:
                self._call("audit", entry.call)
            return
        if not isinstance(entry, Decision):
            return
        route, plan = entry.route, entry.plan
        decided = (route, plan, entry.criticality, entry.ending)
        self.decisions[decided] = self.decisions.get(decided, 0) + 1
        timed = self.requests.get((route, plan))
        if timed is None:
            timed = self.requests[route, plan] = Timed()
        timed.time(entry.seconds)
        if entry.cost_usd is None:
            self.unpriced[route] = self.unpriced.get(route, 0) + 1
        else:
            timed.cost_usd += entry.cost_usd
        for call in entry.calls:
            self._call(call.step, call)
        if entry.ruling and entry.calls and entry.calls[0].step == "draft":
            judged = (entry.calls[0].model, entry.ruling)
            self.judged[judged] = self.judged.get(judged, 0) + 1
        if not entry.calls and is_cached(entry):
            self.cached[route] = self.cached.get(route, 0) + 1

    def request(self, endpoint: str, status: int) -> None:
        """Count an answer over HTTP; `endpoint` is one of the gateway's own paths, or 'other'."""
        key = (endpoint, status)
        self.http[key] = self.http.get(key, 0) + 1

    def _call(self, step: str, call: Called) -> None:
        model = call.model
        timed = self.calls.get((step, model))
        if timed is None:
            timed = self.calls[step, model] = Timed()
        timed.call(call)
        end = (step, model, call.ended)
        if end not in self.ends and len(self.ends) >= _MOST_ENDS:
            end = (step, model, "other")
        self.ends[end] = self.ends.get(end, 0) + 1


def is_cached(decision: Decision) -> bool:
    """Whether the cache answered it, as its row says."""
    return decision.why.startswith("cached: ")
