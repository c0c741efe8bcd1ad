"""Entering a campaign in the ledger, or making sure that it is the one that is there.

Knows nothing of how runs are carried out.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from ossay.campaign.foresight import PRICED
from ossay.campaign.plan import MAX_RUNS, Plan, differences, parse_plan, plan_to_toml
from ossay.campaign.schedule import enumerate_runs, run_id
from ossay.campaign.stop import Stop
from ossay.core.errors import ConfigError, ModelCallError, UnknownName, UsageError
from ossay.core.model import Model, Rehearsed
from ossay.core.predictions import Committed, digest_of
from ossay.core.records import CampaignRecord, RunKey
from ossay.core.task import Suite
from ossay.core.types import ModelCard
from ossay.stats.prospect import tie_shown
from ossay.stats.sequential import decided

if TYPE_CHECKING:
    from ossay.store.ledger import Ledger


async def enter(
    plan: Plan,
    *,
    suites: Mapping[str, Suite],
    models: Mapping[str, Model],
    ledger: Ledger,
    command: str,
    environment: dict[str, str],
    hide: Callable[[str], str],
) -> CampaignRecord:
    """Enter `plan` in the ledger or check it against what is there; return the header there.

    Its prices are those of the campaign's first start, so that its costs can be added up, and its
    predictions those that were committed then. `hide` takes secrets out of what is known of the
    models.

    Raises:
        UsageError: a campaign of this name is there, and is another one.
        ConfigError: a limit or a prediction on money, and no price; too few items to decide.
        UnknownName: a model that was not opened, or one that plays a script which no task has; a
            prediction about a task that is not run.
    """
    keys = enumerate_runs(plan, suites)
    _check_stop(plan, keys)
    _check_predicted_tasks(plan, keys)
    for reference in plan.models:
        if reference not in models:
            raise UnknownName.of("model", reference, models)
        await asyncio.to_thread(_check_script, models[reference], keys, suites)
    now = ledger.now()
    header = CampaignRecord(
        plan.name,
        now,
        command,
        plan_to_toml(plan),
        tuple(_without_secrets(models[reference].card, hide) for reference in plan.models),
        {name: suites[name].version for name in plan.suites},
        environment,
        (),
        committed=_committed(plan, now),
    )
    _check_prices(plan, header)
    there = await ledger.plan(header, [(run_id(plan.name, key), key) for key in keys])
    if there is not header:
        _check_same(plan, header, there)
        _check_prices(plan, there)
        await ledger.amend(plan.name, plan_toml=header.plan_toml, stopped="")
    return there


def _committed(plan: Plan, now: float) -> Committed | None:
    if not plan.predict:
        return None
    bare = Committed(plan.name, plan.forecaster, now, plan.predict)
    return msgspec.structs.replace(bare, digest=digest_of(bare))


def _check_stop(plan: Plan, keys: Sequence[RunKey]) -> None:
    """Raise `ConfigError` where the plan's items can't decide or show a tie, however they end."""
    stop = plan.stop
    if stop is None or not stop.futility:
        return
    items = len(keys) // len(plan.models)
    if _could_end(stop, items):
        return
    few = (
        f"[stop]: {items} items can't decide at alpha = {stop.alpha!r}, even if one model won them "
        "all" + ("" if stop.margin is None else f", nor show a tie within {stop.margin!r}")
    )
    if not _could_end(stop, MAX_RUNS):
        raise ConfigError(f"{few}, and no plan can: choose a larger alpha or edge")
    least = bisect_left(range(MAX_RUNS), True, key=lambda n: _could_end(stop, n))
    raise ConfigError(
        f"{few}; raise instances until there are {least} and more, or leave [stop] out"
    )


def _could_end(stop: Stop, items: int) -> bool:
    """Whether so many items could decide, or show a tie, at best; more always could as well."""
    if decided(items, 0, stop.alpha, stop.bet) is not None:
        return True
    return stop.margin is not None and tie_shown(0, 0, items, stop.margin, stop.alpha)


def _check_predicted_tasks(plan: Plan, keys: Sequence[RunKey]) -> None:
    tasks = {key.task for key in keys}
    for prediction in plan.predict:
        if prediction.task and prediction.task not in tasks:
            hint = f"predicted: {prediction.statement!r}"
            raise UnknownName.of("task", prediction.task, tasks, hint=hint)


def _without_secrets(card: ModelCard, hide: Callable[[str], str]) -> ModelCard:
    details = {name: hide(text) for name, text in card.details.items()}
    return msgspec.structs.replace(card, details=details)


def _check_script(model: Model, keys: Sequence[RunKey], suites: Mapping[str, Suite]) -> None:
    """Raise `UnknownName` where `model` plays a script that no task of the plan has."""
    if not isinstance(model, Rehearsed):
        return
    scripts: set[str] = set()
    tried: set[tuple[str, str]] = set()
    for key in keys:
        if (key.suite, key.task) in tried:
            continue
        tried.add((key.suite, key.task))
        try:
            instance = suites[key.suite].tasks[key.task].instance(key.seed)
        except Exception:  # noqa: BLE001  # a broken task is told by its runs
            return
        try:
            model.rehearse(instance)
        except ModelCallError:
            scripts.update(instance.scripts)
        else:
            return
    reference = model.card.reference
    name = reference.partition("/")[2]
    hint = f"There are: {', '.join(sorted(scripts)) or 'none'}"
    raise UnknownName(f"model {reference!r}: no script {name!r} in any task. {hint}")


def _check_prices(plan: Plan, record: CampaignRecord) -> None:
    unpriced = [card.reference for card in record.models if card.price is None]
    if plan.limits.max_usd is not None and unpriced:
        raise ConfigError(
            f"limits.max_usd = {plan.limits.max_usd!r} cannot be kept: no price of "
            f"{unpriced[0]!r} is known; give it one in ossay.toml, or use limits.max_tokens"
        )
    for prediction in plan.predict:
        for model in (prediction.model, prediction.over):
            if prediction.metric in PRICED and model in unpriced:
                raise ConfigError(
                    f"predicted {prediction.statement!r}: {prediction.metric} needs a price of "
                    f"{model!r}; give it one in ossay.toml, or predict another metric"
                )


def _check_same(plan: Plan, now: CampaignRecord, there: CampaignRecord) -> None:
    found = differences(parse_plan(there.plan_toml, source=f"campaign {plan.name!r}"), plan)
    found += [
        f"suite {name!r}: version {there.suites.get(name)} before, {version} now"
        for name, version in now.suites.items()
        if there.suites.get(name) != version
    ]
    found += [
        line for pair in zip(there.models, now.models, strict=False) for line in _other(*pair)
    ]
    if found:
        raise UsageError(
            f"campaign {plan.name!r} is in the ledger already, and is another one: "
            f"{'; '.join(found)}. Resume it with what it began with, or take another name"
        )


def _other(before: msgspec.Struct, now: msgspec.Struct) -> list[str]:
    """Say in what two cards of a model differ; a new price makes no other model."""
    was, is_ = msgspec.structs.asdict(before), msgspec.structs.asdict(now)
    return [
        f"{was['reference']}: {key} {was[key]!r} before, {is_[key]!r} now"
        for key in ("dialect", "details")
        if was["reference"] == is_["reference"] and was[key] != is_[key]
    ]
