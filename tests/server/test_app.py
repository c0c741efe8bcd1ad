"""The server as an app, without sockets: routes, statuses, errors, keys, places, counters."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.core.errors import ModelCallError
from ossay.core.types import Usage
from ossay.server.keys import Keys

CHAT = "/v1/chat/completions"
HI = {"messages": [{"role": "user", "content": "say this again"}]}
ECHO = {"model": "echo", **HI}
HELD = {"model": "held-model", **HI}


def test_an_answer_and_a_stream_say_the_same(server):
    async def run():
        app = server.build(server.scripted("echo"))
        whole = await server.ask(app, CHAT, ECHO)
        stream = await server.ask(app, CHAT, {**ECHO, "stream": True})
        return whole, stream

    whole, stream = asyncio.run(run())
    assert whole.status == stream.status == 200
    assert whole.json()["choices"][0]["message"]["content"] == "say this again"
    assert whole.json()["created"] == 1_700_000_000
    assert stream.headers["content-type"].startswith("text/event-stream")
    deltas = [chunk["choices"][0]["delta"].get("content", "") for chunk in stream.chunks()]
    assert deltas == ["", "say ", "this ", "again", ""]
    assert len({chunk["id"] for chunk in stream.chunks()}) == 1
    assert stream.events()[-1] == "[DONE]"


def test_every_name_of_the_model_is_listed_and_taken(server):
    async def run():
        app = server.build(server.Held(), aliases=("gpt-4o",))
        listed = await server.ask(app, "/v1/models")
        names = [entry["id"] for entry in listed.json()["data"]]
        found = [await server.ask(app, f"/v1/models/{name}") for name in names]
        missing = await server.ask(app, "/v1/models/nope")
        return listed, names, found, missing

    listed, names, found, missing = asyncio.run(run())
    assert names[:2] == ["gpt-4o", "held-model"]
    assert "mine/some/held-model" in names
    assert [one.json() for one in found] == listed.json()["data"]
    assert listed.json()["data"][0]["max_model_len"] == 1000
    assert missing.status == 404


def test_a_model_that_is_not_served(server):
    answered = asyncio.run(
        server.ask(server.build(server.scripted("echo")), CHAT, {**ECHO, "model": "gpt-5"})
    )
    assert answered.status == 404
    error = answered.json()["error"]
    assert error["code"] == "model_not_found"
    assert error["param"] == "model"
    assert "echo" in error["message"]


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/v1/nothing", "GET", 404),
        ("/v1/models/", "GET", 404),
        (CHAT, "GET", 405),
        ("/health", "POST", 405),
        ("/v1/models", "DELETE", 405),
    ],
)
def test_wrong_places_and_methods(server, path, method, status):
    app = server.build(server.scripted("echo"))
    answered = asyncio.run(server.ask(app, path, method=method))
    assert answered.status == status
    assert answered.json()["error"]["type"] == "invalid_request_error"
    assert ("allow" in answered.headers) == (status == 405)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ModelCallError("context_exhausted", "too long"), 400, "context_length_exceeded"),
        (ModelCallError("refused", "no such schema"), 400, None),
        (ModelCallError("refused", "bad key", status=401), 502, "refused"),
        (ModelCallError("rate_limited", "later"), 429, "rate_limit_exceeded"),
        (ModelCallError("deadline", "too late"), 504, "deadline"),
        (ValueError("a secret of the inside"), 500, "internal_error"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_a_refusal_before_the_first_delta_has_its_status(server, error, status, code, stream):
    async def run():
        model = server.Held()
        model.says.put_nowait(error)
        return await server.ask(server.build(model), CHAT, {**HELD, "stream": stream})

    answered = asyncio.run(run())
    assert answered.status == status
    assert answered.json()["error"]["code"] == code
    assert b"secret" not in answered.body
    assert ("retry-after" in answered.headers) == (status == 429)


def test_an_error_after_it_is_an_event_that_ends_the_stream(server):
    async def run():
        model = server.Held()
        for said in (
            server.Delta(),
            server.Delta(content="so f"),
            ModelCallError("cut_off", "it broke"),
        ):
            model.says.put_nowait(said)
        app = server.build(model)
        answered = await server.ask(app, CHAT, {**HELD, "stream": True})
        return answered, app.house.metrics.text().decode()

    answered, metrics = asyncio.run(run())
    assert answered.status == 200
    *_, said, failed = answered.chunks()
    assert said["choices"][0]["delta"]["content"] == "so f"
    assert failed["error"]["message"] == "it broke"
    assert "[DONE]" not in answered.events()
    assert "ossay_streams_failed_total 1.0" in metrics


def test_plain_text_goes_on_where_the_model_can(server):
    async def run():
        model = server.Held()
        for _ in range(2):
            model.says.put_nowait(server.Delta(content=" and on"))
            model.says.put_nowait(server.Delta(reply=server.reply_of(" and on", finish="length")))
        app = server.build(model, deadline_s=7)
        body = {"model": "held-model", "prompt": "on", "max_tokens": 3}
        whole = await server.ask(app, "/v1/completions", body)
        stream = await server.ask(
            app, "/v1/completions", {**body, "prompt": [5, 6], "stream": True}
        )
        return model, whole, stream

    model, whole, stream = asyncio.run(run())
    assert whole.json()["choices"][0]["text"] == " and on"
    assert whole.json()["choices"][0]["finish_reason"] == "length"
    assert [chunk["choices"][0]["text"] for chunk in stream.chunks()] == [" and on", ""]
    assert [request.prompt for request in model.requests] == ["on", (5, 6)]
    assert model.requests[0].deadline_s == 7


def test_plain_text_where_the_model_cannot(server):
    app = server.build(server.scripted("echo"))
    answered = asyncio.run(server.ask(app, "/v1/completions", {"model": "echo", "prompt": "x"}))
    assert answered.status == 400
    assert "/v1/chat/completions" in answered.json()["error"]["message"]


def test_a_kept_response_is_read_again_and_forgotten(server):
    async def run():
        app = server.build(server.scripted("echo"))
        said = await server.ask(app, "/v1/responses", {"model": "echo", "input": "say it"})
        place = f"/v1/responses/{said.json()['id']}"
        kept = await server.ask(app, place)
        forgotten = await server.ask(app, place, method="DELETE")
        return said, kept, forgotten, await server.ask(app, place)

    said, kept, forgotten, gone = asyncio.run(run())
    assert said.status == kept.status == forgotten.status == 200
    assert kept.json() == said.json()
    assert gone.status == 404


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": []},
        {"prompt": ["a", "b"]},
        {"prompt": [1, "a"]},
        {"prompt": [-1]},
        {"prompt": [True]},
        {"prompt": None},
        {"prompt": "x", "suffix": "y"},
        {"prompt": "x", "echo": True},
        {"prompt": "x", "logprobs": 1},
        {"prompt": "x", "best_of": 2},
    ],
)
def test_plain_text_that_cannot_be_asked_for(server, body):
    app = server.build(server.Held())
    answered = asyncio.run(server.ask(app, "/v1/completions", {"model": "held-model", **body}))
    assert answered.status == 400
    assert answered.json()["error"]["param"].partition("[")[0] in body


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((), 401),
        ((("authorization", "Bearer wrong"),), 401),
        ((("authorization", "Basic sesame"),), 401),
        ((("authorization", "Bearer "),), 401),
        ((("authorization", "Bearer sesame"),), 200),
        ((("authorization", "bearer other"),), 200),
        ((("x-api-key", "sesame"),), 200),
    ],
)
def test_keys(server, headers, status):
    app = server.build(server.scripted("echo"), keys=Keys.from_text("sesame, other,"))

    async def run():
        return (
            await server.ask(app, CHAT, ECHO, headers=headers),
            await server.ask(app, "/health"),
        )

    answered, health = asyncio.run(run())
    assert answered.status == status
    assert health.status == 200
    if status == 401:
        assert answered.json()["error"]["code"] == "invalid_api_key"
        assert b"sesame" not in answered.body


@pytest.mark.parametrize(
    ("body", "headers", "content_type", "status"),
    [
        ([b"x" * 60, b"x" * 60], (), "application/json", 413),
        (b"x" * 101, (("content-length", "101"),), "application/json", 413),
        (b"{}", (), "text/plain", 415),
        (b"{}", (), "application/x-www-form-urlencoded", 415),
        (b"{}", (("content-encoding", "gzip"),), "application/json", 415),
        (b"{}", (), "application/json; charset=utf-8", 400),
        (b"{}", (), None, 400),
    ],
)
def test_bodies_that_are_not_read(server, body, headers, content_type, status):
    app = server.build(server.scripted("echo"), max_body=100)
    answered = asyncio.run(server.ask(app, CHAT, body, headers=headers, content_type=content_type))
    assert answered.status == status


def test_a_large_body_is_decoded_beside_the_loop(server):
    app = server.build(server.scripted("echo"))
    text = "long " * 200_000
    body = {"model": "echo", "messages": [{"role": "user", "content": text}]}
    answered = asyncio.run(server.ask(app, CHAT, body))
    assert answered.json()["choices"][0]["message"]["content"] == text


def test_no_more_than_there_are_places(server, until):
    async def run():
        model = server.Held(slots=1)
        app = server.build(model, queue=1)
        taken = [asyncio.create_task(server.ask(app, CHAT, HELD)) for _ in range(2)]
        await until(lambda: model.running == 2)
        refused = await server.ask(app, CHAT, HELD)
        for _ in taken:
            model.says.put_nowait(server.Delta(reply=server.reply_of("done")))
        return refused, await asyncio.gather(*taken), await _again(server, app, model)

    refused, answered, again = asyncio.run(run())
    assert refused.status == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert [one.status for one in answered] == [200, 200]
    assert again.status == 200


async def _again(server, app, model):
    model.says.put_nowait(server.Delta(reply=server.reply_of("done")))
    return await server.ask(app, CHAT, HELD)


def test_while_it_drains_nobody_new_is_let_in_and_what_is_cut_says_so(server, until):
    async def run():
        model = server.Held()
        app = server.build(model)
        streamed = asyncio.create_task(server.ask(app, CHAT, {**HELD, "stream": True}))
        whole = asyncio.create_task(server.ask(app, CHAT, HELD))
        await until(lambda: model.running == 2)
        model.says.put_nowait(server.Delta(content="so f"))
        await until(model.says.empty)
        app.house.drain()
        refused = await server.ask(app, CHAT, HELD)
        health = await server.ask(app, "/health")
        app.house.stop_all()
        return refused, health, await streamed, await whole, model.running

    refused, health, streamed, whole, running = asyncio.run(run())
    assert refused.status == health.status == whole.status == 503
    assert "retry-after" in refused.headers
    assert streamed.chunks()[-1]["error"]["code"] == "shutting_down"
    assert running == 0


def test_it_describes_itself(server):
    app = server.build(server.scripted("echo"))
    answered = asyncio.run(server.ask(app, "/openapi.json"))
    assert CHAT in answered.json()["paths"]


def test_metrics(server):
    async def run():
        model = server.Held(waiting=3)
        app = server.build(model)
        model.says.put_nowait(server.Delta(content="4"))
        model.says.put_nowait(server.Delta(reply=server.reply_of("4", usage=Usage(10, 4, 7, 3))))
        await server.ask(app, CHAT, HELD)
        await server.ask(app, "/nowhere")
        return await server.ask(app, "/metrics")

    text = asyncio.run(run()).body.decode()
    for line in (
        'ossay_requests_total{route="/v1/chat/completions",status="200"} 1.0',
        'ossay_requests_total{route="other",status="404"} 1.0',
        'ossay_tokens_total{gen_ai_token_type="input"} 10.0',
        'ossay_tokens_total{gen_ai_token_type="cached"} 4.0',
        'ossay_tokens_total{gen_ai_token_type="output"} 7.0',
        'ossay_tokens_total{gen_ai_token_type="reasoning"} 3.0',
        'gen_ai_server_time_to_first_token_seconds_count{gen_ai_response_model="held-model"} 1.0',
        "ossay_model_waiting 3.0",
        "http_server_active_requests 0.0",
    ):
        assert line in text.splitlines()


def test_unknown_fields_are_told_to_the_log_alone(server, caplog):
    caplog.set_level("DEBUG", "ossay.server")
    app = server.build(server.scripted("echo"))
    answered = asyncio.run(server.ask(app, CHAT, {**ECHO, "mirostat": 2}))
    assert answered.status == 200
    assert "mirostat" in caplog.text
    assert "say this again" not in caplog.text


# JSON of any shape, under the names that the server reads.
_NAMES = st.sampled_from(
    ["model", "messages", "role", "content", "type", "text", "tools", "function", "name", "stop",
     "parameters", "tool_choice", "response_format", "json_schema", "schema", "tool_calls", "id",
     "arguments", "tool_call_id", "stream", "stream_options", "max_tokens", "n", "prompt", "input",
     "reasoning_effort", "temperature"]
)  # fmt: skip
_WORDS = st.sampled_from(["echo", "user", "assistant", "tool", "text", "function", "json_schema"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(
    fields=st.dictionaries(_NAMES, _JSON, max_size=6),
    base=st.sampled_from([{}, ECHO, {"model": "echo", "prompt": "x", "input": "x"}]),
    path=st.sampled_from([CHAT, "/v1/completions", "/v1/responses"]),
    cut=st.integers(0, 400),
)
def test_no_body_makes_the_server_fail(fields, base, path, cut):
    app, ask = _fuzzed()
    body = json.dumps({**base, **fields}).encode()

    async def run():
        return await ask(app, path, body), await ask(app, path, body[:cut])

    for answered in asyncio.run(run()):
        assert answered.status < 500, answered.body
        assert answered.status == 200 or answered.json()["error"]["message"]


_SHARED = {}


@pytest.fixture(autouse=True)
def _share(server):
    _SHARED["server"] = server


def _fuzzed():
    server = _SHARED["server"]
    return server.build(server.scripted("echo")), server.ask
