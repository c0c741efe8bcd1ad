"""The exact cache: what is given again, to whom, for how long, and what the log says of it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ossay.core.decision import Audit, Decision
from ossay.core.types import Message, Reply, Timing, Usage
from ossay.gateway.cache import Cache
from ossay.gateway.cached import Cached
from ossay.gateway.house import Lane
from ossay.gateway.observed import Observed
from ossay.models.clock import SystemClock
from ossay.router.audit import Auditor
from ossay.router.breaker import Breaker
from ossay.router.detectors import detector
from ossay.router.planner import ByTable
from ossay.router.router import Router
from ossay.router.stage import Upstream


class Hand:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def kept(house):
    """A route with a cache: ask it, and look at what was asked of the model and logged."""

    class Kept:
        def __init__(self, route=None, seconds=60.0, **more):
            self.notes, self.clock = house.Notes(), Hand()
            self.cheap = more.pop("cheap", None) or house.Faulty(name="cheap")
            self.cache = Cache(self.clock)
            made = house.lane(route, self.cheap, log=self.notes, **more)
            self.lane = Lane(made.name, Cached(made.router, self.cache, seconds))

        def ask(self, *asked, keys=()):
            async def all_of_them():
                answers = []
                async with house.gateway(self.lane, keys=keys) as client:
                    for one in asked:
                        answers.append(await client.chat(**one))
                await self.lane.router.aclose()
                return answers

            return house.run(all_of_them())

    return Kept


def test_the_same_request_is_answered_once_and_logged_twice(kept):
    made = kept()
    first, second = made.ask({"text": "What?"}, {"text": "What?"})
    assert first.text == second.text
    assert len(made.cheap.asked) == 1
    one, two = made.notes.decisions
    assert two.why == f"cached: the answer of {one.id}"
    assert (two.plan, two.ending, two.answer_hash) == ("cheap", "draft", one.answer_hash)
    assert (two.calls, two.cost_usd, two.request_hash) == ((), 0.0, one.request_hash)
    assert two.id != one.id
    assert second.headers["x-ossay-decision"] == two.id


def test_a_stream_is_given_again_as_a_whole_body_and_the_other_way_round(kept):
    made = kept()
    answers = made.ask({"stream": True}, {"stream": False}, {"stream": True})
    assert len({answer.text for answer in answers}) == 1
    assert answers[2].data[-1] == "[DONE]"
    assert len(made.cheap.asked) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"text": "What else?"},
        {"temperature": 0.5},
        {"max_tokens": 5},
        {"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "What?"}]},
    ],
)
def test_any_other_request_is_asked_anew(kept, other):
    made = kept()
    made.ask({"text": "What?"}, {"text": "What?", **other})
    assert len(made.cheap.asked) == 2


def test_one_key_never_gets_what_another_asked(kept, house):
    made = kept()
    keys = [house.Key("team-a", "a"), house.Key("team-b", "b")]
    made.ask({"key": "a"}, {"key": "b"}, {"key": "a"}, keys=keys)
    assert len(made.cheap.asked) == 2
    assert [one.key for one in made.notes.decisions] == ["team-a", "team-b", "team-a"]


TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
ACTED = [
    {"role": "user", "content": "What?"},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "1", "content": "nothing"},
]  # fmt: skip


@pytest.mark.parametrize("fields", [{"tools": [TOOL]}, {"messages": ACTED}])
def test_with_tools_nothing_is_kept(kept, fields):
    made = kept()
    made.ask(fields, fields)
    assert len(made.cheap.asked) == 2
    assert len(made.cache) == 0


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        ({}, {"headers": {"x-ossay-criticality": "high"}}),
        ({"detectors": (detector("legal"),)}, {"text": "Is this contract void?"}),
    ],
)
def test_high_criticality_is_never_kept_nor_answered_from_it(kept, more, asked):
    made = kept(**more)
    made.ask(asked, asked)
    assert len(made.cheap.asked) == 2
    assert len(made.cache) == 0


def test_what_was_kept_under_a_weaker_plan_is_not_given_where_a_better_guard_is_due(kept):
    made = kept()
    medium = {"headers": {"x-ossay-criticality": "medium"}}
    high = {"headers": {"x-ossay-criticality": "high"}}
    made.ask({}, medium, {}, high)
    assert [one.plan for one in made.notes.decisions] == ["cheap", "validate", "validate",
                                                          "validate"]  # fmt: skip
    assert [bool(one.calls) for one in made.notes.decisions] == [True, True, False, True]


def test_a_tripped_stratum_is_answered_anew(kept, house):
    planner = ByTable()
    made = kept(planner=planner)
    made.ask({})
    planner.trip("support/low", "too much escaped")
    made.ask({})
    assert [one.plan for one in made.notes.decisions] == ["cheap", "strong"]


def test_half_an_answer_is_not_kept(kept, house):
    made = kept(cheap=house.Faulty(["cut"], name="cheap"))
    (answer,) = made.ask({"stream": True})
    assert "error" in answer.data[-1]
    assert len(made.cache) == 0


def test_it_is_given_again_for_so_long_only(kept):
    made = kept(seconds=60.0)
    made.ask({}, {})
    made.clock.now += 60.0
    made.ask({}, {})
    assert len(made.cheap.asked) == 2
    assert len(made.cache) == 1


def test_a_log_that_is_down_does_not_keep_an_answer_back(kept):
    made = kept()
    made.ask({})
    made.notes.down = True
    (answer,) = made.ask({})
    assert answer.status == 200


def test_answers_given_again_are_audited_as_often_as_others(kept, house):
    clock, notes = SystemClock(), house.Notes()
    judge = Upstream(house.Validator(), Breaker(clock.monotonic))
    auditor = Auditor(judge, notes, clock=clock, rng=random.Random(1))
    made = kept(house.Route("support", audit_share=1.0), auditor=auditor)
    made.ask({}, {}, {})
    assert [one.audited for one in made.notes.decisions] == [True] * 3
    assert [one.audit_chance for one in made.notes.decisions] == [1.0] * 3
    assert [audit.of for audit in notes.entries] == [one.id for one in made.notes.decisions]


class Draws(random.Random):
    """Draws what it is told, then 0."""

    def __init__(self, *draws):
        super().__init__(1)
        self._draws = list(draws)

    def random(self):
        return self._draws.pop(0) if self._draws else 0.0


def doubted(kept, house, **more):
    """A route with a cache whose auditor rejects, and never doubts the first answer."""
    clock, notes = SystemClock(), house.Notes()
    made = kept(**more)
    no = '{"verdict": "reject", "score": 0.0, "reason": "wrong", "edits": []}'
    judge = Upstream(house.Faulty(message=Message("assistant", no)), Breaker(clock.monotonic))
    log = Observed(notes, (made.cache.hear,))
    auditor = Auditor(judge, log, clock=clock, rng=random.Random(1))
    made.audits = notes.entries
    route = house.Route("support", audit_share=0.5)
    parts = replace(made.lane.router.parts, route=route, auditor=auditor, rng=Draws(0.9))
    made.lane = Lane("support", Cached(Router(parts), made.cache, 60.0))
    made.auditor = auditor
    return made


def test_an_answer_found_wrong_the_second_time_is_forgotten_too(kept, house):
    made = doubted(kept, house)

    async def run():
        async with house.gateway(made.lane) as client:
            for _ in range(3):
                await client.chat()
                await made.auditor.settle()

    house.run(run())
    assert [one.audited for one in made.notes.decisions] == [False, True, True]
    assert made.audits[0].of == made.notes.decisions[1].id
    assert len(made.cheap.asked) == 2
    assert len(made.cache) == 0


def decision(number, **more):
    return Decision(
        id=f"d{number}", at=1.0, route="r", criticality="low", declared="low",
        declared_by="route", plan="cheap", plan_why="", ending="draft", request_hash="h", **more,
    )  # fmt: skip


def reply(text):
    return Reply(Message("assistant", text), Usage(), Timing(0.0, 0.0))


def test_an_answer_that_an_audit_finds_wrong_is_forgotten():
    cache = Cache(Hand())
    for number in (1, 2):
        cache.put(f"k{number}", reply("x"), decision(number), 9.0)
    cache.hear(Audit("a1", "d1", 2.0, 0.5, True, "h"))
    cache.hear(Audit("a2", "d2", 2.0, 0.5, False, "h"))
    assert cache.get("k1") is None
    assert cache.get("k2").decision.id == "d2"


def test_an_answer_that_was_found_wrong_before_its_end_is_not_kept():
    """A held answer's audit may be over before a slow client has taken the answer."""
    cache = Cache(Hand())
    cache.hear(Audit("a1", "d1", 2.0, 0.5, True, "h"))
    cache.put("k1", reply("x"), decision(1), 9.0)
    cache.put("k2", reply("x"), decision(2), 9.0)
    assert cache.get("k1") is None
    assert cache.get("k2").decision.id == "d2"


