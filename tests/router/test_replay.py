"""A log through today's routes: planned as they would, priced by what was measured."""

import random

import pytest

from ossay.models.scripted import scripted
from ossay.router.breaker import Breaker
from ossay.router.detectors import detector
from ossay.router.planner import Planned
from ossay.router.replay import replay
from ossay.router.route import Plans, Route
from ossay.router.stage import Upstream
from ossay.router.work import Parts


class ByWord:
    """Publishes what asks to add."""

    def plan(self, route, request, criticality):
        easy = "add" in request.messages[-1].content
        return Planned("cheap" if easy else "strong", "its word")


def parts(**more):
    cheap, strong, judge = (
        Upstream(scripted(name), Breaker(lambda: 0.0))
        for name in ("drafter", "expert", "validator")
    )
    given = {"route": Route("support"), "validator": judge} | more
    return Parts(cheap=cheap, strong=[strong], clock=None, rng=random.Random(1), **given)


@pytest.fixture
def replayed(asking):
    """(entries, bodies of these queries, …) -> what today's route 'support' would have done."""

    def run(*entries, queries=(), **more):
        bodies = dict(asking(query) for query in queries)
        return replay(entries, bodies.get, {"support": parts(**more)})

    return run


def test_plans_then_and_now(replayed, decision):
    log = [
        decision(1, "add it"),
        decision(2, "prove it"),
        decision(3, "add them", plan="strong", ending="strong"),
    ]
    found = replayed(*log, queries=("add it", "prove it", "add them"), planner=ByWord())
    assert (found.requests, found.replayed, found.changed) == (3, 3, 2)
    assert [(one.then, one.now, one.count) for one in found.cells] == [
        ("cheap", "cheap", 1), ("cheap", "strong", 1), ("strong", "cheap", 1),
    ]  # fmt: skip
    assert found.why == {"its word": 2}


def test_what_can_not_be_replayed_is_counted_with_its_reason(replayed, decision):
    found = replayed(
        decision(1, "kept"),
        decision(2, "gone"),
        decision(3, "never", kept_until=0.0),
        decision(4, "kept", route="other"),
        queries=("kept",),
    )
    assert found.replayed == 1
    assert found.left_out == {
        "its text is no longer kept": 1,
        "its text was not kept (keep_days = 0)": 1,
        "there is no such route now": 1,
    }
    odd = replay([decision(1)], lambda hash: b"[1", {"support": parts()})
    assert odd.left_out == {"its text can't be read": 1}


def test_costs_are_the_calls_that_were_made_and_means_of_the_route_for_others(replayed, decision):
    log = [decision(n, "prove it") for n in range(20)]
    log += [decision(n, "add it", plan="validate", ending="strong") for n in range(20, 30)]
    found = replayed(*log, queries=("add it", "prove it"), planner=ByWord())
    to_strong, to_cheap = found.cells
    assert (to_strong.priced, to_cheap.priced) == (20, 10)
    assert to_strong.usd_then == pytest.approx(20 * 0.001)
    assert to_strong.usd_now == pytest.approx(20 * 0.02)
    assert to_cheap.usd_now == pytest.approx(10 * 0.001)


def test_a_validated_draft_is_redone_as_often_as_the_routes_were(replayed, decision):
    log = [
        decision(n, plan="validate", ending="strong" if n < 5 else "draft") for n in range(20)
    ] + [decision(n) for n in range(20, 30)]
    plans = Plans(low="validate")
    found = replayed(*log, queries=("what?",), route=Route("support", plans=plans))
    cell = next(one for one in found.cells if one.then == "cheap")
    assert cell.priced == 0  # five strong calls are too few to tell their mean
    log += [decision(n, plan="validate", ending="strong") for n in range(30, 35)]
    found = replayed(*log, queries=("what?",), route=Route("support", plans=plans))
    cell = next(one for one in found.cells if one.then == "cheap")
    assert cell.usd_now == pytest.approx(10 * (0.001 + 0.002 + 10 / 25 * 0.02))


def test_what_costs_nobody_knows_is_not_priced(replayed, call, decision):
    log = [decision(n, "prove it", calls=[call("draft", cost_usd=None)]) for n in range(5)]
    (cell,) = replayed(*log, queries=("prove it",), planner=ByWord()).cells
    assert (cell.count, cell.priced, cell.usd_now) == (5, 0, 0.0)


def test_criticality_is_assessed_anew_and_what_was_declared_stays(replayed, decision):
    log = [
        decision(1, "sign this contract and sue them in court"),
        decision(2, "hello", criticality="high", declared="high", declared_by="header",
                 plan="validate"),
        decision(3, "hello", criticality="medium", declared="low", plan="validate"),
    ]  # fmt: skip
    found = replayed(
        *log,
        queries=("sign this contract and sue them in court", "hello"),
        detectors=[detector("legal")],
    )
    assert (found.raised, found.lowered) == (1, 1)
    assert {(one.then, one.now) for one in found.cells} >= {("validate", "validate")}


def test_high_criticality_is_never_planned_cheap(replayed, decision):
    high = decision(1, "add it", criticality="high", declared="high", declared_by="key",
                    plan="validate")  # fmt: skip
    (cell,) = replayed(high, queries=("add it",), planner=ByWord()).cells
    assert cell.now == "strong"


def test_audits_tell_what_each_change_would_have_met(replayed, decision, audit):
    log = []
    for number, (query, wrong) in enumerate([("prove it", True), ("add it", False)] * 3):
        one = decision(number, query, audit_chance=0.5, audited=True)
        log += [one, audit(one, wrong)]
    found = replayed(*log, queries=("add it", "prove it"), planner=ByWord())
    assert {(one.now, one.audited, one.wrong) for one in found.cells} == {
        ("cheap", 3, 0), ("strong", 3, 3),
    }  # fmt: skip
