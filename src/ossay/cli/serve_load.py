"""Loading what is to be served, so that Ctrl-C leaves at once.

A thread that reads weights cannot be stopped, and Python waits at its end for the threads of a
pool: here they are daemons, which it does not wait for. Knows nothing of the server.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import click

from ossay.core.model import Loads, Model

P = ParamSpec("P")
T = TypeVar("T")

_SAY_EVERY_S = 5


class Left(ThreadPoolExecutor):
    """A thread for each job; the end of the process waits for none of them.

    A `ThreadPoolExecutor` by type alone, since a loop takes nothing else for its default.
    """

    def submit(self, job: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start a job."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                done = job(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001  it is whoever waits that is told
                future.set_exception(error)
            else:
                future.set_result(done)

        threading.Thread(target=run, daemon=True).start()
        return future


async def load(model: Model) -> None:
    """Read the weights now, where there are any, and say so where it takes a while."""
    if not isinstance(model, Loads):
        return
    loop = asyncio.get_running_loop()
    loop.set_default_executor(Left())
    loading = asyncio.ensure_future(model.load())
    waited = 0
    while not (await asyncio.wait([loading], timeout=_SAY_EVERY_S))[0]:
        waited += _SAY_EVERY_S
        click.echo(f"ossay: loading {model.card.reference} … {waited} s", err=True)
    await loading
    loop.set_default_executor(ThreadPoolExecutor())  # its threads are used again
