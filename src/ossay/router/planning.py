"""Planning: what is to be done with one request, and the money that may take.

Whatever a planner says, what is critical never goes out unvalidated. Knows nothing of how a plan is
carried out.
"""

from __future__ import annotations

from msgspec.structs import replace

from ossay.router.budget import bound_usd
from ossay.router.criticality import assess
from ossay.router.work import Work


def plan(work: Work) -> None:
    """Assess, plan, draw, and hold the money that the plan may cost. Raises `OverBudget`."""
    parts, account = work.parts, work.account
    account.assessed = assess(
        work.request,
        route=parts.route.criticality,
        key=work.caller.key_criticality,
        header=work.caller.header,
        detectors=parts.detectors,
    )
    planned = parts.planner.plan(parts.route, work.request, account.criticality)
    judges = parts.validator is not None or work.check is not None
    if planned.plan == "validate" and not judges:
        planned = replace(planned, plan="strong", why="nobody is there to validate")
    if planned.plan == "cheap" and account.criticality == "high":
        planned = replace(planned, plan="strong", why="high criticality is never unvalidated")
    account.planned = planned
    # Audits are of drafts that may go out where a mistake is cheap: elsewhere it is prevented.
    drafts = planned.plan in ("cheap", "validate")
    if parts.auditor is not None and drafts and account.criticality == "low":
        account.audit_chance = parts.route.audit_share
        account.audited = parts.rng.random() < account.audit_chance
    budget = parts.budgets.get(work.caller.key)
    if budget is not None:
        work.purse = budget.reserve(_usd(work))


def _usd(work: Work) -> float:
    """About what the plan costs at most where each of its steps is taken once.

    Holding it beforehand keeps a plan from running out of money half-way. The bound that counts is
    each call's own, see `Stage`.
    """
    parts, name = work.parts, work.account.planned.plan
    asked = [parts.cheap] if name != "strong" else []
    asked += [parts.validator] if name == "validate" and parts.validator is not None else []
    asked += [parts.strong[0]] if name != "cheap" else []
    prices = [upstream.model.card.price for upstream in asked]
    most, request = parts.route.most_output, work.request
    return sum(bound_usd(request, price, most) for price in prices if price is not None)
