"""What is tried again, how often, and after how long. Time is handed in."""

from __future__ import annotations

import asyncio
import random
import socket

import pytest

from ossay.core.errors import ModelCallError
from ossay.core.types import Message, Reply, Request
from ossay.models.clock import ManualClock
from ossay.models.endpoint import Endpoint
from ossay.models.mock_faults import FAULTS
from ossay.models.mock_upstream import GREETING, MockUpstream
from ossay.models.providers import Provider
from ossay.models.retry import RetryPolicy

ASK = Request((Message("user", "hi"),), deadline_s=60.0)
RETRIED = {"rate_limited", "rate_limited_silent", "server_error"}


class Outcome:
    """What came of one call: the reply or the error, the requests it took, and the waits."""

    def __init__(self, faults: list[str], request: Request = ASK, attempts: int = 4) -> None:
        self.clock = ManualClock()
        self.reply: Reply | None = None
        self.error: ModelCallError | None = None
        self.seen = 0
        asyncio.run(self._call(faults, request, attempts))

    async def _call(self, faults: list[str], request: Request, attempts: int) -> None:
        async with MockUpstream(faults, loris_s=0.001) as upstream:
            model = Endpoint(
                "mock/m",
                Provider(upstream.base_url),
                retry=RetryPolicy(attempts=attempts, base_s=0.5),
                clock=self.clock,
                rng=random.Random(7),
            )
            try:
                self.reply = await model.reply(request)
            except ModelCallError as error:
                self.error = error
            finally:
                await model.aclose()
            self.seen = upstream.seen


@pytest.mark.parametrize("fault", sorted(RETRIED))
def test_it_is_tried_again_until_it_works(fault: str):
    outcome = Outcome([fault, fault, "ok"])
    assert outcome.reply is not None
    assert outcome.reply.message == GREETING
    assert outcome.reply.attempts == outcome.seen == 3
    assert outcome.reply.timing.waited_s == pytest.approx(sum(outcome.clock.slept))
    assert len(outcome.clock.slept) == 2


@pytest.mark.parametrize("fault", sorted(RETRIED))
def test_it_is_given_up_in_the_end(fault: str):
    outcome = Outcome([fault])
    assert outcome.error is not None
    assert outcome.error.attempts == outcome.seen == 4
    assert len(outcome.clock.slept) == 3


def test_retry_after_is_honoured_and_back_off_grows_without_it():
    asked = Outcome(["rate_limited", "ok"]).clock.slept
    assert 1.0 <= asked[0] <= 1.5
    first, second, third = Outcome(["server_error"]).clock.slept
    assert 0.25 <= first <= 0.5 <= second <= 1.0 <= third <= 2.0


def test_started_at_is_when_the_attempt_that_answered_was_sent():
    outcome = Outcome(["rate_limited", "ok"])
    assert outcome.reply is not None
    timing = outcome.reply.timing
    assert timing.waited_s >= 1.0
    assert timing.started_at - 1_800_000_000.0 == pytest.approx(timing.waited_s, abs=1e-3)


@pytest.mark.parametrize(
    "fault", sorted(set(FAULTS) - RETRIED - {"hang", "endless", "huge", "huge_line", "slow_loris"})
)
def test_nothing_else_is_tried_again(fault: str):
    outcome = Outcome([fault, "ok"])
    assert outcome.seen == 1
    assert outcome.clock.slept == []


def test_a_wait_beyond_the_deadline_is_not_begun():
    outcome = Outcome(["rate_limited"], Request(ASK.messages, deadline_s=0.9))
    assert outcome.error is not None
    assert outcome.error.kind == "rate_limited"
    assert "after the call's deadline" in str(outcome.error)
    assert outcome.seen == 1
    assert outcome.clock.slept == []


def test_a_deadline_that_is_over_sends_nothing():
    outcome = Outcome(["ok"], Request(ASK.messages, deadline_s=0.0))
    assert outcome.error is not None
    assert outcome.error.kind == "deadline"
    assert outcome.seen == 0


def test_time_up_after_a_refusal_is_told_as_that_refusal():
    class Oversleeping(ManualClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds + 60.0)

    async def ask() -> None:
        async with MockUpstream(["rate_limited"]) as upstream:
            model = Endpoint("mock/m", Provider(upstream.base_url), clock=Oversleeping())
            try:
                await model.reply(ASK)
            finally:
                await model.aclose()

    with pytest.raises(ModelCallError, match="Rate limit reached") as caught:
        asyncio.run(ask())
    assert caught.value.kind == "rate_limited"


def test_a_failed_call_says_how_long_it_waited_to_be_sent():
    error = Outcome(["rate_limited", "cut"]).error
    assert error is not None
    assert (error.kind, error.began, error.attempts) == ("cut_off", True, 2)
    assert 1.0 <= error.waited_s <= 1.5


def test_a_refused_connection_is_tried_again():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        port = taken.getsockname()[1]
        clock = ManualClock()
        model = Endpoint("mock/m", Provider(f"http://127.0.0.1:{port}/v1"), clock=clock)

        async def ask() -> None:
            try:
                await model.reply(ASK)
            finally:
                await model.aclose()

        with pytest.raises(ModelCallError, match="is the server running") as caught:
            asyncio.run(ask())
    assert caught.value.kind == "connection"
    assert caught.value.attempts == 5
    assert len(clock.slept) == 4


@pytest.mark.parametrize("last_words", [b"", b"Connection: keep-alive\r\n"])
def test_a_kept_connection_that_the_server_gave_up_is_replaced(last_words: bytes):
    """llama.cpp's server promises to keep connections and closes them after each stream."""
    data = b'data: {"choices": [{"delta": {"content": "x"}}]}\n\ndata: [DONE]\n\n'
    served = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        served.append(await reader.readexactly(length))
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            + last_words
            + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def converse() -> list[Reply]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        model = Endpoint("mock/m", Provider(f"http://127.0.0.1:{port}/v1"), clock=ManualClock())
        replies = [await model.reply(ASK) for _ in range(20)]
        await model.aclose()
        server.close()
        await server.wait_closed()
        return replies

    replies = asyncio.run(converse())
    assert [reply.message.content for reply in replies] == ["x"] * 20
    assert len(served) == 20
