"""The kinds of claims, one Struct each; `KINDS` finds them by name. Other packages may add theirs.

Knows nothing of files.
"""

from __future__ import annotations

from ossay.claims.claim import Claim
from ossay.core.registry import Registry

_ROOM = "ossay.claims.kinds"
_BUILTIN = {
    "rate": "counting:Rate",
    "failure_rate": "counting:FailureRate",
    "predictions": "counting:Predictions",
    "count_at_least": "tasks:CountAtLeast",
    "pass_k": "tasks:PassK",
    "mean": "sums:Mean",
    "means": "sums:Means",
    "sum": "sums:Sum",
    "product": "quotients:Product",
    "ratio": "quotients:Ratio",
    "better": "better:Better",
    "tied": "better:Tied",
    "family": "family:FamilyClaim",
    "leave_one_out": "order:LeaveOneOut",
    "rises": "order:Rises",
    "compared_with": "order:ComparedWith",
    "stable": "stable:Stable",
    "enough_runs": "planned:EnoughRuns",
    "floor": "planned:Floor",
    "causal": "unshown:Causal",
    "no_data": "unshown:NoData",
}

KINDS: Registry[type[Claim]] = Registry(
    "kind of claim",
    {name: f"{_ROOM}.{target}" for name, target in _BUILTIN.items()},
    group="ossay.claims",
)
