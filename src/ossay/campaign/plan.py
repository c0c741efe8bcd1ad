"""A plan: which models, which tasks, how often, within which limits. Read from TOML, checked.

Knows nothing of how a run is carried out.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from ossay.campaign.families import Pair, family_problems
from ossay.campaign.foresight import prediction_problems
from ossay.campaign.stop import Stop, stop_problems
from ossay.campaign.toml import to_toml
from ossay.core.config import decode_toml
from ossay.core.errors import ConfigError
from ossay.core.names import CAMPAIGN_NAME, is_campaign_name
from ossay.core.predictions import Prediction
from ossay.core.task import Budget
from ossay.core.types import Sampling

MAX_RUNS = 1_000_000
MAX_CONCURRENCY = 1_024

# What may change between two starts of one campaign: it changes no result.
_FREE = ("limits", "concurrency")


class BudgetChange(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What differs from the tasks' own budgets; None leaves theirs. See `core.task.Budget`."""

    turns: int | None = None
    seconds: float | None = None
    call_seconds: float | None = None
    max_tokens: int | None = None

    def applied_to(self, budget: Budget) -> Budget:
        """Return `budget` with these changes."""
        changes = {k: v for k, v in msgspec.structs.asdict(self).items() if v is not None}
        return msgspec.structs.replace(budget, **changes) if changes else budget


