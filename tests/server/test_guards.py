"""What keeps a server from being used up, or used by web pages of others."""

import asyncio
import json

import pytest

from ossay.core.types import Message
from ossay.server.errors import ApiError
from ossay.server.keys import Keys
from ossay.server.responses import Responses
from ossay.server.responses_store import Store

CHAT = "/v1/chat/completions"
ECHO = {"model": "echo", "messages": [{"role": "user", "content": "hi"}]}


def nested(name):
    return {"type": "function", "function": {"name": name}}


def flat(name):
    return {"type": "function", "name": name}


@pytest.mark.parametrize(("path", "tool"), [(CHAT, nested), ("/v1/responses", flat)])
@pytest.mark.parametrize(("count", "status"), [(128, 200), (129, 400)])
def test_the_number_of_tools_is_bounded(server, path, tool, count, status):
    body = {**ECHO, "input": "hi", "tools": [tool(f"f{at}") for at in range(count)]}
    answered = asyncio.run(server.ask(server.build(server.scripted("echo")), path, body))
    assert answered.status == status
    if status == 400:
        assert answered.json()["error"]["param"] == "tools"
        assert "128" in answered.json()["error"]["message"]


def kept(text):
    store = Store()
    said = {"id": "rs_1", "type": "reasoning", "content": [{"text": text}]}
    store.put("resp_1", b"{}", (Message("user", "x"),), [said])
    return store


@pytest.mark.parametrize(("times", "status"), [(4, None), (5, 413)])
def test_references_expand_to_no_more_than_a_body_may_hold(times, status):
    responses = Responses(kept("r" * 2000), most_bytes=10_000)
    items = [{"id": "rs_1"}] * times + [{"role": "user", "content": "x"}]
    body = json.dumps({"model": "m", "input": items}).encode()
    if status is None:
        assert len(responses.decode(body).conversation[0].reasoning) == 8000
        return
    with pytest.raises(ApiError) as caught:
        responses.decode(body)
    assert caught.value.status == status
    assert caught.value.param == "input[4].id"


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_the_app_bounds_references_by_its_largest_body(server, end):
    async def run():
        app = server.build(server.scripted("echo"), max_body=1000)
        said = await server.ask(app, "/v1/responses", {"model": "echo", "input": "x" * 600})
        again = [{"id": said.json()["output"][0]["id"]}] * 2
        body = json.dumps({"model": "echo", "input": again}).encode() + end
        return await server.ask(app, "/v1/responses", body)

    answered = asyncio.run(run())
    assert answered.status == 413
    assert answered.json()["error"]["param"] == "input[1].id"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8000", 200),
        ("127.0.0.1", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]", 200),
        ("[::1]:8000", 200),
        ("evil.example", 403),
        ("evil.example:8000", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost:80@evil.example", 403),
        ("[::1].evil.example", 403),
        ("192.168.0.1:8000", 403),
        ("0.0.0.0", 403),
        ("", 403),
    ],
)
@pytest.mark.parametrize("body", [None, ECHO])
def test_without_keys_only_this_machines_names_are_answered(server, host, status, body):
    app = server.build(server.scripted("echo"))
    path = "/v1/models" if body is None else CHAT
    answered = asyncio.run(server.ask(app, path, body, headers=[("host", host)]))
    assert answered.status == status
    if status == 403:
        assert answered.json()["error"]["code"] == "host_not_allowed"
        assert answered.json()["error"]["type"] == "invalid_request_error"


def test_with_keys_any_name_is_answered(server):
    app = server.build(server.scripted("echo"), keys=Keys(["sesame"]))
    headers = [("host", "models.example"), ("authorization", "Bearer sesame")]
    assert asyncio.run(server.ask(app, CHAT, ECHO, headers=headers)).status == 200


@pytest.mark.parametrize(
    ("kind", "origin", "status"),
    [(None, True, 415), ("text/plain", True, 415), ("application/json", True, 200),
     (None, False, 200)],
)  # fmt: skip
def test_a_web_page_must_say_that_it_sends_json(server, kind, origin, status):
    app = server.build(server.scripted("echo"))
    headers = [("origin", "https://evil.example")] if origin else []
    answered = asyncio.run(server.ask(app, CHAT, ECHO, headers=headers, content_type=kind))
    assert answered.status == status


def test_no_more_bodies_are_read_at_once_than_four_for_each_place(server, until):
    async def run():
        model = server.Held(slots=1)
        app = server.build(model, queue=0)
        async with server.listening(app) as (_, port):
            slow = server.http_request(CHAT, ECHO)[:-1]
            writers = []
            for _ in range(4):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(slow)
                writers.append(writer)
            await until(lambda: app.house.admission.bodies == 4)
            refused = await server.ask(app, CHAT, ECHO)
            for writer in writers:
                writer.close()
                await writer.wait_closed()
            await until(lambda: app.house.admission.bodies == 0)
            return refused, await server.ask(app, CHAT, ECHO)

    refused, after = asyncio.run(run())
    assert refused.status == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert after.status == 404  # as before: this model has another name


def test_health_by_head(server):
    async def run():
        async with server.listening(server.build(server.scripted("echo"))) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"HEAD /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            said = await reader.read()
            writer.close()
            await writer.wait_closed()
            return said

    said = asyncio.run(run())
    assert said.startswith(b"HTTP/1.1 200")
    assert said.endswith(b"\r\n\r\n")


def test_routes_are_counted_by_their_plain_names(server):
    async def run():
        app = server.build(server.scripted("echo"))
        await server.ask(app, "/v1/models/echo")
        return app.house.metrics.text().decode()

    assert 'ossay_requests_total{route="/v1/models/{name}",status="200"} 1.0' in asyncio.run(run())


def test_names_of_fields_make_no_lines_of_a_log(server, caplog):
    caplog.set_level("DEBUG", "ossay.server")
    app = server.build(server.scripted("echo"))
    unknown = {"forged\nline": 1, "z" * 100_000: 1, **{f"y{at}": 1 for at in range(1000)}}
    assert asyncio.run(server.ask(app, CHAT, {**ECHO, **unknown})).status == 200
    line = next(text for text in caplog.messages if "ignored fields" in text)
    assert "forged\\nline" in line
    assert "\n" not in line
    assert len(line) < 2000
