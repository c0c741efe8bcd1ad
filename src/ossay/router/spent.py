"""Spent: what requests have cost, and about what the strong model alone would have cost for them.

What always-strong would have cost is measured where the strong model answered that very request.
Else it is the draft's own cost times what strong calls cost over drafts where both were made on the
same route; without such pairs, the mean strong call of the route; without that, nobody knows. All
of these come from requests that needed the strong model, which may be longer than others; one that
finalised a draft has read that too. Knows nothing of prices.
"""

from __future__ import annotations

from msgspec import Struct

from ossay.core.decision import Audit, Decision
from ossay.router.glance import answered

# Below so many strong calls with a price, nothing is made of them.
_LEAST = 10


class Money(Struct, frozen=True):
    """USD.

    Attributes:
        usd: Of all requests whose cost is known, audits aside.
        unknown: Requests whose cost nobody knows: a model without a price, a stream cut off.
        audits_usd: Of the audits.
        audits_unknown: Audits whose cost nobody knows.
        compared: Answered requests of which both costs are known, and the next four are about.
        compared_usd: What those have cost.
        always_strong_usd: What the strong model alone would have cost for them; None where that
            can't be estimated for any.
        measured, by_ratio, by_mean: For how many of them it is the call that was made, the draft
            times the route's ratio, the route's mean.
        not_compared: Answered requests left out.
        saved: Share of always-strong that was saved, audits counted as spent; None where unknown.
    """

    usd: float
    unknown: int
    audits_usd: float
    audits_unknown: int
    compared: int
    compared_usd: float
    always_strong_usd: float | None
    measured: int
    by_ratio: int
    by_mean: int
    not_compared: int
    saved: float | None


class _OfRoute:
    """Sums of one route."""

    def __init__(self) -> None:
        self.measured, self.strong_usd, self.spent_usd = 0, 0.0, 0.0
        # Of requests with both calls, and of those with a draft alone.
        self.pairs, self.pair_draft_usd, self.pair_strong_usd = 0, 0.0, 0.0
        self.drafts, self.draft_usd, self.drafts_spent_usd = 0, 0.0, 0.0


class Spent:
    """Add decisions and audits; ask for the sums at any time."""

    def __init__(self) -> None:
        self._usd, self._unknown = 0.0, 0
        self._audits_usd, self._audits_unknown = 0.0, 0
        self._routes: dict[str, _OfRoute] = {}
        self._left_out = 0

    def add(self, decision: Decision) -> None:
        """Count one request."""
        if decision.cost_usd is None:
            self._unknown += 1
        else:
            self._usd += decision.cost_usd
        if decision.ending not in ("draft", "repair", "strong"):
            return
        draft, strong = answered(decision, "draft"), answered(decision, "strong")
        draft_usd = None if draft is None else draft.cost_usd
        strong_usd = None if strong is None else strong.cost_usd
        route = self._routes.get(decision.route)
        if route is None:
            route = self._routes[decision.route] = _OfRoute()
        if decision.cost_usd is None or (strong_usd is None and (strong or draft_usd is None)):
            self._left_out += 1
        elif strong_usd is not None:
            route.measured += 1
            route.strong_usd += strong_usd
            route.spent_usd += decision.cost_usd
            if draft_usd is not None:
                route.pairs += 1
                route.pair_draft_usd += draft_usd
                route.pair_strong_usd += strong_usd
        elif draft_usd is not None:
            route.drafts += 1
            route.draft_usd += draft_usd
            route.drafts_spent_usd += decision.cost_usd

    def add_audit(self, audit: Audit) -> None:
        """Count what an audit took."""
        cost = None if audit.call is None else audit.call.cost_usd
        if cost is None:
            self._audits_unknown += 1
        else:
            self._audits_usd += cost

    def summary(self) -> Money:
        """The sums."""
        compared = measured = by_ratio = by_mean = 0
        spent_usd = strong_usd = 0.0
        left_out = self._left_out
        for route in self._routes.values():
            measured += route.measured
            spent_usd += route.spent_usd
            strong_usd += route.strong_usd
            if route.pairs >= _LEAST and route.pair_draft_usd > 0.0:
                by_ratio += route.drafts
                strong_usd += route.draft_usd * route.pair_strong_usd / route.pair_draft_usd
                spent_usd += route.drafts_spent_usd
            elif route.measured >= _LEAST:
                by_mean += route.drafts
                strong_usd += route.drafts * route.strong_usd / route.measured
                spent_usd += route.drafts_spent_usd
            else:
                left_out += route.drafts
        compared = measured + by_ratio + by_mean
        saved = None
        if compared and strong_usd > 0.0 and not self._audits_unknown:
            saved = 1.0 - (spent_usd + self._audits_usd) / strong_usd
        return Money(
            self._usd,
            self._unknown,
            self._audits_usd,
            self._audits_unknown,
            compared,
            spent_usd,
            strong_usd if compared else None,
            measured,
            by_ratio,
            by_mean,
            left_out,
            saved,
        )
