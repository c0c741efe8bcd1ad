"""What the types of the bodies do not say: which values the server takes, field by field.

Knows nothing of paths. Tests send every value that is listed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

NULL: Json = {"type": "null"}
# The same as the server's own checks: names of functions, efforts, kinds of parts.
_NAME: Json = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
_EFFORT: Json = {"enum": ["none", "minimal", "low", "medium", "high", "xhigh", "max", None]}
_MODE: Json = {"enum": ["auto", "none", "required", None]}
_FORMAT: Json = {"enum": ["text", "json_object", "json_schema"]}
_FUNCTION: Json = {"const": "function"}
_PARAMETERS: Json = {
    "type": ["object", "null"],
    "properties": {"type": {"const": "object"}},
    "description": "A JSON Schema of type 'object'. One that cannot be followed is refused.",
}


def _only(*values: Any) -> Json:
    """The one value that is taken, beside those that say nothing."""
    return {"enum": [*values, None]}


def _parts(*kinds: str) -> Json:
    """Text, or parts of it."""
    text = {
        "type": "object",
        "properties": {"type": {"enum": list(kinds)}, "text": {"type": "string"}},
        "required": ["type", "text"],
    }
    refusal = {
        "type": "object",
        "properties": {"type": {"const": "refusal"}, "refusal": {"type": "string"}},
        "required": ["type", "refusal"],
    }
    return {"anyOf": [{"type": "string"}, {"type": "array", "items": {"anyOf": [text, refusal]}}]}


def _item(kind: str | None, required: list[str], **properties: Json) -> Json:
    """An item of a Responses input."""
    of_kind: Json = {} if kind is None else {"type": {"const": kind}}
    return {"type": "object", "properties": {**of_kind, **properties}, "required": required}


_STRING: Json = {"type": "string"}
_STRING_OR_NONE: Json = {"type": ["string", "null"]}
_TEXT_PARTS = _parts("text", "input_text", "output_text")
_SAID: Json = {
    "type": "array",
    "items": {"type": "object", "properties": {"text": _STRING}, "required": ["text"]},
}
_SAID_OR_NONE: Json = {"anyOf": [_SAID, NULL]}

# Messages of a chat: of people, of the model, of a tool.
_SPOKEN: Json = {
    "type": "object",
    "properties": {
        "role": {"enum": ["system", "developer", "user"]},
        "content": _TEXT_PARTS,
    },
    "required": ["role", "content"],
}
_WRITTEN: Json = {
    "type": "object",
    "properties": {
        "role": {"const": "assistant"},
        "content": {"anyOf": [*_TEXT_PARTS["anyOf"], NULL]},
        "refusal": _STRING_OR_NONE,
        "reasoning": _STRING_OR_NONE,
        "reasoning_content": _STRING_OR_NONE,
        "tool_calls": {
            "anyOf": [{"type": "array", "items": {"$ref": "#/components/schemas/WireCall"}}, NULL]
        },
    },
    "required": ["role"],
}
_RESULT: Json = {
    "type": "object",
    "properties": {
        "role": {"const": "tool"},
        "content": _TEXT_PARTS,
        "tool_call_id": _STRING | {"description": "Of a call in a message before."},
    },
    "required": ["role", "content", "tool_call_id"],
}

_ITEMS: Json = {
    "anyOf": [
        _item(
            "message",
            ["role", "content"],
            role={"enum": ["system", "developer", "user", "assistant"]},
            content=_TEXT_PARTS,
        ),
        _item("reasoning", ["type"], content=_SAID_OR_NONE, summary=_SAID_OR_NONE),
        _item(
            "function_call",
            ["type", "call_id", "name", "arguments"],
            call_id=_STRING, name=_NAME, arguments=_STRING,
        ),
        _item(
            "function_call_output",
            ["type", "call_id", "output"],
            call_id=_STRING | {"description": "Of a function_call before it."},
            output=_TEXT_PARTS,
        ),
        _item("item_reference", ["type", "id"], id=_STRING),
    ]
}  # fmt: skip

_COMMON: dict[str, Json] = {
    "n": _only(1),
    "logit_bias": {"type": ["object", "null"], "maxProperties": 0},
    "stop": {"anyOf": [_STRING, {"type": "array", "items": _STRING, "maxItems": 4}, NULL]},
}

# Schema -> field -> what replaces the type of that field.
FIELDS: Mapping[str, Mapping[str, Json]] = {
    "ChatBody": {
        **_COMMON,
        "messages": {
            "type": "array",
            "items": {"anyOf": [_SPOKEN, _WRITTEN, _RESULT]},
            "minItems": 1,
        },
        "tool_choice": {
            "anyOf": [
                _MODE,
                {
                    "type": "object",
                    "properties": {
                        "type": _FUNCTION,
                        "function": {
                            "type": "object",
                            "properties": {"name": _NAME},
                            "required": ["name"],
                        },
                    },
                    "required": ["type", "function"],
                },
            ],
            "description": "'required' and a named tool need `tools` with it.",
        },
        "reasoning_effort": _EFFORT
        | {"description": "none and minimal mean low; xhigh and max mean high."},
        "logprobs": _only(False),
        "top_logprobs": _only(0),
        "modalities": _only(["text"]),
        "audio": NULL,
        "functions": NULL | {"deprecated": True},
        "function_call": NULL | {"deprecated": True},
        "web_search_options": NULL,
        "parallel_tool_calls": {"type": ["boolean", "null"], "default": False},
    },
    "WireCall": {
        "type": _FUNCTION,
        "function": {"$ref": "#/components/schemas/WireFunction"},
    },
    "WireTool": {
        "type": _FUNCTION,
        "function": {"$ref": "#/components/schemas/WireToolFunction"},
    },
    "WireToolFunction": {"name": _NAME, "parameters": _PARAMETERS},
    "WireFormat": {"type": _FORMAT},
    "CompletionBody": {
        **_COMMON,
        "prompt": {
            "anyOf": [
                _STRING,
                {
                    "type": "array",
                    "items": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
                    "minItems": 1,
                },
                {"type": "array", "items": _STRING, "minItems": 1, "maxItems": 1},
            ]
        },
        "suffix": _only(""),
        "echo": _only(False),
        "best_of": _only(1),
        "logprobs": NULL,
    },
    "ResponsesBody": {
        **_COMMON,
        "input": {"anyOf": [_STRING, {"type": "array", "items": _ITEMS, "minItems": 1}]},
        "tool_choice": {
            "anyOf": [
                _MODE,
                {
                    "type": "object",
                    "properties": {"type": _FUNCTION, "name": _NAME},
                    "required": ["type", "name"],
                },
            ]
        },
        "include": {
            "anyOf": [
                {"type": "array", "items": {"enum": ["reasoning.encrypted_content"]}},
                NULL,
            ],
            "description": "Names of what other servers include are taken too.",
        },
        "truncation": {"enum": ["auto", "disabled", None]},
        "metadata": {
            "type": ["object", "null"],
            "maxProperties": 16,
            "propertyNames": {"maxLength": 64},
            "additionalProperties": {"type": "string", "maxLength": 512},
        },
        "top_logprobs": _only(0),
        "background": _only(False),
        "conversation": NULL,
        "prompt": NULL,
        "parallel_tool_calls": {"type": ["boolean", "null"], "default": False},
    },
    "WireFlatTool": {"type": _FUNCTION, "name": _NAME, "parameters": _PARAMETERS},
    "WireReasoning": {"effort": _EFFORT},
    "WireTextFormat": {"type": _FORMAT},
}

# Fields that must be there though their type allows that they are not.
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "ResponsesBody": ("input",),
    "WireCall": ("function",),
    "WireTool": ("function",),
    "WireFlatTool": ("name",),
}
