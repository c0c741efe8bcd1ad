"""Embeddings: passed through, with their row and their price."""

import random
from contextlib import asynccontextmanager

import pytest

from ossay.core.decision import digest
from ossay.core.types import Price
from ossay.models.endpoint import Endpoint
from ossay.models.instant_upstream import USAGE, InstantUpstream
from ossay.models.providers import Provider
from ossay.models.retry import RetryPolicy
from ossay.router.budget import Budget

PATH = "/v1/embeddings"
ASKED = {"model": "support", "input": ["a text", "another"]}
PRICE = Price(1.0, 0.0, "2026-11-01", "a test")


@asynccontextmanager
async def embedding(house, url=None, *, priced=True, keys=(), **parts):
    """A gateway whose embeddings come from an endpoint; yields its client and log."""
    async with InstantUpstream() as upstream:
        provider = Provider(url or upstream.base_url, prices={"e": PRICE} if priced else {})
        model = Endpoint(
            "lab/e", provider, None, retry=RetryPolicy(attempts=1), rng=random.Random(1)
        )
        log = house.Notes()
        lane = house.lane(log=log, embeddings=house.upstream(model), **parts)
        async with house.gateway(lane, keys=keys) as client:
            yield client, log
        await model.aclose()


def test_they_come_as_the_model_gives_them(house):
    async def run():
        async with embedding(house) as (client, log):
            return await client.ask(PATH, ASKED), log

    got, log = house.run(run())
    assert got.status == 200
    assert got.json()["object"] == "list"
    assert got.json()["data"][0]["embedding"]
    (row,) = log.decisions
    assert row.id == got.headers["x-ossay-decision"]
    assert (row.route, row.plan, row.ending) == ("support/embeddings", "strong", "strong")
    assert row.answer_hash == digest(got.body)
    assert row.calls[0].usage.input_tokens == USAGE.input_tokens
    assert row.cost_usd == pytest.approx(USAGE.input_tokens / 1e6)


def test_of_high_criticality_the_row_is_there_first(house):
    async def run():
        async with embedding(house) as (client, log):
            await client.ask(PATH, ASKED, x_ossay_criticality="high")
            log.down = True
            return await client.ask(PATH, ASKED, x_ossay_criticality="high"), log

    got, log = house.run(run())
    assert got.status == 503
    assert len(log.durable) == 1


def test_they_are_paid_out_of_the_budget(house):
    async def run():
        budget = Budget(20e-6 + 1e-4)
        keys = [house.Key("a")]
        async with embedding(house, keys=keys, budgets={"a": budget}) as (client, log):
            first = await client.ask(PATH, ASKED, authorization="Bearer a")
            large = {**ASKED, "input": "x" * 1_000}
            second = await client.ask(PATH, large, authorization="Bearer a")
            return first, second, budget, log

    first, second, budget, log = house.run(run())
    assert (first.status, second.status) == (200, 429)
    assert budget.spent_usd == pytest.approx(USAGE.input_tokens / 1e6)
    assert budget.reserved_usd == 0.0
    assert [one.ending for one in log.decisions] == ["strong", "refused"]


def test_a_provider_that_is_not_there(house):
    async def run():
        async with embedding(house, "http://127.0.0.1:1/v1") as (client, log):
            return [await client.ask(PATH, ASKED) for _ in range(6)], log

    said, log = house.run(run())
    assert [one.status for one in said] == [502] * 5 + [503]
    assert {one.ending for one in log.decisions} == {"failed"}
    assert [one.calls[0].ended for one in log.decisions] == ["connection"] * 5 + ["not_asked"]


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"input": "x"}, 400, "model"),
        ({"model": 5, "input": "x"}, 400, "model"),
        ({"model": "support", "input": "x"}, 404, "model"),
        ([], 400, None),
    ],
)
def test_what_cannot_be_answered(house, body, status, param):
    async def run():
        async with house.gateway() as client:
            return await client.ask(PATH, body)

    got = house.run(run())
    assert (got.status, got.error["param"]) == (status, param)


def test_a_client_that_leaves(house):
    async def run():
        import asyncio

        asked = asyncio.Event()
        left = asyncio.Event()

        async def silent(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            asked.set()
            while await reader.read(1_000):
                pass
            left.set()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with server, embedding(house, url) as (client, log):
            _, writer = await client.connect()
            data = b'{"model":"support","input":"x"}'
            writer.write(
                b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (PATH.encode(), len(data), data)
            )
            await asked.wait()
            writer.close()
            await left.wait()
            await house.until(lambda: log.decisions)
        return log.decisions[0]

    row = house.run(run())
    assert row.ending == "left"
    assert row.cost_usd is None
