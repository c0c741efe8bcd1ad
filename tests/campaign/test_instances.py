import asyncio
import threading

import pytest

from ossay.campaign.instances import Instances
from ossay.campaign.plan import BudgetChange
from ossay.core.records import RunKey
from ossay.core.task import Instance


class Counting:
    """A task that counts how often it generates, and in which threads."""

    name = "add"

    def __init__(self):
        self.seeds = []
        self.threads = set()

    def instance(self, seed):
        self.seeds.append(seed)
        self.threads.add(threading.current_thread())
        if seed < 0:
            raise ValueError(f"no seed {seed}")
        return Instance("add", seed, "?")


@pytest.fixture
def task(stage):
    stage.suites["sums"].tasks["add"] = Counting()
    return stage.suites["sums"].tasks["add"]


def key(seed, model="a/x"):
    return RunKey(model, "sums", "add", seed, 1)


def test_models_share_an_instance(stage, task):
    async def get_twice():
        instances = Instances(stage.suites, BudgetChange(turns=3))
        return await asyncio.gather(instances.get(key(1)), instances.get(key(1, "b/y")))

    one, other = asyncio.run(get_twice())
    assert one is other
    assert one.budget.turns == 3
    assert task.seeds == [1]


def test_only_so_many_are_kept(stage, task):
    async def get_many():
        instances = Instances(stage.suites, BudgetChange(), kept=2)
        for seed in (1, 2, 3, 3, 1):
            await instances.get(key(seed))

    asyncio.run(get_many())
    assert task.seeds == [1, 2, 3, 1]


def test_slow_tasks_are_generated_off_the_loop(stage, task):
    async def get_some(clock):
        instances = Instances(stage.suites, BudgetChange(), clock=clock)
        for seed in range(5):
            await instances.get(key(seed))

    ticks = iter(range(1_000))
    asyncio.run(get_some(lambda: float(next(ticks))))
    assert threading.main_thread() not in task.threads
    asyncio.run(get_some(lambda: 0.0))
    assert threading.main_thread() in task.threads


def test_a_generator_that_breaks_is_tried_again_by_the_next_run(stage, task):
    async def get_broken():
        instances = Instances(stage.suites, BudgetChange())
        for _ in range(2):
            with pytest.raises(ValueError, match="no seed -1"):
                await instances.get(key(-1))

    asyncio.run(get_broken())
    assert task.seeds == [-1, -1]


def test_a_run_that_is_cancelled_takes_the_instance_from_nobody(stage, task):
    async def cancel_the_first():
        instances = Instances(stage.suites, BudgetChange())
        first = asyncio.create_task(instances.get(key(1)))
        second = asyncio.create_task(instances.get(key(1)))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(cancel_the_first()).seed == 1
    assert task.seeds == [1]
