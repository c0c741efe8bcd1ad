"""Every stage meets every fault of a provider: what the client gets, and what the row says.

Gateway and providers are on real sockets. Whatever happens, nothing goes out that was not approved,
nothing twice, and no half answer looks whole.
"""

import asyncio
import json
import random
from contextlib import AsyncExitStack, asynccontextmanager

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


SLOW = ("hang", "endless", "slow_loris")
STRONGLY = Plans("strong", "strong", "strong")


class Stages:
    """The upstreams of one route, and what came of asking it.

    Each has its fault, or a list of them, one a request. Only a stage that never ends has a short
    deadline; a call that failed is tried once more, at once.
    """

    def __init__(self, house, *, says=None, deadlines=None, level="low", stream=False, **given):
        self._faults = {name: given.pop(name, "ok") for name in ("cheap", "validator", "strong")}
        self._faults = {
            name: [fault] if isinstance(fault, str) else list(fault)
            for name, fault in self._faults.items()
        }
        said = {"cheap": Message("assistant", DRAFT), "validator": verdict("approve")}
        said |= {"strong": Message("assistant", STRONG), **(says or {})}
        for name, faults in self._faults.items():
            setattr(self, name, MockUpstream(faults, [said[name]]))
        self._deadlines = deadlines or self._impatient()
        self._given = given.pop("asked", {})
        self._route = given
        self.log = house.Notes()
        self.level, self.stream = level, stream

    def _impatient(self):
        steps = {"draft": "cheap", "validate": "validator", "strong": "strong"}
        return Deadlines(
            **{step: 0.4 if self._faults[who][0] in SLOW else 20.0 for step, who in steps.items()}
        )

    @asynccontextmanager
    async def lane(self, house, name):
        """The route, while its upstreams run."""
        async with self.cheap, self.validator, self.strong:
            models = {
                who: Endpoint(
                    f"lab/{who}",
                    Provider(getattr(self, who).base_url, "MOCK_KEY", prices={who: PRICE}),
                    KEY,
                    retry=RetryPolicy(attempts=1),
                    rng=random.Random(1),
                )
                for who in self._faults
            }
            retries = Retries(attempts=2, base_s=0.001, most_s=0.01)
            route = Route(name, deadlines=self._deadlines, retries=retries, **self._route)
            try:
                yield house.lane(route, log=self.log, **models)
            finally:
                for model in models.values():
                    await model.aclose()

    async def ask(self, client, name, text="What is it?"):
        headers = {"x-ossay-criticality": self.level}
        return await client.chat(
            text, model=name, stream=self.stream, headers=headers, **self._given
        )

    @property
    def decision(self):
        (only,) = self.log.decisions
        return only


@asynccontextmanager
async def gateway_of(house, routes):
    """A gateway over routes, by name."""
    async with AsyncExitStack() as stack:
        lanes = [
            await stack.enter_async_context(on.lane(house, name)) for name, on in routes.items()
        ]
        yield await stack.enter_async_context(house.gateway(*lanes))


def meet_all(house, where, faults, *, then=(), **given):
    """Ask once for each fault of that stage, all at once: fault, what the client got, stages.

    `then`: What the stage's further requests meet.
    """

    async def go():
        routes = {fault: Stages(house, **{where: [fault, *then], **given}) for fault in faults}
        async with gateway_of(house, routes) as client:
            asks = [on.ask(client, name) for name, on in routes.items()]
            answers = await asyncio.gather(*asks)
        return [(fault, got, routes[fault]) for fault, got in zip(faults, answers, strict=True)]

    return house.run(go())


def meet(house, **given):
    """Ask once: what the client got, and the stages."""

    async def go():
        on = Stages(house, **given)
        async with gateway_of(house, {"only": on}) as client:
            return await on.ask(client, "only"), on

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
def test_a_cheap_model_that_says_nothing_is_replaced(house, stream):
    for fault, got, on in meet_all(house, "cheap", BEFORE, stream=stream):
        assert (got.status, got.text) == (200, STRONG), fault
        assert (on.decision.plan, on.decision.ending) == ("cheap", "strong"), fault
        assert on.decision.why.startswith("draft failed"), fault
        assert [call.step for call in on.decision.calls] == ["draft", "strong"], fault


