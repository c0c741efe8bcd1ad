"""Reading one table of a claims file as a Struct: a key that it doesn't have raises.

Claims differ in their keys by kind, so the whole file can't be decoded as one type. Knows nothing
of what any key means.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from ossay.core.errors import ConfigError, nearest

T = TypeVar("T", bound=msgspec.Struct)


def convert(data: Any, type_: type[T], where: str) -> T:
    """Read a decoded TOML table as `type_`; `where` is named in errors.

    Raises:
        ConfigError: an unknown key, with the nearest; a value of the wrong type; a missing key.
    """
    _check(data, type_, where)
    try:
        return msgspec.convert(data, type_)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}") from error


def _check(data: Any, type_: type[msgspec.Struct], where: str) -> None:
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where}: {data!r} is no table of keys")
    known = _fields(type_)
    for key, value in data.items():
        if key not in known:
            raise ConfigError(f"{where}: unknown key {key!r}{nearest(str(key), known)}")
        inner = known[key]
        if inner is None:
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Mapping):
                _check(one, inner, f"{where}, {key}")


@cache
def _fields(type_: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct] | None]:
    """Each key of a Struct, and the Struct that its value may hold."""
    hints = get_type_hints(type_)
    return {one.encode_name: _struct_in(hints[one.name]) for one in msgspec.structs.fields(type_)}


def _struct_in(hint: Any) -> type[msgspec.Struct] | None:
    """The first Struct in an annotation, however deep: a union, a list or an optional of one."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    for inner in get_args(hint):
        found = _struct_in(inner)
        if found is not None:
            return found
    return None
