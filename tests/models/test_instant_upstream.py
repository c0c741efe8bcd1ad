"""The upstream that answers at once, as our own clients hear it."""

import asyncio
import json
import subprocess
import sys

import pytest

from ossay.core.types import Message, Request, Usage
from ossay.models.endpoint import Endpoint
from ossay.models.instant_upstream import TEXT, USAGE, InstantUpstream
from ossay.models.passing import CHAT
from ossay.models.providers import Provider

ASK = Request((Message("user", "hi"),), deadline_s=20.0)


async def whole(model):
    answer = await model.pass_on(CHAT, b'{"model": "x", "messages": []}', deadline_s=20.0)
    await answer.read()
    return answer.reply


async def streamed(model):
    return await model.reply(ASK)


async def uncounted(model):
    return await model.reply(ASK)


@pytest.mark.parametrize(
    ("ask", "counts", "usage"),
    [(whole, True, USAGE), (streamed, True, USAGE), (uncounted, False, Usage())],
)
def test_it_says_the_same_whole_and_streamed(ask, counts, usage):
    async def run():
        async with InstantUpstream() as upstream:
            model = Endpoint("instant/instant", Provider(upstream.base_url, stream_usage=counts))
            try:
                return [await ask(model) for _ in range(3)]
            finally:
                await model.aclose()

    for reply in asyncio.run(run()):
        assert reply.message == Message("assistant", TEXT)
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (
            usage.input_tokens,
            usage.output_tokens,
        )
        assert reply.finish == "stop"


def talk(data):
    async def run():
        async with InstantUpstream() as upstream:
            port = int(upstream.base_url.rpartition(":")[2].partition("/")[0])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(data)
            writer.write_eof()
            said = await reader.read()
            writer.close()
            return said

    return asyncio.run(run())


def test_requests_may_follow_each_other_on_one_connection():
    body = json.dumps({"model": "m", "stream": False}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(
        body
    )
    assert talk((head + body) * 3).count(b"HTTP/1.1 200 OK") == 3


def test_elsewhere_there_is_nothing():
    assert talk(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 404 ")


def test_what_is_no_http_is_hung_up_on():
    assert talk(b"EHLO x\r\n\r\n") == b""


def test_it_runs_as_a_program():
    command = [sys.executable, "-m", "ossay.models.instant_upstream"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().startswith("http://127.0.0.1:")
        finally:
            process.terminate()
    assert process.returncode == 0
