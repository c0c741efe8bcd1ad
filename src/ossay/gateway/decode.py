"""Reading TOML into Structs, strictly: what is wrong is told with its line and what would be right.

`core.config` reads files of which an error may name the key alone. Here each value is converted
where it stands, so that the error knows its path. Knows nothing of any particular file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NoReturn, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from ossay.core.display import visible
from ossay.core.errors import ConfigError, nearest
from ossay.gateway.lines import Path, lines_of, shown

T = TypeVar("T")

# What an owner may mistake for the place of a key is never shown.
SECRET = "sha256"

_LEVELS = 20  # tables and lists within each other
_SHOWN = 80  # characters of a value in an error
_PLAIN: dict[Any, str] = {
    str: "text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


class Document:
    """A TOML text, its data and its lines. Raises `ConfigError` where it is none.

    Args:
        text: The file.
        source: What errors call it.
    """

    def __init__(self, text: str, *, source: str) -> None:
        self.source = source
        try:
            self.data: dict[str, Any] = tomllib.loads(text)
        except ValueError as error:
            said, _, place = str(error).partition(" (at ")
            line = re.match(r"line (\d+)", place)
            at = f":{line[1]}" if line else ""
            raise ConfigError(f"{source}{at}: not valid TOML: {visible(said)}") from None
        except RecursionError:
            raise self._too_deep() from None
        if _depth(self.data) > _LEVELS:
            raise self._too_deep()
        self._lines = lines_of(text)

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest thing around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def fail(self, path: Path, said: str) -> NoReturn:
        """Raise `ConfigError` that says where."""
        raise ConfigError(f"{self.source}:{self.line(path)}: {said}")

    def fail_value(self, path: Path, wanted: str) -> NoReturn:
        """Raise `ConfigError` that shows the value at a path and what it must be."""
        value: Any = self.data
        for part in path:
            value = value[part]
        said = "…" if path[-1:] == (SECRET,) else _as_written(value)
        self.fail(path, f"{shown(path)} = {said} must be {wanted}")

    def decode(self, type_: type[T]) -> T:
        """Convert all of it. Raises `ConfigError`."""
        made: T = self._converted(self.data, type_, ())
        return made

    def _converted(self, value: Any, type_: Any, path: Path) -> Any:
        bare = _without_none(type_)
        if isinstance(bare, type) and issubclass(bare, Struct):
            return self._struct(value, bare, path)
        if get_origin(bare) is dict:
            inner = get_args(bare)[1]
            if isinstance(value, dict) and path:
                return {
                    key: self._converted(one, inner, (*path, key)) for key, one in value.items()
                }
            self.fail_value(path, f"tables, each as [{shown(path)}.NAME]")
        try:
            return msgspec.convert(value, type_)
        except msgspec.ValidationError as error:
            item = re.search(r"\$\[(\d+)\]", str(error))
            if item is None:
                self.fail_value(path, _wanted(bare, value))
            place = (*path, int(item[1]))
            self.fail_value(place, _wanted(_item_type(bare), value[int(item[1])]))

    def _struct(self, value: Any, type_: type[Struct], path: Path) -> Struct:
        if not isinstance(value, dict):
            self.fail_value(path, f"a table, as [{shown(path)}] or {{ … }}")
        fields = {one.encode_name: one for one in msgspec.structs.fields(type_)}
        for key in value:
            if key not in fields:
                place = f" in [{shown(path)}]" if path else ""
                near = nearest(key, fields)
                self.fail((*path, key), f"unknown key {visible(key[:_SHOWN])!r}{place}{near}")
        for name, one in fields.items():
            if one.required and name not in value:
                place = f"[{shown(path)}]" if path else "the file"
                self.fail(path, f"{place} has no {name!r}, which must be {_wanted(one.type)}")
        given = {
            fields[key].name: self._converted(one, fields[key].type, (*path, key))
            for key, one in value.items()
        }
        return type_(**given)

    def _too_deep(self) -> ConfigError:
        return ConfigError(f"{self.source}: nested deeper than {_LEVELS} levels; write it flatter")


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level and depth <= _LEVELS:
        inner = [list(one.values()) if isinstance(one, dict) else one for one in level]
        level = [item for one in inner for item in one if isinstance(item, dict | list)]
        depth += 1
    return depth


def _wanted(type_: Any, value: Any = None) -> str:
    """What a value of that type is, in words; what is near it where only some words are taken."""
    told = _description(type_)
    if told:
        return told
    bare = _without_none(type_)
    if get_origin(bare) is Annotated:
        bare = get_args(bare)[0]
    if get_origin(bare) is Literal:
        known = get_args(bare)
        near = nearest(value, known) if isinstance(value, str) else ""
        hint = near if near.endswith("?") else ""
        return f"one of {', '.join(map(repr, known))}{hint}"
    if get_origin(bare) is tuple:
        return f"a list, each item {_wanted(get_args(bare)[0])}"
    if get_origin(bare) is dict:
        return "tables with names, such as [routes.support]"
    if isinstance(bare, type) and issubclass(bare, Struct):
        return "a table"
    return _PLAIN.get(bare, str(bare))


def _description(type_: Any) -> str:
    """The description that the type was given."""
    for one in (type_, *get_args(type_)):
        for meta in getattr(one, "__metadata__", ()):
            if isinstance(meta, Meta) and meta.description:
                return meta.description
    return ""


def _without_none(type_: Any) -> Any:
    arguments = get_args(type_)
    if type(None) in arguments:
        return next(one for one in arguments if one is not type(None))
    return type_


def _item_type(type_: Any) -> Any:
    """Of a tuple, or of the tuple that is one of several types, the type of its items."""
    if get_origin(type_) is tuple:
        return get_args(type_)[0]
    found = (_item_type(one) for one in get_args(type_) if get_args(one))
    return next(found, str)


def _as_written(value: Any) -> str:
    """A value as it looks in TOML, near enough, cut and made visible."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{ … }"
    if isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        return "[ … ]"
    said = visible(repr(value))
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"
