"""A value that follows a JSON Schema, the same one each time: what a script answers with.

Covers what schemas of tools are made of; patterns are beyond it, and so is what is very deep or
large: a value of some `_MOST` characters, and so much work. A keyword of a wrong type counts as one
that is not there. Knows nothing of tools.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

_DEEPEST = 24  # of nested schemas; a schema that must go deeper has no finite value
_MOST = 50_000
_PART = 20  # characters that a part of a value counts for, whatever it is
_LONGEST = 10_000  # of one text

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


def example(schema: Any, name: str = "example") -> Any:
    """Return a value of `schema`; strings without a format are `name`, or their property's name.

    Never raises, whatever the schema.
    """
    return _value(schema, name, _Root(schema), 0)


class _Root:
    """The whole schema, and how many characters of its value are left."""

    def __init__(self, schema: Any) -> None:
        self.schema = schema
        self.left = _MOST

    def spend(self, characters: int) -> bool:
        """Count them; False once all are spent."""
        self.left -= characters
        return self.left >= 0


def _value(schema: Any, name: str, root: _Root, depth: int) -> Any:
    if not root.spend(_PART):
        return ""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return _text({}, name, root)
    if "const" in schema or _listed(schema, "enum"):
        return _given(schema["const"] if "const" in schema else schema["enum"][0], name, root)
    if isinstance(schema.get("$ref"), str):
        return _value(_referred(root, schema["$ref"]), name, root, depth + 1)
    if either := _listed(schema, "anyOf") or _listed(schema, "oneOf"):
        return _value(either[0], name, root, depth + 1)
    if every := _listed(schema, "allOf"):
        return _value(_merged(chain((schema,), every), root), name, root, depth + 1)
    kind = next(iter(_listed(schema, "type")), schema.get("type"))
    if kind == "object" or (kind is None and "properties" in schema):
        return _object(schema, root, depth)
    if kind == "array":
        return _array(schema, name, root, depth)
    if kind in ("integer", "number"):
        return _number(schema, whole=kind == "integer")
    if kind in ("boolean", "null"):
        return True if kind == "boolean" else None
    return _text(schema, name, root)


def _object(schema: Mapping[str, Any], root: _Root, depth: int) -> dict[str, Any]:
    properties = _mapped(schema, "properties")
    wanted = schema.get("required")
    if not isinstance(wanted, list):  # nothing need be there: fill it all the same, not for ever
        wanted = properties if depth < 3 else ()
    value: dict[str, Any] = {}
    for key in wanted:
        if not root.spend(len(key) if isinstance(key, str) else 1):
            break
        if isinstance(key, str):
            value[key] = _value(properties.get(key), key, root, depth + 1)
    return value


def _array(schema: Mapping[str, Any], name: str, root: _Root, depth: int) -> list[Any]:
    most = _count(schema, "maxItems")
    items: list[Any] = []
    for item in _listed(schema, "prefixItems"):
        if root.left < 0 or len(items) == most:
            break
        items.append(_value(item, name, root, depth + 1))
    least = _count(schema, "minItems")
    wanted = (1 if least is None else least) - len(items)
    wanted = wanted if most is None else min(wanted, most - len(items))
    if wanted > 0 and schema.get("items") is not False:
        before = root.left
        item = _value(schema.get("items", {}), name, root, depth + 1)
        cost = before - root.left
        more = min(wanted - 1, max(root.left, 0) // cost)
        root.spend(more * cost)
        items += [item] * (1 + more)
    return items


def _number(schema: Mapping[str, Any], *, whole: bool) -> int | float:
    step = _finite(schema, "multipleOf")
    step = 1 if step is None or step <= 0 else step
    above, below = _finite(schema, "exclusiveMinimum"), _finite(schema, "exclusiveMaximum")
    low, high = _finite(schema, "minimum"), _finite(schema, "maximum")
    low, high = above if low is None else low, below if high is None else high
    value = step
    try:
        if low is not None and value <= low:
            value = math.ceil(low / step) * step
            value += step if value == above else 0
        elif high is not None and value >= high:
            value = math.floor(high / step) * step
            value -= step if value == below else 0
        if not math.isfinite(value):
            return 1
    except (OverflowError, ValueError):  # beyond what a float holds
        return 1
    return int(value) if whole else value


def _text(schema: Mapping[str, Any], name: str, root: _Root) -> str:
    kind = schema.get("format")
    text = _FORMATS.get(kind, name) if isinstance(kind, str) else name
    text += "x" * (min(_count(schema, "minLength") or 0, _LONGEST) - len(text))
    text = text[: _count(schema, "maxLength")][: max(root.left, 0)]
    root.spend(len(text))
    return text


def _given(value: Any, name: str, root: _Root) -> Any:
    """Return a value that stands in the schema, or a text where it is too deep or too large."""
    level, cost = [value], 0
    for _ in range(_DEEPEST):
        under: list[Any] = []
        for part in level:
            cost += _PART + (len(part) if isinstance(part, str | list | Mapping) else 0)
            if cost > root.left:
                return _text({}, name, root)
            if isinstance(part, Mapping):
                under += [*part, *part.values()]
            elif isinstance(part, list):
                under += part
        if not under:
            root.spend(cost)
            return value
        level = under
    return _text({}, name, root)


def _merged(parts: Iterable[Any], root: _Root) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    required: list[Any] = []
    for part in parts:
        if isinstance(part, Mapping) and isinstance(part.get("$ref"), str):
            part = _referred(root, part["$ref"])
        if isinstance(part, Mapping):
            own, needed = _mapped(part, "properties"), _listed(part, "required")
            if not root.spend(_PART + len(part) + len(own) + len(needed)):
                break
            properties.update(own)
            required += needed
            merged.update(part)
    if properties:
        merged["properties"], merged["required"] = properties, required
    merged.pop("allOf", None)
    return merged


def _referred(root: _Root, reference: str) -> Any:
    """Follow a JSON pointer inside the schema; what is not there counts as 'anything'."""
    at = root.schema
    if not root.spend(len(reference)):
        return None
    for part in reference.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        at = at.get(key) if isinstance(at, Mapping) else None
    return at


def _listed(schema: Mapping[str, Any], key: str) -> list[Any]:
    value = schema.get(key)
    return value if isinstance(value, list) else []


def _mapped(schema: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = schema.get(key)
    return value if isinstance(value, Mapping) else {}


def _finite(schema: Mapping[str, Any], key: str) -> int | float | None:
    value = schema.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # a whole number that no float holds
        return None


def _count(schema: Mapping[str, Any], key: str) -> int | None:
    value = _finite(schema, key)
    return None if value is None or value < 0 else int(value)