class Limits(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """When a campaign stops before its plan does. None: never.

    Money and tokens count over all starts of the campaign, cut-off tries included; minutes count
    from each start. When a limit is reached no run starts any more and those at work are finished;
    beyond the time limit they have `grace_seconds`. A campaign also stops so, as 'cost_unknown',
    once its limit on money or tokens can't be kept any more: a provider did not count a call's
    tokens.
    """

    max_usd: float | None = None
    max_minutes: float | None = None
    max_tokens: int | None = None
    grace_seconds: float = 60.0


class Plan(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A campaign's plan.

    Attributes:
        name: Names the campaign in the ledger and in files.
        models: Model references, provider/name.
        suites: Names of suites.
        tasks: Only these tasks; empty: all.
        instances: Instances (seeds) a task: seed, seed + 1, …; the same for every model.
        attempts: Attempts of each model at each instance.
        seed: The first seed.
        concurrency: Runs at once.
        order: 'interleaved': the models take turns, so that a slow hour hits all of them;
            'model_by_model': one after the other, for models that share this machine.
        sampling: How to sample; what is left out is the provider's choice.
        budget: What differs from the tasks' budgets.
        limits: When to stop early.
        stop: Run only until two models are told apart; None: run everything.
        forecaster: Whose predictions these are.
        predict: What the forecaster expects; committed before the first run.
        families: Name -> comparisons that are corrected together, declared before their results.
    """

    name: str
    models: tuple[str, ...]
    suites: tuple[str, ...]
    tasks: tuple[str, ...] = ()
    instances: int = 1
    attempts: int = 3
    seed: int = 1
    concurrency: int = 4
    order: Literal["interleaved", "model_by_model"] = "interleaved"
    sampling: Sampling = field(default_factory=Sampling)
    budget: BudgetChange = field(default_factory=BudgetChange)
    limits: Limits = field(default_factory=Limits)
    stop: Stop | None = None
    forecaster: str = ""
    predict: tuple[Prediction, ...] = ()
    families: dict[str, tuple[Pair, ...]] = field(default_factory=dict)


def read_plan(path: Path) -> Plan:
    """Read and check a plan file; raises `ConfigError` with file, key and next step."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read plan {str(path)!r}: {error}") from error
    return parse_plan(text, source=str(path))


def parse_plan(text: str, *, source: str) -> Plan:
    """Read and check a plan's text; `source` is named in errors."""
    plan = decode_toml(text, Plan, source=source)
    check_plan(plan, source=source)
    return plan


def plan_to_toml(plan: Plan) -> str:
    """Write a plan as TOML; equal plans give equal text, and `parse_plan` gives the plan back."""
    return to_toml(msgspec.to_builtins(plan))


def check_plan(plan: Plan, *, source: str = "plan") -> None:
    """Raise `ConfigError` on the first value that makes no sense."""
    for problem in _problems(plan):
        raise ConfigError(f"{source}: {problem}")


def differences(old: Plan, new: Plan) -> list[str]:
    """Say what in two plans would give different runs, one line each; limits are not of it."""
    before, after = msgspec.structs.asdict(old), msgspec.structs.asdict(new)
    return [
        f"{key}: {_shown(before[key])} before, {_shown(after[key])} now"
        for key in before
        if key not in _FREE and before[key] != after[key]
    ]


def _problems(plan: Plan) -> Iterable[str]:
    if not is_campaign_name(plan.name):
        yield f"name = {plan.name!r}: use {CAMPAIGN_NAME}"
    for key in ("models", "suites", "tasks"):
        yield from _list_problems(key, getattr(plan, key), empty=key == "tasks")
    yield from _number_problems(plan)
    runs = len(plan.models) * len(plan.suites) * plan.instances * plan.attempts
    if runs > MAX_RUNS:
        yield f"{runs:,} runs a task are more than {MAX_RUNS:,}: split the campaign"
    if plan.stop is not None:
        yield from stop_problems(plan.stop, plan.models, attempts=plan.attempts, order=plan.order)
    yield from prediction_problems(plan.predict, plan.forecaster, plan.models, plan.tasks)
    yield from family_problems(plan.families, plan.models)


def _list_problems(key: str, values: tuple[str, ...], *, empty: bool) -> Iterable[str]:
    if not values and not empty:
        yield f"{key} is empty: name at least one"
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        yield f"{key}: {twice[0]!r} is named twice; for more attempts raise `attempts`"
    if "" in values:
        yield f"{key}: '' is no name"


def _number_problems(plan: Plan) -> Iterable[str]:
    """Check every number against its least and greatest allowed value."""
    budget, limits, sampling = plan.budget, plan.limits, plan.sampling
    above_zero = 1e-9
    checks: list[tuple[str, float | None, float, float]] = [
        ("instances", plan.instances, 1, MAX_RUNS),
        ("attempts", plan.attempts, 1, MAX_RUNS),
        ("concurrency", plan.concurrency, 1, MAX_CONCURRENCY),
        ("seed", plan.seed, 0, 2**53),
        ("budget.turns", budget.turns, 1, 10_000),
        ("budget.seconds", budget.seconds, above_zero, 1e7),
        ("budget.call_seconds", budget.call_seconds, above_zero, 1e7),
        ("budget.max_tokens", budget.max_tokens, 1, 1e9),
        ("limits.max_usd", limits.max_usd, above_zero, 1e9),
        ("limits.max_minutes", limits.max_minutes, above_zero, 1e6),
        ("limits.max_tokens", limits.max_tokens, 1, 1e15),
        ("limits.grace_seconds", limits.grace_seconds, 0, 1e7),
        ("sampling.temperature", sampling.temperature, 0, 100),
        ("sampling.top_p", sampling.top_p, above_zero, 1),
        ("sampling.max_tokens", sampling.max_tokens, 1, 1e9),
        ("sampling.seed", sampling.seed, -(2**63), 2**63 - 1),
    ]
    for key, value, least, most in checks:
        if value is None or (isfinite(value) and least <= value <= most):
            continue
        if least == above_zero:
            yield f"{key} = {value!r}: must be above 0, and at most {most:,.12g}"
        else:
            yield f"{key} = {value!r}: must be from {least:,.12g} to {most:,.12g}"


def _shown(value: Any) -> str:
    plain = msgspec.to_builtins(value)
    return repr(list(plain)) if isinstance(plain, tuple) else repr(plain)
