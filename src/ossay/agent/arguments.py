"""Checking the arguments that a model wrote against a tool's schema, in words that help it.

Knows the part of JSON Schema that our tools use (strings and integers) and nothing of the tools.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ossay.core.errors import nearest
from ossay.core.types import Tool


def checked_arguments(tool: Tool, text: str) -> dict[str, Any] | str:
    """Decode and check a call's arguments; a string says what is wrong and what is taken."""
    try:
        given = msgspec.json.decode(text or "{}")
        if isinstance(given, dict):
            wrong = _wrong(given, tool.parameters)
            if not wrong:
                return given
        else:
            wrong = "the arguments must be one JSON object"
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        wrong = f"the arguments are not valid JSON ({error})"
    return f"{wrong}. It takes {_taken(tool.parameters)}."


def _wrong(given: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What is wrong with the first argument that is wrong, '' where none is."""
    properties = schema["properties"]
    for name in schema["required"]:
        if name not in given:
            return f"the argument {name!r} is missing"
    for name, value in given.items():
        if name not in properties:
            return f"there is no argument {name!r}{nearest(name, properties)}"
        mismatch = _mismatch(value, properties[name])
        if mismatch:
            return f"the argument {name!r} {mismatch}"
    return ""


def _mismatch(value: Any, schema: Mapping[str, Any]) -> str:
    if schema["type"] == "string":
        return "" if isinstance(value, str) else f"must be a string, not {value!r:.60}"
    if not isinstance(value, int) or isinstance(value, bool):
        return f"must be an integer, not {value!r:.60}"
    return "" if value >= schema["minimum"] else f"must be at least {schema['minimum']}"


def _taken(schema: Mapping[str, Any]) -> str:
    """The arguments in one line, such as {"path": string, "limit"?: integer}."""
    parts = (
        f'"{name}"{"" if name in schema["required"] else "?"}: {value["type"]}'
        for name, value in schema["properties"].items()
    )
    return "{" + ", ".join(parts) + "}"
