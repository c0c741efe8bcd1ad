"""One cell of a table: as text, as a number, as a count. An empty one is None, never a zero.

A cell of a CSV file is text; Parquet has types. All raise ValueError with what was wrong; who
reads the table adds the place. Knows nothing of columns.
"""

from __future__ import annotations

import math
import re

Cell = str | int | float | bool | None

# A name longer than this is a prompt, and the wrong column.
MAX_TEXT = 1_000

_EMPTY = frozenset({"", "nan", "null", "none", "na", "n/a", "<na>"})
_WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SHOWN = 60


def text_of(cell: Cell) -> str:
    """Return a cell as a name, '' where it is empty. A whole float is written as an integer."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        if math.isnan(cell):
            return ""
        if cell.is_integer() and abs(cell) < 1e15:
            return str(int(cell))
    text = str(cell).strip()
    if len(text) > MAX_TEXT:
        raise ValueError(f"{_shown(text)} has {len(text):,} characters, at most {MAX_TEXT:,} fit")
    return text


def number_of(cell: Cell) -> float | None:
    """Return a cell as a finite number, None where it is empty; true and yes are 1."""
    if cell is None or isinstance(cell, bool):
        return None if cell is None else float(cell)
    if isinstance(cell, str):
        return _parse(cell)
    try:
        value = float(cell)
    except OverflowError:
        value = math.inf
    if math.isnan(value):
        return None
    if math.isinf(value):
        raise ValueError("an infinite number")
    return value + 0.0  # -0.0 is 0.0


def amount_of(cell: Cell) -> float | None:
    """Return a cell as a number >= 0 (USD, seconds), None where it is empty."""
    value = number_of(cell)
    if value is not None and value < 0:
        raise ValueError(f"{value!r} is negative")
    return value


def count_of(cell: Cell) -> int | None:
    """Return a cell as a whole number >= 0, None where it is empty."""
    value = amount_of(cell)
    if value is None:
        return None
    if not value.is_integer() or value > 1e15:
        raise ValueError(f"{value!r} is no count")
    return int(value)


def _parse(text: str) -> float | None:
    plain = text.strip()
    lowered = plain.lower()
    if lowered in _EMPTY:
        return None
    if lowered in _WORDS:
        return _WORDS[lowered]
    if _NUMBER.fullmatch(plain) is None:
        hint = "; a percentage is written as a share, 0.528" if plain.endswith("%") else ""
        raise ValueError(f"{_shown(plain)} is no number{hint}")
    value = float(plain)
    if math.isinf(value):
        raise ValueError(f"{_shown(plain)} is larger than a number can be")
    return value + 0.0


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
