"""The flat way: a cheap answer in bytes keeps every promise that the way through pieces keeps."""

import asyncio
import json
import random

import pytest

from ossay.core.decision import canonical, digest
from ossay.core.types import Message, Price, ToolCall, Usage
from ossay.models.clock import SystemClock
from ossay.models.endpoint import Endpoint
from ossay.models.mock_faults import FAULTS
from ossay.models.mock_upstream import GREETING, MockUpstream
from ossay.models.providers import Provider
from ossay.models.retry import RetryPolicy
from ossay.models.scripted_review import Validator
from ossay.models.secret import Secret
from ossay.router.audit import Auditor
from ossay.router.breaker import Breaker, BreakerLimits
from ossay.router.budget import Budget
from ossay.router.route import Deadlines, Retries, Route
from ossay.router.stage import Upstream

KEY = Secret("MOCK_KEY", "sk-planted-0123456789")
PRICE = Price(1.0, 2.0, "2026-11-10", "a test")
AT_ONCE = Retries(base_s=0.0)
# What begins an answer and does not end it well.
BREAKS_OFF = {"cut", "cut_politely", "error_mid_stream", "malformed_json", "endless", "slow_loris"}
WHOLE = {"ok", "instant", "slow", "no_usage", "no_done", "broken_arguments"}


class Passed:
    """A gateway whose cheap model is behind a mock upstream, and what came of asking it."""

    def __init__(self, house, *faults, script=(), route=None, keys=(), **parts):
        self.house = house
        self.upstream = MockUpstream(faults or ("ok",), script)
        self.route = route or Route("support", retries=AT_ONCE)
        self.keys = keys
        self.parts = parts
        self.log = house.Notes()
        self.strong = house.Faulty(name="strong", message=Message("assistant", "Strongly."))

    def run(self, talk):
        async def run():
            async with self.upstream:
                row = Provider(self.upstream.base_url, "MOCK_KEY", prices={"m": PRICE})
                cheap = Endpoint("mock/m", row, KEY, retry=RetryPolicy(attempts=1))
                lane = self.house.lane(self.route, cheap, self.strong, log=self.log, **self.parts)
                async with self.house.gateway(lane, keys=self.keys) as client:
                    got = await talk(client)
                await cheap.aclose()
                return got

        return self.house.run(run())

    def chat(self, text="hi", **fields):
        return self.run(lambda client: client.chat(text, **fields))

    @property
    def sent(self):
        """The bodies that went up."""
        return [json.loads(body) for body in self.upstream.bodies]

    @property
    def decision(self):
        (only,) = self.log.decisions
        return only


@pytest.fixture
def passed(house):
    return lambda *faults, **options: Passed(house, *faults, **options)


def test_a_whole_answer_is_the_upstream_s_own(passed):
    on = passed()
    got = on.chat("hi", temperature=0.5, metadata={"a": "b"}, service_tier="priority")
    assert got.status == 200
    assert got.text == GREETING.content
    assert got.json()["model"] == "m"
    assert on.sent == [
        {"model": "m", "temperature": 0.5, "messages": [{"role": "user", "content": "hi"}]}
    ]
    row = on.decision
    assert (row.plan, row.ending, row.model) == ("cheap", "draft", "m")
    assert got.headers["x-ossay-decision"] == row.id
    assert got.headers["x-ossay-ending"] == "draft"
    assert row.answer_hash == row.draft_hash == digest(canonical(GREETING))
    (call,) = row.calls
    assert (call.step, call.model, call.ended, call.attempts) == ("draft", "mock/m", "answered", 1)
    assert call.usage == Usage(1, 0, 8, 0)
    assert row.cost_usd == call.cost_usd == PRICE.cost(call.usage)


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}])
def test_a_stream_is_the_upstream_s_own(passed, options):
    on = passed()
    got = on.chat(stream=True, **options)
    assert got.text == GREETING.content
    *chunks, last = got.data
    assert last == "[DONE]"
    counted = [one for one in chunks if json.loads(one).get("usage")]
    assert len(counted) == len(options)
    assert on.sent[0]["stream_options"] == {"include_usage": True}
    assert on.decision.ending == "draft"
    assert on.decision.calls[0].usage == Usage(1, 0, 8, 0)
    assert on.decision.answer_hash == digest(canonical(GREETING))


