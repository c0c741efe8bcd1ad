"""Sums over decisions and audits: each entry once, unknown stays unknown, memory stays bounded."""

import random

import pytest

from ossay.core.decision import Trip
from ossay.router.latency import Latencies
from ossay.router.tally import Tallies, Tally, answered_by


def summed(*entries):
    tally = Tally()
    for entry in entries:
        tally.add(entry)
    return tally.summary()


def test_traffic_by_plan_ending_and_criticality(decision):
    found = summed(
        decision(1),
        decision(2, plan="validate", ending="strong", criticality="medium", raised=("money",)),
        decision(3, ending="left", calls=[]),
    )
    assert found.requests == 3
    assert (found.first_at, found.last_at) == (1_001.0, 1_003.0)
    assert found.plans == {"cheap": 2, "validate": 1}
    assert found.endings == {"draft": 1, "strong": 1, "left": 1}
    assert found.endings_of["cheap"] == {"draft": 1, "left": 1}
    assert (found.criticality, found.raised) == ({"low": 2, "medium": 1}, 1)


def test_an_empty_tally_has_a_summary():
    found = summed()
    assert (found.requests, found.first_at, found.escapes.estimate) == (0, None, None)
    assert (found.money.always_strong_usd, found.money.saved) == (None, None)


def test_always_strong_is_measured_where_it_was_asked_and_scaled_elsewhere(call, decision):
    both = [decision(n, plan="validate", ending="strong") for n in range(10)]
    drafts = [decision(n, calls=[call("draft", cost_usd=0.002)]) for n in range(10, 40)]
    money = summed(*both, *drafts).money
    assert (money.measured, money.by_ratio, money.by_mean) == (10, 30, 0)
    assert money.always_strong_usd == pytest.approx(10 * 0.02 + 30 * 0.002 * 0.02 / 0.001)
    assert money.compared_usd == pytest.approx(10 * 0.023 + 30 * 0.002)
    assert money.saved == pytest.approx(1 - (0.23 + 0.06) / 1.4)


def test_without_a_draft_beside_it_the_mean_strong_call_stands_in(decision):
    strong = [decision(n, plan="strong", ending="strong") for n in range(10)]
    money = summed(*strong, decision(11)).money
    assert (money.measured, money.by_mean) == (10, 1)
    assert money.always_strong_usd == pytest.approx(11 * 0.02)


def test_too_few_strong_calls_and_unknown_costs_are_said(call, decision):
    money = summed(decision(1), decision(2, calls=[call("draft", cost_usd=None)])).money
    assert (money.always_strong_usd, money.not_compared, money.unknown) == (None, 2, 1)
    assert money.usd == pytest.approx(0.001)


def test_audits_are_spent_money_too(decision, audit):
    drawn = decision(1, audit_chance=0.5, audited=True)
    strong = [decision(n, plan="strong", ending="strong") for n in range(2, 12)]
    money = summed(drawn, *strong, audit(drawn)).money
    assert money.audits_usd == pytest.approx(0.02)
    assert money.saved == pytest.approx(1 - (0.001 + 0.2 + 0.02) / (11 * 0.02))


def test_escapes_are_weighted_and_what_has_no_chance_is_left_out(decision, audit):
    entries = []
    for number in range(400):
        one = decision(number, audit_chance=0.5, audited=number % 2 == 0)
        entries += [one, *([audit(one, wrong=number < 20)] if one.audited else [])]
    entries += [decision(n, plan="strong", ending="strong") for n in range(400, 500)]
    entries += [decision(500, plan="validate", criticality="medium")]
    seen = summed(*entries).escapes
    assert (seen.requests, seen.excluded, seen.not_covered) == (500, 100, 1)
    assert (seen.drawn, seen.labelled, seen.unlabelled, seen.wrong) == (200, 200, 0, 10)
    assert seen.estimate.rate == pytest.approx(10 / 0.5 / 500)
    assert seen.estimate.interval.low < 0.04 < seen.estimate.at_most < 0.15


def test_audits_without_a_label_are_counted_and_raise_the_bound(decision, audit):
    drawn = [decision(n, audit_chance=1.0, audited=True) for n in range(100)]
    whole = summed(*drawn, *(audit(one) for one in drawn)).escapes
    failed = [
        audit(one, None if n < 5 else False, ended="malformed") for n, one in enumerate(drawn)
    ]
    some = summed(*drawn, *failed[:98]).escapes
    assert (some.labelled, some.unlabelled) == (93, 7)
    assert some.estimate.at_most > whole.estimate.at_most
    assert summed(*drawn, *failed).failures["audit"] == {"malformed": 100}


def test_verdicts_and_a_false_reject_that_shows(call, decision):
    refused = {"plan": "validate", "ruling": "reject", "ending": "strong"}
    said = summed(
        decision(1, plan="validate", ruling="approve", approval=0.9),
        decision(2, plan="validate", ruling="repair", ending="repair"),
        decision(3, **refused, draft_hash="a", answer_hash="b"),
        decision(4, **refused, draft_hash="a", answer_hash="a"),
        decision(5, plan="validate", ruling="approve", approval=0.2, ending="strong"),
        decision(
            6, plan="validate", ending="strong",
            calls=[call("draft"), call("validate", "malformed"), call("strong")],
        ),
        decision(7),
    ).verdicts  # fmt: skip
    assert (said.asked, said.approved, said.repaired, said.rejected) == (6, 2, 1, 2)
    assert (said.too_unsure, said.malformed, said.failed) == (1, 1, 0)
    assert (said.redone, said.same_again) == (4, 1)


def test_waits_count_failed_calls_and_not_those_never_made(call, decision):
    found = summed(
        decision(
            1,
            ending="strong",
            calls=[call("draft", "deadline", seconds=60.0), call("strong")],
            seconds=62.0,
        ),
        decision(2, ending="failed", calls=[call("strong", "not_asked", seconds=0.0)]),
    )
    assert found.latency["draft"].p50_s == pytest.approx(60.0, rel=0.02)
    assert found.latency["strong"].count == 1
    assert found.failures == {"draft": {"deadline": 1}, "strong": {"not_asked": 1}}


def test_percentiles_are_within_a_step_in_bounded_memory():
    waits, rng = Latencies(), random.Random(3)
    times = sorted(rng.lognormvariate(0, 2) for _ in range(20_000))
    for seconds in times:
        waits.add(seconds)
    found = waits.summary()
    assert found.p50_s == pytest.approx(times[10_000], rel=0.02)
    assert found.p95_s == pytest.approx(times[19_000], rel=0.02)
    for odd in (float("nan"), -1.0, float("inf"), 0.0):
        waits.add(odd)
    assert waits.summary().count == 20_004
    assert len(waits._buckets) < 1_200


def test_groups_keep_an_audit_with_its_decision(decision, audit):
    tallies = Tallies(answered_by)
    one = decision(1, audit_chance=0.5, audited=True)
    other = decision(2, plan="strong", ending="strong")
    for entry in (one, other, audit(one, wrong=True), audit(decision(9))):
        tallies.add(entry)
    found = tallies.summaries()
    assert list(found) == ["lab/big", "lab/small"]
    assert found["lab/small"].escapes.wrong == 1
    assert found["lab/big"].requests == 1


def test_trips_and_strays_are_kept_apart(decision, audit):
    trip = Trip("t", 5.0, "support", "support/low", "lab/small", 0.05, 0.05, 30.0, 100, 20, 40.0)
    found = summed(trip, audit(decision(1, audit_chance=0.5)))
    assert found.trips == (trip,)
    assert (found.requests, found.strayed) == (0, 1)
