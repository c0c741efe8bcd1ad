"""What the gateway answers where, and what its answers' heads say."""

import json
import signal

import pytest

from ossay.core.errors import ConfigError, UnknownName
from ossay.models.scripted_review import RIGHT


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("GET", "/v1/models", 200),
        ("GET", "/v1/models/support", 200),
        ("GET", "/v1/models/ossay/support", 200),
        ("GET", "/v1/models/suport", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/models", 405),
        ("POST", "/health", 405),
        ("GET", "/v1/chat/completions/", 404),
        ("GET", "/%0aforged", 404),
        ("OPTIONS", "/v1/chat/completions", 405),
    ],
)
def test_where_something_answers(house, caplog, method, path, status):
    caplog.set_level("INFO", "ossay.gateway.access")

    async def run():
        async with house.gateway() as client:
            return await client.ask(path, method=method)

    got = house.run(run())
    assert got.status == status
    if status >= 400:
        assert got.error["type"] == "invalid_request_error"
    (line,) = caplog.messages
    assert "\n" not in line
    assert "forged" not in line


def test_the_routes_are_the_models(house):
    async def run():
        lanes = [house.lane(house.Route(name)) for name in ("support", "legal")]
        async with house.gateway(*lanes) as client:
            return await client.ask("/v1/models")

    listed = house.run(run()).json()
    assert listed["object"] == "list"
    assert [(m["id"], m["object"], m["owned_by"]) for m in listed["data"]] == [
        ("support", "model", "ossay"),
        ("legal", "model", "ossay"),
    ]


@pytest.mark.parametrize("model", ["legal", "ossay/legal"])
def test_a_route_is_asked_by_its_name(house, model):
    async def run():
        lanes = [house.lane(house.Route(name)) for name in ("support", "legal")]
        async with house.gateway(*lanes) as client:
            return await client.chat(model=model)

    got = house.run(run())
    assert got.headers["x-ossay-route"] == "legal"
    assert got.json()["model"] == model


@pytest.mark.parametrize(("default", "status"), [("support", 200), ("", 404)])
def test_any_other_model_goes_to_the_default(house, default, status):
    async def run():
        async with house.gateway(default=default) as client:
            return await client.chat(model="suport")

    got = house.run(run())
    assert got.status == status
    if status == 404:
        assert got.error["code"] == "model_not_found"
        assert "did you mean 'support'" in got.error["message"]


def test_a_default_that_is_no_route(house):
    async def run():
        async with house.gateway(default="suport"):
            pass

    with pytest.raises(UnknownName, match="did you mean 'support'"):
        house.run(run())


def test_embeddings_of_a_model_that_has_none(house):
    async def run():
        lane = house.lane(embeddings=house.upstream(house.Faulty()))
        async with house.gateway(lane):
            pass

    with pytest.raises(ConfigError, match="embeddings = 'scripted/faulty'"):
        house.run(run())


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("127.0.0.1:8080", 200), ("evil.example", 403), ("", 403)],
)
@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions", "/health", "/metrics"])
def test_without_keys_only_this_machines_names_are_answered(house, host, status, path):
    async def run():
        async with house.gateway() as client:
            if path.endswith("completions"):
                return await client.chat(headers={"host": host})
            return await client.ask(path, host=host)

    got = house.run(run())
    assert got.status == status
    if status == 403:
        assert got.error["code"] == "host_not_allowed"


def test_a_second_host_is_refused(house):
    async def run():
        async with house.gateway() as client:
            return await client.raw(
                b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
            )

    assert house.answered(house.run(run())).status == 400


EXAMPLE = """
[gateway]
log = "decisions.db"
default = "support"

[routes.support]
cheap = "scripted/echo"
validator = "scripted/validator"
strong = ["scripted/expert"]
"""


def test_as_a_process(house, tmp_path):
    with house.process(tmp_path, EXAMPLE) as gateway:
        assert gateway.ask("GET", "/health").json() == {"status": "ok"}
        cheap = gateway.chat("hello there")
        strong = gateway.chat("hello", headers={"x-ossay-criticality": "medium"}, stream=True)
        assert gateway.end(signal.SIGTERM) == 0
    assert cheap.text == "hello there"
    assert cheap.headers["x-ossay-ending"] == "draft"
    assert strong.text == "hello"
    assert json.loads(strong.data[-2])["choices"][0]["finish_reason"] == "stop"


def test_a_drain_lets_running_answers_finish(house):
    async def run():
        async with house.gateway(house.lane(cheap=house.Held()), drain_s=5.0) as client:
            held = client.lane.parts.cheap.model
            reader, writer = await client.connect()
            writer.write(house.chat_request(stream=True))
            await house.until(lambda: held.running == 1)
            held.say("The answer ")
            await reader.readuntil(b"The answer ")
            client.server.drain()
            late = await client.status_of("/health")
            held.say("is this.", end=True)
            rest = await reader.read()
            writer.close()
            return late, rest

    late, rest = house.run(run())
    assert late in (503, None)  # or the socket is closed already
    assert b"is this." in rest
    assert b"[DONE]" in rest


def test_a_drain_that_takes_too_long_ends_answers_with_an_error(house):
    async def run():
        log = house.Notes()
        async with house.gateway(house.lane(cheap=house.Held(), log=log), drain_s=0) as client:
            held = client.lane.parts.cheap.model
            reader, writer = await client.connect()
            writer.write(house.chat_request(stream=True))
            await house.until(lambda: held.running == 1)
            held.say("The answer ")
            await reader.readuntil(b"The answer ")
            client.server.drain()
            rest = await reader.read()
            writer.close()
        return rest, log.decisions

    rest, decisions = house.run(run())
    assert b"shutting_down" in rest
    assert b"[DONE]" not in rest
    assert [one.ending for one in decisions] == ["left"]


@pytest.mark.parametrize("stream", [False, True])
def test_one_connection_serves_one_request_after_another(house, stream):
    async def run():
        async with house.gateway() as client:
            reader, writer = await client.connect()
            texts = []
            for _ in range(3):
                writer.write(house.chat_request(stream=stream))
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200")
                texts.append(await reader.readuntil(b"0\r\n\r\n" if stream else b"}}}"))
            writer.close()
            return texts

    assert all(RIGHT.split()[-1].encode() in text for text in house.run(run()))


def test_pipelined_requests_are_answered_in_order(house):
    async def run():
        async with house.gateway(house.lane(cheap=house.Echo())) as client:
            data = b"".join(house.chat_request(text) for text in ("first", "second"))
            return await client.raw(data + house.chat_request("third", "Connection: close"))

    said = house.run(run())
    places = [said.index(text) for text in (b"first", b"second", b"third")]
    assert places == sorted(places)
    assert said.count(b"HTTP/1.1 200") == 3


def test_another_protocol_that_is_offered_is_left_alone(house):
    """As some clients do with plain HTTP: they offer HTTP/2, and go on where it isn't taken."""

    async def run():
        async with house.gateway(house.lane(cheap=house.Echo())) as client:
            offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA")
            first = house.chat_request("first", *offer)
            return await client.raw(first + house.chat_request("second", "Connection: close"))

    said = house.run(run())
    assert said.count(b"HTTP/1.1 200") == 2
    assert said.index(b"first") < said.index(b"second")
