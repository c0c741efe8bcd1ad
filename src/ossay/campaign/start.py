"""Entering a campaign in the ledger, or making sure that it is the one that is there.

Knows nothing of how runs are carried out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from ossay.campaign.plan import Plan, differences, parse_plan, plan_to_toml
from ossay.campaign.schedule import enumerate_runs, run_id
from ossay.core.errors import ConfigError, ModelCallError, UnknownName, UsageError
from ossay.core.model import Model, Rehearsed
from ossay.core.records import CampaignRecord, RunKey
from ossay.core.task import Suite
from ossay.core.types import ModelCard, Price

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
) -> dict[str, Price | None]:
    """Enter `plan` in the ledger or check it against what is there; return model -> price.

    The prices are those of the campaign's first start, so that its costs can be added up. `hide`
    takes secrets out of what is known of the models.

    Raises:
        UsageError: a campaign of this name is there, and is another one.
        ConfigError: a limit on money, and no price to hold it by.
        UnknownName: a model that was not opened, or one that plays a script which no task has.
    """
    keys = enumerate_runs(plan, suites)
    for reference in plan.models:
        if reference not in models:
            raise UnknownName.of("model", reference, models)
        await asyncio.to_thread(_check_script, models[reference], keys, suites)
    header = CampaignRecord(
        plan.name,
        ledger.now(),
        command,
        plan_to_toml(plan),
        tuple(_without_secrets(models[reference].card, hide) for reference in plan.models),
        {name: suites[name].version for name in plan.suites},
        environment,
        (),
    )
    _check_prices(plan, header)
    there = await ledger.plan(header, [(run_id(plan.name, key), key) for key in keys])
    if there is not header:
        _check_same(plan, header, there)
        _check_prices(plan, there)
        await ledger.amend(plan.name, plan_toml=header.plan_toml, stopped="")
    return {card.reference: card.price for card in there.models}


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
