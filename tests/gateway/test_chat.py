"""Chats over the gateway, on a real socket: plans, heads of answers, streams, errors."""

import asyncio
import json

import pytest

from ossay.core.errors import ModelCallError
from ossay.core.types import Message, Price, ToolCall
from ossay.models.scripted_review import RIGHT, WRONG, Drafter
from ossay.router.budget import Budget
from ossay.router.route import Plans, Retries

HELD = {"x-ossay-criticality": "medium"}
PRICE = Price(1.0, 1.0, "2026-11-01", "a test")


def says(house, text, name="cheap", **more):
    return house.Faulty(name=name, message=Message("assistant", text, **more))


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
    assert decision.id == got.headers["x-ossay-decision"] == got.headers["x-request-id"]
    assert decision.criticality == level
    assert got.headers["x-ossay-route"] == "support"
    assert got.headers["x-ossay-plan"] == decision.plan
    if level != "low" or not stream:  # else nobody may know it yet
        assert "x-ossay-ending" in got.headers
    assert got.headers.get("x-ossay-ending", "draft") == decision.ending == "draft"
    assert log.durable == ([decision.id] if level == "high" else [])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("wrong", "slip", "ending", "text"),
    [(0, 0, "draft", RIGHT), (0, 1, "repair", RIGHT), (1, 0, "strong", "Strongly.")],
)
def test_a_draft_is_published_repaired_or_redone(house, wrong, slip, ending, text, stream):
    async def run():
        async with house.gateway(house.lane(cheap=Drafter(wrong, slip, 1))) as client:
            return await client.chat(stream=stream, headers=HELD)

    got = house.run(run())
    assert got.headers["x-ossay-ending"] == ending
    assert got.text == text
    assert WRONG.encode() not in got.body


def test_an_answer_is_as_openai_writes_it(house):
    async def run():
        async with house.gateway() as client:
            whole = await client.chat(model="ossay/support")
            options = {"include_usage": True}
            return whole, await client.chat(stream=True, stream_options=options)

    whole, stream = house.run(run())
    body = whole.json()
    assert body["id"] == f"chatcmpl-{whole.headers['x-ossay-decision']}"
    assert body["object"] == "chat.completion"
    assert body["model"] == "ossay/support"
    assert body["usage"]["total_tokens"] > 0
    assert stream.data[-1] == "[DONE]"
    chunks = [json.loads(data) for data in stream.data[:-1]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["usage"] == body["usage"]


@pytest.mark.parametrize("headers", [{}, HELD])
@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls_come_through(house, stream, headers):
    call = ToolCall("call_1", "weather", '{"city": "Bern"}')
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}

    async def run():
        cheap = says(house, "", tool_calls=(call,))
        async with house.gateway(house.lane(cheap=cheap)) as client:
            return await client.chat(stream=stream, tools=[tool], headers=headers), cheap

    got, cheap = house.run(run())
    assert cheap.asked[0].tools[0].name == "weather"
    if stream:
        choices = [json.loads(data)["choices"][0] for data in got.data[:-1]]
        calls = [one for choice in choices for one in choice["delta"].get("tool_calls", ())]
        said = "".join(one["function"]["arguments"] for one in calls)
        assert calls[0]["id"] == "call_1"
        finish = choices[-1]["finish_reason"]
    else:
        message = got.json()["choices"][0]
        said = message["message"]["tool_calls"][0]["function"]["arguments"]
        finish = message["finish_reason"]
    assert (said, finish) == (call.arguments, "tool_calls")


