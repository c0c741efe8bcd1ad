"""Summaries that a source prints beside its rows: a JSON list or a CSV of model and value.

Read to hold rows against. Digits are kept as printed, since a value is only as exact as that.
Knows nothing of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

import msgspec

from ossay.core.results import SCORE, Stated
from ossay.records.cell import Cell, count_of, number_of, text_of
from ossay.records.columns import find_columns
from ossay.records.json_text import decode
from ossay.records.rows import open_rows
from ossay.records.source_file import Asked, SourceFile, look_at, name_of

FIELDS = ("model", "value", "n", "metric")
Unit = Literal["share", "percent", "as is"]

_JSON_BYTES = 64 << 20

Row = tuple[str, dict[str, Cell]]  # where it stands, its fields


def read_stated(
    path: Path, *, columns: Mapping[str, str] = {}, unit: Unit | None = None
) -> tuple[Stated, ...]:
    """Read a list of summaries, one a model.

    Args:
        path: A JSON list of objects, or a CSV table.
        columns: 'model', 'value', 'n', 'metric' -> the key or column that holds it.
        unit: What values are in: 'percent' is divided by 100, 'share' must lie in [0, 1], 'as is'
            is taken so. By default a share if none is above 1, percent if none is above 100.

    Raises:
        UsageError: no such key, a value that is no number, or a unit that cannot be told.
    """
    file = look_at(path)
    asked = Asked(columns=columns)
    is_json = file.start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"[", b"{"))
    rows = list(_json_rows(file, asked) if is_json else _table_rows(file, asked))
    if not rows:
        raise file.fault("no summaries in it")
    printed = [_printed(file, place, fields) for place, fields in rows]
    unit = unit or _unit_of(file, [value for value, _ in printed])
    return tuple(
        _stated(file, row, value, digits, unit)
        for row, (value, digits) in zip(rows, printed, strict=True)
    )


def _stated(file: SourceFile, row: Row, value: Decimal, digits: int, unit: Unit) -> Stated:
    place, fields = row
    if unit == "share" and not 0 <= value <= 1:
        raise file.fault(f"{place}: {value} is no share")
    try:
        model, metric = text_of(fields.get("model")), text_of(fields.get("metric"))
        n = count_of(fields.get("n"))
    except ValueError as error:
        raise file.fault(f"{place}: {error}") from error
    if not model:
        raise file.fault(f"{place}: no model")
    percent = unit == "percent"
    return Stated(
        model=model,
        value=float(value / 100 if percent else value),
        metric=metric or SCORE,
        digits=digits + 2 if percent else digits,
        n=n,
        source=name_of(file.base),
    )


def _printed(file: SourceFile, place: str, fields: dict[str, Cell]) -> tuple[Decimal, int]:
    """Return a value and the decimals that are printed of it."""
    text = str(fields.get("value")).strip().removesuffix("%").strip()
    try:
        known = number_of(text) is not None
        value = Decimal(text) if known else Decimal(0)
    except (ValueError, InvalidOperation) as error:
        raise file.fault(f"{place}, value: {error}; mend it") from error
    if not known:
        raise file.fault(f"{place}: no value; drop it")
    exponent = value.as_tuple().exponent
    return value, max(-exponent, 0) if isinstance(exponent, int) else 0


def _unit_of(file: SourceFile, values: Sequence[Decimal]) -> Unit:
    if min(values) < 0 or max(values) > 100:
        raise file.fault(
            f"values from {min(values)} to {max(values)} are neither shares nor percent"
        )
    return "share" if max(values) <= 1 else "percent"


def _table_rows(file: SourceFile, asked: Asked) -> Iterator[Row]:
    table = open_rows(file)
    columns = find_columns(file, table.names, FIELDS, asked)
    _check(file, columns.at, table.names)
    picked = [at[0] for at in columns.at.values()]
    for number, cells in table.cells(picked):
        yield f"{table.unit} {number}", dict(zip(columns.at, cells, strict=True))


def _json_rows(file: SourceFile, asked: Asked) -> Iterator[Row]:
    if file.size > _JSON_BYTES:
        raise file.fault(f"more than {_JSON_BYTES:,} bytes of JSON")
    try:
        rows = decode(file.path.read_bytes(), list[dict[str, msgspec.Raw]])
    except ValueError as error:
        raise file.fault(f"no list of objects: {error}") from error
    if not rows:
        return
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = find_columns(file, names, FIELDS, asked)
    _check(file, columns.at, names)
    for number, row in enumerate(rows, 1):
        texts = {field: bytes(row.get(names[at[0]], b"null")) for field, at in columns.at.items()}
        yield f"entry {number}", {field: _plain(text) for field, text in texts.items()}


def _plain(text: bytes) -> Cell:
    """A JSON string without its quotes; a number as it is printed."""
    if text.startswith(b'"'):
        return decode(text, str)
    return None if text == b"null" else text.decode("utf-8", "replace")


def _check(file: SourceFile, there: Mapping[str, object], names: Sequence[str]) -> None:
    for field in ("model", "value"):
        if field not in there:
            shown = ", ".join(map(repr, names[:20]))
            raise file.fault(f"no {field} among {shown}; say --column {field}=COLUMN")
