"""Passing: one cheap request whose bytes go up and come down as they are.

All that `Serving` does for it is done here too, in its account, its budget and its row; what is
left out is the way through decoded pieces. It is taken only where a draft goes out as it comes.
Knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import cast

from ossay.core.errors import ModelCallError
from ossay.core.model import Passed, Passes
from ossay.core.types import Reply, Request
from ossay.router.breaker import Pass, Told
from ossay.router.budget import OverBudget, bound_usd
from ossay.router.failure import free_of_charge
from ossay.router.serving import Serving
from ossay.router.stage import Stage
from ossay.router.work import Work

# Events without a piece of an answer that are held back at most.
_HELD_BYTES = 64 << 10


class Passing:
    """Made by `passing`. Ask for `first`, then `more` until `reply` is there; then `close`.

    Attributes:
        reply: The whole answer, once its last bytes were given; its row is then on its way.
        streamed: Whether it comes as events.
    """

    def __init__(self, serving: Serving, model: Passes) -> None:
        self._serving = serving
        self._work = serving.work
        self._stage = _Stage(serving.work, model)
        self._recorded = False
        self.reply: Reply | None = None

    @property
    def streamed(self) -> bool:
        """Whether it comes as events."""
        return self._stage.streamed

    async def first(self, path: str, body: bytes, *, show_usage: bool) -> bytes | None:
        """Return the first bytes; None where the cheap model failed: go on with `Serving.stream`.

        Raises `ModelCallError` where it must not be asked again: a tool call had begun.
        """
        serving = self._serving
        try:
            data = await self._stage.first(path, body, show_usage=show_usage)
            if self._stage.answer is not None:
                await self._publish(self._stage.answer)
        except OverBudget:
            self._record()
            await serving.end("refused")
            raise
        except ModelCallError as error:
            self._record()
            if self._stage.acted:
                await serving.end("failed")
                raise
            serving.passed_over = True
            self._work.account.why = f"draft failed: {error.kind}"
            return None
        return data

    async def more(self) -> bytes:
        """Return what comes next. Raises `ModelCallError` where the answer breaks off."""
        try:
            data = await self._stage.more()
        except ModelCallError:
            self._record()
            await self._serving.end("failed")
            raise
        if self._stage.answer is not None:
            await self._publish(self._stage.answer)
        return data

    async def close(self) -> None:
        """Break off what is on its way; where `first` returned None it is `Serving`'s to end."""
        if self._serving.passed_over:
            return
        self._stage.close()
        self._record()
        await self._serving.end("left")
        self._serving.free()

    async def _publish(self, reply: Reply) -> None:
        self._record()
        self._work.account.add_draft(reply.message)
        await self._serving.publish("draft", reply)
        self.reply = reply

    def _record(self) -> None:
        if not self._recorded:
            self._recorded = True
            self._work.account.calls.append(self._stage.record())


async def passing(serving: Serving) -> Passing | None:
    """Plan, and return the flat way where the plan can take it.

    Raises `OverBudget`, as `Serving.stream` does.
    """
    try:
        serving.make_plan()
    except OverBudget:
        await serving.end("refused")
        raise
    except Exception:
        await serving.end("failed")
        raise
    model = serving.work.parts.cheap.model
    if serving.plan != "cheap" or serving.is_held or not _passes(type(model)):
        return None
    return Passing(serving, cast("Passes", model))


@lru_cache(maxsize=64)
def _passes(kind: type) -> bool:
    return issubclass(kind, Passes)


class _Stage(Stage):
    """The draft's stage, asked in bytes."""

    def __init__(self, work: Work, model: Passes) -> None:
        cheap = work.parts.cheap
        super().__init__("draft", cheap, work.means("draft", whole=False))
        self._model = model
        self._request: Request = work.request
        self._passed: Passed | None = None
        self._leave: Pass | None = None
        self._bound = 0.0
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_cut = False
        self.answer: Reply | None = None

    @property
    def streamed(self) -> bool:
        """Whether it comes as events."""
        return self._passed is not None and self._passed.streamed

    async def first(self, path: str, body: bytes, *, show_usage: bool) -> bytes:
        """Ask until something came that may be passed on. Raises `ModelCallError`."""
        self._bytes = len(body)
        while True:
            self._attempts += 1
            try:
                self._leave, self._bound = self._enter(self._request)
                return await self._opened(path, body, show_usage=show_usage)
            except ModelCallError as error:
                wait_s = self._wait_s(error)
                if wait_s is None:
                    self._fail(error)
                    raise
                await self._means.clock.sleep(wait_s)

    async def more(self) -> bytes:
        """Return what comes next. Raises `ModelCallError`."""
        self._deadline.take_back()
        try:
            data = await self._read()
        except ModelCallError as error:
            self._fail(error)
            raise
        self._deadline.give()
        return data

    def close(self) -> None:
        """Break it off; what came whole keeps its connection."""
        if self._passed is not None:
            self._passed.close()
        self._end("no_matter", None, free=False)

    def _cover(self, request: Request) -> float:
        """Hold money for every byte of the body; what breaks off costs what it does elsewhere."""
        bound = super()._cover(request)
        purse, price = self._means.purse, self._upstream.model.card.price
        if purse is not None and price is not None:
            most = bound_usd(request, price, self._means.most_output, at_least=self._bytes)
            if not purse.cover(most):
                name = self._upstream.name
                raise OverBudget(f"the key's budget does not cover a call of {name!r}")
        return bound

    async def _opened(self, path: str, body: bytes, *, show_usage: bool) -> bytes:
        means = self._means
        try:
            self._passed = await self._model.pass_on(
                path,
                body,
                deadline_s=self._deadline.left_s,
                max_tokens=means.most_output if means.purse is not None else None,
                show_usage=show_usage,
            )
        except ModelCallError as error:
            self._ended_by(error)
            raise
        except Exception as error:
            raise self._unforeseen(error) from error
        data = await self._read()
        # A role alone is no piece of an answer: until one comes, another model may still be asked.
        while self.answer is None and not self._passed.began and len(data) < _HELD_BYTES:
            data += await self._read()
        self._began = self._passed.began
        if self.answer is None:  # from here on the caller's reading comes in between
            self._deadline.give()
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._deadline.all_left_s, self._cut)
        return data

    async def _read(self) -> bytes:
        passed = self._passed
        assert passed is not None
        try:
            data = await passed.read()
        except ModelCallError as error:
            if self._is_cut:
                error.kind = "deadline"
            self._acted = passed.acted
            self._ended_by(error)
            raise
        except Exception as error:
            raise self._unforeseen(error) from error
        if passed.reply is not None:
            self._ended = "answered"
            self.answer = passed.reply
            self._end("answered", passed.reply, free=False)
        return data

    def _cut(self) -> None:
        """The request is over; what is all here may still be read."""
        self._is_cut = True
        if self._passed is not None:
            self._passed.close()

    def _unforeseen(self, error: Exception) -> ModelCallError:
        said = f"{self._upstream.name!r}: {type(error).__name__}"
        failed = ModelCallError("bad_response", said)
        self._ended_by(failed)
        return failed

    def _ended_by(self, error: ModelCallError) -> None:
        if self._passed is not None:
            self._passed.close()
        self._end(
            self._deadline.told_of(error), None, free=free_of_charge(error) and not self._began
        )

    def _end(self, told: Told, reply: Reply | None, *, free: bool) -> None:
        """Tell the breaker and the budget, once an attempt."""
        if self._timer is not None:
            self._timer.cancel()
        leave, self._leave = self._leave, None
        if leave is not None:
            leave.end(told)
            self._settle(reply, self._bound, free=free)
