"""Account: what is known of one request so far; from it, its decision.

Knows nothing of when anything happens.
"""

from __future__ import annotations

from ossay.core.decision import (
    Called,
    Criticality,
    Decision,
    Ending,
    canonical,
    digest,
)
from ossay.core.display import visible
from ossay.core.types import Message, Reply, Request
from ossay.router.criticality import Assessed
from ossay.router.planner import Planned
from ossay.router.route import Route
from ossay.router.verdict import Verdict

_DAY_S = 86_400.0
_MODEL_CHARS = 200  # of what a provider calls its model


class Account:
    """Collects; `close` makes the decision, once.

    Args:
        id: Of the decision.
        at: Unix seconds.
        key: The key's name.
    """

    def __init__(self, id: str, at: float, route: Route, key: str, request: Request) -> None:
        self.id = id
        self.at = at
        self._route = route
        self._key = key
        self.bodies: dict[str, bytes] = {}
        self._request_hash = self.add(canonical(request))
        level = route.criticality
        self.assessed = Assessed(level, level, "route")
        self.planned = Planned("strong", "it was not planned")
        self.calls: list[Called] = []
        self.verdict: Verdict | None = None
        self.verdict_hash = ""
        self.draft_hash = ""
        self.why = ""
        self.audit_chance = 0.0
        self.audited = False

    @property
    def criticality(self) -> Criticality:
        """What the request is treated as."""
        return self.assessed.criticality

    @property
    def kept_until(self) -> float:
        """Unix seconds until which bodies are kept; 0 where they are not."""
        days = self._route.keep_days
        return self.at + days * _DAY_S if days else 0.0

    def add(self, body: bytes) -> str:
        """Take a body in and return its hash."""
        name = digest(body)
        if self._route.keep_days:
            self.bodies[name] = body
        return name

    def add_draft(self, draft: Message) -> None:
        """Take the cheap model's answer in."""
        self.draft_hash = self.add(canonical(draft))

    def add_verdict(self, verdict: Verdict) -> None:
        """Take a verdict in; a later one replaces it."""
        self.verdict = verdict
        self.verdict_hash = self.add(canonical(verdict))

    def add_malformed(self, text: str) -> None:
        """Take in what a validator wrote instead of a verdict."""
        self.verdict = None
        self.verdict_hash = self.add(text.encode("utf-8", "replace"))

    def close(self, ending: Ending, reply: Reply | None, seconds: float) -> Decision:
        """Return the decision; `reply` is what goes out."""
        costs = [call.cost_usd for call in self.calls]
        known = [cost for cost in costs if cost is not None]
        planned, verdict = self.planned, self.verdict
        return Decision(
            id=self.id,
            at=self.at,
            route=self._route.name,
            key=self._key,
            policy=planned.policy,
            stratum=planned.stratum,
            criticality=self.assessed.criticality,
            declared=self.assessed.declared,
            declared_by=self.assessed.declared_by,
            raised=tuple(str(one) for one in self.assessed.raised),
            plan=planned.plan,
            plan_why=planned.why,
            score=planned.score,
            ending=ending,
            why=self.why,
            ruling=verdict.verdict if verdict is not None else "",
            approval=verdict.score if verdict is not None else None,
            request_hash=self._request_hash,
            draft_hash=self.draft_hash,
            verdict_hash=self.verdict_hash,
            answer_hash=self.add(canonical(reply.message)) if reply is not None else "",
            model=visible(reply.model[:_MODEL_CHARS]) if reply is not None else "",
            calls=tuple(self.calls),
            cost_usd=sum(known) if len(known) == len(costs) else None,
            seconds=seconds,
            audit_chance=self.audit_chance,
            audited=self.audited,
            kept_until=self.kept_until,
        )