def test_a_client_that_waits_for_a_held_answer_hears_that_it_is_on_its_way(house):
    async def run():
        held = house.Held()
        lane = house.lane(house.Route("support", beat_s=0.01), cheap=held)
        async with house.gateway(lane) as client:
            reader, writer = await client.connect()
            writer.write(house.chat_request("What?", "X-Ossay-Criticality: medium", stream=True))
            await house.until(lambda: held.running == 1)
            head = await reader.readuntil(b"\r\n\r\n")
            for _ in range(3):
                await reader.readuntil(b": waiting\n\n")
            held.say(RIGHT, end=True)
            return head, await reader.readuntil(b"[DONE]\n\n")

    head, said = house.run(run())
    assert b"text/event-stream" in head
    assert b"x-ossay-plan: validate" in head
    assert b"x-ossay-ending" not in head, "nobody knows it yet"
    assert RIGHT.encode() in said


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("rate_limited", 429, "rate_limit_exceeded"),
        ("server_error", 502, "server_error"),
        ("refused", 400, None),
        ("bad_key", 502, "refused"),
        ("connection", 502, "connection"),
        ("bad_response", 502, "bad_response"),
        ("context_exhausted", 400, "context_length_exceeded"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_fails_before_the_first_piece_has_its_status(house, fault, status, code, stream):
    async def run():
        log = house.Notes()
        models = [house.Faulty([fault] * 9, name=name) for name in ("cheap", "strong")]
        route = house.Route("support", retries=Retries(attempts=1))
        async with house.gateway(house.lane(route, *models, log=log)) as client:
            return await client.chat(stream=stream), log

    got, log = house.run(run())
    assert got.status == status
    assert got.error["code"] == code
    assert ("retry-after" in got.headers) == (status == 429)
    (decision,) = log.decisions
    assert got.headers["x-ossay-decision"] == decision.id
    assert got.headers["x-ossay-ending"] == decision.ending == "failed"


@pytest.mark.parametrize("fault", ["cut", "cut_politely", "cut_after_call", "crash"])
def test_a_stream_that_breaks_ends_in_an_error(house, fault):
    async def run():
        log = house.Notes()
        async with house.gateway(house.lane(cheap=house.Faulty([fault]), log=log)) as client:
            return await client.chat(stream=True), log

    got, log = house.run(run())
    assert got.status == 200
    assert "[DONE]" not in got.data
    assert json.loads(got.data[-1])["error"]["type"] == "server_error"
    assert not any('"finish_reason":"' in data for data in got.data)
    assert [one.ending for one in log.decisions] == ["failed"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("level", ["low", "medium", "high"])
def test_when_the_log_is_down_nothing_critical_goes_out(house, level, stream):
    async def run():
        log = house.Notes()
        log.down = True
        async with house.gateway(house.lane(log=log)) as client:
            return await client.chat(stream=stream, headers={"x-ossay-criticality": level})

    got = house.run(run())
    assert got.status == (503 if level == "high" else 200)
    if level == "high":
        assert int(got.headers["retry-after"]) >= 1
        assert RIGHT.encode() not in got.body


def test_when_nobody_can_validate_and_nobody_redoes_it_nothing_goes_out(house):
    async def run():
        validator, strong = (house.Faulty(["server_error"] * 9, name=n) for n in ("v", "strong"))
        route = house.Route("support", retries=Retries(attempts=1))
        lane = house.lane(route, validator=validator, strong=strong)
        async with house.gateway(lane) as client:
            return await client.chat(headers=HELD)

    got = house.run(run())
    assert got.status == 503
    assert got.error["code"] == "unavailable"
    assert RIGHT.encode() not in got.body


def test_a_model_that_keeps_failing_is_left_alone(house):
    async def run():
        models = [house.Faulty(["server_error"] * 99, name=name) for name in ("cheap", "strong")]
        route = house.Route("support", retries=Retries(attempts=1))
        async with house.gateway(house.lane(route, *models)) as client:
            return [await client.chat() for _ in range(6)]

    *_, last = house.run(run())
    assert last.status == 503
    assert 1 <= int(last.headers["retry-after"]) <= 10


def test_a_key_without_money(house):
    async def run():
        log = house.Notes()
        lane = house.lane(log=log, budgets={"poor": Budget(0.0), "rich": Budget(1.0)})
        for upstream in (lane.router.parts.cheap, *lane.router.parts.strong):
            assert upstream.model.card.price is not None
        keys = [house.Key("poor"), house.Key("rich")]
        async with house.gateway(lane, keys=keys) as client:
            return [await client.chat(key=key) for key in ("poor", "rich")], log

    said, log = house.run(run())
    assert [one.status for one in said] == [200, 200], "scripts are free"
    assert [one.key for one in log.decisions] == ["poor", "rich"]


def test_a_key_that_has_spent_its_budget(house):
    class Dear(house.Faulty):
        def __init__(self):
            super().__init__(name="dear")
            self.card = type(self.card)("scripted/dear", price=PRICE)

    async def run():
        log = house.Notes()
        lane = house.lane(cheap=Dear(), log=log, budgets={"a": Budget(1e-9)})
        async with house.gateway(lane, keys=[house.Key("a")]) as client:
            return await client.chat(key="a"), log

    got, log = house.run(run())
    assert got.status == 429
    assert got.error["code"] == "insufficient_quota"
    assert [one.ending for one in log.decisions] == ["refused"]


def test_a_large_body_is_read_beside_the_loop(house):
    async def run():
        async with house.gateway(house.lane(cheap=house.Echo())) as client:
            return await client.chat("x" * 1_000_000)

    assert len(house.run(run()).text) == 1_000_000


def test_a_deadline_holds_for_all_of_it(house):
    async def run():
        held = house.Held()
        route = house.Route("support", plans=Plans("strong", "strong", "strong"))
        async with house.gateway(house.lane(route, strong=held), deadline_s=0.05) as client:
            got = await client.chat()
            return got, held.left

    got, left = house.run(run())
    assert (got.status, got.error["code"], left) == (504, "deadline", 1)


def test_an_error_names_no_text_of_the_request(house):
    async def run():
        strong = house.Held()
        strong.say(ModelCallError("bad_response", "it is no JSON"))
        cheap = house.Faulty(["bad_response"])
        async with house.gateway(house.lane(cheap=cheap, strong=strong)) as client:
            return await client.chat("canary-text")

    got = house.run(run())
    assert got.status == 502
    assert b"canary" not in got.body


def test_many_at_once(house):
    async def run():
        log = house.Notes()
        async with house.gateway(house.lane(cheap=house.Echo(), log=log)) as client:
            asked = [client.chat(f"question {at}", stream=at % 2 == 0) for at in range(64)]
            return await asyncio.gather(*asked), log

    said, log = house.run(run())
    assert [one.text for one in said] == [f"question {at}" for at in range(64)]
    assert len({one.id for one in log.decisions}) == 64


@pytest.mark.parametrize("stream", [False, True])
def test_with_the_sdk_of_openai(house, stream):
    from openai import AsyncOpenAI

    async def run():
        lane = house.lane(house.Route("support"), cheap=house.Echo())
        async with (
            house.gateway(lane, keys=[house.Key("a", "sk-1")]) as client,
            AsyncOpenAI(base_url=f"http://127.0.0.1:{client.port}/v1", api_key="sk-1") as sdk,
        ):
            names = [model.id async for model in sdk.models.list()]
            messages = [{"role": "user", "content": "hello there"}]
            got = await sdk.chat.completions.create(
                model="support", messages=messages, stream=stream, extra_headers=HELD
            )
            if stream:
                text = "".join([chunk.choices[0].delta.content or "" async for chunk in got])
            else:
                text = got.choices[0].message.content
            return names, text

    assert house.run(run()) == (["support"], "hello there")
