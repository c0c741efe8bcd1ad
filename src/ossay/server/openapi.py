"""The server's OpenAPI document, made from the types that its bodies are read with.

Knows nothing of HTTP, and nothing of how an answer is made: `openapi_answers` describes answers,
`openapi_fields` what a type cannot say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ossay import __version__
from ossay.server.chat_body import ChatBody
from ossay.server.completions import CompletionBody
from ossay.server.openapi_answers import ANSWERS
from ossay.server.openapi_fields import FIELDS, REQUIRED
from ossay.server.openapi_response import EVENTS, Deleted, Response
from ossay.server.responses_body import ResponsesBody

Json = dict[str, Any]

_BODIES = (ChatBody, CompletionBody, ResponsesBody)

_FAILURES = {
    400: "The request cannot be answered; `param` names the field.",
    401: "No API key, or one that is not known.",
    403: "A server without keys was asked under a name that is not this machine's.",
    404: "The model is not served here.",
    408: "The body came too slowly.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    429: "No place is free; Retry-After says when to ask again.",
    500: "A fault of this server.",
    502: "What runs the model failed.",
    503: "The server is shutting down.",
    504: "The answer took too long.",
}


# Each event of the Responses API.
_EVENT: Json = {
    "type": "object",
    "properties": {
        "event": {"enum": list(EVENTS)},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {
                "type": "object",
                "properties": {
                    "type": {"enum": list(EVENTS)},
                    "sequence_number": {"type": "integer", "minimum": 0},
                    "response": {"$ref": "#/components/schemas/Response"},
                },
                "required": ["type", "sequence_number"],
            },
        },
    },
    "required": ["event", "data"],
}


def document(models: Sequence[str] = ()) -> Json:
    """Return the OpenAPI 3.1 document.

    Args:
        models: The names that are served; without any, `model` may be any text.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ossay",
            "version": __version__,
            "description": "An OpenAI-compatible server. Unknown fields of a body are ignored.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(),
        "components": {
            "schemas": _schemas(models),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        # A server without keys takes everybody.
        "security": [{"key": []}, {}],
    }


def _paths() -> Json:
    return {
        "/v1/chat/completions": {
            "post": _post("chat", "Answer a conversation", "ChatBody", "ChatCompletion",
                          _chunks("ChatChunk")),
        },
        "/v1/responses": {
            "post": _post("respond", "Answer a conversation, item by item", "ResponsesBody",
                          "Response", _EVENT),
        },
        "/v1/responses/{id}": {
            "parameters": [_parameter("id")],
            "get": _read("retrieve", "Read a response that was kept", "Response", 404),
            "delete": _read("delete", "Forget a response", "Deleted", 404),
        },
        "/v1/completions": {
            "post": _post("complete", "Go on with a text", "CompletionBody", "TextCompletion",
                          _chunks("TextCompletion")),
        },
        "/v1/models": {"get": _read("models", "List the names that are served", "ModelList")},
        "/v1/models/{name}": {
            "parameters": [_parameter("name")],
            "get": _read("model", "Look up a name", "Model", 404),
        },
        "/health": {
            "get": {
                "operationId": "health",
                "summary": "Say whether requests are taken",
                "security": [],
                "responses": {
                    "200": _json("They are.", "Health"),
                    "503": _json("The server is shutting down.", "Health"),
                    **_failures(403),
                },
            }
        },
        "/metrics": {
            "get": {
                "operationId": "metrics",
                "summary": "Counters for Prometheus",
                "responses": {
                    "200": {
                        "description": "Prometheus' text format.",
                        "content": {"text/plain": {"schema": {"type": "string"}}},
                    },
                    **_failures(401, 403, 500),
                },
            }
        },
        "/openapi.json": {
            "get": {
                "operationId": "openapi",
                "summary": "This document",
                "responses": {
                    "200": {
                        "description": "An OpenAPI document.",
                        "content": {"application/json": {"schema": {"type": "object"}}},
                    },
                    **_failures(401, 403, 500),
                },
            }
        },
    }  # fmt: skip


def _post(id: str, summary: str, body: str, answer: str, event: Json) -> Json:
    whole = _json("The answer: one body, or with `stream: true` events.", answer)
    whole["content"]["text/event-stream"] = {"schema": event}
    return {
        "operationId": id,
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(body)}}},
        "responses": {"200": whole, **_failures(*_FAILURES)},
    }


def _chunks(chunk: str) -> Json:
    """Describe each event of a stream of chunks; [DONE] is the last of one that went well."""
    return {
        "type": "object",
        "properties": {"data": {"anyOf": [{"const": "[DONE]"}, _data({"anyOf": [
            _ref(chunk), _ref("Error")]})]}},
        "required": ["data"],
    }  # fmt: skip


def _data(schema: Json) -> Json:
    """A text that holds JSON."""
    return {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}


def _read(id: str, summary: str, answer: str, *failures: int) -> Json:
    return {
        "operationId": id,
        "summary": summary,
        "responses": {"200": _json("It.", answer), **_failures(401, 403, *failures, 500)},
    }


def _parameter(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _failures(*statuses: int) -> Json:
    answers = {str(status): _json(_FAILURES[status], "Error") for status in statuses}
    if "429" in answers:
        answers["429"]["headers"] = {"retry-after": {"schema": {"type": "integer", "minimum": 1}}}
    return answers


def _json(description: str, schema: str) -> Json:
    return {"description": description, "content": {"application/json": {"schema": _ref(schema)}}}


def _ref(schema: str) -> Json:
    return {"$ref": f"#/components/schemas/{schema}"}


def _schemas(models: Sequence[str]) -> Json:
    _, schemas = msgspec.json.schema_components(
        [*_BODIES, *ANSWERS, Response, Deleted], ref_template="#/components/schemas/{name}"
    )
    found: Json = schemas
    for schema in found.values():
        schema["description"] = " ".join(schema.get("description", "").split())
    for name, fields in FIELDS.items():
        found[name]["properties"].update(fields)
    del found["WireMessage"]  # what replaces it depends on the role
    for name, required in REQUIRED.items():
        found[name]["required"] = sorted({*found[name].get("required", ()), *required})
    if models:
        for body in _BODIES:
            found[body.__name__]["properties"]["model"] = {"enum": list(models)}
    return found
