"""The TypeScript type of a JSON Schema, as the format describes what a function takes.

Follows openai-harmony 0.0.8, src/encoding.rs, and goes on where that writes `any` though the type
is known; design/harmony.md lists where. Never raises: what is no schema, too deep or too large is
`any`. Knows nothing of tools or messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from ossay.harmony.comment import above, behind, closed, comment, default
from ossay.harmony.literal import literal, quoted

# Nobody reads a type beyond these, and a `$ref` that is used often makes a small schema a huge one.
_DEPTH = 48
_NODES = 5_000  # types and values of enums
_CHARACTERS = 2_000_000  # those of an inner type count once for each level that holds it

_PLAIN = re.compile(r"[\w$@.-]+")  # more than identifiers, but nothing that ends a line or a field
_QUOTED = re.compile(r'["\x00-\x1f]|\\$')  # strings that would not end at their last quote
_SIMPLE = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean"}


def to_typescript(schema: object, *, indent: str = "") -> str:
    """Return the type. `$ref` is resolved within `schema`; a cycle is `any` where it closes."""
    return _Writer(schema).type_of(schema, _Place(indent)).text


def takes_nothing(schema: object) -> bool:
    """Whether a function of these parameters has no arguments."""
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        return False
    if schema.get("properties") or _others(schema) is not None:
        return False
    return not any(key in schema for key in ("oneOf", "anyOf", "allOf", "$ref", "enum", "const"))


class _Type(NamedTuple):
    """A type's text; whether brackets must go round it before `[]`; whether null is one of it."""

    text: str
    loose: bool = False
    null: bool = False


_ANY = _Type("any")


class _Place(NamedTuple):
    """Where a type is written, and inside which references."""

    indent: str
    depth: int = 0
    refs: tuple[str, ...] = ()

    def below(self, more: str = "") -> _Place:
        return _Place(self.indent + more, self.depth + 1, self.refs)


