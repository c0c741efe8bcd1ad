"""Every stage meets every fault of a provider: what the client gets, and what the row says.

Gateway and providers are on real sockets. Whatever happens, nothing goes out that was not approved,
nothing twice, and no half answer looks whole.
"""

import asyncio
import json
import random
import time
from contextlib import asynccontextmanager

import pytest

from ossay.core.types import Message, Price, ToolCall
from ossay.models.endpoint import Endpoint
from ossay.models.mock_upstream import MockUpstream
from ossay.models.providers import Provider
from ossay.models.retry import RetryPolicy
from ossay.models.scripted_review import WRONG
from ossay.models.secret import Secret
from ossay.router.route import Deadlines, Plans, Retries, Route

DRAFT = "A draft that nobody has approved, canary-draft."
STRONG = "The strong model's own answer."
KEY = Secret("MOCK_KEY", "sk-canary-upstream-0123456789abcdef")
PRICE = Price(1.0, 2.0, "2026-11-01", "a test")

# Before a piece of the answer came; and after one.
BEFORE = (
    "rate_limited", "rate_limited_silent", "server_error", "unknown_model", "context_exhausted",
    "redirect", "echo_key", "html", "error_in_200", "empty_choices", "drop", "not_http", "hang",
)  # fmt: skip
MIDWAY = ("cut", "cut_politely", "error_mid_stream", "malformed_json", "endless", "slow_loris")
FAULTS = (*BEFORE, *MIDWAY)
# Oddities that are no faults.
ODD = ("no_usage", "no_done", "not_streamed", "slow")


def verdict(what, score=0.95):
    said = {"verdict": what, "score": score, "reason": "because", "edits": []}
    return Message("assistant", json.dumps(said))


def route(**fields):
    """Short deadlines; a fault that is met twice is tried once more."""
    fields.setdefault("deadlines", Deadlines(draft=0.6, validate=0.6, strong=0.6))
    fields.setdefault("retries", Retries(attempts=2, base_s=0.001, most_s=0.01))
    return Route("support", **fields)


class Stages:
    """The upstreams of one gateway, and what came of asking it."""

    def __init__(self, cheap, validator, strong, log, client):
        self.cheap, self.validator, self.strong = cheap, validator, strong
        self.log = log
        self.client = client

    @property
    def seen(self):
        return (self.cheap.seen, self.validator.seen, self.strong.seen)

    @property
    def decision(self):
        (only,) = self.log.decisions
        return only


@asynccontextmanager
async def stages(
    house, *, cheap="ok", validator="ok", strong="ok", says=None, rules=None, on=None, **parts
):
    """A gateway over three mock upstreams, each with its fault."""
    said = {"cheap": Message("assistant", DRAFT), "validator": verdict("approve")}
    said |= {"strong": Message("assistant", STRONG), **(says or {})}
    faults = {"cheap": cheap, "validator": validator, "strong": strong}
    ups = {
        name: MockUpstream([fault] if isinstance(fault, str) else fault, [said[name]])
        for name, fault in faults.items()
    }
    async with ups["cheap"], ups["validator"], ups["strong"]:
        models = {
            name: Endpoint(
                f"lab/{name}",
                Provider(up.base_url, "MOCK_KEY", prices={name: PRICE}),
                KEY,
                retry=RetryPolicy(attempts=1),
                rng=random.Random(1),
            )
            for name, up in ups.items()
        }
        log = house.Notes()
        lane = house.lane(on or route(), log=log, **models, **parts)
        try:
            async with house.gateway(lane) as client:
                yield Stages(ups["cheap"], ups["validator"], ups["strong"], log, client)
        finally:
            for model in models.values():
                await model.aclose()


def meet(house, *, level="low", stream=False, asked=None, **given):
    """Ask once; (the client's answer, the stages)."""

    async def go():
        async with stages(house, **given) as on:
            headers = {"x-ossay-criticality": level}
            got = await on.client.chat(stream=stream, headers=headers, **(asked or {}))
            return got, on

    return house.run(go())