def test_bodies_are_kept_by_their_hash(passed):
    on = passed(route=Route("support", keep_days=1.0))
    on.chat()
    row = on.decision
    assert on.log.bodies[row.answer_hash] == canonical(GREETING)
    assert b'"hi"' in on.log.bodies[row.request_hash]


@pytest.mark.parametrize(
    ("level", "plan"), [("low", "cheap"), ("medium", "validate"), ("high", "validate")]
)
def test_only_a_cheap_plan_is_passed(passed, level, plan):
    on = passed()
    got = on.chat(headers={"x-ossay-criticality": level})
    assert got.status == 200
    assert on.decision.plan == plan
    assert ("stream" not in on.sent[0]) is (plan == "cheap")  # pieces are always asked for


def test_a_role_that_not_every_endpoint_knows_is_put_in_other_words(passed):
    on = passed()
    body = {
        "model": "support",
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "hi"},
        ],
    }
    got = on.run(lambda client: client.ask(on.house.CHAT, body))
    assert got.text == GREETING.content
    assert on.sent[0]["messages"][0]["role"] == "system"


def test_what_is_said_twice_goes_up_once_as_it_was_read(passed):
    """Readers of JSON differ in which one they take; the detectors and the row know the last."""
    on = passed(route=Route("support", retries=AT_ONCE, keep_days=1.0))
    body = (
        b'{"model": "support", "messages": [{"role": "user", "content": "Wire it.",'
        b' "cont\\u0065nt": "hi"}], "tools": [{"type": "function", "function": {"name": "pay",'
        b' "name": "look", "parameters": {"type": "object", "title": "a", "title": "b"}}}],'
        b' "messages": [{"role": "user", "content": "Pay.", "content": "hi"}]}'
    )
    got = on.run(lambda client: client.ask(on.house.CHAT, body))
    assert got.text == GREETING.content
    (sent,) = on.upstream.bodies
    assert sent.count(b'"content"') == 1
    assert b"Pay" not in sent
    function = {"name": "look", "parameters": {"type": "object", "title": "b"}}
    assert json.loads(sent)["tools"] == [{"type": "function", "function": function}]
    assert sent.count(b'"title"') == 1
    assert b'"hi"' in on.log.bodies[on.decision.request_hash]


def test_what_is_left_out_and_what_is_null_stay_so(passed):
    on = passed()
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "it is"}]},
    ]
    on.run(lambda client: client.ask(on.house.CHAT, {"model": "support", "messages": messages}))
    assert on.sent[0]["messages"] == messages


SAYS = "PLANTED, our invoice and password"
HI = {"role": "user", "content": "hi"}
CALL = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
SCHEMA = {"name": "n", "schema": {"type": "object"}, "strict": True}
LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


def of_schema(**more):
    return {"response_format": {"type": "json_schema", "json_schema": {**SCHEMA, **more}}}


