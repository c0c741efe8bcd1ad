"""Schema: does a JSON value follow a JSON Schema?

Knows the keywords that answers are bound with; one that it does not know is refused when the schema
is read, since a check that skips a rule would approve what breaks it. Patterns are refused too: one
written badly can run for hours. Knows nothing of models.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ossay.core.errors import ConfigError, nearest

_DEEPEST = 60


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
_KEYWORDS = _words(
    "type enum const properties required additionalProperties items minItems maxItems uniqueItems "
    "minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum multipleOf anyOf allOf "
    "oneOf not $ref $defs definitions minProperties maxProperties prefixItems"
)
_NOTES = _words("title description default examples $schema $id $comment deprecated")


class Schema:
    """A JSON Schema made ready. Raises `ConfigError` on what it would not check."""

    def __init__(self, schema: object) -> None:
        self._root = schema
        self._read(schema, "", 0)

    def fault_of_text(self, text: str) -> str:
        """What is wrong with a text that must be JSON and follow, '' where nothing is."""
        try:
            value = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return "it is not one JSON value"
        return self.fault_of(value)

    def fault_of(self, value: Any) -> str:
        """What is wrong with a JSON value, '' where nothing is; the place, and no text of it."""
        try:
            return self._fault(value, self._root, "the answer", 0)
        except RecursionError:
            return "the answer is nested too deeply to check"

    def _read(self, schema: object, where: str, depth: int) -> None:
        if isinstance(schema, bool):
            return
        if not isinstance(schema, dict) or depth > _DEEPEST:
            raise ConfigError(f"schema{where}: {schema!r:.60} must be an object or a boolean")
        for key, rule in schema.items():
            if key not in _KEYWORDS and key not in _NOTES:
                raise ConfigError(
                    f"schema{where}: {key!r} cannot be checked{nearest(key, _KEYWORDS)}"
                )
            if key in ("properties", "$defs", "definitions"):
                for name, inner in _table(rule, where, key).items():
                    self._read(inner, f"{where}/{key}/{name}", depth + 1)
            elif key in ("anyOf", "allOf", "oneOf", "prefixItems"):
                if not isinstance(rule, list):
                    raise ConfigError(f"schema{where}/{key}: {rule!r:.60} must be a list")
                for number, inner in enumerate(rule):
                    self._read(inner, f"{where}/{key}/{number}", depth + 1)
            elif key in ("items", "additionalProperties", "not"):
                self._read(rule, f"{where}/{key}", depth + 1)
            elif key == "$ref":
                self._follow(rule)
            else:
                _check_rule(key, rule, where)

    def _follow(self, reference: object) -> object:
        """The part of the schema that '#/…' names."""
        found = self._root
        steps = reference.split("/") if isinstance(reference, str) else [""]
        for step in steps[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        if steps[0] != "#" or not isinstance(found, dict | bool):
            raise ConfigError(f"schema: no part {reference!r:.80}; only '#/…' is followed")
        return found

    def _fault(self, value: Any, schema: Any, at: str, depth: int) -> str:
        if depth > _DEEPEST:
            raise RecursionError
        if isinstance(schema, bool):
            return "" if schema else f"{at} must not be there"
        if "$ref" in schema:
            wrong = self._fault(value, self._follow(schema["$ref"]), at, depth + 1)
            if wrong:
                return wrong
        return (
            _plain(value, schema, at)
            or self._inside(value, schema, at, depth)
            or self._combined(value, schema, at, depth)
        )

    def _inside(self, value: Any, schema: Mapping[str, Any], at: str, depth: int) -> str:
        if isinstance(value, dict):
            properties = schema.get("properties", {})
            others = schema.get("additionalProperties", True)
            for name in schema.get("required", ()):
                if name not in value:
                    return f"{at} lacks {name!r}"
            for name, item in value.items():
                known = name in properties
                if not known and others is False:
                    return f"{at} has a key that is not allowed"
                rule = properties[name] if known else others
                place = f"{at}[{name!r}]" if known else f"a key of {at}"
                wrong = self._fault(item, rule, place, depth + 1)
                if wrong:
                    return wrong
        if isinstance(value, list):
            first = schema.get("prefixItems", [])
            rest = schema.get("items", True)
            for number, item in enumerate(value):
                rule = first[number] if number < len(first) else rest
                wrong = self._fault(item, rule, f"{at}[{number}]", depth + 1)
                if wrong:
                    return wrong
        return ""

    def _combined(self, value: Any, schema: Mapping[str, Any], at: str, depth: int) -> str:
        for inner in schema.get("allOf", ()):
            wrong = self._fault(value, inner, at, depth + 1)
            if wrong:
                return wrong
        for key in ("anyOf", "oneOf"):
            if key in schema:
                fits = sum(not self._fault(value, one, at, depth + 1) for one in schema[key])
                if fits == 0 or (key == "oneOf" and fits > 1):
                    return f"{at} fits {fits} of the forms in {key!r}"
        if "not" in schema and not self._fault(value, schema["not"], at, depth + 1):
            return f"{at} is what it must not be"
        return ""


def _plain(value: Any, schema: Mapping[str, Any], at: str) -> str:
    """Rules about a value that look at nothing inside it."""
    types = schema.get("type")
    if types is not None:
        types = [types] if isinstance(types, str) else types
        if not any(_is_of(value, one) for one in types):
            return f"{at} must be of type {' or '.join(types)}"
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        return f"{at} is not one of the values that are allowed"
    if "const" in schema and not _same(value, schema["const"]):
        return f"{at} is not the value that is asked for"
    if isinstance(value, str | list | dict):
        unit = {str: "Length", list: "Items", dict: "Properties"}[type(value)]
        if len(value) < schema.get(f"min{unit}", 0):
            return f"{at} is too short"
        if len(value) > schema.get(f"max{unit}", math.inf):
            return f"{at} is too long"
    if isinstance(value, list) and schema.get("uniqueItems") and _repeats(value):
        return f"{at} holds something twice"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value, schema, at)
    return ""


def _repeats(values: list[Any]) -> bool:
    return any(_same(a, b) for number, a in enumerate(values) for b in values[:number])


def _number(value: float, schema: Mapping[str, Any], at: str) -> str:
    if value < schema.get("minimum", -math.inf) or value <= schema.get(
        "exclusiveMinimum", -math.inf
    ):
        return f"{at} is too small"
    if value > schema.get("maximum", math.inf) or value >= schema.get("exclusiveMaximum", math.inf):
        return f"{at} is too large"
    step = schema.get("multipleOf")
    if step is not None:
        ratio = value / step
        if not math.isfinite(ratio) or abs(ratio - round(ratio)) > 1e-9:
            return f"{at} is no multiple of {step!r}"
    return ""


def _is_of(value: Any, name: str) -> bool:
    if name == "integer":
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return whole and not isinstance(value, bool)
    if name == "number" and isinstance(value, bool):
        return False
    return isinstance(value, _TYPES[name])


def _same(a: Any, b: Any) -> bool:
    """Equal as JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    return bool(a == b)


def _table(rule: object, where: str, key: str) -> dict[str, Any]:
    if not isinstance(rule, dict):
        raise ConfigError(f"schema{where}/{key}: {rule!r:.60} must be an object")
    return rule


def _check_rule(key: str, rule: Any, where: str) -> None:
    """Raise where a keyword's own value is not what it takes."""
    numbers = key.startswith(("min", "max", "exclusive")) or key == "multipleOf"
    fits = True
    if key == "type":
        names = [rule] if isinstance(rule, str) else rule
        known = {*_TYPES, "integer"}
        fits = isinstance(names, list) and all(
            isinstance(one, str) and one in known for one in names
        )
    elif key == "required":
        fits = isinstance(rule, list) and all(isinstance(name, str) for name in rule)
    elif key == "enum":
        fits = isinstance(rule, list)
    elif numbers:
        fits = isinstance(rule, int | float) and not isinstance(rule, bool)
        fits = fits and (key != "multipleOf" or rule > 0)
    elif key == "uniqueItems":
        fits = isinstance(rule, bool)
    if not fits:
        raise ConfigError(f"schema{where}/{key}: {rule!r:.60} is not what it takes")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
