"""A client that leaves: the model stops, the place is free, and the row says `left`."""

import asyncio
import gc
import random
from contextlib import asynccontextmanager, contextmanager

import pytest

from ossay.models.endpoint import Endpoint
from ossay.models.providers import Provider
from ossay.models.retry import RetryPolicy
from ossay.router.route import Plans

EVENT = (
    b'data: {"id":"c","object":"chat.completion.chunk","model":"m",'
    b'"choices":[{"index":0,"delta":{"content":"so f"}}]}\n\n'
)


async def gone(house, client, log, endings=("left",)):
    """Wait until nothing is left of a request but its row."""
    await house.until(lambda: [one.ending for one in log.decisions] == list(endings))
    await house.until(lambda: client.house.admission.in_flight == 0)
    await house.until(lambda: not client.house.running)
    assert client.app.house.seen.metrics.http[house.CHAT, 499] == 1


@pytest.mark.parametrize("plan", ["cheap", "validate", "strong"])
@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_the_model_that_is_asked_stops(house, stream, begun, plan):
    async def run():
        log, held = house.Notes(), house.Held()
        place = {"cheap": "cheap", "validate": "validator", "strong": "strong"}[plan]
        route = house.Route("support", plans=Plans(plan, "strong", "strong"))
        lane = house.lane(route, log=log, **{place: held})
        async with house.gateway(lane) as client:
            reader, writer = await client.connect()
            writer.write(house.chat_request(stream=stream))
            await house.until(lambda: held.running == 1)
            if begun:
                held.say("so f")
                if stream and plan != "validate":
                    await reader.readuntil(b"so f")
            writer.close()
            await house.until(lambda: held.running == 0)
            await gone(house, client, log)
        assert held.left == 1
        (decision,) = log.decisions
        assert decision.calls[-1].ended == "left"
        assert decision.answer_hash == ""

    house.run(run())


@pytest.mark.parametrize("how", ["abort", "close"])
def test_however_the_connection_ends(house, how):
    async def run():
        log, held = house.Notes(), house.Held()
        async with house.gateway(house.lane(cheap=held, log=log)) as client:
            _, writer = await client.connect()
            writer.write(house.chat_request())
            await house.until(lambda: held.running == 1)
            writer.transport.abort() if how == "abort" else writer.close()
            await house.until(lambda: held.running == 0)
            await gone(house, client, log)

    house.run(run())


def test_a_client_that_leaves_in_the_middle_of_its_body(house):
    async def run():
        log = house.Notes()
        async with house.gateway(house.lane(log=log)) as client:
            _, writer = await client.connect()
            writer.write(house.chat_request()[:-5])
            await house.until(lambda: client.house.admission.bodies == 1)
            writer.close()
            await house.until(lambda: client.house.admission.bodies == 0)
            assert not client.house.running
        assert log.entries == []

    house.run(run())


def test_who_leaves_a_held_answer_is_not_answered(house):
    """Of high criticality: the row says that nothing went out."""

    async def run():
        log, held = house.Notes(), house.Held()
        async with house.gateway(house.lane(validator=held, log=log)) as client:
            _, writer = await client.connect()
            writer.write(house.chat_request("What?", "X-Ossay-Criticality: high", stream=True))
            await house.until(lambda: held.running == 1)
            writer.close()
            await gone(house, client, log)
        assert log.durable == []

    house.run(run())


def test_who_leaves_between_two_requests_disturbs_nobody(house):
    async def run():
        log = house.Notes()
        async with house.gateway(house.lane(log=log)) as client:
            reader, writer = await client.connect()
            writer.write(house.chat_request())
            await reader.readuntil(b"}}}")
            writer.close()
            got = await client.chat()
        assert got.status == 200
        assert [one.ending for one in log.decisions] == ["draft", "draft"]

    house.run(run())


class Upstream:
    """A provider that begins to answer and then says no more."""

    def __init__(self, begins):
        self._begins = begins
        self.asked = 0
        self.left = 0

    @asynccontextmanager
    async def listening(self):
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        finally:
            server.close()
            await server.wait_closed()

    async def _answer(self, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        if self._begins:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
            writer.write(b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(EVENT), EVENT))
        self.asked += 1
        while await reader.read(4096):
            pass
        self.left += 1
        writer.close()