def test_a_stream_that_breaks_off_ends_in_an_error_or_is_another_s_unseen(house):
    """Which of both is a matter of how the bytes came; never is half of it sold as whole."""
    for fault, got, on in meet_all(house, "cheap", MIDWAY, stream=True):
        assert on.decision.draft_hash == "", fault
        if on.decision.ending == "strong":
            assert got.text == STRONG, fault
            assert got.data[-1] == "[DONE]", fault
            continue
        assert broke_off(got)["message"], fault
        assert DRAFT.startswith(got.text) or fault == "endless"
        assert (on.cheap.seen, on.strong.seen) == (1, 0), fault
        assert (on.decision.ending, on.decision.answer_hash) == ("failed", ""), fault
        assert on.decision.cost_usd is None, fault  # nobody knows what it took


@pytest.mark.parametrize("fault", ["cut", "cut_politely", "endless"])
def test_what_was_seen_is_not_said_again(house, fault):
    """The first piece has reached the client long before the stream breaks."""
    got, on = meet(house, cheap=fault, stream=True)
    assert broke_off(got)["message"]
    assert got.text
    assert (on.cheap.seen, on.strong.seen, on.decision.ending) == (1, 0, "failed")


def test_an_answer_that_breaks_off_before_the_client_saw_any_of_it_is_another_s(house):
    for fault, got, on in meet_all(house, "cheap", MIDWAY):
        assert (got.status, got.text) == (200, STRONG), fault
        assert on.decision.ending == "strong", fault


@pytest.mark.parametrize("stream", [False, True])
def test_an_odd_upstream_is_understood(house, stream):
    for fault, got, on in meet_all(house, "cheap", ODD, stream=stream):
        assert got.status == 200, fault
        if stream and fault == "not_streamed":  # bytes that are no events can't be passed on
            assert (got.text, on.decision.why) == (STRONG, "draft failed: bad_response")
        else:
            assert (got.text, on.decision.ending) == (DRAFT, "draft"), fault


@pytest.mark.parametrize("level", ["medium", "high"])
def test_a_draft_that_fails_is_the_strong_model_s(house, level):
    for fault, got, on in meet_all(house, "cheap", FAULTS, level=level, stream=True):
        assert (got.status, got.text, got.data[-1]) == (200, STRONG, "[DONE]"), fault
        assert on.decision.why.startswith("draft failed"), fault
        assert on.validator.seen == 0, fault


@pytest.mark.parametrize("level", ["medium", "high"])
def test_a_validator_that_fails_approves_nothing(house, level):
    for fault, got, on in meet_all(house, "validator", FAULTS, level=level):
        assert (got.status, got.text) == (200, STRONG), fault
        assert b"canary-draft" not in got.body, fault
        assert (on.decision.ending, on.decision.ruling) == ("strong", ""), fault
        assert on.decision.why.startswith("validate failed"), fault
        assert on.log.durable == ([on.decision.id] if level == "high" else []), fault


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
def test_without_validator_and_strong_model_nothing_goes_out(house, level, stream):
    given = {"validator": "server_error", "level": level, "stream": stream}
    for fault, got, on in meet_all(house, "strong", FAULTS, **given):
        assert b"canary-draft" not in got.body, fault
        if fault == "context_exhausted":
            assert (got.status, got.error["code"]) == (400, "context_length_exceeded")
        else:
            assert (got.status, got.error["type"]) == (503, "server_error"), fault
            assert int(got.headers["retry-after"]) >= 1, fault
        assert (on.decision.ending, on.decision.answer_hash) == ("failed", ""), fault
        assert on.decision.draft_hash, fault


def test_a_held_stream_whose_heartbeats_began_ends_in_an_error(house):
    got, on = meet(
        house, validator="hang", strong="server_error", level="high", stream=True, beat_s=0.05
    )
    assert b": waiting" in got.body
    assert b"canary-draft" not in got.body
    assert broke_off(got)["type"] == "server_error"
    assert on.decision.ending == "failed"


def test_a_strong_model_that_fails_alone(house):
    """What goes wrong behind the gateway is a 5xx, 429 aside; what the model refused is a 400."""
    wanted = {"rate_limited": 429, "rate_limited_silent": 429, "unknown_model": 400}
    wanted |= {"context_exhausted": 400, "hang": 504, "endless": 504, "slow_loris": 504}
    for fault, got, on in meet_all(house, "strong", FAULTS, plans=STRONGLY):
        assert got.status == wanted.get(fault, 502), fault
        assert got.error["message"], fault
        assert on.decision.ending == "failed", fault
        assert on.decision.calls[0].ended != "answered", fault


def test_a_wait_that_the_upstream_asks_for_is_passed_on(house):
    got, _ = meet(house, strong="rate_limited", plans=STRONGLY)
    assert (got.status, got.headers["retry-after"]) == (429, "1")
    assert got.error["code"] == "rate_limit_exceeded"


