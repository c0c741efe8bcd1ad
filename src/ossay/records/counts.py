"""Tables of k of n, as articles print them: one row a model, or one column a model's run.

Which items the k were is not known, so these become counts, not results. Knows nothing of how a
table is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from ossay.core.results import SCORE, Count, Records
from ossay.records.cell import Cell, amount_of, count_of, text_of
from ossay.records.columns import Columns, find_columns
from ossay.records.rows import Rows, open_rows
from ossay.records.source_file import Asked, SourceFile

FIELDS = ("model", "passed", "n", "item", "metric", "cost")
WIDE_FIELDS = ("item", "n", "metric")

V = TypeVar("V")


def read_counts(file: SourceFile, asked: Asked) -> Records:
    """Read a table of counts.

    Columns: model, passed, n, and perhaps item (the task), metric, cost (in all); or, with
    `models`, item and n and one column of passes for each.

    Raises:
        UsageError: a column is missing or ambiguous, or a cell is no count; the text has the line.
    """
    rows = open_rows(file, asked.progress)
    fields = WIDE_FIELDS if asked.models else FIELDS
    columns = find_columns(file, rows.names, fields, asked)
    needed = ["n"] if asked.models else ["passed", "n"]
    if not asked.models and not asked.model:
        needed.insert(0, "model")
    lacking = [field for field in needed if not columns.has(field)]
    if lacking:
        there = ", ".join(map(repr, rows.names[:20]))
        raise file.fault(
            f"no column for {' and '.join(lacking)} among {there}; say --column {lacking[0]}=COLUMN"
        )
    source = asked.source(file, "counts", columns=dict(columns.names))
    counts = tuple(_counts(file, rows, columns, asked, source.name))
    if not counts:
        raise file.fault("no rows below the header")
    unknown = sum(count.cost_usd is None for count in counts)
    notes = [f"Columns not used: {', '.join(map(repr, columns.unused[:20]))}."]
    notes = notes if columns.unused else []
    if columns.has("cost") and unknown:
        notes.append(f"{unknown:,} of {len(counts):,} rows have no cost.")
    return Records((msgspec.structs.replace(source, notes=tuple(notes)),), counts=counts)


def _counts(
    file: SourceFile, rows: Rows, columns: Columns, asked: Asked, source: str
) -> Iterator[Count]:
    fields = [(field, at) for field, at in columns.at.items()]
    wide = [rows.names.index(name) for name in asked.models]
    picked = [index for _, at in fields for index in at] + wide

    for line, cells in rows.cells(picked):

        def parsed(field: str, parse: Callable[[Cell], V], cell: Cell, line: int = line) -> V:
            try:
                return parse(cell)
            except ValueError as error:
                raise file.fault(f"{rows.unit} {line}, {field}: {error}") from error

        rest = iter(cells)
        row = {field: [next(rest) for _ in at] for field, at in fields}
        name = {
            field: "/".join(parsed(field, text_of, cell) for cell in row.get(field, ()))
            for field in ("model", "item", "metric")
        }
        n = parsed("n", count_of, row["n"][0])
        cost = parsed("cost", amount_of, row["cost"][0]) if "cost" in row else None
        passes = (
            list(zip(asked.models, rest, strict=True))
            if asked.models
            else [(name["model"] or asked.model, row["passed"][0])]
        )
        for model, cell in passes:
            k = parsed(model if asked.models else "passed", count_of, cell)
            if not model or k is None or n is None or k > n:
                said = f"{k!r} of {n!r}" if model else "no model"
                raise file.fault(f"{rows.unit} {line}: {said} is no count; mend or drop that row")
            yield Count(
                model=model,
                passed=k,
                n=n,
                item=name["item"],
                metric=name["metric"] or SCORE,
                cost_usd=cost,
                source=source,
            )
