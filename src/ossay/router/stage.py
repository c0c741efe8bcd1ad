"""Stage: one step of a plan, asked of one model: breaker, deadline, retries, money, and a record.

Knows nothing of plans.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec import Struct
from msgspec.structs import replace

from ossay.core.decision import Called, Step
from ossay.core.errors import ModelCallError
from ossay.core.model import Model
from ossay.core.types import Delta, Reply, Request, Usage
from ossay.router.breaker import Breaker, Pass, Told
from ossay.router.budget import OverBudget, Purse, bound_usd
from ossay.router.clock import Clock
from ossay.router.deadline import Deadline
from ossay.router.failure import NotAsked, NoTime, free_of_charge
from ossay.router.route import Retries
from ossay.router.waiting import Waiting

_UNASKED = (OverBudget, NotAsked, NoTime)


class Upstream(Struct, frozen=True):
    """A model behind its breaker."""

    model: Model
    breaker: Breaker

    @property
    def name(self) -> str:
        """The model's reference."""
        return self.model.card.reference


class Means(Struct, frozen=True):
    """What a stage works with.

    `ends_at` is the monotonic time at which the whole request ends; `purse` None: no budget.
    `whole`: nothing of it is passed on before it is complete, so that it may be tried again.
    """

    clock: Clock
    rng: random.Random
    retries: Retries
    deadline_s: float
    ends_at: float
    purse: Purse | None
    most_output: int
    whole: bool


