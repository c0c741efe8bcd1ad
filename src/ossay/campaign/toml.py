"""Writing plain values as TOML: strings, numbers, truth values, lists of them, and tables.

The standard library reads TOML but does not write it. Knows nothing of plans.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(table: Mapping[str, Any]) -> str:
    """Return `table` as TOML text: plain values first, then one section a table. None is left out.

    A list whose items are all tables becomes one `[[section]]` an item.

    Raises `TypeError` on a value that TOML does not have.
    """
    return "".join(line + "\n" for line in _lines(table, ""))


def _lines(table: Mapping[str, Any], where: str) -> list[str]:
    lines = [
        f"{_key(key)} = {_value(value)}"
        for key, value in table.items()
        if value is not None and not isinstance(value, Mapping) and not _are_tables(value)
    ]
    for key, value in table.items():
        place = f"{where}.{_key(key)}" if where else _key(key)
        if isinstance(value, Mapping):
            lines += ["", f"[{place}]", *_lines(value, place)]
        elif _are_tables(value):
            for item in value:
                lines += ["", f"[[{place}]]", *_lines(item, place)]
    return lines


def _are_tables(value: Any) -> bool:
    items = value if isinstance(value, list | tuple) else ()
    return bool(items) and all(isinstance(item, Mapping) for item in items)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)  # inf and nan are TOML's words too
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    raise TypeError(f"TOML has no {type(value).__name__}: {value!r}")


def _string(text: str) -> str:
    # A TOML basic string is a JSON string, but for DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