@pytest.mark.parametrize("level", ["low", "medium", "high"])
def test_what_is_refused_is_tried_again_and_counted_once(house, level):
    refusals = ("rate_limited_silent", "server_error", "drop")
    for fault, got, on in meet_all(house, "cheap", refusals, then=["ok"], level=level):
        assert got.text == DRAFT, fault
        assert on.cheap.seen == 2, fault
        assert on.decision.calls[0].attempts == 2, fault


CALLS = Message("assistant", tool_calls=(ToolCall("call_1", "pay", '{"eur": 900, "to": "x"}'),))
TOOLS = [
    {
        "type": "function",
        "function": {"name": "pay", "parameters": {"type": "object", "properties": {}}},
    }
]
IN_A_CALL = ("cut", "cut_politely", "error_mid_stream", "malformed_json")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("level", ["low", "medium", "high"])
def test_a_model_that_began_to_call_a_tool_is_not_asked_again(house, level, stream):
    given = {"says": {"cheap": CALLS}, "level": level, "stream": stream, "asked": {"tools": TOOLS}}
    for fault, got, on in meet_all(house, "cheap", IN_A_CALL, then=["ok"], **given):
        if level == "low" and not stream:
            continue  # one body that is cut shows no beginning of a call
        assert on.cheap.seen == 1, fault
        if level == "low":
            assert got.status == 502 or broke_off(got), fault
            assert (on.strong.seen, on.decision.ending) == (0, "failed"), fault
        else:
            assert (got.text, on.decision.ending) == (STRONG, "strong"), fault
            assert b"pay" not in got.body, fault


def test_a_strong_model_that_began_to_call_a_tool_is_not_asked_again(house):
    given = {"says": {"strong": CALLS}, "stream": True, "asked": {"tools": TOOLS}}
    for fault, got, on in meet_all(
        house, "strong", IN_A_CALL, then=["ok"], plans=STRONGLY, **given
    ):
        assert on.strong.seen == 1, fault
        assert on.decision.ending == "failed", fault
        assert got.status == 502 or broke_off(got), fault


WHERE = [("low", "cheap"), ("high", "cheap"), ("high", "validator"), ("high", "strong")]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["hang", "endless"])
def test_a_client_that_leaves_cancels_what_is_upstream(house, stream, fault):
    patient = Deadlines(draft=60.0, validate=60.0, strong=60.0)

    async def leave(client, name, on, model):
        _, writer = await client.connect()
        header = f"x-ossay-criticality: {on.level}"
        writer.write(house.chat_request("?", header, model=name, stream=stream))
        await house.until(lambda: model.seen)
        await asyncio.sleep(0.05)
        assert model.left_at == []
        writer.close()
        await house.until(lambda: model.left_at)
        await house.until(lambda: on.log.decisions)

    async def go():
        routes = {}
        for level, where in WHERE:
            faults = {where: fault}
            if where == "strong":
                faults["validator"] = "server_error"
            routes[f"{level}-{where}"] = Stages(house, level=level, deadlines=patient, **faults)
        async with gateway_of(house, routes) as client:
            models = [getattr(routes[f"{level}-{where}"], where) for level, where in WHERE]
            leaving = [
                leave(client, name, on, model)
                for (name, on), model in zip(routes.items(), models, strict=True)
            ]
            await asyncio.gather(*leaving)
        return routes

    for name, on in house.run(go()).items():
        assert on.decision.ending == "left", name
        assert on.decision.calls[-1].ended == "left", name


def test_many_at_once_with_every_stage_failing_now_and_then(house):
    """No answer that was not approved, one row for each request, and rows that tell the truth."""
    rng = random.Random(11)
    kinds = ["ok"] * 6 + ["server_error", "cut", "drop", "malformed_json", "html", "empty_choices"]
    said = {"cheap": Message("assistant", WRONG), "validator": verdict("reject", 0.01)}

    async def go():
        faults = {
            name: [rng.choice(kinds) for _ in range(400)]
            for name in ("cheap", "validator", "strong")
        }
        on = Stages(house, says=said, **faults)
        async with gateway_of(house, {"only": on}) as client:
            asks = [
                client.chat(
                    f"{place}?",
                    model="only",
                    stream=place % 2 == 0,
                    headers={"x-ossay-criticality": ("medium", "high")[place % 3 == 0]},
                )
                for place in range(64)
            ]
            return await asyncio.gather(*asks), on

    answers, on = house.run(go())
    assert len(on.log.decisions) == 64
    assert all(WRONG.encode() not in got.body for got in answers)
    endings = [decision.ending for decision in on.log.decisions]
    assert set(endings) <= {"strong", "failed"}
    assert sum(got.status == 200 for got in answers) == endings.count("strong")
