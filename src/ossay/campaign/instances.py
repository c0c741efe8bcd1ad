"""Instances, generated once for all models that get them, and off the event loop where slow.

Knows nothing of what they are for.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

import msgspec

from ossay.campaign.plan import BudgetChange
from ossay.core.records import RunKey
from ossay.core.task import Instance, Suite

# How many are kept: in a plan's order those of one seed come close together.
KEPT = 64

# A task that needed longer than this last time is generated in a thread. Seconds.
SLOW_S = 0.002

_Key = tuple[str, str, int]


class Instances:
    """A bounded cache of instances, with the campaign's budget."""

    def __init__(
        self,
        suites: Mapping[str, Suite],
        budget: BudgetChange,
        *,
        clock: Callable[[], float] = time.monotonic,
        kept: int = KEPT,
    ) -> None:
        self._suites = suites
        self._budget = budget
        self._clock = clock
        self._kept = kept
        self._slow: dict[tuple[str, str], bool] = {}
        self._made: OrderedDict[_Key, asyncio.Future[Instance]] = OrderedDict()

    async def get(self, key: RunKey) -> Instance:
        """Return the instance of a run. What its generator raises is raised here."""
        place = (key.suite, key.task, key.seed)
        made = self._made.get(place)
        if made is None:
            made = self._made[place] = asyncio.ensure_future(self._generate(*place))
            while len(self._made) > self._kept:
                self._made.popitem(last=False)
        try:
            return await asyncio.shield(made)  # others wait for it too
        finally:
            if made.done() and (made.cancelled() or made.exception() is not None):
                self._made.pop(place, None)

    async def _generate(self, suite: str, task: str, seed: int) -> Instance:
        generate = self._suites[suite].tasks[task].instance
        started = self._clock()
        if self._slow.get((suite, task), True):
            instance = await asyncio.to_thread(generate, seed)
        else:
            instance = generate(seed)
        self._slow[suite, task] = self._clock() - started > SLOW_S
        budget = self._budget.applied_to(instance.budget)
        return msgspec.structs.replace(instance, budget=budget)