def broke_off(got):
    """The error in which a stream ended; it must not have looked whole."""
    assert got.status == 200
    assert "[DONE]" not in got.data
    last = json.loads(got.data[-1])
    assert not any(
        choice.get("finish_reason")
        for data in got.data
        for choice in json.loads(data).get("choices", ())
    )
    return last["error"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", BEFORE)
def test_a_cheap_model_that_says_nothing_is_replaced(house, fault, stream):
    got, on = meet(house, cheap=fault, stream=stream)
    assert (got.status, got.text) == (200, STRONG)
    assert (on.decision.plan, on.decision.ending) == ("cheap", "strong")
    assert on.decision.why.startswith("draft failed")
    assert [call.step for call in on.decision.calls] == ["draft", "strong"]


@pytest.mark.parametrize("fault", MIDWAY)
def test_a_stream_that_breaks_off_ends_in_an_error(house, fault):
    got, on = meet(house, cheap=fault, stream=True)
    assert broke_off(got)["message"]
    assert DRAFT.startswith(got.text) or fault == "endless"
    assert (on.cheap.seen, on.strong.seen) == (1, 0)
    assert (on.decision.ending, on.decision.answer_hash) == ("failed", "")
    assert on.decision.cost_usd is None  # nobody knows what it took


@pytest.mark.parametrize("fault", MIDWAY)
def test_an_answer_that_breaks_off_before_the_client_saw_any_of_it_is_another_s(house, fault):
    got, on = meet(house, cheap=fault)
    assert (got.status, got.text) == (200, STRONG)
    assert on.decision.ending == "strong"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ODD)
def test_an_odd_upstream_is_understood(house, fault, stream):
    got, on = meet(house, cheap=fault, stream=stream)
    assert (got.status, got.text) == (200, DRAFT)
    assert on.decision.ending == "draft"


