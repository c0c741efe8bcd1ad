"""Graded queries out of a table, one query a row.

A column for each model says whether it was right; others may hold the task, the stratum, the
validator's score, and what each call cost. Any file may come from anyone: what doesn't fit is an
error that names the line. Knows nothing of gates or policies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from ossay.core.errors import nearest
from ossay.core.graded import Charge, Graded
from ossay.records.lines import fault, open_lines

# Columns that hold the query, and the kind of task, where nobody says which.
QUERY = ("query", "prompt", "question", "input", "text")
TASK = ("task", "subject", "task_name")
# After a model's name and one of these: what each of its calls cost. '|total_cost' is RouterBench.
_JOINS = (":", "|", "_", ".", " ")
_USD = ("cost", "cost_usd", "total_cost", "usd")
_SECONDS = ("latency", "latency_s", "seconds", "latency_seconds")

_MOST_ROWS = 1_000_000
_NAME = 200  # characters of a task or stratum
_RIGHT = {"true": True, "yes": True, "1": True, "1.0": True}
_WRONG = {"false": False, "no": False, "0": False, "0.0": False}


class GradedFile(Struct, frozen=True):
    """What was read.

    Attributes:
        rows: One a query.
        sha256: Of the file's bytes.
        columns: What was taken for what: our field -> the file's column.
        repeated: How many rows repeat the query of an earlier one.
        ungraded: How many rows were left out because a model has no result there.
    """

    rows: tuple[Graded, ...]
    sha256: str
    columns: dict[str, str]
    repeated: int
    ungraded: int


class Named(Struct, frozen=True):
    """Columns that the user names; '' where the file's own names are to be looked at."""

    query: str = ""
    task: str = ""
    stratum: str = ""
    validator: str = ""


NOTHING = Named()


def read_graded(path: Path, *, cheap: str, strong: str, named: Named = NOTHING) -> GradedFile:
    """Read queries and how `cheap` and `strong` did on each.

    Raises:
        UsageError: the file can't be read, lacks a column, or a cell doesn't fit; with its line.
    """
    lines = open_lines(path)
    rows: list[Graded] = []
    columns: dict[str, str] = {}
    ungraded = 0
    for number, cells in lines.rows:
        columns = columns or _columns(path, tuple(cells), (cheap, strong), named)
        try:
            row = _row(cells, columns)
        except ValueError as error:
            raise fault(path, f"line {number}: {error}") from error
        if row is None:
            ungraded += 1
        else:
            rows.append(row)
        if len(rows) > _MOST_ROWS:
            raise fault(path, f"more than {_MOST_ROWS:,} rows; take a random part of them")
    if not rows:
        raise fault(path, "no row with a result of both models")
    repeated = len(rows) - len({row.query for row in rows})
    return GradedFile(tuple(rows), lines.sha256, columns, repeated, ungraded)


def _row(cells: Mapping[str, Any], columns: Mapping[str, str]) -> Graded | None:
    """One row; None where a model has no result, which is not a wrong answer."""

    def cell(field: str) -> Any:
        return cells.get(columns[field]) if field in columns else None

    rights = [_right(cell(field), columns[field]) for field in ("cheap", "strong")]
    if None in rights:
        return None
    approval = _amount(cell("validator"), "validator", columns)
    if approval is not None and approval > 1.0:
        raise ValueError(f"{columns['validator']!r} is {approval!r}: a validator scores 0 to 1")
    charges = [
        Charge(
            *(
                _amount(cell(f"{who} {what}"), f"{who} {what}", columns)
                for what in ("usd", "seconds")
            )
        )
        for who in ("cheap", "strong", "validator")
    ]
    query = cell("query")
    if not isinstance(query, str):
        raise ValueError(f"{columns['query']!r} is {query!r:.60}, not a text")  # noqa: TRY004
    return Graded(
        query,
        bool(rights[0]),
        bool(rights[1]),
        _name(cell("task")),
        _name(cell("stratum")),
        approval,
        *charges,
    )


def _right(value: Any, column: str) -> bool | None:
    if value is None or value == "":
        return None
    plain = str(value).strip().lower()
    if plain in _RIGHT:
        return True
    if plain in _WRONG:
        return False
    raise ValueError(f"{column!r} is {str(value)[:60]!r}: right is true or 1, wrong is false or 0")


def _amount(value: Any, field: str, columns: Mapping[str, str]) -> float | None:
    if value is None or value == "":
        return None
    plain = str(value).strip().lower()
    known = {**_RIGHT, **_WRONG}
    try:
        amount = float(known[plain]) if plain in known else float(plain)
    except ValueError:
        amount = math.nan
    if not 0.0 <= amount < math.inf:
        raise ValueError(f"{columns[field]!r} is {str(value)[:60]!r}, not a number from 0 up")
    return amount


def _name(value: Any) -> str:
    text = "" if value is None else str(value).strip()
    if len(text) > _NAME:
        raise ValueError(f"{text[:60]!r}… has {len(text):,} characters; a name has at most {_NAME}")
    return text


def _columns(
    path: Path, header: Sequence[str], models: tuple[str, str], named: Named
) -> dict[str, str]:
    """Find each field's column; what is asked for must be there, the rest may be missing."""
    found: dict[str, str] = {}
    for field, column in (
        *zip(("cheap", "strong"), models, strict=True),
        *((field, getattr(named, field)) for field in ("query", "task", "stratum", "validator")),
    ):
        if column and column not in header:
            raise fault(path, f"no column {column!r}{nearest(column, header)}")
        if column:
            found[field] = column
    for field, customary in (("query", QUERY), ("task", TASK)):
        if field not in found:
            known = [column for column in customary if column in header]
            if known:
                found[field] = known[0]
    if "query" not in found:
        raise fault(path, f"no column with the query; name it: --query COLUMN{nearest('', header)}")
    for who in ("cheap", "strong", "validator"):
        for what, words in (("usd", _USD), ("seconds", _SECONDS)):
            spelt = [f"{found.get(who)}{join}{word}" for join in _JOINS for word in words]
            here = [column for column in spelt if column in header]
            if len(here) > 1:
                raise fault(path, f"{here[0]!r} and {here[1]!r} could both be the {who} {what}")
            if here:
                found[f"{who} {what}"] = here[0]
    return found
