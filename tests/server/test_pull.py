"""Taking what is ready, waiting only where nothing is, and ending in the middle of a step."""

import asyncio
from contextlib import aclosing, suppress

import pytest

from ossay.server.pull import MOST, Pull


async def drain(items):
    batches = []
    async with aclosing(Pull(items)) as pull:
        while batch := await pull:
            batches.append(batch)
    return batches


def test_what_is_ready_comes_at_once():
    async def items():
        yield 1
        yield 2
        await asyncio.sleep(0)
        yield 3
        await asyncio.sleep(0.001)
        yield 4

    assert asyncio.run(drain(items())) == [[1, 2], [3], [4]]


def test_a_long_run_of_ready_items_lets_others_in():
    async def items():
        for at in range(3 * MOST):
            yield at

    async def run():
        turns = []

        async def other():
            while True:
                turns.append(None)
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        batches = await drain(items())
        task.cancel()
        return batches, turns

    batches, turns = asyncio.run(run())
    assert [len(batch) for batch in batches] == [MOST] * 3
    assert [at for batch in batches for at in batch] == list(range(3 * MOST))
    assert len(turns) >= 3


@pytest.mark.parametrize("wait", [False, True])
def test_an_error_comes_after_the_items_before_it(wait):
    async def items():
        yield 1
        if wait:
            await asyncio.sleep(0)
        raise ValueError("broken")

    async def run():
        async with aclosing(Pull(items())) as pull:
            first = await pull
            with pytest.raises(ValueError, match="broken"):
                await pull
            return first

    assert asyncio.run(run()) == [1]


def test_no_items_is_an_empty_batch():
    async def items():
        for nothing in ():
            yield nothing

    assert asyncio.run(drain(items())) == []


def test_closing_in_the_middle_of_a_step_lets_it_clean_up():
    told = []

    async def items():
        try:
            yield 1
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            told.append("cancelled")
            raise
        finally:
            await asyncio.sleep(0)
            told.append("cleaned")

    async def run():
        async with aclosing(Pull(items())) as pull:
            assert await pull == [1]

    asyncio.run(run())
    assert told == ["cancelled", "cleaned"]


def test_a_cancelled_wait_cancels_the_step():
    told = []

    async def items():
        try:
            await asyncio.get_running_loop().create_future()
            yield 1
        finally:
            told.append("cleaned")

    async def run():
        task = asyncio.create_task(drain(items()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert told == ["cleaned"]


def test_an_iterator_that_is_no_generator():
    class Count:
        def __init__(self):
            self.at = 0

        def __aiter__(self):
            return self

        async def __anext__(self):
            self.at += 1
            if self.at > 2:
                raise StopAsyncIteration
            return self.at

    assert asyncio.run(drain(Count())) == [[1, 2]]


def test_a_cancellation_while_the_step_cleans_up_is_the_callers():
    told = []

    async def items():
        try:
            yield 1
            await asyncio.get_running_loop().create_future()
        finally:
            told.append("cleans")
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                told.append("cleaned")

    async def run():
        task = asyncio.create_task(drain_one(items()))
        while told != ["cleans"]:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert told == ["cleans", "cleaned"]


async def drain_one(items):
    async with aclosing(Pull(items)) as pull:
        assert await pull == [1]


def test_a_cancellation_that_the_step_swallows_is_still_the_callers():
    told = []

    async def items():
        try:
            yield 1
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            told.append("cleans")
            with suppress(asyncio.CancelledError):
                await asyncio.get_running_loop().create_future()
            yield 2

    async def run():
        task = asyncio.create_task(drain_one(items()))
        while not told:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_an_error_that_cleaning_up_waits_for_is_the_steps_to_handle():
    told = []

    async def items():
        try:
            yield 1
            await asyncio.get_running_loop().create_future()
        finally:
            failed = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(failed.set_exception, OSError("no close"))
            try:
                await failed
            except OSError as error:
                told.append(str(error))

    asyncio.run(drain_one(items()))
    assert told == ["no close"]


def test_what_the_step_waits_for_is_cancelled_with_it():
    told = []

    async def inner():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            told.append("inner")

    async def items():
        task = asyncio.create_task(inner())
        await asyncio.sleep(0)
        yield 1
        try:
            await task
        finally:
            told.append("outer")

    asyncio.run(asyncio.wait_for(drain_one(items()), 60))
    assert told == ["inner", "outer"]


def test_a_step_that_ends_well_although_it_was_cancelled():
    async def items():
        yield 1
        with suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()
        yield 2

    asyncio.run(drain_one(items()))