@pytest.mark.parametrize(("stream", "begins"), [(True, True), (True, False), (False, False)])
def test_a_provider_is_hung_up_on(house, stream, begins):
    """The way in bytes, on real sockets at both ends."""

    async def run():
        log, upstream = house.Notes(), Upstream(begins)
        async with upstream.listening() as url:
            model = Endpoint(
                "lab/m", Provider(url), None, retry=RetryPolicy(attempts=1), rng=random.Random(1)
            )
            async with house.gateway(house.lane(cheap=model, log=log)) as client:
                reader, writer = await client.connect()
                writer.write(house.chat_request(stream=stream))
                await house.until(lambda: upstream.asked == 1)
                if begins:
                    await reader.readuntil(b"so f")
                writer.close()
                await house.until(lambda: upstream.left == 1)
                await gone(house, client, log)
            await model.aclose()
        assert upstream.asked == 1

    house.run(run())


@pytest.mark.parametrize("size", [60_000, 70_000, 200_000, 3_000_000])
@pytest.mark.parametrize("stream", [True, False])
def test_who_leaves_after_a_large_request_is_noticed_too(house, stream, size):
    async def run():
        log, held = house.Notes(), house.Held()
        async with house.gateway(house.lane(cheap=held, log=log)) as client:
            _, writer = await client.connect()
            writer.write(house.chat_request("x" * size, stream=stream))
            await house.until(lambda: held.running == 1)
            writer.close()
            await house.until(lambda: held.running == 0)
            await gone(house, client, log)

    house.run(run())


@pytest.mark.parametrize("more", [1, 2, 4])
@pytest.mark.parametrize("stream", [True, False])
def test_who_leaves_with_further_requests_behind_is_noticed_too(house, stream, more):
    async def run():
        log, held = house.Notes(), house.Held()
        async with house.gateway(house.lane(cheap=held, log=log)) as client:
            _, writer = await client.connect()
            writer.write(house.chat_request(stream=stream))
            await house.until(lambda: held.running == 1)
            writer.write(house.chat_request("And this?") * more)
            await asyncio.sleep(0.02)
            writer.close()
            await house.until(lambda: held.running == 0)
            await gone(house, client, log)
        assert len(held.asked) == 1

    house.run(run())


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize(
    ("size", "times", "status"),
    [(0, 5, 429), (0, 10_000, 429), (70_000, 1, 413), (8 << 20, 1, 413)],
)
def test_who_sends_much_before_its_answer_is_hung_up_on(house, size, times, status, begun):
    async def run():
        log, held = house.Notes(), house.Held()
        async with house.gateway(house.lane(cheap=held, log=log)) as client:
            reader, writer = await client.connect()
            writer.write(house.chat_request(stream=True))
            await house.until(lambda: held.running == 1)
            if begun:
                held.say("so f")
                await reader.readuntil(b"so f")
            writer.write(house.chat_request("x" * size) * times)
            await gone(house, client, log)
            if not begun:
                assert (await reader.readline()).startswith(b"HTTP/1.1 %d " % status)
        assert len(held.asked) == 1

    house.run(run())


@contextmanager
def unreachable():
    """Yields a list, empty until the end: of what then only the collector of cycles could free."""
    found = []
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found.extend(gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def texts(found):
    held = [one for thing in found for one in (thing, *gc.get_referents(thing))]
    return [one for one in held if isinstance(one, bytes | str)]


@pytest.mark.parametrize("stream", [True, False])
def test_who_leaves_takes_a_large_request_along(house, stream):
    """Else a few dozen clients that stop their answers are gigabytes, until it is looked for."""

    async def run():
        log, upstream = house.Notes(), Upstream(stream)
        async with upstream.listening() as url:
            model = Endpoint("lab/m", Provider(url), None, retry=RetryPolicy(attempts=1))
            async with house.gateway(house.lane(cheap=model, log=log)) as client:
                with unreachable() as found:
                    for number in range(1, 4):
                        _, writer = await client.connect()
                        writer.write(house.chat_request("word " * 40_000, stream=stream))
                        await house.until(lambda number=number: upstream.asked == number)
                        writer.close()
                        await house.until(lambda number=number: len(log.decisions) == number)
                        await house.until(lambda: not client.house.running)
            await model.aclose()
        assert found
        assert max(map(len, texts(found)), default=0) < 100_000

    house.run(run())
