"""GET /metrics: what is counted, under which names, and who may look."""

import base64

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ossay.core.decision import Audit, Called, Decision
from ossay.core.types import Usage
from ossay.gateway.exposition import text_of
from ossay.gateway.metrics import SECONDS, Metrics
from ossay.gateway.seen import RECENT, Seen
from ossay.router.planner import ByTable

CALL = Called(
    "draft", "groq/small", "answered", usage=Usage(100, 40, 20, 5), cost_usd=2e-5, seconds=0.3
)


def decision(number=1, **more):
    fields = {
        "id": f"d{number}", "at": 1.0 + number, "route": "support", "criticality": "low",
        "declared": "low", "declared_by": "route", "plan": "cheap", "plan_why": "",
        "ending": "draft", "request_hash": "h", "calls": (CALL,), "cost_usd": 2e-5, "seconds": 0.31,
    }  # fmt: skip
    return Decision(**{**fields, **more})


def samples(text):
    """Name and labels -> value."""
    return {
        (one.name.removeprefix("ossay_gateway_"), *sorted(one.labels.values())): one.value
        for family in text_string_to_metric_families(text.decode())
        for one in family.samples
    }


class Counted:
    """What one gateway has counted."""

    def __init__(self):
        self.seen = Seen(None, now=lambda: 5.0, monotonic=lambda: 5.0)
        self.parts = []

    def hear(self, house, *entries):
        async def write():
            for entry in entries:
                await self.seen.log.append(entry, {}, durable=False)

        house.run(write())
        return self

    def samples(self):
        summary = self.seen.tally.summary()
        state = self.seen.state(self.parts)
        text = text_of(self.seen.metrics, summary, state, in_flight=3, cache=self.seen.cache)
        return samples(text)


def test_requests_tokens_cost_and_time_are_counted_by_names_of_the_file(house):
    rejected = Called("validate", "groq/large", "malformed", seconds=2.0, cost_usd=None)
    got = (
        Counted()
        .hear(
            house,
            decision(1),
            decision(2),
            decision(3, plan="validate", ending="failed", cost_usd=None, calls=(CALL, rejected)),
        )
        .samples()
    )
    assert got["requests_total", "cheap", "draft", "low", "support"] == 2
    assert got["requests_total", "failed", "low", "support", "validate"] == 1
    assert got["cost_usd_total", "cheap", "support"] == pytest.approx(4e-5)
    assert got["unpriced_requests_total", "support"] == 1
    assert got["tokens_total", "draft", "groq/small", "input"] == 300
    assert got["tokens_total", "cached", "draft", "groq/small"] == 120
    assert got["calls_total", "groq/large", "malformed", "validate"] == 1
    assert got["stage_seconds_count", "draft", "groq/small"] == 3
    assert got["stage_seconds_sum", "draft", "groq/small"] == pytest.approx(0.9)
    assert got["stage_seconds_bucket", "0.25", "draft", "groq/small"] == 0
    assert got["stage_seconds_bucket", "0.5", "draft", "groq/small"] == 3
    assert got["stage_seconds_bucket", "+Inf", "draft", "groq/small"] == 3
    assert got["verdicts_total", "malformed"] == 1
    assert got["in_flight",] == 3


def test_escapes_and_their_bound_come_from_audits(house):
    published = [
        decision(n, audit_chance=0.5, audited=n % 2 == 0, answer_hash="a") for n in range(100)
    ]
    audits = [Audit(f"a{n}", f"d{n}", 200.0, 0.5, n == 0, "a", call=CALL) for n in range(0, 100, 2)]
    got = Counted().hear(house, *published, *audits).samples()
    assert got["audits_total", "wrong"] == 1
    assert got["audits_total", "right"] == 49
    assert got["audits_unlabelled",] == 0
    assert got["escapes_rate", "all"] == pytest.approx(0.02)
    assert 0.02 < got["escapes_at_most", "cheap"] < 0.2
    assert ("escapes_rate", "validate") not in got
    assert got["stage_seconds_count", "audit", "groq/small"] == 50


