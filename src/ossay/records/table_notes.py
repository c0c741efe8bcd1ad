"""What a reader of a table must know beyond its rows: what is missing, unused, or there twice.

Rows that repeat a model, item and attempt are never merged; which column tells them apart is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from ossay.core.errors import UsageError
from ossay.core.results import SCORE, Result
from ossay.records.cell import Cell
from ossay.records.columns import Columns
from ossay.records.rows import Rows

_Row = tuple[int, tuple[Cell, ...]]  # its number, its cells


def notes_of(
    rows: Rows, columns: Columns, results: Sequence[Result], per_row: int
) -> Iterator[str]:
    """Give the notes of a table; `per_row` results came of each row, in order."""
    if min(result.attempt for result in results) == 0:
        yield "Attempts count from 0 in the file; 1 was added to each."
    reasons = Counter(result.missing for result in results if result.score is None)
    for reason, count in reasons.items():
        yield f"{count:,} of {len(results):,} results have no score ({reason!r})."
    yield from _metrics(columns, results)
    if columns.has("tokens"):
        yield f"Column {columns.names['tokens']!r} adds input and output tokens up; left out."
    if columns.unused and per_row == 1:
        yield f"Columns not used: {', '.join(map(repr, columns.unused[:20]))}."
    repeat = _first_repeat(results)
    if repeat is not None:
        yield _repeats(rows, columns, results, repeat, per_row)


def _metrics(columns: Columns, results: Sequence[Result]) -> Iterator[str]:
    if not columns.has("metric"):
        return
    unnamed = sum(result.metric == SCORE for result in results)
    if 0 < unnamed < len(results):
        yield f"{unnamed:,} rows name no metric; theirs is called {SCORE!r}."
    scored = {(result.item, result.metric) for result in results if result.score is not None}
    metrics, items = {metric for _, metric in scored}, {item for item, _ in scored}
    if len(metrics) > 1 and len(items) == len(scored):
        yield (
            f"Each item has one of {len(metrics)} metrics; to compare over all items, import "
            "with --column metric="
        )


def _first_repeat(results: Sequence[Result]) -> tuple[int, int, int] | None:
    """Return how many results are of a (model, item, attempt, metric) seen before, and a pair."""
    seen: dict[tuple[str, str, int, str], int] = {}
    first, count = None, 0
    for index, result in enumerate(results):
        before = seen.setdefault((result.model, result.item, result.attempt, result.metric), index)
        if before != index:
            count += 1
            first = first or (before, index)
    return None if first is None else (count, *first)


def _repeats(
    rows: Rows,
    columns: Columns,
    results: Sequence[Result],
    repeat: tuple[int, int, int],
    per_row: int,
) -> str:
    """Say which rows repeat, and the columns in which the first two of them differ."""
    count, first, second = repeat
    result = results[second]
    one, other = _pair(rows, columns, first // per_row, second // per_row)
    text = (
        f"{count:,} rows repeat a model, item and attempt, the first in {rows.unit} {other[0]} "
        f"({result.model!r}, {result.item!r}); all are kept apart."
    )
    cells = zip(columns.unused, one[1], other[1], strict=False)
    differ = [name for name, mine, its in cells if mine != its]
    if differ:
        text += (
            f" They differ in {', '.join(map(repr, differ[:5]))}: "
            f"--column item={columns.names['item']}+{differ[0]} tells them apart."
        )
    return text


def _pair(rows: Rows, columns: Columns, first: int, second: int) -> tuple[_Row, _Row]:
    """Read the two rows of these numbers again, with the cells of columns that were not used."""
    positions = [rows.names.index(name) for name in columns.unused]
    for picked in (positions, []):  # an unused column may hold what is no cell
        try:
            read = islice(rows.cells([*picked, *columns.at["item"]]), second + 1)
            found = [row for number, row in enumerate(read) if number in (first, second)]
        except UsageError:
            continue
        keep = len(picked)
        return (found[0][0], found[0][1][:keep]), (found[-1][0], found[-1][1][:keep])
    raise AssertionError("rows that were read once can be read again")
