"""Stepping: a coroutine's step taken by hand, so that whoever awaits it can let it stand half way.

Knows nothing of what the step does.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

T = TypeVar("T")
Wait = Callable[[Any], Generator[Any, Any, Any]]


def plainly(awaited: Any) -> Generator[Any, Any, Any]:
    """Wait for it, and no more."""
    return (yield awaited)


def driven(
    step: Generator[Any, Any, T], awaited: Any, wait: Wait = plainly
) -> Generator[Any, Any, T]:
    """Hand a step what it waits for, or the error that came instead, until it has its item.

    Args:
        step: What has begun.
        awaited: What it waits for now.
        wait: Waits for such a thing.
    """
    try:
        while True:
            try:
                sent = yield from wait(awaited)
            except BaseException as error:  # noqa: BLE001  it is the step's to handle
                awaited = step.throw(error)
            else:
                awaited = step.send(sent)
    except StopIteration as stop:
        item: T = stop.value
        return item
