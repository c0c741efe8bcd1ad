"""Answers known to be right and wrong, out of a table: what a validator is tried on.

A row holds a query, a right answer and a wrong one; where there is no column of wrong ones, the
right answer to another row's query is taken. Knows nothing of validators.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from ossay.core.errors import nearest
from ossay.records.graded import QUERY
from ossay.records.lines import fault, open_lines

RIGHT = ("right", "answer", "reference", "correct", "good", "target")
WRONG = ("wrong", "incorrect", "bad")
_MOST_ROWS = 100_000


class Pair(Struct, frozen=True):
    """A query with an answer that is right and one that is wrong."""

    query: str
    right: str
    wrong: str


class PairFile(Struct, frozen=True):
    """What was read.

    Attributes:
        pairs: Drawn by chance where there were more rows than asked for, in the file's order.
        rows: How many rows had all that is needed.
        columns: What was taken for what; without 'wrong', other rows' right answers are.
        sha256: Of the file's bytes.
    """

    pairs: tuple[Pair, ...]
    rows: int
    columns: dict[str, str]
    sha256: str


def read_pairs(
    path: Path,
    rng: random.Random,
    *,
    most: int,
    query: str = "",
    right: str = "",
    wrong: str = "",
) -> PairFile:
    """Read queries with answers; rows that lack one are left out.

    Raises:
        UsageError: the file can't be read, lacks a column, holds no row with all of them.
    """
    lines = open_lines(path)
    found: list[tuple[str, str, str]] = []
    columns: dict[str, str] = {}
    for _, cells in lines.rows:
        if not columns:
            named = {"query": query, "right": right, "wrong": wrong}
            columns = _columns(path, tuple(cells), named)
        texts = [_text(cells, columns.get(field)) for field in ("query", "right", "wrong")]
        if texts[0] and texts[1] and (texts[2] or "wrong" not in columns):
            found.append((texts[0], texts[1], texts[2]))
        if len(found) > _MOST_ROWS:
            raise fault(path, f"more than {_MOST_ROWS:,} rows; take a random part of them")
    if not found:
        raise fault(path, "no row with a query and an answer")
    taken = sorted(rng.sample(range(len(found)), min(most, len(found))))
    pairs = tuple(
        Pair(found[place][0], found[place][1], found[place][2] or _other(found, place, rng, path))
        for place in taken
    )
    return PairFile(pairs, len(found), columns, lines.sha256)


def _other(
    found: Sequence[tuple[str, str, str]], place: int, rng: random.Random, path: Path
) -> str:
    """The right answer to another query; one that says something else."""
    for _ in range(100):
        other = found[rng.randrange(len(found))][1]
        if other.strip() != found[place][1].strip():
            return other
    raise fault(path, "its answers are nearly all the same; name a column of wrong ones: --wrong")


def _text(cells: Mapping[str, Any], column: str | None) -> str:
    value = cells.get(column) if column is not None else None
    return value.strip() if isinstance(value, str) else ""


def _columns(path: Path, header: Sequence[str], named: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for field, customary in (("query", QUERY), ("right", RIGHT), ("wrong", WRONG)):
        column = named[field]
        if column and column not in header:
            raise fault(path, f"no column {column!r}{nearest(column, header)}")
        known = [column] if column else [one for one in customary if one in header]
        if known:
            found[field] = known[0]
        elif field != "wrong":
            raise fault(
                path, f"no column with the {field}; name it: --{field} COLUMN{nearest('', header)}"
            )
    return found