@pytest.mark.parametrize("count", [1, 63, 64, 65, 200])
@pytest.mark.parametrize("first", range(4))
def test_whoever_looks_finds_all_and_each_once(house, count, first):
    seen = Counted().hear(house, *map(decision, range(count))).seen
    looks = [
        lambda: [one.id for one in seen.recent][-1] == f"d{count - 1}",
        lambda: len(seen.recent) == min(count, RECENT),
        lambda: seen.tally.summary().requests == count,
        lambda: seen.metrics.decisions == {("support", "cheap", "low", "draft"): count},
    ]
    for look in looks[first:] + looks:
        assert look()


def test_embeddings_are_requests_but_neither_escape_nor_save(house):
    embedded = decision(1, route="support/embeddings", plan="strong", ending="strong")
    counted = Counted().hear(house, embedded)
    got = counted.samples()
    assert got["requests_total", "low", "strong", "strong", "support/embeddings"] == 1
    assert counted.seen.tally.summary().requests == 0


def test_breakers_and_tripped_strata_are_as_they_are_now(house):
    planner = ByTable()
    planner.trip("support/low", "too much escaped")
    counted, parts = Counted(), house.lane(planner=planner).router.parts
    counted.parts = [parts]
    for _ in range(5):
        parts.cheap.breaker.enter().end("failed")
    got = counted.samples()
    assert got["breaker_state", "open", parts.cheap.name] == 1
    assert got["breaker_state", "closed", parts.cheap.name] == 0
    assert got["breaker_state", "closed", parts.strong[0].name] == 1
    assert got["breaker_trips_total", parts.cheap.name] == 1
    assert got["stratum_tripped", "support/low"] == 1


def test_what_ends_calls_can_not_flood_the_labels():
    metrics = Metrics()
    for number in range(3_000):
        call = Called("check", "OwnCheck", f"Error{number}")
        metrics.hear(decision(number, calls=(call,)))
    assert len(metrics.ends) == 1_001
    assert metrics.ends["check", "OwnCheck", "other"] == 2_000


@pytest.mark.parametrize("seconds", [0.0, *SECONDS, 1e9])
def test_a_time_lies_in_the_bucket_that_ends_with_it(seconds):
    metrics = Metrics()
    metrics.hear(decision(seconds=seconds))
    (timed,) = metrics.requests.values()
    (place,) = [place for place, count in enumerate(timed.buckets) if count]
    assert place == len(SECONDS) or seconds <= SECONDS[place]
    assert place == 0 or seconds > SECONDS[place - 1]


def test_it_is_served_in_prometheus_own_format_and_counts_answers_over_http(house):
    async def ask():
        async with house.gateway(house.lane()) as client:
            await client.chat()
            await client.ask("/nowhere/at/all")
            await client.ask("/metrics")
            return await client.ask("/metrics")

    answer = house.run(ask())
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    got = samples(answer.body)
    assert got["http_requests_total", "/v1/chat/completions", "200"] == 1
    assert got["http_requests_total", "404", "other"] == 1
    assert got["http_requests_total", "/metrics", "200"] == 1


def basic(password, user="anybody"):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("path", ["/", "/metrics"])
def test_who_has_no_key_sees_nothing_and_a_browser_may_bring_it_as_a_password(house, path):
    keys = [house.Key("team-a", "a"), house.Key("team-b", "b", routes=("support",))]

    async def ask():
        async with house.gateway(keys=keys) as client:
            return [
                await client.ask(path, authorization=value)
                for value in (None, "Basic", "Basic !!", basic("x"), basic("a"), basic("a", ""),
                              "Bearer a", "Bearer b")
            ]  # fmt: skip

    answers = house.run(ask())
    assert [one.status for one in answers] == [401, 401, 401, 401, 200, 200, 200, 403]
    assert answers[0].headers["www-authenticate"].startswith("Basic realm=")
    assert "without 'routes'" in answers[-1].error["message"]


def test_a_password_is_no_key_where_something_is_asked(house):
    """A browser would send it along with whatever another site makes it send."""

    async def ask():
        async with house.gateway(keys=[house.Key("team-a", "a")]) as client:
            return await client.chat(headers={"authorization": basic("a")})

    assert house.run(ask()).status == 401
