"""Keys: who is let in, to what, and how often."""

import time
from hashlib import sha256

import pytest

from ossay.core.errors import ConfigError, UnknownName
from ossay.gateway.keyring import Key, Keyring
from ossay.server.errors import ApiError


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def key_of(name, **fields):
    return Key(name, sha256(name.encode()).hexdigest(), **fields)


def bearer(text):
    return {b"authorization": b"Bearer " + text.encode()}


@pytest.mark.parametrize(
    "headers",
    [
        bearer("team-a"),
        {b"authorization": b"bearer   team-a "},
        {b"x-api-key": b"team-a"},
        {b"authorization": b"Basic zzz", b"x-api-key": b" team-a"},
    ],
)
def test_a_key_is_known_however_it_is_sent(headers):
    ring = Keyring([key_of("team-b"), key_of("team-a")], Clock())
    assert ring.check(headers).name == "team-a"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"authorization": b""},
        {b"authorization": b"Bearer "},
        {b"authorization": b"Basic team-a"},
        {b"authorization": b"team-a"},
        bearer("team-A"),
        bearer("team-a2"),
        bearer(sha256(b"team-a").hexdigest()),
        {b"x-api-key": b"\xff\x00"},
    ],
)
def test_nobody_else_is_let_in(headers):
    with pytest.raises(ApiError) as caught:
        Keyring([key_of("team-a")], Clock()).check(headers)
    assert caught.value.status == 401
    assert caught.value.code == "invalid_api_key"
    for text in ("team-A", "team-a2"):
        assert text not in str(caught.value)


def test_without_keys_everybody_is():
    ring = Keyring((), Clock())
    assert not ring
    assert ring.check({}) is None
    ring.admit(None)


@pytest.mark.parametrize("hash_", ["", "ab", "z" * 64, "a" * 63, "a" * 66, "ä" * 64])
def test_a_hash_that_is_none_is_refused(hash_):
    with pytest.raises(ConfigError, match="64 hexadecimal digits"):
        Keyring([Key("team-a", hash_)], Clock())


def test_two_names_for_one_key_are_refused():
    same = sha256(b"x").hexdigest()
    with pytest.raises(ConfigError, match=r"'a' and 'b' are the same"):
        Keyring([Key("a", same), Key("b", same.upper())], Clock())


def test_a_bucket_refills_with_time():
    clock = Clock()
    ring = Keyring([key_of("team-a", requests_per_minute=3)], clock)
    key = ring.check(bearer("team-a"))
    for _ in range(3):
        ring.admit(key)
    with pytest.raises(ApiError) as caught:
        ring.admit(key)
    assert caught.value.status == 429
    assert caught.value.retry_after_s == 20
    clock.now += caught.value.retry_after_s
    ring.admit(key)
    with pytest.raises(ApiError):
        ring.admit(key)
    clock.now += 1e6  # and never holds more than a minute's
    for _ in range(3):
        ring.admit(key)
    with pytest.raises(ApiError):
        ring.admit(key)


def test_who_asks_too_often_is_told_when_to_come_back(house):
    async def run():
        keys = [house.Key("a", requests_per_minute=2), house.Key("b")]
        async with house.gateway(keys=keys) as client:
            said = [await client.chat(key="a") for _ in range(3)]
            return said, await client.chat(key="b")

    said, other = house.run(run())
    assert [one.status for one in said] == [200, 200, 429]
    assert said[2].error["code"] == "rate_limit_exceeded"
    assert int(said[2].headers["retry-after"]) == 30
    assert other.status == 200


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models", "/v1/embeddings", "/x"])
@pytest.mark.parametrize("key", [None, "wrong"])
def test_nothing_is_told_without_a_key(house, path, key):
    async def run():
        async with house.gateway(keys=[house.Key("right")]) as client:
            headers = {"authorization": f"Bearer {key}"} if key else {}
            return await client.ask(path, {"model": "support"}, **headers)

    got = house.run(run())
    assert got.status == 401
    assert got.error["type"] == "invalid_request_error"
    assert b"support" not in got.body


def test_health_needs_no_key(house):
    async def run():
        async with house.gateway(keys=[house.Key("right")]) as client:
            return await client.ask("/health"), await client.ask("/health", method="HEAD")

    health, head = house.run(run())
    assert health.json() == {"status": "ok"}
    assert (head.status, head.body) == (200, b"")


def test_a_key_asks_its_routes_only(house):
    async def run():
        lanes = [house.lane(house.Route(name)) for name in ("support", "legal")]
        keys = [house.Key("a", routes=("support",)), house.Key("b")]
        async with house.gateway(*lanes, keys=keys, default="legal") as client:
            asked = [
                await client.chat(key=key, model=model)
                for key in ("a", "b")
                for model in ("support", "ossay/legal", "gpt-4o")
            ]
            listed = [
                await client.ask("/v1/models", authorization=f"Bearer {key}") for key in ("a", "b")
            ]
            one = await client.ask("/v1/models/legal", authorization="Bearer a")
            return asked, listed, one

    asked, listed, one = house.run(run())
    assert [got.status for got in asked] == [200, 403, 403, 200, 200, 200]
    assert asked[1].error["code"] == "route_not_allowed"
    assert [got.headers["x-ossay-route"] for got in asked[3:]] == ["support", "legal", "legal"]
    assert [[m["id"] for m in got.json()["data"]] for got in listed] == [
        ["support"],
        ["support", "legal"],
    ]
    assert one.status == 404


def test_a_key_of_a_route_that_is_none_is_found_at_the_start(house):
    async def run():
        async with house.gateway(keys=[house.Key("a", routes=("suport",))]):
            pass

    with pytest.raises(UnknownName, match="did you mean 'support'"):
        house.run(run())


@pytest.mark.parametrize(
    ("key", "header", "criticality", "by"),
    [
        (None, None, "low", "route"),
        ("medium", None, "medium", "key"),
        ("medium", "low", "medium", "key"),
        ("medium", "high", "high", "header"),
        (None, "MEDIUM", "medium", "header"),
    ],
)
def test_criticality_only_goes_up(house, key, header, criticality, by):
    async def run():
        log = house.Notes()
        keys = [house.Key("a", criticality=key)]
        headers = {"x-ossay-criticality": header} if header else {}
        async with house.gateway(house.lane(log=log), keys=keys) as client:
            got = await client.chat(key="a", headers=headers)
        return got, log.decisions[0]

    got, decision = house.run(run())
    assert got.status == 200
    assert (decision.criticality, decision.declared_by, decision.key) == (criticality, by, "a")


def test_a_key_is_in_no_error_and_no_log(house, caplog):
    caplog.set_level("DEBUG")
    secret = "sk-canary-" + "7" * 30

    async def run():
        log = house.Notes()
        async with house.gateway(
            house.lane(log=log), keys=[house.Key("a", secret), house.Key("b")]
        ) as client:
            got = [
                await client.chat(key=secret),
                await client.chat(key=secret + "x"),
                await client.chat(key=secret, headers={"x-ossay-criticality": "lots"}),
                await client.ask("/nowhere", authorization=f"Bearer {secret}"),
            ]
        return got, log

    got, log = house.run(run())
    assert [one.status for one in got] == [200, 401, 400, 404]
    assert all(secret.encode() not in one.body for one in got)
    assert secret not in caplog.text
    assert secret not in repr(log.entries)


def test_time_is_the_machines_own():
    ring = Keyring([key_of("a", requests_per_minute=60_000)], time.monotonic)
    for _ in range(1_000):
        ring.admit(ring.check(bearer("a")))
