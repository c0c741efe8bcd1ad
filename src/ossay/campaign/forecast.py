"""How a campaign's predictions came out: hit or miss, Brier and log score.

A prediction is open until its campaign is over and what it is about was measured; what is open is
no miss. Knows nothing of a forecaster's other campaigns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from ossay.campaign.plan import parse_plan
from ossay.core.errors import LedgerError
from ossay.core.outcome import Outcome
from ossay.core.predictions import Committed, Prediction, digest_of
from ossay.core.records import CampaignRecord, RunRecord

# Ends count as inside, also where a sum or a quotient lands a rounding beside them.
_ROUNDING = 1e-9

# Campaigns that stopped so run nothing more; after any other stop they may go on.
_OVER = ("decided", "undecidable")


class Scored(Struct, frozen=True, omit_defaults=True):
    """A prediction and what came of it.

    Attributes:
        campaign, forecaster: Whose, and about what.
        prediction: As it was committed.
        observed: The metric, or for a comparison how far the model lies above the other; None
            while open. Infinite: a cost per pass where nothing passed.
        hit: Whether it came true; None while open.
        brier: (probability - hit)^2; None while open.
        log_score: -ln of the chance given to what happened, in nats; None while open.
        why_open: Why there is nothing to score yet, '' where there is.
    """

    campaign: str
    forecaster: str
    prediction: Prediction
    observed: float | None = None
    hit: bool | None = None
    brier: float | None = None
    log_score: float | None = None
    why_open: str = ""


def score_predictions(record: CampaignRecord) -> tuple[Scored, ...]:
    """Score what was committed with a campaign, in the order of its plan; () where nothing was.

    Raises:
        LedgerError: what was committed is not what its digest or the plan says.
    """
    committed = record.committed
    plan = parse_plan(record.plan_toml, source=f"campaign {record.name!r}")
    if committed is None and not plan.predict:
        return ()
    if committed is None or committed.predictions != plan.predict:
        raise _changed(record.name, "they are not those of its plan")
    _check(record.name, committed)
    over = record.stopped in _OVER or all(run.state == "finished" for run in record.runs)
    return tuple(
        _score(found, committed, record.runs, over=over) for found in committed.predictions
    )


def _check(campaign: str, committed: Committed) -> None:
    if committed.campaign != campaign:
        raise _changed(campaign, f"they were committed for {committed.campaign!r}")
    if digest_of(committed) != committed.digest:
        raise _changed(campaign, f"their digest is not {committed.digest!r} any more")


def _changed(campaign: str, why: str) -> LedgerError:
    return LedgerError(
        f"the predictions of campaign {campaign!r} were changed after they were committed: {why}; "
        "read them from a copy of the ledger that nobody wrote to"
    )


def _score(
    found: Prediction, committed: Committed, runs: Sequence[RunRecord], *, over: bool
) -> Scored:
    bare = Scored(committed.campaign, committed.forecaster, found)
    if not over:
        return _open(bare, "the campaign is not over")
    seen = _observed(found, runs)
    if isinstance(seen, str):
        return _open(bare, seen)
    hit = _came_true(found, seen)
    given = found.probability if hit else 1.0 - found.probability
    return Scored(
        bare.campaign, bare.forecaster, found, seen, hit, (1.0 - given) ** 2, -math.log(given)
    )


def _open(bare: Scored, why: str) -> Scored:
    return Scored(bare.campaign, bare.forecaster, bare.prediction, why_open=why)


def _observed(found: Prediction, runs: Sequence[RunRecord]) -> float | str:
    """What the prediction is held against, or why there is nothing."""
    first = _measured(found, found.model, runs)
    if found.type != "comparison" or isinstance(first, str):
        return first
    second = _measured(found, found.over, runs)
    if isinstance(second, str):
        return second
    gap = first - second
    return "both cost without a single pass" if math.isnan(gap) else gap


def _measured(found: Prediction, model: str, runs: Sequence[RunRecord]) -> float | str:
    about = [run for run in runs if run.key.model == model and found.task in ("", run.key.task)]
    counted = [run for run in about if run.outcome is not None and run.outcome.counts]
    if not counted:
        return f"no counted run of {model!r}"
    passes = sum(run.outcome is Outcome.PASSED for run in counted)
    if found.metric == "score":
        return passes / len(counted)
    if found.metric == "passes":
        return float(passes)
    if found.metric in ("seconds", "output_tokens"):
        return _mean(found.metric, model, counted)
    if found.metric == "cost_usd":
        return _cost(model, about)
    return _cost_per_pass(model, about, passes)


def _mean(metric: str, model: str, counted: Sequence[RunRecord]) -> float | str:
    values = [run.seconds if metric == "seconds" else run.usage.output_tokens for run in counted]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return f"{metric} of {len(values) - len(known)} runs of {model!r} are not known"
    return math.fsum(known) / len(known)


def _cost(model: str, about: Sequence[RunRecord]) -> float | str:
    """All that was paid: infrastructure errors and tries that were cut off too."""
    answered = _cost_of_finished(model, about)
    if isinstance(answered, str):
        return answered
    if any(run.lost_calls_unpriced for run in about):
        return f"calls of {model!r} were cut off, at a cost that nobody knows"
    return answered + math.fsum(run.lost_cost_usd for run in about)


def _cost_per_pass(model: str, about: Sequence[RunRecord], passes: int) -> float | str:
    total = _cost_of_finished(model, about)
    if isinstance(total, str) or passes:
        return total if isinstance(total, str) else total / passes
    return math.inf if total else f"no run of {model!r} passed"


def _cost_of_finished(model: str, about: Sequence[RunRecord]) -> float | str:
    costs = [run.cost_usd for run in about if run.outcome is not None]
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return f"the cost of {len(costs) - len(known)} runs of {model!r} is not known"
    return math.fsum(known)


def _came_true(found: Prediction, seen: float) -> bool:
    if found.type == "comparison":
        return _at_least(seen, found.by) if found.by else seen > _ROUNDING
    if found.type == "point":
        value, within = found.value or 0.0, found.within or 0.0
        return _at_least(seen, value - within) and _at_least(value + within, seen)
    above = found.low is None or _at_least(seen, found.low)
    return above and (found.high is None or _at_least(found.high, seen))


def _at_least(value: float, bound: float) -> bool:
    return value >= bound - _ROUNDING * max(1.0, abs(bound))
