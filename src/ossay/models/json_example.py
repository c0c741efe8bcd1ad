"""A value that follows a JSON Schema, the same one each time: what a script answers with.

Covers what schemas of tools are made of; patterns are beyond it, and so is what is very deep or
large: a value of at most `_MOST` parts and texts of `_LONGEST` characters. Knows nothing of tools.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_DEEPEST = 24  # of nested schemas; a schema that must go deeper has no finite value
_MOST = 2000
_LONGEST = 10_000

_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "ada@example.org",
    "hostname": "example.org",
    "uri": "https://example.org/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}

_PLAIN = {"boolean": True, "null": None}


def example(schema: Any, name: str = "example") -> Any:
    """Return a value of `schema`; strings without a format are `name`, or their property's name."""
    return _value(schema, name, _Root(schema), 0)


class _Root:
    """The whole schema, and how many more parts its value may have."""

    def __init__(self, schema: Any) -> None:
        self.schema = schema
        self.left = _MOST


def _value(schema: Any, name: str, root: _Root, depth: int) -> Any:
    root.left -= 1
    if not isinstance(schema, Mapping) or depth > _DEEPEST or root.left < 0:
        return name
    if "const" in schema or schema.get("enum"):
        return schema["const"] if "const" in schema else schema["enum"][0]
    if isinstance(schema.get("$ref"), str):
        return _value(_referred(root.schema, schema["$ref"]), name, root, depth + 1)
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return _value(schema[key][0], name, root, depth + 1)
    if schema.get("allOf"):
        return _value(_merged([schema, *schema["allOf"]], root), name, root, depth + 1)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object" or (kind is None and "properties" in schema):
        return _object(schema, root, depth)
    if kind == "array":
        return _array(schema, name, root, depth)
    if kind in ("integer", "number"):
        return _number(schema, whole=kind == "integer")
    return _PLAIN[kind] if kind in _PLAIN else _text(schema, name)


def _object(schema: Mapping[str, Any], root: _Root, depth: int) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    wanted = schema.get("required")
    if wanted is None:  # nothing need be there: fill it all the same, but not for ever
        wanted = properties if depth < 3 else ()
    return {key: _value(properties.get(key), key, root, depth + 1) for key in wanted}


def _array(schema: Mapping[str, Any], name: str, root: _Root, depth: int) -> list[Any]:
    first = [_value(item, name, root, depth + 1) for item in schema.get("prefixItems", ())]
    least, most = schema.get("minItems", 1), schema.get("maxItems")
    item = schema.get("items", {})
    more = 0 if item is False else min(max(int(least) - len(first), 0), max(root.left, 0))
    items = [*first, *[_value(item, name, root, depth + 1)] * more]
    return items if most is None else items[: int(most)]


def _number(schema: Mapping[str, Any], *, whole: bool) -> int | float:
    step = schema.get("multipleOf") or 1
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    value = step
    if low is not None and value <= low:
        value = math.ceil(low / step) * step
        if value == schema.get("exclusiveMinimum"):
            value += step
    elif high is not None and value >= high:
        value = math.floor(high / step) * step
        if value == schema.get("exclusiveMaximum"):
            value -= step
    return int(value) if whole else value


def _text(schema: Mapping[str, Any], name: str) -> str:
    text = _FORMATS.get(str(schema.get("format")), name)
    text += "x" * (min(int(schema.get("minLength", 0)), _LONGEST) - len(text))
    most = schema.get("maxLength")
    return text if most is None else text[: int(most)]


def _merged(parts: list[Any], root: _Root) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, Mapping) and isinstance(part.get("$ref"), str):
            part = _referred(root.schema, part["$ref"])
        if isinstance(part, Mapping):
            properties = {**merged.get("properties", {}), **part.get("properties", {})}
            required = [*merged.get("required", ()), *part.get("required", ())]
            merged = {**merged, **part}
            if properties:
                merged["properties"], merged["required"] = properties, required
    merged.pop("allOf", None)
    return merged


def _referred(root: Any, reference: str) -> Any:
    """Follow a JSON pointer inside the schema; what is not there counts as 'anything'."""
    at = root
    for part in reference.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        at = at.get(key) if isinstance(at, Mapping) else None
    return at