class _Writer:
    """Writes one schema; counts what it has written."""

    def __init__(self, root: object) -> None:
        self._root = root
        self._nodes = _NODES
        self._room = _CHARACTERS

    def type_of(self, schema: object, at: _Place) -> _Type:
        values = schema.get("enum") if isinstance(schema, dict) else None
        self._nodes -= 1 + (len(values) if isinstance(values, list) else 0)
        if not isinstance(schema, dict) or at.depth > _DEPTH or self._full:
            return _ANY
        written = self._written(schema, at)
        if schema.get("nullable") is True and at.depth and not written.null:
            text = closed(written.text, at.indent)
            written = _Type(f"{text} | null", loose=True, null=True)
        self._room -= len(written.text)
        return written

    @property
    def _full(self) -> bool:
        return self._nodes < 0 or self._room < 0

    def _written(self, schema: dict[str, Any], at: _Place) -> _Type:
        variants, kind = schema.get("oneOf"), schema.get("type")
        if isinstance(variants, list) and variants:
            return self._one_of(variants, at)
        if "const" in schema:
            return _values([schema["const"]])
        if isinstance(kind, str):
            return self._kind(schema, kind, at)
        names = [name for name in kind if isinstance(name, str)] if isinstance(kind, list) else []
        return self._kinds(schema, names, at) if names else self._untyped(schema, at)

    def _kind(self, schema: dict[str, Any], kind: str, at: _Place) -> _Type:
        if kind == "object":
            return _Type(self._object(schema, at))
        if kind == "array":
            return _Type(self._array(schema, at))
        values = schema.get("enum")
        if kind == "null" or not isinstance(values, list) or not values:
            return _Type("null", null=True) if kind == "null" else _Type(_SIMPLE.get(kind, "any"))
        if kind != "string":
            return _values(values)
        strings = [_Type(_string(value)) for value in values if isinstance(value, str)]
        return _union(strings) if strings else _Type("string")

    def _kinds(self, schema: dict[str, Any], names: list[str], at: _Place) -> _Type:
        values = schema.get("enum")
        if isinstance(values, list) and values:
            return _values(values)
        told = {"object": bool(schema.get("properties")) or _others(schema) is not None}
        told["array"] = "items" in schema
        return _union(
            self._kind(schema, name, at)
            if told.get(name)
            else _Type(
                _SIMPLE.get(name, name if _PLAIN.fullmatch(name) else "any"), null=name == "null"
            )
            for name in names
        )

    def _array(self, schema: dict[str, Any], at: _Place) -> str:
        if "items" not in schema:
            return "Array<any>"
        return f"{_grouped(self.type_of(schema['items'], at.below()), at)}[]"

    def _untyped(self, schema: dict[str, Any], at: _Place) -> _Type:
        """Write what the library has as `any`."""
        ref, values = schema.get("$ref"), schema.get("enum")
        if isinstance(ref, str):
            if ref in at.refs:
                return _ANY
            place = at.below()._replace(refs=(*at.refs, ref))
            return self.type_of(self._resolve(ref), place)
        for key in ("anyOf", "allOf"):
            parts = schema.get(key)
            if isinstance(parts, list) and parts:
                types = [self.type_of(part, at.below()) for part in parts]
                if key == "anyOf":
                    return _union(t._replace(text=_bracketed(t, at)) for t in types)
                if len(types) == 1:
                    return types[0]
                texts = dict.fromkeys(_grouped(t, at) for t in types)
                return _Type(" & ".join(texts), loose=len(texts) > 1)
        if isinstance(values, list) and values:
            return _values(values)
        if isinstance(schema.get("properties"), dict) or _others(schema) is not None:
            return _Type(self._object(schema, at))
        return _Type(self._array(schema, at)) if "items" in schema else _ANY

    def _resolve(self, ref: str) -> object:
        at = self._root
        if ref != "#" and not ref.startswith("#/"):
            return None
        for step in ref.split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(at, dict) or step not in at:
                return None
            at = at[step]
        return at

    def _object(self, schema: dict[str, Any], at: _Place) -> str:
        out = [*comment(schema.get("description"), at.indent), "{\n"]
        fields, asked = schema.get("properties"), schema.get("required")
        required = {k for k in asked if isinstance(k, str)} if isinstance(asked, list) else set()
        for name, field in fields.items() if isinstance(fields, dict) else ():
            if self._full:
                break
            mark = "" if name in required else "?"
            key = name if _PLAIN.fullmatch(str(name)) else quoted(str(name))
            lines = self._field(f"{at.indent}{key}{mark}:", field, at)
            self._room -= sum(map(len, lines))
            out += lines
        others = _others(schema)
        if others is not None:
            kind = self.type_of(others, at.below("    "))
            out.append(f"{at.indent}[key: string]: {closed(kind.text, at.indent)},\n")
        return f"{''.join(out)}{at.indent}}}"

    def _field(self, head: str, field: object, at: _Place) -> list[str]:
        if not isinstance(field, dict):
            return [f"{head} any,\n"]
        variants = field.get("oneOf")
        if isinstance(variants, list) and variants:
            out = above(field, at.indent, described=False)
            return out + self._variants(head, field, variants, at)
        out = above(field, at.indent, described=True)
        kind = closed(self.type_of(field, at.below("    ")).text, at.indent)
        said = default(field)
        return [*out, f"{head} {kind},{f' // {said}' if said else ''}\n"]

    def _variants(
        self, head: str, field: dict[str, Any], variants: list[Any], at: _Place
    ) -> list[str]:
        """Write a field's variants, each on a line; what is said of all of them above."""
        said, first = field.get("description"), variants[0]
        shown = isinstance(said, str) and not (
            isinstance(first, dict) and first.get("description") == said
        )
        out = comment(said, at.indent) if shown else []
        if text := default(field):
            out.append(f"{at.indent}// {text}\n")
        out.append(f"{head}\n")
        for i, variant in enumerate(variants):
            kind = self.type_of(variant, at.below("   ")).text
            same = isinstance(variant, dict) and variant.get("description") == said
            tail = behind(variant, described=not (same or (i == 0 and shown)))
            out.append(f"{at.indent} | {kind}{tail}\n")
        return [*out, f"{at.indent},\n"]

    def _one_of(self, variants: list[Any], at: _Place) -> _Type:
        types = [self.type_of(variant, at.below("   ")) for variant in variants]
        lines = [
            f"\n{at.indent} | {kind.text}{behind(variant, json_default=True)}"
            for kind, variant in zip(types, variants, strict=True)
        ]
        return _Type("".join(lines), loose=True, null=any(kind.null for kind in types))


def _others(schema: dict[str, Any]) -> object:
    """Return the schema of fields without a name; None where there are none."""
    others = schema.get("additionalProperties")
    return others if isinstance(others, dict) or others is True else None


def _string(value: str) -> str:
    """Return a string of an enum: as the library has it where that ends where it should."""
    return quoted(value) if _QUOTED.search(value) else f'"{value}"'


def _union(types: Iterable[_Type]) -> _Type:
    parts = list(types)
    texts = dict.fromkeys(part.text for part in parts)
    loose = len(texts) > 1 or any(part.loose for part in parts)
    return _Type(" | ".join(texts), loose, any(part.null for part in parts))


def _values(values: list[Any]) -> _Type:
    return _union(_Type(literal(value) or "any", null=value is None) for value in values)


def _grouped(kind: _Type, at: _Place) -> str:
    """Return a type that may stand before `[]` or `&`."""
    if not kind.loose:
        return kind.text
    end = f"\n{at.indent}" if kind.text.startswith("\n") else ""
    return f"({kind.text}{end})"


def _bracketed(kind: _Type, at: _Place) -> str:
    """Return a type that may stand before `|`: variants on lines of their own are bracketed."""
    return _grouped(kind, at) if kind.text.startswith("\n") else kind.text