def test_what_is_remembered_of_audits_is_bounded():
    cache = Cache(Hand())
    cache.put("k", reply("x"), decision(0), 9.0)
    kept = cache.get("k")
    for number in range(10_000):
        cache.repeat(kept, f"again {number}")
        cache.hear(Audit(f"a{number}", f"other {number}", 2.0, 0.5, True, "h"))
    assert len(cache._again) == len(cache._wrong) == 4_096
    assert cache.get("k") is kept
    cache.hear(Audit("a", "again 9999", 2.0, 0.5, False, "h"))
    assert cache.get("k") is kept
    cache.hear(Audit("a", "again 9998", 2.0, 0.5, True, "h"))
    assert cache.get("k") is None


def test_an_answer_too_large_is_not_kept():
    cache = Cache(Hand())
    cache.put("k", reply("x" * (1 << 20)), decision(1), 9.0)
    assert (len(cache), cache.size) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4_000), st.booleans()), max_size=40))
def test_it_never_holds_more_than_it_may_and_counts_right(steps):
    clock = Hand()
    cache = Cache(clock, most=12_000)
    for number, (key, size, read) in enumerate(steps):
        clock.now += 1.0
        if read:
            found = cache.get(str(key))
            assert found is None or found.until > clock.now
        else:
            cache.put(str(key), reply("x" * size), decision(number), 5.0)
        assert cache.size <= 12_000
        assert cache.size == sum(one.size for one in cache._kept.values())
        assert len(cache._of) == len(cache)
