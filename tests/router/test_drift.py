"""Drift: what is true never trips a stratum for long odds, what gets worse does, and it is kept."""

import random

import numpy as np
import pytest

from ossay.core.decision import Audit, Called, Decision, Trip
from ossay.router.drift import FALSE_ALARM, Guard, Monitor
from ossay.stats.escapes import Alarm, first_alarms

SHARE, ALPHA = 0.2, 0.05


class Traffic:
    """Entries of a log: drafts that go out, each wrong with a chance, some of them audited."""

    def __init__(self, seed=1, *, route="support", share=SHARE, policy=""):
        self._rng = random.Random(seed)
        self._route = route
        self._share = share
        self._policy = policy
        self._count = 0

    def requests(self, many, wrong, **fields):
        for _ in range(many):
            yield from self.request(self._rng.random() < wrong, **fields)

    def request(self, wrong, *, ended="answered", cheap="lab/cheap", **fields):
        self._count += 1
        name = f"{self._route}-{self._count}"
        given = {"ending": "draft", "criticality": "low", "audit_chance": self._share, **fields}
        drawn = given["ending"] == "draft" and self._rng.random() < given["audit_chance"]
        yield Decision(
            id=name,
            at=float(self._count),
            route=self._route,
            declared="low",
            declared_by="route",
            plan="cheap",
            plan_why="",
            request_hash="",
            policy=self._policy,
            calls=(Called("draft", cheap, "answered"),),
            audited=drawn,
            **given,
        )
        if drawn:
            label = wrong if ended == "answered" else None
            call = Called("validate", "lab/strong", ended)
            yield Audit(f"a-{name}", name, float(self._count), self._share, label, "", call=call)


def monitor(trips, **fields):
    """A monitor of one route that notes what it trips."""
    fields = {"cheap": "lab/cheap", "alarm": Alarm(ALPHA, SHARE, FALSE_ALARM), **fields}
    return Monitor({"support": Guard(trip=lambda *told: trips.append(told), **fields)})


def watch_of(monitor):
    (standing,) = monitor.standings
    return standing.watch


def test_a_promise_that_is_kept_is_not_disturbed():
    trips = []
    watched = monitor(trips)
    assert watched.restore(Traffic().requests(4_000, ALPHA / 2)) == []
    assert trips == []
    watch = watch_of(watched)
    assert watch.requests == 4_000
    assert watch.rate == pytest.approx(ALPHA / 2, abs=0.015)


def test_a_cheap_model_that_gets_worse_trips_its_stratum():
    trips = []
    watched, traffic = monitor(trips), Traffic()
    assert watched.restore(traffic.requests(3_000, ALPHA / 2)) == []
    (trip,) = watched.restore(traffic.requests(3_000, 5 * ALPHA))
    assert trips == [("support/low", trip.why)]
    assert (trip.route, trip.stratum, trip.alpha) == ("support", "support/low", ALPHA)
    assert trip.e_value >= 1 / FALSE_ALARM
    assert 3_000 < trip.requests < 5_000
    assert "5.0% were promised" in trip.why


def test_the_same_entries_lead_to_the_same_state():
    entries = [*Traffic().requests(1_500, ALPHA)]
    first, again = monitor([]), monitor([])
    first.restore(entries)
    for entry in entries:
        again.see(entry)
    assert watch_of(first) == watch_of(again)


def test_a_trip_in_the_log_holds_after_a_restart():
    trips, entries = [], [*Traffic().requests(2_000, 0.5)]
    (trip,) = monitor([]).restore(entries)
    restarted = monitor(trips)
    assert restarted.restore([*entries, trip]) == []
    assert trips == [("support/low", trip.why)]
    trips.clear()
    assert monitor(trips).restore([trip, *entries]) == []  # heeded before the rest is read
    assert len(trips) == 1


def test_a_trip_that_the_log_lacks_is_told_again():
    entries = [*Traffic().requests(2_000, 0.5)]
    assert len(monitor([]).restore(entries)) == 1
    assert len(monitor([]).restore(entries)) == 1


@pytest.mark.parametrize(
    "now",
    [{"cheap": "lab/other"}, {"policy": "d2"}, {"alarm": Alarm(0.9, SHARE)}],
    ids=["another cheap model", "another policy", "another bound"],
)
def test_what_was_tripped_under_another_promise_is_trusted_again(now):
    trips, entries = [], [*Traffic().requests(2_000, 0.5)]
    (trip,) = monitor([]).restore(entries)
    assert monitor(trips, **now).restore([*entries, trip]) == []
    assert trips == []


def test_strong_answers_count_as_right_of_all_requests_but_not_of_drafts():
    entries = [*Traffic().requests(100, 1.0, ending="strong")]
    of_all, of_drafts = monitor([]), monitor([], estimand="selective")
    of_all.restore(entries)
    of_drafts.restore(entries)
    assert watch_of(of_all).requests == 100
    assert of_drafts.standings == []


