"""Routers over scripts, in a loop whose time passes only when everybody waits."""

from __future__ import annotations

import asyncio
import random
import selectors

import pytest

from ossay.core.decision import Decision
from ossay.core.errors import LedgerError, OssayError
from ossay.core.types import Message, Request
from ossay.models.scripted_faults import Faulty
from ossay.models.scripted_review import RIGHT, Validator
from ossay.router.breaker import Breaker
from ossay.router.route import Route
from ossay.router.router import Router
from ossay.router.stage import Upstream
from ossay.router.work import Caller, Parts


class _Leap(selectors.DefaultSelector):
    """Where the loop would wait for a timer, its time leaps to it instead."""

    leapt = 0.0

    def select(self, timeout=None):
        ready = super().select(0 if timeout else timeout)
        if not ready and timeout:
            self.leapt += timeout
        return ready


class RehearsalLoop(asyncio.SelectorEventLoop):
    """A loop without waiting. A wait that nothing can end would hang, as it would in earnest."""

    def __init__(self):
        self._leap = _Leap()
        super().__init__(self._leap)

    def time(self):
        return self._leap.leapt


class LoopClock:
    """The running loop's time."""

    def monotonic(self):
        return asyncio.get_running_loop().time()

    def unix(self):
        return 1_800_000_000.0 + self.monotonic()

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)


class Notes:
    """A log in memory; `down` says whether it fails, `slow_s` how long a durable row takes."""

    def __init__(self):
        self.entries = []
        self.durable = []
        self.bodies = {}
        self.down = False
        self.slow_s = 0.0

    async def append(self, entry, bodies, *, durable):
        if durable and self.slow_s:
            await asyncio.sleep(self.slow_s)
        if self.down:
            raise LedgerError("the disk is full")
        self.entries.append(entry)
        self.durable += [entry.id] if durable else []
        self.bodies.update(bodies)

    @property
    def decisions(self):
        return [entry for entry in self.entries if isinstance(entry, Decision)]


class Stage:
    """A router over `cheap`, `strong` and `validator`, and what came of asking it."""

    def __init__(
        self, cheap=None, strong=None, validator=None, *, route=None, unvalidated=False, **parts
    ):
        self.cheap = cheap or Faulty(name="cheap", message=Message("assistant", RIGHT))
        self.strong = strong or Faulty(name="strong", message=Message("assistant", "Strongly."))
        self.validator = validator or Validator()
        self.log = Notes()
        self.clock = LoopClock()
        self.route = route or Route("support")
        self.breakers = {}
        self._more = {**parts, "validator": None} if unvalidated else parts

    def upstream(self, model):
        if id(model) not in self.breakers:
            self.breakers[id(model)] = Breaker(self.clock.monotonic)
        return Upstream(model, self.breakers[id(model)])

    @property
    def parts(self):
        given = {"validator": self.upstream(self.validator), "log": self.log, **self._more}
        return Parts(
            self.route,
            self.upstream(self.cheap),
            [self.upstream(self.strong)],
            clock=self.clock,
            rng=random.Random(7),
            **given,
        )

    @property
    def router(self):
        return Router(self.parts)

    @property
    def decision(self):
        (only,) = self.log.decisions
        return only


@pytest.fixture(scope="session")
def run():
    """Runs a coroutine in a loop without waiting."""

    def run(coroutine):
        with asyncio.Runner(loop_factory=RehearsalLoop) as runner:
            return runner.run(coroutine)

    return run


@pytest.fixture(scope="session")
def stage():
    return Stage


@pytest.fixture
def ask(run):
    """(stage, criticality, …) -> what the caller of a stage gets: deltas, reply, error."""

    def ask(stage, header=None, *, request=None, **caller):
        return run(heard(stage, header, request=request, **caller))

    return ask


class Heard:
    """What a caller got."""

    def __init__(self):
        self.deltas = []
        self.reply = None
        self.error = None

    @property
    def text(self):
        return "".join(delta.content for delta in self.deltas)

    @property
    def beats(self):
        return sum(delta == type(delta)() for delta in self.deltas)


async def heard(stage, header=None, *, request=None, **caller):
    request = request or Request((Message("user", "What is it?"),))
    got = Heard()
    try:
        async for delta in stage.router.ask(request, Caller(header=header, **caller)).stream():
            assert got.reply is None, "nothing follows the reply"
            got.deltas.append(delta)
            got.reply = delta.reply
    except OssayError as error:
        got.error = error
    return got
