"""Planner: which plan a request gets: by a table, or by a calibrated policy above a floor.

Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from ossay.core.decision import Criticality, PlanName
from ossay.core.types import Request
from ossay.router.policy import Change, Chooser, Policy, untold
from ossay.router.route import PLANS, Route

_OF_CHOICE: dict[str, PlanName] = {"publish": "cheap", "validate": "validate", "redo": "strong"}


class Planned(Struct, frozen=True):
    """A plan and why; the rest where a policy was asked."""

    plan: PlanName
    why: str
    policy: str = ""
    stratum: str = ""
    score: float | None = None
    approve_from: float | None = None


class Planner(Protocol):
    """Chooses a plan."""

    def plan(self, route: Route, request: Request, criticality: Criticality) -> Planned:
        """Return the plan for a request of that criticality."""
        ...


class Tripping:
    """What parts of the traffic were sent back to the strong model, and why."""

    def __init__(self) -> None:
        self._tripped: dict[str, str] = {}

    def trip(self, stratum: str, why: str) -> None:
        """Send a stratum to the strong model from now on."""
        self._tripped[stratum] = why

    @property
    def tripped(self) -> dict[str, str]:
        """Stratum -> why it was tripped."""
        return dict(self._tripped)

    def _why_tripped(self, stratum: str) -> str:
        """As a plan's reason; '' where it was not."""
        why = self._tripped.get(stratum)
        return "" if why is None else f"the stratum was tripped: {why}"


class ByTable(Tripping):
    """The route's own plans. A stratum is 'route/criticality'."""

    def plan(self, route: Route, request: Request, criticality: Criticality) -> Planned:
        """Return the plan of that criticality."""
        why = self._why_tripped(f"{route.name}/{criticality}") if self._tripped else ""
        if why:
            return Planned("strong", why)
        return Planned(route.plans.of(criticality), f"{criticality} criticality")


class ByPolicy(Tripping):
    """A policy's choice, never below the route's floor.

    A stratum is 'route/criticality', or what `strata` maps that to. A policy that has expired, a
    stratum that it does not know or that was tripped: strong. A request names no task, so a policy
    whose gate was trained with tasks counts as expired.

    Args:
        chooser: The policy made ready.
        changes: What is no longer as it was calibrated; any of them expires it.
        strata: 'route/criticality' -> the policy's name for it.
    """

    def __init__(
        self,
        chooser: Chooser,
        *,
        changes: Sequence[Change] = (),
        strata: dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        self._chooser = chooser
        expired = dict.fromkeys((*changes, *untold(chooser.policy)))
        self._expired = ", ".join(change.why for change in expired)
        self._strata = strata or {}

    @property
    def policy(self) -> Policy:
        """The policy that is asked."""
        return self._chooser.policy

    def plan(self, route: Route, request: Request, criticality: Criticality) -> Planned:
        """Ask the policy about the last user message."""
        name = f"{route.name}/{criticality}"
        stratum = self._strata.get(name, name)
        policy = self._chooser.policy
        if self._expired:
            why = f"the policy has expired: {self._expired}"
            return Planned("strong", why, policy.digest, stratum)
        why = self._why_tripped(stratum)
        if why:
            return Planned("strong", why, policy.digest, stratum)
        choice = self._chooser.choose(asked(request), stratum=stratum)
        plan = _OF_CHOICE[choice.plan]
        why = "the policy's choice"
        if choice.score is None:
            why = "the policy does not know the stratum"
        floor = route.floor.of(criticality)
        if PLANS.index(plan) < PLANS.index(floor):
            plan, why = floor, f"the floor of {criticality} criticality"
        return Planned(plan, why, policy.digest, stratum, choice.score, policy.approve_from)


def asked(request: Request) -> str:
    """The text that a gate is asked about: the last user message, '' where there is none."""
    said = (message.content for message in reversed(request.messages) if message.role == "user")
    return next(said, "")
