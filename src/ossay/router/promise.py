"""What a policy promises, in one sentence, and what all its traffic may expect.

Knows nothing of terminals.
"""

from __future__ import annotations

from collections.abc import Sequence

from ossay.router.policy import Beside, Expected, Policy


def promise(policy: Policy) -> str:
    """The sentence that names the estimand, or says that there is nothing to promise."""
    confidence = f"{1.0 - policy.delta:.{_digits(policy.delta)}%}"
    alpha = f"{policy.alpha:.{_digits(policy.alpha)}%}"
    cheap, strong = policy.cheap, policy.strong
    if policy.estimand == "escape":
        what = (
            f"at most {alpha} of all requests get a wrong answer from {cheap} "
            f"where {strong} would have been right"
        )
    else:
        what = f"at most {alpha} of the answers that {cheap} gives are wrong"
    if not policy.feasible:
        return f"Infeasible: it cannot be promised that {what}. All goes to {strong}."
    where = "" if len(policy.strata) == 1 else ", in each stratum at once"
    return f"With {confidence} confidence, {what}{where}."


def overall(policy: Policy) -> Beside:
    """What all traffic may expect if it parts into strata as the calibration rows did."""
    each = [one.expected for one in policy.strata]
    weights = [one.n for one in policy.strata]
    whole, cheap, strong = (
        _mean([getattr(one, field) for one in each], weights)
        for field in ("policy", "always_cheap", "always_strong")
    )
    best = min((cheap, strong), key=lambda one: (-one.right, one.cost))
    return Beside(whole, cheap, strong, best)


def saved(beside: Beside) -> float:
    """Share of always-strong's cost that the policy saves."""
    strong = beside.always_strong.cost
    return 1.0 - beside.policy.cost / strong if strong > 0.0 else 0.0


def _mean(parts: Sequence[Expected], weights: Sequence[int]) -> Expected:
    total = max(sum(weights), 1)

    def mean(values: Sequence[float]) -> float:
        return sum(w * v for w, v in zip(weights, values, strict=True)) / total

    waits = [one.seconds for one in parts if one.seconds is not None]
    return Expected(
        mean([one.cost for one in parts]),
        mean([one.right for one in parts]),
        mean(waits) if len(waits) == len(parts) else None,
    )


def _digits(share: float) -> int:
    """Decimals that print a share as it was given: 0.05 -> 0, 0.025 -> 1."""
    return next((d for d in range(4) if abs(share * 100 - round(share * 100, d)) < 1e-9), 4)