@pytest.mark.parametrize(
    "more",
    [
        of_schema(description=SAYS),
        of_schema(more=SAYS),
        {"response_format": {"type": "text", "json_schema": {"name": SAYS}}},
        {"response_format": {"type": "json_object", "more": SAYS}},
        {"tools": [LOOK], "tool_choice": {**LOOK, "function": {"name": "look", "x": SAYS}}},
        {"tools": [LOOK], "tool_choice": {**LOOK, "more": SAYS}},
        {"user": SAYS * 10},
        {"prompt_cache_key": SAYS * 10},
        {"safety_identifier": SAYS * 10},
        {"verbosity": SAYS},
        {"messages": [{**HI, "tool_calls": [{**CALL, "id": SAYS}]}]},
        {"messages": [{**HI, "tool_call_id": SAYS}]},
        {"messages": [HI, {"role": "assistant", "content": "x", "tool_call_id": SAYS}]},
        {"messages": [HI, {"role": "assistant", "tool_calls": [CALL]},
                      {"role": "tool", "content": "x", "tool_call_id": "1",
                       "tool_calls": [{**CALL, "id": SAYS}]}]},
    ],
)  # fmt: skip
def test_what_the_other_way_drops_does_not_go_up(passed, more):
    """Nobody judged it, and the row's hash and the budget know nothing of it."""
    on = passed()
    body = {"model": "support", "messages": [HI], **more}
    assert on.run(lambda client: client.ask(on.house.CHAT, body)).text == GREETING.content
    assert b"PLANTED" not in b"".join(on.upstream.bodies)
    assert on.sent[0]["stream"] is True  # pieces are always asked for


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ({"reasoning_effort": "xhigh"}, {"reasoning_effort": "high"}),
        ({"stop": ["", "x"]}, {"stop": ["x"]}),
        ({"top_k": -1}, {}),
        ({"messages": [{"role": "d\\u0065veloper", "content": "hi"}]},
         {"messages": [{"role": "system", "content": "hi"}]}),
        ({"messages": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]}, {}),
    ],
)  # fmt: skip
def test_what_is_read_as_something_else_goes_up_as_that(passed, said, read):
    on = passed()
    body = json.dumps({"model": "support", "messages": [HI], **said}).replace("\\\\", "\\")
    assert on.run(lambda client: client.ask(on.house.CHAT, body.encode())).status == 200
    (sent,) = on.sent
    del sent["stream"], sent["stream_options"]
    assert sent == {"model": "m", "messages": [HI], **read}


@pytest.mark.parametrize(
    "more",
    [
        of_schema(),
        of_schema(description=None, strict=False),
        {"response_format": {"type": "json_object"}},
        {"tools": [LOOK], "tool_choice": {"type": "function", "function": {"name": "look"}}},
        {"tools": [LOOK], "tool_choice": "required", "parallel_tool_calls": False},
        {"stop": "x", "seed": 1, "temperature": 1, "top_p": 0.5, "top_k": 2, "min_p": None},
        {"reasoning_effort": "low", "verbosity": "low", "user": "u", "prompt_cache_key": "k"},
    ],
)
def test_what_was_read_whole_goes_up_as_it_is(passed, more):
    on = passed()
    body = {"model": "support", "messages": [HI], **more}
    assert on.run(lambda client: client.ask(on.house.CHAT, body)).text == GREETING.content
    assert on.sent == [{**body, "model": "m"}]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", sorted(set(FAULTS) - WHOLE))
def test_no_fault_ends_in_half_an_answer_that_looks_whole(passed, fault, stream):
    route = Route("support", retries=AT_ONCE, deadlines=Deadlines(draft=0.3))
    on = passed(fault, route=route)
    got = on.chat(stream=stream)
    assert got.status == 200
    row = on.decision
    if row.ending == "draft":
        assert (fault, stream) == ("not_streamed", False)
    elif row.ending == "strong":
        assert got.text == "Strongly."
        assert row.why.startswith("draft failed: ")
    else:
        assert stream
        assert fault in BREAKS_OFF | {"huge"}
        assert row.ending == "failed"
        assert "[DONE]" not in got.data
        assert json.loads(got.data[-1])["error"]["message"]
    if stream and row.ending == "strong":
        assert got.data[-1] == "[DONE]"
    said = got.body.decode() + repr(row) + repr(got.headers)
    assert KEY.reveal() not in said