class Stage:
    """Iterate `stream` once. `record` tells how it went, then or when it was broken off."""

    def __init__(self, step: Step, upstream: Upstream, means: Means) -> None:
        self._step = step
        self._upstream = upstream
        self._means = means
        self._deadline = Deadline(means.clock, means.deadline_s, means.ends_at)
        self._attempts = 0
        self._began = False  # this attempt has shown a piece of an answer
        self._acted = False  # this attempt has begun to call a tool
        self._ended = "left"
        self._status: int | None = None
        self._cost: float | None = 0.0
        self._usage = Usage()

    @property
    def began(self) -> bool:
        """Whether the last attempt has shown a piece of its answer."""
        return self._began

    @property
    def acted(self) -> bool:
        """Whether the last attempt had begun to call a tool."""
        return self._acted

    async def reply(self, request: Request) -> Reply:
        """Return the whole answer."""
        async with aclosing(self.stream(request)) as deltas:
            async for delta in deltas:
                if delta.reply is not None:
                    return delta.reply
        raise AssertionError("a stream ends with a reply or an error")

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Yield what the model says; the last delta carries the reply. Raises `ModelCallError`."""
        if self._means.purse is not None and request.sampling.max_tokens is None:
            sampling = replace(request.sampling, max_tokens=self._means.most_output)
            request = replace(request, sampling=sampling)
        while True:
            self._attempts += 1
            self._began = self._acted = False
            try:
                async with aclosing(self._attempt(request)) as deltas:
                    async for delta in deltas:
                        yield delta
            except ModelCallError as error:
                wait_s = self._wait_s(error)
                if wait_s is None:
                    self._fail(error)
                    raise
                await self._means.clock.sleep(wait_s)
            else:
                return

    def record(self) -> Called:
        """What is known of it now."""
        return Called(
            self._step,
            self._upstream.name,
            self._ended,
            self._attempts,
            self._usage,
            self._cost,
            self._deadline.spent_s,
            self._status,
        )

    def misread(self) -> None:
        """Say that what came back was not what was asked for."""
        self._ended = "malformed"

    async def _attempt(self, request: Request) -> AsyncGenerator[Delta, None]:
        leave, bound = self._enter(request)
        told: Told = "no_matter"
        reply: Reply | None = None
        free = False
        try:
            async with aclosing(self._pieces(request)) as deltas:
                async for delta in deltas:
                    self._began = self._began or not _is_empty(delta)
                    self._acted = self._acted or delta.tool_call is not None
                    if delta.reply is not None:
                        told, reply = "answered", delta.reply
                        break
                    yield delta
        except ModelCallError as error:
            self._acted = self._acted or error.acted
            told = self._deadline.told_of(error)
            free = free_of_charge(error) and not self._began
            raise
        finally:
            leave.end(told)
            self._settle(reply, bound, free=free)
        self._ended = "answered"
        yield Delta(reply=reply)

    async def _pieces(self, request: Request) -> AsyncGenerator[Delta, None]:
        """The model's deltas, each by the deadline; what is not a failed call becomes one."""
        deadline, whole = self._deadline, self._means.whole
        left_s = deadline.left_s if whole else deadline.all_left_s  # its own clock never stands
        stream = self._upstream.model.stream(replace(request, deadline_s=left_s))
        try:
            while True:
                try:
                    delta = await Waiting(stream, deadline)
                except StopAsyncIteration:
                    raise ModelCallError("cut_off", "the stream ended without a reply") from None
                except TimeoutError:
                    raise ModelCallError(
                        "deadline", f"no whole answer of {self._upstream.name!r} in time"
                    ) from None
                except ModelCallError:
                    raise
                except Exception as error:
                    said = f"{self._upstream.name!r}: {type(error).__name__}"
                    raise ModelCallError("bad_response", said) from error
                deadline.give()
                yield delta
                deadline.take_back()
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()

    def _enter(self, request: Request) -> tuple[Pass, float]:
        """Leave to ask, and the money that is held for it. Raises where it is not to be asked."""
        name, breaker = self._upstream.name, self._upstream.breaker
        if self._deadline.left_s <= 0.0:
            raise NoTime(name)
        bound = self._cover(request)
        leave = breaker.enter()
        if leave is None:
            raise NotAsked(name, breaker.wait_s)
        return leave, bound

    def _cover(self, request: Request) -> float:
        """Hold the money for one attempt and return how much; 0 without a budget."""
        purse, price = self._means.purse, self._upstream.model.card.price
        if purse is None:
            return 0.0
        if price is None:
            raise OverBudget(f"{self._upstream.name!r} has no price, so no budget can be kept")
        bound = bound_usd(request, price, self._means.most_output)
        if not purse.cover(bound):
            raise OverBudget(f"the key's budget does not cover a call of {self._upstream.name!r}")
        return bound

    def _settle(self, reply: Reply | None, bound: float, *, free: bool) -> None:
        """Book an attempt. What nobody knows the price of is charged at its bound."""
        price = self._upstream.model.card.price
        cost: float | None
        if reply is not None:
            self._usage = reply.usage
            cost = None if price is None else price.cost(reply.usage)
        else:
            cost = 0.0 if free else None
        if self._means.purse is not None:
            self._means.purse.charge(bound if cost is None else cost)
        self._cost = None if cost is None or self._cost is None else self._cost + cost

    def _wait_s(self, error: ModelCallError) -> float | None:
        """Seconds until the next attempt, None where there is none.

        Who is told when to come back comes no sooner; where that is too late, not at all.
        """
        retries = self._means.retries
        seen = self._acted or (self._began and not self._means.whole)
        again = error.kind in retries.kinds and not isinstance(error, _UNASKED)
        if seen or not again or self._attempts >= retries.attempts:
            return None
        wait_s = min(retries.most_s, retries.base_s * 2.0 ** min(self._attempts - 1, 30))
        wait_s *= self._means.rng.uniform(0.5, 1.0)
        if error.retry_after_s is not None:
            if error.retry_after_s > retries.most_s:
                return None
            # Those who were told the same don't come back together.
            wait_s = error.retry_after_s + self._means.rng.uniform(0.0, retries.base_s)
        return wait_s if wait_s < self._deadline.left_s else None

    def _fail(self, error: ModelCallError) -> None:
        asked = not isinstance(error, _UNASKED)
        if isinstance(error, NoTime):
            self._attempts -= 1
        self._ended = error.kind if asked else "not_asked"
        self._status = error.status if asked else None


def _is_empty(delta: Delta) -> bool:
    return not (delta.content or delta.reasoning or delta.tool_call or delta.reply)
