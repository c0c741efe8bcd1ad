"""The OpenAPI document: true of the types, the routes and the values that it names."""

import json
import random

import jsonschema
import msgspec
import pytest

from ossay.core.types import Delta, Message, Reply, Timing, ToolCall, Usage
from ossay.models.scripted import scripted
from ossay.server.app import App
from ossay.server.chat import Chat
from ossay.server.completions import Completions
from ossay.server.house import House, Options
from ossay.server.openapi import document
from ossay.server.openapi_fields import FIELDS
from ossay.server.responses import Responses

APIS = {
    "ChatBody": (Chat("fp"), {"model": "m", "messages": [{"role": "user", "content": "?"}]}),
    "CompletionBody": (Completions("fp"), {"model": "m", "prompt": "?"}),
    "ResponsesBody": (Responses(), {"model": "m", "input": "?"}),
}
REPLY = Reply(
    Message("assistant", "said", reasoning="thought", tool_calls=(ToolCall("call_1", "f", "{}"),)),
    Usage(input_tokens=3, cached_input_tokens=1, output_tokens=4, reasoning_tokens=2),
    Timing(started_at=0.0, total_s=1.0),
    finish="tool_calls",
)


def validator(schema):
    whole = document()
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": whole["components"]}
    )


def test_it_is_plain_json():
    assert json.loads(msgspec.json.encode(document())) == document()


def test_every_route_is_in_it_and_nothing_else():
    app = App(House(scripted("echo"), Options(), rng=random.Random(1)))
    routes = {route.path.replace(":path}", "}") for route in app._router.routes}
    assert routes == set(document()["paths"])


def test_references_lead_somewhere():
    whole = document()
    text = json.dumps(whole)
    for name in set(text.split('"#/components/schemas/')[1:]):
        assert name.partition('"')[0] in whole["components"]["schemas"]


def test_the_names_that_are_served_are_the_only_ones():
    schemas = document(["a", "b"])["components"]["schemas"]
    for body in APIS:
        assert schemas[body]["properties"]["model"] == {"enum": ["a", "b"]}


@pytest.mark.parametrize("body", APIS)
def test_a_small_body_fits(body):
    validator(body).validate(APIS[body][1])


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        (body, field, value)
        for body in APIS
        for field, schema in FIELDS[body].items()
        for value in schema.get("enum", [])
        if value != "required"  # it needs tools
    ],
)
def test_every_value_that_is_named_is_taken(body, field, value):
    api, least = APIS[body]
    api.decode(json.dumps({**least, field: value}).encode())


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("ChatBody", "ChatCompletion"),
        ("CompletionBody", "TextCompletion"),
        ("ResponsesBody", "Response"),
    ],
)
def test_whole_answers_fit(body, answer):
    api, least = APIS[body]
    encoder = api.decode(json.dumps(least).encode()).encoder(created=1, unique="u")
    validator(answer).validate(json.loads(encoder.whole(REPLY)))


@pytest.mark.parametrize(
    ("body", "chunk"), [("ChatBody", "ChatChunk"), ("CompletionBody", "TextCompletion")]
)
def test_events_fit(body, chunk):
    api, least = APIS[body]
    asked = {**least, "stream": True, "stream_options": {"include_usage": True}}
    encoder = api.decode(json.dumps(asked).encode()).encoder(created=1, unique="u")
    events = encoder.begin() + encoder.piece(Delta(content="said")) + encoder.end(REPLY)
    *chunks, done = [part for part in events.split(b"\n\n") if part]
    assert done == b"data: [DONE]"
    for event in chunks:
        validator(chunk).validate(json.loads(event.removeprefix(b"data: ")))


def test_every_operation_tells_of_a_host_that_is_refused():
    for methods in document()["paths"].values():
        for method, operation in methods.items():
            if method != "parameters":
                assert "403" in operation["responses"], operation["operationId"]
