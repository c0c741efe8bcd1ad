"""Deadlines: whose time has run out, what that costs, and what the breaker hears of it."""

import asyncio
from contextlib import aclosing

import pytest
from msgspec.structs import replace

from ossay.core.errors import ModelCallError
from ossay.core.types import Delta, Message, ModelCard, Price, Reply, Request, Timing, Usage
from ossay.router.budget import Budget
from ossay.router.deadline import Deadline
from ossay.router.passing import passing
from ossay.router.route import Deadlines, Plans, Route
from ossay.router.router import Router
from ossay.router.waiting import Waiting
from ossay.router.work import Caller
from ossay.server.pull import Pull

PRICE = Price(3.0, 15.0, "2026-01-01", "made up")
ASKED = Request((Message("user", "What is it?"),), deadline_s=20.0)


class Timed:
    """Says its pieces, each after so many seconds."""

    def __init__(self, *seconds, price=None):
        self.card = ModelCard("mine/timed", price=price)
        self.asked = 0
        self._seconds = seconds

    async def stream(self, request):
        self.asked += 1
        for seconds in self._seconds:
            if seconds:
                await asyncio.sleep(seconds)
            yield Delta(content="word ")
        said = Message("assistant", "word " * len(self._seconds))
        yield Delta(reply=Reply(said, Usage(1, 0, 1, 0), Timing(0.0, 0.0), finish="stop"))


@pytest.fixture
def read(run):
    """(parts, takes_s, …) -> the pieces that a caller got who takes so long for each, the error."""

    def read(parts, takes_s=0.0, times=1, caller=None):
        async def go():
            for _ in range(times):
                pieces, failed = 0, None
                try:
                    serving = Router(parts).ask(ASKED, caller or Caller())
                    async with aclosing(serving.stream()) as deltas:
                        async for _ in deltas:
                            pieces += 1
                            await asyncio.sleep(takes_s)
                except ModelCallError as error:
                    failed = error
            return pieces, failed

        return run(go())

    return read


def test_a_model_for_which_no_time_is_left_is_not_asked(stage, read):
    on = stage(Timed(3600.0, price=PRICE), Timed(0.0, price=PRICE))
    parts = replace(on.parts, budgets={"team": Budget(1_000.0)})
    _, failed = read(parts, caller=Caller("team"))
    assert failed.kind == "deadline"
    draft, strong = on.decision.calls
    assert (draft.ended, draft.cost_usd) == ("deadline", None)
    assert (strong.ended, strong.attempts, strong.cost_usd) == ("not_asked", 0, 0.0)
    first = parts.budgets["team"].spent_usd
    _, failed = read(parts, times=4, caller=Caller("team"))  # until the cheap model is left alone
    assert parts.budgets["team"].spent_usd == pytest.approx(5 * first)
    assert on.strong.asked == 0
    assert (parts.cheap.breaker.trips, parts.strong[0].breaker.trips) == (1, 0)


def test_a_log_that_hangs_keeps_a_held_answer_no_longer_than_the_request_may_take(stage, ask):
    on = stage()
    on.log.slow_s = 3600.0
    heard = ask(on, "high", request=ASKED)
    assert (heard.text, heard.error.status) == ("", 503)
    assert heard.beats == 3  # one each 5 s


def test_a_row_gets_a_moment_where_the_answer_took_all_the_time(stage, ask):
    on = stage(route=Route("law", plans=Plans("strong", "strong", "strong")))
    on.strong, on.log.slow_s = Timed(20.0 - 1e-9), 1.0
    assert ask(on, "high", request=ASKED).text == "word "
    assert on.log.durable == [on.decision.id]


SLOWLY = Route("support", deadlines=Deadlines(draft=5.0))


def test_a_caller_that_reads_slowly_takes_its_own_time(stage, read):
    on = stage(Timed(1.0, 1.0, 1.0, 1.0), route=SLOWLY)
    pieces, failed = read(on.parts, takes_s=3.0)
    assert (pieces, failed) == (5, None)
    (call,) = on.decision.calls
    assert (on.decision.ending, call.ended) == ("draft", "answered")


def test_the_model_s_own_time_still_ends(stage, read):
    on = stage(Timed(1.0, 1.0, 3600.0), route=SLOWLY)
    parts = on.parts
    pieces, failed = read(parts, takes_s=1.0, times=5)
    assert (pieces, failed.kind) == (2, "deadline")
    assert on.log.decisions[0].seconds == pytest.approx(7.0)
    assert parts.cheap.breaker.trips == 1


