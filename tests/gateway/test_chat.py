"""Chats over the gateway, on a real socket: plans, headers, streams, errors."""

import pytest

from ossay.models.scripted_review import RIGHT


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("level", ["low", "medium", "high"])
def test_an_answer_of_each_level(house, level, stream):
    async def run():
        log = house.Notes()
        async with house.gateway(house.lane(log=log)) as client:
            got = await client.chat(stream=stream, headers={"x-ossay-criticality": level})
        return got, log

    got, log = house.run(run())
    assert got.status == 200
    assert got.text == RIGHT
    (decision,) = log.decisions
    assert decision.id == got.headers["x-ossay-decision"]
    assert decision.criticality == level
    assert got.headers["x-ossay-route"] == "support"
    assert got.headers["x-ossay-plan"] == decision.plan
    if level != "low" or not stream:
        assert got.headers["x-ossay-ending"] == decision.ending == "draft"
