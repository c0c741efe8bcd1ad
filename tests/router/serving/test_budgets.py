"""Money is held before it is spent: 64 requests at once never spend more than there is."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ossay.core.errors import ConfigError
from ossay.core.types import (
    Message,
    ModelCard,
    Price,
    Reply,
    Request,
    Sampling,
    Tool,
    ToolCall,
    Usage,
)
from ossay.models.providers import Provider
from ossay.models.scripted_faults import FAULTS, Faulty
from ossay.models.scripted_review import SLIP, WRONG, Validator
from ossay.models.wire import encode_request
from ossay.router.budget import Budget, OverBudget, bound_usd
from ossay.router.router import Router
from ossay.router.work import Caller

PRICE = Price(3.0, 15.0, "2026-01-01", "made up")
HI = Request((Message("user", "hi"),), sampling=Sampling(max_tokens=50))


class Dear:
    """Any model, slow and at a price."""

    def __init__(self, model, rng):
        self.card = replace(model.card, price=PRICE)
        self._model = model
        self._rng = rng

    async def stream(self, request):
        await asyncio.sleep(self._rng.uniform(0.0, 2.0))
        async for delta in self._model.stream(request):
            if delta.reply is not None:
                delta = replace(delta, reply=self._priced(delta.reply, request))
            yield delta

    def _priced(self, reply: Reply, request: Request) -> Reply:
        sent = sum(len(message.content) for message in request.messages) // 2
        used = Usage(input_tokens=sent, output_tokens=self._rng.randrange(50))
        return replace(reply, usage=used)


@settings(max_examples=40, deadline=None)
@given(
    limit=st.floats(0.0, 0.5),
    seed=st.integers(0, 2**32),
    level=st.sampled_from(["low", "medium", "high"]),
    faults=st.lists(st.sampled_from([*FAULTS, ""]), max_size=40),
)
def test_64_at_once_never_overspend(stage, run, limit, seed, level, faults):
    rng = random.Random(seed)
    budget = Budget(limit)
    seen = []

    async def one(router):
        task = asyncio.create_task(read(router))
        if rng.random() < 0.2:
            await asyncio.sleep(rng.uniform(0.0, 4.0))
            task.cancel()
        await asyncio.wait((task,))
        if not task.cancelled():
            task.exception()
        seen.append(budget.spent_usd + budget.reserved_usd)

    async def read(router):
        async for _ in router.ask(HI, Caller("team", header=level)).stream():
            seen.append(budget.spent_usd + budget.reserved_usd)

    async def all_at_once():
        text = rng.choice([SLIP, WRONG])
        cheap = Faulty(list(faults), Message("assistant", text), name="cheap")
        on = stage(Dear(cheap, rng), Dear(Faulty(name="strong"), rng), Dear(Validator(), rng))
        router = Router(replace(on.parts, budgets={"team": budget}))
        await asyncio.gather(*[one(router) for _ in range(64)])
        return on.log.decisions

    decisions = run(all_at_once())
    assert max(seen) <= limit
    assert budget.reserved_usd == 0.0
    assert len(decisions) == 64
    known = sum(call.cost_usd or 0.0 for decision in decisions for call in decision.calls)
    assert known <= budget.spent_usd + 1e-9
    for decision in decisions:
        assert decision.ending != "refused" or decision.answer_hash == ""


def test_a_refusal_says_what_is_left_and_asks_nobody(stage, run):
    on = stage(Dear(Faulty(name="cheap"), random.Random(1)))
    budgets = {"team": Budget(0.000001)}

    async def go():
        router = Router(replace(priced(on), budgets=budgets))
        async for _ in router.ask(HI, Caller("team")).stream():
            pass

    with pytest.raises(OverBudget, match="used up") as told:
        run(go())
    assert told.value.status == 429
    assert on.decision.ending == "refused"
    assert on.decision.calls == ()


def priced(on):
    rng = random.Random(2)
    on.strong, on.validator = Dear(on.strong, rng), Dear(on.validator, rng)
    return on.parts


def test_a_key_without_a_budget_spends_freely(stage, run):
    on = stage(Dear(Faulty(name="cheap"), random.Random(1)))

    async def go():
        router = Router(replace(priced(on), budgets={"team": Budget(0.0)}))
        return [delta async for delta in router.ask(HI, Caller("other")).stream()]

    assert run(go())[-1].reply is not None


def test_budgets_need_prices(stage):
    on = stage()
    on.strong.card = ModelCard("lab/unpriced")
    with pytest.raises(ConfigError, match="'lab/unpriced'"):
        Router(replace(on.parts, budgets={"team": Budget(1.0)}))


def test_output_is_bounded_where_the_caller_did_not(stage, run):
    cheap = Faulty(name="cheap")
    on = stage(Dear(cheap, random.Random(1)))

    async def go():
        router = Router(replace(priced(on), budgets={"team": Budget(1.0)}))
        asked = Request((Message("user", "hi"),))
        async for _ in router.ask(asked, Caller("team")).stream():
            pass

    run(go())
    assert cheap.asked[0].sampling.max_tokens == 4_096


def test_what_costs_more_than_its_bound_is_booked_in_full():
    budget = Budget(1.0)
    purse = budget.reserve(0.4)
    purse.charge(0.7)
    assert (budget.spent_usd, budget.reserved_usd) == (0.7, 0.0)
    with pytest.raises(OverBudget):
        budget.reserve(0.4)
    purse.close()
    budget.renew()
    assert budget.spent_usd == 0.0


def test_what_was_spent_before_a_start_counts():
    with pytest.raises(OverBudget):
        Budget(1.0, spent_usd=0.9).reserve(0.2)


@given(st.text(), st.integers(0, 10_000))
def test_a_bound_is_never_below_a_token_a_byte(text, most):
    request = Request((Message("user", text),), sampling=Sampling(max_tokens=most))
    sent = len(text.encode("utf-8", "surrogatepass"))
    used = Usage(input_tokens=sent, output_tokens=most)
    assert bound_usd(request, PRICE, 0) >= PRICE.cost(used)


LONG = 'a"' * 500
CALLED = Message("assistant", tool_calls=(ToolCall("1", "f", "{}"),))


@pytest.mark.parametrize(
    ("more", "least"),
    [
        ({"messages": (*HI.messages, replace(CALLED, tool_calls=(ToolCall(LONG, "f", "{}"),)))},
         1_000),
        ({"messages": (*HI.messages, CALLED, Message("tool", "x", tool_call_id=LONG))}, 1_000),
        ({"sampling": Sampling(max_tokens=50, stop=("x", LONG))}, 1_000),
        ({"tools": (Tool("f", "", {}),), "tool_choice": LONG}, 1_000),
        ({"response_schema": {}, "response_name": LONG}, 1_000),
        ({"response_schema": {"title": LONG}}, 1_500),
        ({"tools": (Tool("f", "", {"title": LONG}),)}, 1_500),
        ({"tools": (Tool("f", "", {"title": LONG + "\udc80"}),)}, 1_500),
    ],
)  # fmt: skip
def test_all_that_is_sent_is_in_the_bound(more, least):
    """A schema is sent as JSON, where a quote is two bytes."""
    asked = replace(HI, **more)
    assert len(encode_request(asked, Provider("http://127.0.0.1:1/v1"), "m", {})) > 1_500
    assert bound_usd(asked, PRICE, 0) >= PRICE.cost(Usage(least, output_tokens=50))


def test_a_body_that_is_sent_as_it_is_counts_whole():
    assert bound_usd(HI, PRICE, 0, at_least=9_000) == PRICE.cost(Usage(9_000, output_tokens=50))
    assert bound_usd(HI, PRICE, 0, at_least=1) == bound_usd(HI, PRICE, 0)
