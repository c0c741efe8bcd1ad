"""A route's calibrated policy: what of it still holds, and the planner that asks it.

Knows nothing of how a policy is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ossay.cli.gateway_source import Source
from ossay.gateway.pins import told
from ossay.router.criticality import LEVELS
from ossay.router.planner import ByPolicy, ByTable

if TYPE_CHECKING:
    from ossay.router.policy import Change, Policy


def planner_of(policy: Policy | None, changes: Sequence[Change]) -> ByPolicy | ByTable:
    """What chooses the plan of a route's requests."""
    if policy is None:
        return ByTable()
    from ossay.router.policy import Chooser

    return ByPolicy(Chooser(policy), changes=changes)


def note_of(source: Source, name: str, policy: Policy, changes: Sequence[Change]) -> str:
    """What whoever starts the gateway should know of a route's policy, '' for nothing."""
    if changes:
        return (
            f"route {name!r}: the policy has expired, all goes to the strong model: "
            f"{'; '.join(map(told, changes))}; calibrate anew"
        )
    if any(policy.stratum(f"{name}/{level}") for level in LEVELS):
        return ""
    return (
        f"route {name!r}: the policy knows none of its strata, all goes to the strong model; "
        f"calibrate with --gateway {str(source.path)!r} --route {name}"
    )