@pytest.mark.parametrize("takes_s", [12.5, 30.0])
def test_a_caller_that_lets_the_request_s_time_pass_is_not_the_model_s_failure(
    stage, read, takes_s
):
    on = stage(Timed(1.0, 7.0, 7.0, 7.0))
    parts = on.parts
    _, failed = read(parts, takes_s=takes_s, times=6)
    assert failed.kind == "deadline"
    assert parts.cheap.breaker.trips == 0
    assert [row.calls[0].ended for row in on.log.decisions] == ["deadline"] * 6
    assert all(20.0 <= row.seconds <= max(20.0, 1.0 + takes_s) + 1e-6 for row in on.log.decisions)


def test_what_is_there_already_is_kept_though_the_request_is_over(stage, read):
    on = stage(Timed(1.0, 0.0, 0.0))
    assert read(on.parts, takes_s=30.0) == (4, None)
    assert on.decision.ending == "draft"


@pytest.mark.parametrize("ready", [0.0, 1.0])
def test_a_step_that_is_left_standing_while_something_is_sent_takes_no_time(stage, run, ready):
    """As chats over HTTP do it: what is ready is sent while the next piece is awaited."""
    on = stage(Timed(ready, 1.0, 1.0, 1.0), route=SLOWLY)

    async def go():
        said = []
        serving = on.router.ask(replace(ASKED, deadline_s=60.0), Caller())
        async with aclosing(Pull(serving.stream())) as pull:
            while deltas := await pull:
                said += deltas
                await asyncio.sleep(8.0)
        return said

    assert run(go())[-1].reply is not None


def test_a_model_that_only_takes_turns_is_late_too(run):
    class Restless:
        async def __aiter__(self):
            while True:
                await asyncio.sleep(0)
            yield

    class Ticking:
        now = 0.0

        def monotonic(self):
            self.now += 0.01
            return self.now

    async def go():
        with pytest.raises(TimeoutError):
            await Waiting(aiter(Restless()), Deadline(Ticking(), 5.0, 9.0))

    run(go())


def test_whoever_cancels_a_wait_that_is_late_is_heard(stage, run):
    async def never():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1.0)  # a model that takes its time to end
        yield

    async def wait():
        await Waiting(never(), Deadline(stage().clock, 5.0, 9.0))

    async def go():
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(5.5)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        late = asyncio.create_task(wait())
        with pytest.raises(TimeoutError):
            await late

    run(go())


class Bytes:
    """An answer in bytes: two events, the second after so many seconds."""

    content_type, streamed, acted = "text/event-stream", True, False

    def __init__(self, second_s):
        self.began, self.reply = False, None
        self._closed = asyncio.Event()
        self._second_s = second_s

    async def read(self):
        if not self.began:
            self.began = True
            return b"first"
        if self._second_s:
            try:
                async with asyncio.timeout(self._second_s):
                    await self._closed.wait()
                raise ModelCallError("cut_off", "the connection was closed")
            except TimeoutError:
                pass
        self.reply = Reply(Message("assistant", "x"), Usage(), Timing(0.0, 0.0))
        return b"second"

    def close(self):
        self._closed.set()


class InBytes:
    """A model that passes bytes on."""

    def __init__(self, second_s):
        self.card = ModelCard("mine/bytes")
        self._second_s = second_s

    async def pass_on(self, path, body, *, deadline_s, max_tokens=None, show_usage=True):
        return Bytes(self._second_s)


@pytest.mark.parametrize(
    ("second_s", "takes_s", "ended", "trips"),
    [
        (0.0, 30.0, "answered", 0),  # all of it was there
        (1.0, 30.0, "deadline", 0),
        (9.0, 15.0, "deadline", 0),
        (30.0, 1.0, "deadline", 1),  # the model's own time
        (1.0, 1.0, "answered", 0),
    ],
)
def test_the_way_in_bytes_counts_alike(stage, run, second_s, takes_s, ended, trips):
    on = stage(InBytes(second_s))
    parts = on.parts

    async def go():
        way = await passing(Router(parts).ask(ASKED, Caller()))
        try:
            await way.first("/x", b"{}", show_usage=True)
            await asyncio.sleep(takes_s)
            return await way.more()
        except ModelCallError as error:
            return error.kind
        finally:
            await way.close()

    async def often():
        return {await go() for _ in range(5)}

    assert run(often()) == {b"second" if ended == "answered" else ended}
    assert {row.calls[0].ended for row in on.log.decisions} == {ended}
    assert parts.cheap.breaker.trips == trips
    most = max(20.0, takes_s) + second_s * (ended == "answered")
    assert all(row.seconds <= most for row in on.log.decisions)
