"""Tables of one row a result, and wide ones of one row an item and one column a model.

Every row becomes a result or an error with its line; none is merged with another, and an empty
score is missing, never zero. Knows nothing of how a table is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from ossay.core.results import SCORE, Records, Result
from ossay.records.cell import Cell, amount_of, count_of, number_of, text_of
from ossay.records.columns import Columns, find_columns
from ossay.records.rows import Rows, open_rows
from ossay.records.source_file import Asked, SourceFile
from ossay.records.table_notes import notes_of

FIELDS = (
    *("item", "model", "score", "attempt", "cluster", "metric", "missing"),
    *("cost", "input_tokens", "output_tokens", "tokens", "seconds"),
)
# A wide table's row is of several models: what it says of cost or time is of no one of them.
WIDE_FIELDS = ("item", "attempt", "cluster", "metric")

V = TypeVar("V")


def read_table(file: SourceFile, asked: Asked) -> Records:
    """Read a table of results.

    Raises:
        UsageError: a column is missing or ambiguous, or a cell is not what its column holds; the
            text names the line.
    """
    rows = open_rows(file, asked.progress)
    wide = bool(asked.models)
    columns = find_columns(file, rows.names, WIDE_FIELDS if wide else FIELDS, asked)
    _check_columns(file, rows, columns, asked)
    source = asked.source(
        file, "parquet" if rows.unit == "row" else "csv", columns=dict(columns.names)
    )
    reader = _Reader(file, rows, columns, source.name, asked)
    results = file.bounded(reader.wide() if wide else reader.long())
    if not results:
        raise file.fault("no rows below the header")
    notes = tuple(notes_of(rows, columns, results, len(asked.models) or 1))
    return Records((msgspec.structs.replace(source, notes=notes),), _from_one(results))


class _Reader:
    """Turns rows into results, one at a time."""

    def __init__(
        self, file: SourceFile, rows: Rows, columns: Columns, source: str, asked: Asked
    ) -> None:
        self._file = file
        self._rows = rows
        self._source = source
        self._asked = asked
        positions = [columns.at.get(field, ()) for field in FIELDS]
        wide = [(rows.names.index(name),) for name in asked.models]
        self._picked = [index for group in (*positions, *wide) for index in group]
        self._width = {field: len(at) for field, at in zip(FIELDS, positions, strict=True)}
        self._names: dict[str, str] = {}  # equal names share one string

    def long(self) -> Iterator[Result]:
        """One result a row."""
        for line, cells in self._rows.cells(self._picked):
            row = _Row(self, line, cells)
            score = row.value("score", number_of)
            yield self._result(row, row.name("model") or self._asked.model, score)

    def wide(self) -> Iterator[Result]:
        """One result a row and model."""
        models = self._asked.models
        for line, cells in self._rows.cells(self._picked):
            row = _Row(self, line, cells[: -len(models)])
            for model, cell in zip(models, cells[-len(models) :], strict=True):
                yield self._result(row, model, row.parsed(model, number_of, cell))

    def _result(self, row: _Row, model: str, score: float | None) -> Result:
        item = row.name("item")
        if not item or not model:
            raise row.fault("model" if item else "item", "it is empty")
        missing = row.name("missing")
        if missing and score is not None:
            raise row.fault("missing", f"{missing!r}, beside a score of {score!r}")
        attempt = row.value("attempt", count_of)
        return Result(
            model=model,
            item=item,
            score=score,
            metric=row.name("metric") or SCORE,
            attempt=1 if attempt is None else attempt,
            cluster=row.name("cluster") or None,
            missing=missing or ("" if score is not None else "empty"),
            cost_usd=row.value("cost", amount_of),
            input_tokens=row.value("input_tokens", count_of),
            output_tokens=row.value("output_tokens", count_of),
            seconds=row.value("seconds", amount_of),
            source=self._source,
        )

    def place(self, line: int) -> str:
        return f"{self._rows.unit} {line}"

    def fault(self, line: int, column: str, text: str) -> Exception:
        return self._file.fault(f"{self.place(line)}, {column}: {text}")

    def cut(self, cells: Sequence[Cell]) -> dict[str, tuple[Cell, ...]]:
        """Deal a row's cells to their fields."""
        dealt: dict[str, tuple[Cell, ...]] = {}
        start = 0
        for field, width in self._width.items():
            if width:
                dealt[field] = tuple(cells[start : start + width])
                start += width
        return dealt

    def shared(self, name: str) -> str:
        return self._names.setdefault(name, name)


class _Row:
    """A row's cells by field."""

    def __init__(self, reader: _Reader, line: int, cells: Sequence[Cell]) -> None:
        self._reader = reader
        self._line = line
        self._cells = reader.cut(cells)

    def name(self, field: str) -> str:
        """Text of a field; of several columns, joined by '/'. '' where it is empty or not there."""
        if field not in self._cells:
            return ""
        parts = [self.parsed(field, text_of, cell) for cell in self._cells[field]]
        if len(parts) > 1 and not all(parts):
            raise self.fault(field, "one of its columns is empty")
        return self._reader.shared("/".join(parts))

    def value(self, field: str, parse: Callable[[Cell], V | None]) -> V | None:
        """A field through `parse`; None where it is empty or not there."""
        if field not in self._cells:
            return None
        return self.parsed(field, parse, self._cells[field][0])

    def parsed(self, column: str, parse: Callable[[Cell], V], cell: Cell) -> V:
        try:
            return parse(cell)
        except ValueError as error:
            raise self.fault(column, str(error)) from error

    def fault(self, column: str, text: str) -> Exception:
        return self._reader.fault(self._line, column, text)


def _check_columns(file: SourceFile, rows: Rows, columns: Columns, asked: Asked) -> None:
    needed = ["item"] if asked.models else ["item", "score"]
    if not asked.models and not asked.model:
        needed.insert(1, "model")
    lacking = [field for field in needed if not columns.has(field)]
    if asked.model and (asked.models or columns.has("model")):
        raise file.fault(f"it names its models itself; leave out --model {asked.model!r}")
    if not lacking:
        return
    there = ", ".join(repr(name) for name in rows.names[:20])
    more = f" and {len(rows.names) - 20} more" if len(rows.names) > 20 else ""
    help_ = f"say --column {lacking[0]}=COLUMN"
    if "model" in lacking:
        help_ += (
            "; --models COL,COL for a table with one column a model; for one model --model NAME "
            "at import, or --records-of NAME FILE"
        )
    raise file.fault(f"no column for {' and '.join(lacking)} among {there}{more}; {help_}")


def _from_one(results: tuple[Result, ...]) -> tuple[Result, ...]:
    """Attempts count from 1; a table that counts from 0 is shifted."""
    if min(result.attempt for result in results) > 0:
        return results
    return tuple(msgspec.structs.replace(one, attempt=one.attempt + 1) for one in results)
