"""From a plan to every run it asks for, in order, with an id each.

Knows nothing of what was done already; the ledger does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import msgspec

from ossay.campaign.order import Item, shuffled
from ossay.campaign.plan import MAX_RUNS, Plan
from ossay.core.errors import ConfigError, UnknownName
from ossay.core.records import RunKey
from ossay.core.task import Suite


def enumerate_runs(plan: Plan, suites: Mapping[str, Suite]) -> tuple[RunKey, ...]:
    """Return all runs of `plan`, in the order in which they start.

    Every model gets the same seeds. Interleaved, the models take turns, and another goes first each
    time, so that a slow hour at a provider or on this machine hits all of them. Attempts are the
    outer loop: a campaign that stops early has seen every task. With `[stop]` the items come in the
    order that the plan's seed gives them.

    Raises:
        UnknownName: a suite or task that does not exist.
        ConfigError: more runs than a ledger should hold.
    """
    tasks = _tasks_of(plan, suites)
    if plan.order == "interleaved":
        return tuple(_in_order(plan, plan.models, tasks))
    return tuple(key for model in plan.models for key in _in_order(plan, (model,), tasks))


def run_id(campaign: str, key: RunKey) -> str:
    """Return the run's id: 80 bits of a hash of campaign and key, in hexadecimal."""
    named = msgspec.json.encode((campaign, *msgspec.structs.astuple(key)))
    return hashlib.sha256(named).hexdigest()[:20]


def _in_order(
    plan: Plan, models: tuple[str, ...], tasks: list[tuple[str, str]]
) -> Iterator[RunKey]:
    items = _items(plan, tasks)
    if plan.stop is not None:
        items = iter(shuffled(items, plan.seed))
    for block, (suite, task, seed, attempt) in enumerate(items):
        first = block % len(models)
        for model in models[first:] + models[:first]:
            yield RunKey(model, suite, task, seed, attempt)


def _items(plan: Plan, tasks: list[tuple[str, str]]) -> Iterator[Item]:
    for attempt in range(1, plan.attempts + 1):
        for seed in range(plan.seed, plan.seed + plan.instances):
            for suite, task in tasks:
                yield suite, task, seed, attempt


def _tasks_of(plan: Plan, suites: Mapping[str, Suite]) -> list[tuple[str, str]]:
    for name in plan.suites:
        if name not in suites:
            raise UnknownName.of("suite", name, suites, hint="`ossay suites` lists them")
    known = {task for name in plan.suites for task in suites[name].tasks}
    for task in plan.tasks:
        if task not in known:
            raise UnknownName.of("task", task, known, hint="`ossay suites` lists them")
    chosen = [
        (name, task)
        for name in plan.suites
        for task in suites[name].tasks
        if not plan.tasks or task in plan.tasks
    ]
    runs = len(chosen) * len(plan.models) * plan.instances * plan.attempts
    if runs > MAX_RUNS:
        raise ConfigError(f"{runs:,} runs are more than {MAX_RUNS:,}: split the campaign")
    return chosen