@pytest.mark.parametrize("level", ["medium", "high"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_draft_that_fails_is_the_strong_model_s(house, fault, level):
    got, on = meet(house, cheap=fault, level=level, stream=True)
    assert (got.status, got.text, got.data[-1]) == (200, STRONG, "[DONE]")
    assert on.decision.why.startswith("draft failed")
    assert on.validator.seen == 0


@pytest.mark.parametrize("level", ["medium", "high"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_validator_that_fails_approves_nothing(house, fault, level):
    got, on = meet(house, validator=fault, level=level)
    assert (got.status, got.text) == (200, STRONG)
    assert b"canary-draft" not in got.body
    assert (on.decision.ending, on.decision.ruling) == ("strong", "")
    assert on.decision.why.startswith("validate failed")
    assert on.log.durable == ([on.decision.id] if level == "high" else [])


@pytest.mark.parametrize(
    "said",
    ["approve", '{"verdict": "approve"}', "", '[{"verdict": "approve"}]', "{" * 5_000],
    ids=["prose", "no score", "nothing", "a list", "deep"],
)
def test_a_malformed_verdict_approves_nothing(house, said):
    got, on = meet(house, level="high", says={"validator": Message("assistant", said)})
    assert got.text == STRONG
    assert on.decision.why.startswith(("the verdict is malformed", "validate failed"))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("level", ["medium", "high"])
@pytest.mark.parametrize("fault", FAULTS)
def test_without_validator_and_strong_model_nothing_goes_out(house, fault, level, stream):
    got, on = meet(house, validator="server_error", strong=fault, level=level, stream=stream)
    assert b"canary-draft" not in got.body
    assert got.status == 503
    assert got.error["type"] == "server_error"
    assert int(got.headers["retry-after"]) >= 1
    assert (on.decision.ending, on.decision.answer_hash) == ("failed", "")
    assert on.decision.draft_hash


def test_a_held_stream_whose_heartbeats_began_ends_in_an_error(house):
    got, on = meet(
        house,
        validator="hang",
        strong="server_error",
        level="high",
        stream=True,
        on=route(beat_s=0.05),
    )
    assert b": waiting" in got.body
    assert b"canary-draft" not in got.body
    assert "503" not in str(got.status)
    assert broke_off(got)["type"] == "server_error"
    assert on.decision.ending == "failed"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_strong_model_that_fails_alone(house, fault):
    """What goes wrong behind the gateway is a 5xx, 429 aside; what the model refused is a 400."""
    got, on = meet(house, strong=fault, on=route(plans=Plans("strong", "strong", "strong")))
    wanted = {"rate_limited": 429, "rate_limited_silent": 429, "unknown_model": 400}
    wanted |= {"context_exhausted": 400, "hang": 504, "endless": 504, "slow_loris": 504}
    assert got.status == wanted.get(fault, 502)
    assert got.error["message"]
    assert on.decision.ending == "failed"
    assert on.decision.calls[0].ended != "answered"


def test_a_wait_that_the_upstream_asks_for_is_passed_on(house):
    got, _ = meet(house, strong="rate_limited", on=route(plans=Plans("strong", "strong", "strong")))
    assert (got.status, got.headers["retry-after"]) == (429, "1")
    assert got.error["code"] == "rate_limit_exceeded"


@pytest.mark.parametrize("level", ["low", "medium", "high"])
@pytest.mark.parametrize("fault", ["rate_limited_silent", "server_error", "drop"])
def test_what_is_refused_is_tried_again_and_counted_once(house, fault, level):
    got, on = meet(house, cheap=[fault, "ok"], level=level)
    assert got.text == DRAFT
    assert on.cheap.seen == 2
    assert on.decision.calls[0].attempts == 2


CALLS = Message("assistant", tool_calls=(ToolCall("call_1", "pay", '{"eur": 900, "to": "x"}'),))
TOOLS = [
    {
        "type": "function",
        "function": {"name": "pay", "parameters": {"type": "object", "properties": {}}},
    }
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("level", ["low", "medium", "high"])
@pytest.mark.parametrize("fault", ["cut", "cut_politely", "error_mid_stream", "malformed_json"])
def test_a_model_that_began_to_call_a_tool_is_not_asked_again(house, fault, level, stream):
    asked = {"tools": TOOLS}
    got, on = meet(
        house, cheap=[fault, "ok"], says={"cheap": CALLS}, level=level, stream=stream, asked=asked
    )
    if stream or level != "low":  # one body that is cut shows no beginning of a call
        assert on.cheap.seen == 1
    assert b"pay" not in got.body or level == "low"
    if level == "low" and stream:
        assert broke_off(got)["message"]
        assert on.strong.seen == 0


@pytest.mark.parametrize("fault", ["cut", "cut_politely", "error_mid_stream"])
def test_a_strong_model_that_began_to_call_a_tool_is_not_asked_again(house, fault):
    got, on = meet(
        house,
        strong=[fault, "ok"],
        says={"strong": CALLS},
        stream=True,
        asked={"tools": TOOLS},
        on=route(plans=Plans("strong", "strong", "strong")),
    )
    assert on.strong.seen == 1
    assert on.decision.ending == "failed"
    assert got.status == 502 or broke_off(got)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("level", "where"),
    [("low", "cheap"), ("high", "cheap"), ("high", "validator"), ("high", "strong")],
)
@pytest.mark.parametrize("fault", ["hang", "endless"])
def test_a_client_that_leaves_cancels_what_is_upstream(house, level, where, stream, fault):
    patient = Deadlines(draft=60.0, validate=60.0, strong=60.0)

    async def go():
        faults = {where: fault}
        if where == "strong":
            faults["validator"] = "server_error"
        async with stages(house, on=route(deadlines=patient), **faults) as on:
            model = getattr(on, where)
            reader, writer = await on.client.connect()
            asked = house.chat_request("?", f"x-ossay-criticality: {level}", stream=stream)
            writer.write(asked)
            await house.until(lambda: model.seen)
            await asyncio.sleep(0.05)
            assert model.left_at == []
            writer.close()
            await house.until(lambda: model.left_at)
            await house.until(lambda: on.log.decisions)
            return on, model

    on, model = house.run(go())
    assert len(model.left_at) == 1
    assert on.decision.ending == "left"
    assert on.decision.calls[-1].ended == "left"


def test_a_validator_over_the_gateway_s_own_fault_matrix_never_leaks(house):
    """Many at once, each stage failing now and then: no answer that was not approved."""
    rng = random.Random(11)
    kinds = ["ok"] * 6 + ["server_error", "cut", "drop", "malformed_json", "html", "empty_choices"]

    def mixed():
        return [rng.choice(kinds) for _ in range(400)]

    async def go():
        said = {"cheap": Message("assistant", WRONG), "validator": verdict("reject", 0.01)}
        given = {"cheap": mixed(), "validator": mixed(), "strong": mixed(), "says": said}
        async with stages(house, **given) as on:
            asks = [
                on.client.chat(
                    f"{place}?",
                    stream=place % 2 == 0,
                    headers={"x-ossay-criticality": ("medium", "high")[place % 3 == 0]},
                )
                for place in range(64)
            ]
            return await asyncio.gather(*asks), on

    began = time.monotonic()
    answers, on = house.run(go())
    assert time.monotonic() >= began
    assert len(on.log.decisions) == 64
    assert all(WRONG.encode() not in got.body for got in answers)
    by_ending = [decision.ending for decision in on.log.decisions]
    assert set(by_ending) <= {"strong", "failed"}
    assert sum(got.status == 200 for got in answers) == by_ending.count("strong")