@pytest.mark.parametrize(
    "fields",
    [
        {"criticality": "medium"}, {"ending": "failed"}, {"ending": "left"},
        {"audit_chance": SHARE / 2}, {"audit_chance": 0.0}, {"cheap": "lab/older"},
        {"route": "other"},
    ],
    ids=str,
)  # fmt: skip
def test_what_nothing_was_promised_of_is_left_out(fields):
    route = fields.pop("route", "support")
    watched = monitor([])
    watched.restore(Traffic(route=route).requests(50, 1.0, **fields))
    assert watched.standings == []


def test_an_auditor_that_is_out_of_reach_says_nothing():
    trips = []
    watched = monitor(trips)
    watched.restore(Traffic().requests(3_000, 1.0, ended="server_error"))
    assert (trips, watch_of(watched).known) == ([], 0)


@pytest.mark.parametrize("ended", ["malformed", "deadline", "context_exhausted", "refused"])
def test_an_audit_that_the_answer_may_have_spoilt_counts_as_an_escape(ended):
    trips = []
    monitor(trips).restore(Traffic().requests(2_000, 0.0, ended=ended))
    assert len(trips) == 1


def late(entries, after):
    """The same entries with each audit so many requests late as `after` says of its label."""
    count, due = 0, []
    for entry in entries:
        if isinstance(entry, Audit):
            due.append((count + after(entry.wrong), entry))
            continue
        count += 1
        yield entry
        yield from (audit for at, audit in due if at <= count)
        due = [(at, audit) for at, audit in due if at > count]
    yield from (audit for _, audit in due)


def test_it_makes_no_difference_which_audits_are_late():
    """Approvals come long after rejections; what has escaped is as rare as was promised."""
    entries = [*Traffic(share=1.0).requests(2_000, ALPHA)]
    trips = []
    fields = {"alarm": Alarm(ALPHA, 1.0, FALSE_ALARM)}
    at_once, waited = monitor(trips, **fields), monitor(trips, **fields)
    at_once.restore(entries)
    waited.restore(late(entries, lambda wrong: 0 if wrong else 300))
    assert trips == []
    assert watch_of(waited) == watch_of(at_once)


def test_an_audit_that_never_comes_is_not_waited_for_for_ever():
    entries = [*Traffic(share=1.0).requests(3_000, 1.0)]
    lost = next(entry for entry in entries if isinstance(entry, Audit))
    entries.remove(lost)
    trips = []
    watched = monitor(trips, alarm=Alarm(ALPHA, 1.0, FALSE_ALARM))
    watched.restore(entries)
    assert len(trips) == 1
    watch = watch_of(watched)
    assert watch.requests == watch.known + 1


def test_an_audit_of_nothing_known_is_not_heard():
    watched = monitor([])
    assert watched.see(Audit("a", "unknown", 0.0, SHARE, True, "")) is None
    of_another = ("t", 0.0, "other", "other/low", "lab/cheap", 0.1, 0.05, 30.0, 9, 9, 9.0)
    assert watched.see(Trip(*of_another)) is None
    assert watched.standings == []


def test_the_monitor_is_the_alarm_that_was_simulated():
    """What is shown of `first_alarms` over many streams holds of the monitor entry by entry."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        drawn = rng.random(400) < SHARE
        wrong = rng.random(400) < 3 * ALPHA
        at = first_alarms((drawn & wrong)[:, None] / SHARE, Alarm(ALPHA, SHARE, FALSE_ALARM))
        trips, watched = [], monitor([])
        for place in range(400):
            trips += watched.restore(_one(place, bool(drawn[place]), bool(wrong[place])))
        assert [trip.requests for trip in trips] == [int(one) for one in at if one]


def _one(place, drawn, wrong):
    (decision, *_) = Traffic(share=SHARE).request(wrong)
    name = f"r{place}"
    yield Decision(**{**_fields(decision), "id": name, "audited": drawn})
    if drawn:
        call = Called("validate", "lab/strong", "answered")
        yield Audit(f"a{place}", name, 0.0, SHARE, wrong, "", call=call)


def _fields(decision):
    return {name: getattr(decision, name) for name in decision.__struct_fields__}


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_false_alarms_under_peeking_stay_below_the_level(share):
    """10,000 streams at exactly the bound, a look after each of 1,000 requests."""
    rng, alarm = np.random.default_rng(5), Alarm(ALPHA, share, FALSE_ALARM)
    raised = 0
    for _ in range(10):
        hit = rng.random((1_000, 1_000), dtype=np.float32) < ALPHA * share
        raised += int((first_alarms(hit / share, alarm) > 0).sum())
    assert raised <= FALSE_ALARM * 10_000