def test_a_failure_of_every_model_is_told_without_secrets(passed):
    on = passed("echo_key")
    on.strong = on.house.Faulty(["refused"], name="strong")
    got = on.chat()
    assert got.status >= 400
    assert KEY.reveal() not in got.body.decode()
    assert on.decision.ending == "failed"
    assert [call.step for call in on.decision.calls] == ["draft", "strong"]


def test_what_may_be_tried_again_is(passed):
    on = passed("server_error", "ok")
    assert on.chat().text == GREETING.content
    (call,) = on.decision.calls
    assert (call.ended, call.attempts) == ("answered", 2)


@pytest.mark.parametrize("stream", [False, True])
def test_nothing_is_asked_again_once_a_tool_call_has_begun(passed, stream):
    made = Message("assistant", tool_calls=(ToolCall("call_1", "send", '{"to": "all"}'),))
    on = passed("cut_politely", script=[made])
    got = on.chat(stream=stream)
    if stream:
        assert on.upstream.seen == 1
        assert on.strong.asked == []
        assert "[DONE]" not in got.data
        assert on.decision.ending == "failed"
    else:  # nobody has seen anything of half a JSON text
        assert on.decision.ending == "strong"


@pytest.mark.parametrize("said", ['{"role": "assistant", "content": ""}', "{}"])
def test_events_without_a_piece_of_an_answer_bind_nobody(passed, house, said):
    """Many servers name the role at once and think then; one that breaks off there said nothing."""
    chunk = b'data: {"choices": [{"index": 0, "delta": %b}]}\n\n' % said.encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + b"Content-Length: 9999\r\n\r\n" + chunk)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(chunk)
        writer.close()

    async def run():
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            cheap = Endpoint("mock/m", Provider(f"http://127.0.0.1:{port}", None), None)
            on = passed()
            lane = house.lane(on.route, cheap, on.strong, log=on.log)
            async with house.gateway(lane) as client:
                got = await client.chat(stream=True)
            await cheap.aclose()
            return got, on.decision

    got, row = house.run(run())
    assert (got.text, got.data[-1]) == ("Strongly.", "[DONE]")
    assert (row.ending, row.why) == ("strong", "draft failed: cut_off")


def test_a_tool_call_is_passed_on(passed):
    made = Message("assistant", tool_calls=(ToolCall("call_1", "look", '{"at": "it"}'),))
    on = passed("ok", script=[made])
    got = on.chat()
    assert got.json()["choices"][0]["message"]["tool_calls"][0]["id"] == "call_1"
    assert on.decision.answer_hash == digest(canonical(made))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["hang", "endless"])
def test_a_client_that_leaves_ends_the_upstream_s_work(passed, house, fault, stream):
    on = passed(fault)

    async def leave(client):
        reader, writer = await client.connect()
        writer.write(house.chat_request("hi", stream=stream))
        await house.until(lambda: on.upstream.seen)
        if stream and fault == "endless":
            await reader.readuntil(b"and so on")
        writer.close()
        await house.until(lambda: on.upstream.left_at)
        await house.until(lambda: on.log.decisions)

    on.run(leave)
    assert on.decision.ending == "left"
    assert on.decision.calls[0].ended == "left"
    assert on.strong.asked == []


def test_money_is_held_and_settled(passed, house):
    budget = Budget(1.0)
    strong = house.Faulty(name="strong")
    on = passed(keys=[house.Key("team")], budgets={"team": budget})
    strong.card = on.strong.card = priced(on.strong.card)
    validator = Validator()
    validator.card = priced(validator.card)
    on.parts["validator"] = validator
    assert on.chat(key="team").status == 200
    assert on.sent[0]["max_tokens"] == on.route.most_output
    assert budget.spent_usd == pytest.approx(PRICE.cost(Usage(1, 0, 8, 0)))
    assert budget.reserved_usd == 0.0


def test_no_money_no_answer(passed, house):
    on = passed(keys=[house.Key("team")], budgets={"team": Budget(1e-9)})
    validator = Validator()
    validator.card = priced(validator.card)
    on.strong.card = priced(on.strong.card)
    on.parts["validator"] = validator
    got = on.chat(key="team")
    assert got.status == 429
    assert on.upstream.seen == 0
    assert on.decision.ending == "refused"


