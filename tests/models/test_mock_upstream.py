"""The upstream that misbehaves on purpose, as a program and as a part."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import aiohttp
import pytest

from ossay.core.errors import UnknownName, UsageError
from ossay.core.types import Message, Request, Usage
from ossay.models.endpoint import Endpoint
from ossay.models.mock_upstream import MockUpstream
from ossay.models.providers import Provider

ASK = Request((Message("user", "hi there"),))


async def ask(base_url: str) -> str:
    model = Endpoint("mock/m", Provider(base_url))
    try:
        return (await model.reply(ASK)).message.content
    finally:
        await model.aclose()


def test_it_says_what_it_served_and_what_it_completed():
    async def exchange() -> MockUpstream:
        async with MockUpstream(["server_error", "ok"]) as upstream:
            await ask(upstream.base_url)
            return upstream

    upstream = asyncio.run(exchange())
    assert [(served.fault, served.status) for served in upstream.served] == [
        ("server_error", 500),
        ("ok", 200),
    ]
    assert [served.usage for served in upstream.completed] == [Usage(2, 0, 8, 0)]


def test_a_request_that_is_no_request_gets_400():
    async def exchange() -> int:
        async with MockUpstream() as upstream, aiohttp.ClientSession() as session:
            url = f"{upstream.base_url}/chat/completions"
            async with session.post(url, data=b"{") as response:
                return response.status

    assert asyncio.run(exchange()) == 400


def test_an_unknown_fault_gets_the_nearest_one():
    with pytest.raises(UnknownName, match="did you mean 'rate_limited'"):
        MockUpstream(["rate_limit"])


def test_it_has_no_address_before_it_runs():
    with pytest.raises(UsageError, match="async with"):
        _ = MockUpstream().base_url


def test_it_runs_as_a_program_on_loopback():
    command = [sys.executable, "-m", "ossay.models.mock_upstream", "--fault", "instant"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            base_url = process.stdout.readline().strip()
            assert base_url.startswith("http://127.0.0.1:")
            assert asyncio.run(ask(base_url)).startswith("Hello")
        finally:
            process.terminate()
        assert process.wait(10) == 0


def test_who_asks_for_no_stream_gets_one_body():
    async def exchange() -> tuple[str, str]:
        async with MockUpstream() as upstream, aiohttp.ClientSession() as session:
            url = f"{upstream.base_url}/chat/completions"
            async with session.post(url, json={"model": "m", "messages": []}) as response:
                said = await response.json()
                return response.content_type, said["choices"][0]["message"]["content"]

    kind, said = asyncio.run(exchange())
    assert kind == "application/json"
    assert said.startswith("Hello")


@pytest.mark.parametrize("fault", ["hang", "endless"])
def test_it_notes_who_leaves(fault: str):
    async def exchange() -> MockUpstream:
        async with MockUpstream([fault]) as upstream:
            asking = asyncio.create_task(ask(upstream.base_url))
            while not upstream.seen:
                await asyncio.sleep(0.001)
            asking.cancel()
            while not upstream.left_at:
                await asyncio.sleep(0.001)
            return upstream

    upstream = asyncio.run(exchange())
    assert len(upstream.left_at) == 1
    assert upstream.completed == []
