"""Rows out of a log: as if all had been audited alike, and nothing made up."""

import random

import pytest

from ossay.router.observed import observe


@pytest.fixture(scope="session")
def bodies(asking):
    return dict(asking(f"question {place}") for place in range(5_000))


@pytest.fixture(scope="session")
def observed(bodies):
    """(entries, …) -> what they give to calibrate on."""

    def observed(entries, *, keep=bodies, seed=1, **more):
        return observe(lambda: iter(entries), keep.get, random.Random(seed), **more)

    return observed


@pytest.fixture(scope="session")
def log(decision, audit):
    """(n, chance, wrong, …) -> so many published drafts, audited by chance."""

    def log(n, chance=lambda n: 0.5, wrong=lambda n: False, seed=2, **more):
        rng, entries = random.Random(seed), []
        for number in range(n):
            share = chance(number)
            drawn = rng.random() < share
            one = decision(number, f"question {number}", audit_chance=share, audited=drawn, **more)
            entries += [one, *([audit(one, wrong(number))] if drawn else [])]
        return entries

    return log


def test_an_audited_draft_is_a_row(log, observed):
    found = observed(log(1_000, wrong=lambda n: n % 4 == 0))
    (part,) = found.parts
    assert (part.name, part.requests, part.floor) == ("support/low", 1_000, 0.5)
    assert len(found.rows) == part.labelled == pytest.approx(500, abs=60)
    assert part.wrong == sum(not row.cheap_right for row in found.rows)
    assert {row.stratum for row in found.rows} == {"support/low"}
    assert all(row.strong_right for row in found.rows)
    assert found.rows[0].query.startswith("question ")
    assert (found.cheap, found.left_out) == ("lab/small", {})


def test_rows_are_as_if_all_had_the_least_chance(log, observed):
    """Hard requests are audited four times as often; among rows they are as many as in traffic."""
    hard = lambda n: n % 2 == 0  # noqa: E731
    found = observed(log(4_000, chance=lambda n: 0.8 if hard(n) else 0.2, wrong=hard))
    share = sum(not row.cheap_right for row in found.rows) / len(found.rows)
    assert share == pytest.approx(0.5, abs=0.06)
    assert found.left_out[
        "their audits had a larger chance than those of others in their stratum"
    ] == pytest.approx(2_000 * 0.6, abs=120)


def test_an_audit_that_failed_by_the_answer_counts_as_wrong_and_one_out_of_reach_as_none(
    decision, audit, observed
):
    entries = []
    for number, ended in enumerate(["malformed", "deadline", "connection", "not_asked"]):
        one = decision(number, f"question {number}", audit_chance=1.0, audited=True)
        entries += [one, audit(one, None, ended=ended)]
    lost = decision(9, "question 9", audit_chance=1.0, audited=True)
    found = observed([*entries, lost])
    (part,) = found.parts
    assert (part.labelled, part.wrong, part.failed) == (2, 2, 2)
    assert found.left_out == {"their audit was out of reach, or never came into the log": 3}


def test_what_a_policy_kept_from_going_out_counts_as_wrong_at_the_same_share(
    decision, log, observed
):
    unseen = [
        decision(n, f"question {n}", plan="strong", ending="strong", score=0.2)
        for n in range(1_000, 2_000)
    ]
    found = observed(log(1_000, score=0.9) + unseen)
    (part,) = found.parts
    assert part.unseen == pytest.approx(500, abs=60)
    assert sum(not row.cheap_right for row in found.rows) == part.unseen


def test_plans_that_no_text_decided_are_no_rows(decision, log, observed):
    others = [
        decision(5_000, plan="strong", ending="strong"),  # tripped, say, or a table's
        decision(5_001, ending="strong", audit_chance=0.5, calls=None),  # its draft failed
        decision(5_002, ending="left", audit_chance=0.5),
        decision(5_003, criticality="high", plan="validate"),
        decision(5_004),  # before audits were drawn
    ]
    found = observed(log(100) + others)
    assert sum(found.left_out.values()) == 5
    assert {part.name: part.floor for part in found.parts} == {
        "support/high": 0.0, "support/low": 0.5,
    }  # fmt: skip


def test_texts_that_are_not_kept_are_counted(log, observed):
    found = observed(log(100), keep={})
    assert found.rows == ()
    ((why, count),) = found.left_out.items()
    assert why == "their text is not kept (keep_days)"
    assert count == pytest.approx(50, abs=20)


def test_one_model_and_one_route_at_a_time(log, observed):
    other = log(100, route="mail", seed=3)
    assert {row.stratum for row in observed(log(100) + other, route="mail").rows} == {"mail/low"}
    assert len(observed(log(100) + other).parts) == 2
    found = observed(log(100), cheap="lab/old")
    assert (found.rows, found.left_out) == ((), {"another model drafted": 100})


def test_costs_are_means_of_the_route_or_unknown_altogether(decision, log, observed):
    assert observed(log(100)).rows[0].cheap.usd is None  # no strong call tells what that costs
    strong = [decision(n, plan="strong", ending="strong") for n in range(200, 220)]
    row = observed(log(100) + strong).rows[0]
    assert (row.cheap.usd, row.strong.usd) == (pytest.approx(0.001), pytest.approx(0.02))
    assert row.strong.seconds == pytest.approx(2.0)