def priced(card):
    from msgspec.structs import replace

    return replace(card, price=PRICE)


def test_what_breaks_off_is_charged_at_its_bound(passed, house):
    budget = Budget(1.0)
    on = passed("cut_politely", keys=[house.Key("team")], budgets={"team": budget})
    validator = Validator()
    validator.card = priced(validator.card)
    on.strong.card = priced(on.strong.card)
    on.parts["validator"] = validator
    on.chat(key="team", stream=True, max_tokens=100)
    assert budget.spent_usd >= 100 * PRICE.output / 1e6
    assert budget.reserved_usd == 0.0


@pytest.mark.parametrize(
    "more",
    [
        {"messages": [HI, {"role": "assistant", "tool_calls": [{**CALL, "id": "i" * 100_000}]},
                      {"role": "tool", "tool_call_id": "i" * 100_000, "content": "x"}]},
        {"stop": ["s" * 200_000]},
        of_schema(name="n" * 200_000),
        {"messages": [{"role": "user", "content": "\n" * 100_000}]},  # twice as long as JSON
    ],
)  # fmt: skip
def test_every_byte_that_goes_up_is_covered(passed, house, more):
    budget = Budget(0.15)
    on = passed(keys=[house.Key("team")], budgets={"team": budget})
    validator = on.parts["validator"] = Validator()
    validator.card, on.strong.card = priced(validator.card), priced(on.strong.card)
    got = on.chat(key="team", max_tokens=1, **more)
    assert got.status == 429
    assert on.upstream.seen == 0
    assert (budget.spent_usd, budget.reserved_usd) == (0.0, 0.0)


def test_a_model_that_keeps_failing_is_left_alone(passed, house):
    on = passed("server_error", route=Route("support", retries=Retries(attempts=1)))

    async def thrice(client):
        lane = client.app.house.lanes["support"]
        breaker = lane.router.parts.cheap.breaker
        breaker._limits = BreakerLimits(trips_after=2)
        return [await client.chat() for _ in range(3)]

    assert [got.text for got in on.run(thrice)] == ["Strongly."] * 3
    assert on.upstream.seen == 2
    assert [row.calls[0].ended for row in on.log.decisions][-1] == "not_asked"


@pytest.mark.parametrize("stream", [False, True])
def test_an_audit_sees_what_went_out(passed, house, stream):
    route = Route("support", audit_share=1.0)
    judge = Validator()
    clock = SystemClock()
    on = passed(route=route)
    on.parts["auditor"] = Auditor(
        Upstream(judge, Breaker(clock.monotonic)), on.log, clock=clock, rng=random.Random(1)
    )

    async def ask(client):
        await client.chat(stream=stream)
        await on.parts["auditor"].settle()

    on.run(ask)
    decision, audit = on.log.entries
    assert decision.audited
    assert audit.of == decision.id
    assert audit.answer_hash == decision.answer_hash


def test_the_log_may_be_down(passed):
    on = passed()
    on.log.down = True
    assert on.chat().text == GREETING.content


def test_connections_are_kept(passed, house):
    on = passed()

    async def often(client):
        reader, writer = await client.connect()
        for _ in range(3):
            writer.write(house.chat_request())
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            assert json.loads(await reader.readexactly(length))["choices"]
        writer.close()

    on.run(often)
    assert len(on.log.decisions) == 3


def test_many_at_once(passed, house):
    on = passed("instant")

    async def ask(client):
        kinds = [number % 2 == 0 for number in range(40)]
        return await asyncio.gather(*[client.chat(stream=stream) for stream in kinds])

    for got in on.run(ask):
        assert got.text == GREETING.content
    assert [row.ending for row in on.log.decisions] == ["draft"] * 40
