"""The report as tables in a terminal, 80 columns and up.

Everything that a model, provider or user wrote is made visible first, so no escape reaches the
terminal. Knows nothing of the record: only the Summary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ossay.core.display import visible
from ossay.core.outcome import Flag, Outcome
from ossay.reports import figures
from ossay.reports.terminal_lines import lines_of
from ossay.reports.words import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ossay.reports.cell import Cell
    from ossay.reports.summary import ModelSummary, Summary

# Columns of a terminal that the names of a grid's rows and one model of it take.
_NAME_COLUMNS = 28
_MODEL_COLUMNS = 11

Row = tuple[str, Callable[[int], str]]  # the row's name, and its text for the model of that index


def print_report(summary: Summary, console: Console) -> None:
    """Print the whole summary to `console`."""
    console.print(_text(f"{summary.campaign}: {_progress(summary)}", "bold"))
    for part in _tables(summary, console.width):
        console.print()
        console.print(part)
    console.print()
    for line in lines_of(summary):
        console.print(_text(line))


def _tables(summary: Summary, width: int) -> Iterator[Table]:
    yield _scores(summary)
    yield from _grids("passed of counted", _task_rows(summary), summary, width)
    yield _speeds(summary)
    yield from _grids("runs by outcome", _outcome_rows(summary), summary, width)
    flags = _flag_rows(summary)
    if flags:
        yield from _grids("runs with this flag", flags, summary, width)


def _scores(summary: Summary) -> Table:
    level = figures.percent(summary.level)
    table = _table("", "model", "passed", f"score, {level} interval", "infra", "$/pass", "spent")
    for model in summary.models:
        table.add_row(
            model.mark,
            _text(model.reference),
            figures.fraction(model.score),
            _score(model),
            str(model.infrastructure_errors),
            figures.usd(model.cost.per_pass_usd, none="no pass"),
            figures.spent(model.cost),
        )
    return table


def _speeds(summary: Summary) -> Table:
    table = _table("", "tokens/s", "decode only", "first token p50", "p95", "answered calls")
    for model in summary.models:
        speed = model.speed
        table.add_row(
            model.mark,
            figures.speed(speed.request.overall),
            figures.speed(speed.decode.overall),
            figures.seconds(speed.first_token.p50_s),
            figures.seconds(speed.first_token.p95_s),
            str(speed.answered),
        )
    return table


def _task_rows(summary: Summary) -> list[Row]:
    several = len(summary.suites) > 1
    width = len(summary.models) or 1

    def row(cells: Sequence[Cell]) -> Row:
        name = f"{cells[0].suite}/{cells[0].task}" if several else cells[0].task
        return name, lambda index: _cell(cells[index])

    starts = range(0, len(summary.cells), width)
    return [row(summary.cells[start : start + width]) for start in starts]


def _cell(cell: Cell) -> str:
    """'2/3', with '+1e' for an infrastructure error and '…' where runs are still to come."""
    errors = f" +{cell.infrastructure_errors}e" if cell.infrastructure_errors else ""
    return f"{figures.fraction(cell.score)}{errors}{'…' if cell.finished < cell.planned else ''}"


def _outcome_rows(summary: Summary) -> list[Row]:
    return _count_rows(summary, list(Outcome), lambda model: model.outcomes)


def _flag_rows(summary: Summary) -> list[Row]:
    return _count_rows(summary, list(Flag), lambda model: model.flags)


def _count_rows(
    summary: Summary,
    names: list[Outcome] | list[Flag],
    counts: Callable[[ModelSummary], dict[str, int]],
) -> list[Row]:
    """One row for each name that occurs."""
    tables = [counts(model) for model in summary.models]

    def row(name: str) -> Row:
        return plain(name), lambda index: str(tables[index].get(name, 0))

    return [row(str(name)) for name in names if any(str(name) in table for table in tables)]


def _progress(summary: Summary) -> str:
    suites = ", ".join(f"{name} {version}" for name, version in summary.suites.items())
    return (
        f"{figures.count(len(summary.models), 'model')}, {suites}, "
        f"{summary.finished} of {figures.count(summary.planned, 'run')} finished"
    )


def _score(model: ModelSummary) -> str:
    if not model.score.n:
        return "no run counts"
    return f"{figures.percent(model.score.rate)} ({figures.span(model.score.wilson)})"


def _grids(title: str, rows: list[Row], summary: Summary, width: int) -> Iterator[Table]:
    """Rows by models; as many tables as it takes to keep within `width` columns."""
    at_once = max(1, (width - _NAME_COLUMNS) // _MODEL_COLUMNS)
    for start in range(0, len(summary.models), at_once):
        indices = range(start, min(start + at_once, len(summary.models)))
        table = _table(title, *(summary.models[index].mark for index in indices))
        for name, text in rows:
            table.add_row(_text(name), *(text(index) for index in indices))
        yield table


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _text(text: str, style: str = "") -> Text:
    """Text as it is, in one line: acting characters made visible, no markup read."""
    from rich.text import Text

    return Text(visible(text).replace("\n", "␊").replace("\t", "␉"), style)
