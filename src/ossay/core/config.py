"""Strict reading of TOML into Structs: an unknown key raises and names the nearest valid one.

Knows nothing of any particular file.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec

from ossay.core.errors import ConfigError, nearest

T = TypeVar("T")

# Tables within tables; no file of ours needs more than a few.
_LEVELS = 100


def read_toml(path: Path, type_: type[T]) -> T:
    """Read a TOML file as `type_`; `ConfigError` names the file, the key and the next step."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {str(path)!r}: {error}") from error
    return decode_toml(text, type_, source=str(path))


def decode_toml(text: str, type_: type[T], *, source: str) -> T:
    """Decode TOML text as `type_`; `source` is named in errors."""
    data = _parse(text, source)
    _check_keys(data, type_, source, "")
    try:
        return msgspec.convert(data, type_)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {error}") from error


def _parse(text: str, source: str) -> dict[str, Any]:
    try:
        data = tomllib.loads(text)
    except ValueError as error:  # broken, or a number of more digits than Python reads
        raise ConfigError(f"{source}: not valid TOML: {error}") from error
    except RecursionError:
        raise _too_deep(source) from None
    level: list[Any] = [data]
    for _ in range(_LEVELS):
        inner = [value.values() if isinstance(value, dict) else value for value in level]
        level = [item for values in inner for item in values if isinstance(item, dict | list)]
    if level:
        raise _too_deep(source)
    return data


def _too_deep(source: str) -> ConfigError:
    return ConfigError(f"{source}: nested deeper than {_LEVELS} levels; write it flatter")


def _check_keys(data: Any, type_: Any, source: str, where: str) -> None:
    """Walk `data` beside `type_` and raise on the first key that the type does not have."""
    struct = _struct_in(type_)
    if struct is not None and isinstance(data, dict):
        known = {f.encode_name: f.type for f in msgspec.structs.fields(struct)}
        for key, value in data.items():
            if key not in known:
                place = f" in [{where}]" if where else ""
                raise ConfigError(f"{source}: unknown key {key!r}{place}{nearest(key, known)}")
            _check_keys(value, known[key], source, f"{where}.{key}" if where else key)
        return
    inner = [arg for arg in get_args(type_) if _struct_in(arg) is not None]
    if not inner:
        return
    if isinstance(data, list):
        for item in data:
            _check_keys(item, inner[-1], source, where)
    elif isinstance(data, dict):
        for key, value in data.items():
            _check_keys(value, inner[-1], source, f"{where}.{key}" if where else key)


def _struct_in(type_: Any) -> type[msgspec.Struct] | None:
    """The Struct that `type_` is, or is an optional of; None for containers and plain types."""
    candidates = [type_]
    if type(None) in get_args(type_):
        candidates = [arg for arg in get_args(type_) if arg is not type(None)]
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, msgspec.Struct):
            return candidate
    return None
