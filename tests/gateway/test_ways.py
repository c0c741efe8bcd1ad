"""The flat way and the way through pieces: one row, one bill and one answer, whichever is taken."""

import asyncio
import json
import random
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from ossay.core.types import Message, Price, ToolCall
from ossay.models.clock import SystemClock
from ossay.models.endpoint import Endpoint
from ossay.models.mock_upstream import GREETING, MockUpstream
from ossay.models.providers import Provider
from ossay.models.retry import RetryPolicy
from ossay.models.scripted_review import Validator
from ossay.router.audit import Auditor
from ossay.router.breaker import Breaker, BreakerLimits
from ossay.router.budget import Budget
from ossay.router.detectors import detector
from ossay.router.route import Retries, Route
from ossay.router.stage import Upstream

PRICE = Price(1.0, 2.0, "2026-11-10", "a test")
# What goes wrong before a piece of an answer, so that no timing decides what comes of it.
FAULTS = ("rate_limited_silent", "server_error", "context_exhausted", "redirect", "echo_key",
          "html", "error_in_200", "empty_choices", "drop", "not_http")  # fmt: skip
CALLS = Message("assistant", tool_calls=(ToolCall("call_1", "look", '{"at": "it"}'),))
REQUESTS = 80
ROUTE = Route(
    "support",
    retries=Retries(base_s=0.0, most_s=0.0),
    audit_share=0.5,
    keep_days=1.0,
    most_output=100,
)


class OneDate(SystemClock):
    """Ids begin with the time, and are to be the same both ways."""

    def unix(self):
        return 1.8e9


class Pieces:
    """A model that can't be passed on to."""

    def __init__(self, model):
        self._model = model
        self.card = model.card

    def stream(self, request):
        return self._model.stream(request)


class Way:
    """A gateway of one route, and all that came of asking it."""

    def __init__(self, house, seed, *, flat):
        rng = random.Random(seed)
        self.flat = flat
        faults = [rng.choice((*FAULTS, *["ok"] * 15)) for _ in range(10 * REQUESTS)]
        self.upstream = MockUpstream(faults, [rng.choice([GREETING, CALLS]) for _ in range(20)])
        self.log = house.Notes()
        self.budget = Budget(0.02)
        self.got = []

    @asynccontextmanager
    async def open(self, house):
        clock = OneDate()
        async with self.upstream:
            row = Provider(self.upstream.base_url, None, prices={"m": PRICE})
            model = Endpoint("mock/m", row, None, retry=RetryPolicy(attempts=1))
            strong, judge = house.Faulty(name="strong"), Validator()
            for one in (strong, judge):
                one.card = replace(one.card, price=PRICE)
            auditor = Auditor(
                Upstream(Validator(), Breaker(clock.monotonic)),
                self.log,
                clock=clock,
                rng=random.Random(3),
                most=10**6,
            )
            cheap = model if self.flat else Pieces(model)
            lane = house.lane(
                ROUTE, cheap, strong, judge, log=self.log, auditor=auditor, clock=clock,
                budgets={"team": self.budget}, detectors=[detector("money")],
            )  # fmt: skip
            breaker = lane.router.parts.cheap.breaker
            breaker._limits = BreakerLimits(trips_after=3, open_s=0.0)
            async with house.gateway(lane, keys=[house.Key("team"), house.Key("rich")]) as client:
                yield client
                await auditor.settle()
            await model.aclose()

    @property
    def rows(self):
        """Decisions but for times."""
        return [
            replace(
                row,
                at=0.0,
                seconds=0.0,
                kept_until=0.0,
                calls=tuple(replace(call, seconds=0.0) for call in row.calls),
            )
            for row in self.log.decisions
        ]


def asks(seed):
    """Requests as a client makes them."""
    rng = random.Random(seed)
    tool = {"name": "look", "parameters": {"type": "object", "properties": {}}}
    for number in range(REQUESTS):
        fields = {"temperature": rng.choice([None, 0.0, 0.7]), "max_tokens": rng.choice([None, 50])}
        if rng.random() < 0.3:
            fields["tools"] = [{"type": "function", "function": tool}]
        if rng.random() < 0.5:
            fields["stream"] = True
            fields["stream_options"] = {"include_usage": rng.random() < 0.5}
        level = rng.choice([None, "low", "low", "medium", "high"])
        yield {
            "text": f"Question {number}. " + rng.choice(["", "Please refund it."]),
            "key": rng.choice(["team", "rich"]),
            "headers": {} if level is None else {"x-ossay-criticality": level},
            **{name: value for name, value in fields.items() if value is not None},
        }


def heard(got):
    """What a client can tell of an answer, but for what names and dates it."""
    of_decision = [got.headers.get(f"x-ossay-{name}") for name in ("plan", "route", "decision")]
    if got.status != 200:
        return got.status, of_decision, got.error
    if not got.headers["content-type"].startswith("text/event-stream"):
        said = got.json()["choices"][0]["message"]
        calls = said.get("tool_calls") or []
        ending = got.headers["x-ossay-ending"]
        return said.get("content") or "", [one["function"] for one in calls], of_decision, ending
    assert got.data[-1] == "[DONE]"
    counted = [one for one in got.data[:-1] if json.loads(one).get("usage")]
    return got.text, len(counted), of_decision


@pytest.mark.parametrize("seed", range(3))
def test_the_row_is_the_same_whichever_way_is_taken(house, seed):
    async def ask_all(way):
        async with way.open(house) as client:
            for one in asks(seed):
                way.got.append(await client.chat(**one))

    ways = [Way(house, seed, flat=True), Way(house, seed, flat=False)]

    async def both():
        await asyncio.gather(*[ask_all(way) for way in ways])

    house.run(both())
    flat, pieces = ways
    for number, (one, other) in enumerate(zip(flat.rows, pieces.rows, strict=True)):
        assert one == other, number
    assert [heard(got) for got in flat.got] == [heard(got) for got in pieces.got]
    assert flat.upstream.seen == pieces.upstream.seen
    assert flat.budget.spent_usd == pieces.budget.spent_usd > 0.0
    assert flat.budget.reserved_usd == pieces.budget.reserved_usd == 0.0
    audits = [{one.of for one in way.log.entries if hasattr(one, "of")} for way in ways]
    assert audits[0] == audits[1] == {row.id for row in flat.rows if row.audited and row.draft_hash}
    assert set(flat.log.bodies) == set(pieces.log.bodies)
    endings = {row.ending for row in flat.rows}
    assert {"draft", "strong", "refused"} <= endings
    assert any(row.raised for row in flat.rows)
    assert {row.plan for row in flat.rows} == {"cheap", "validate"}
