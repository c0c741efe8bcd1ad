"""A Board on a terminal: ranks as intervals, who is tied with the first, who was left out and why.

Everything out of a file is made visible first. Knows nothing of how the board was made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ossay.cli.compare_words import counted, sized, source_lines, span, table, text
from ossay.compare.finding import Board, Standing
from ossay.core.results import Records
from ossay.reports.figures import usd

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_TIED = 3  # names of tied models in a row
_UNBOUND = 10_000  # columns of a terminal on which nothing is folded


def print_board(board: Board, records: Records, console: Console) -> None:
    """Print a board to `console`; `records` tell of its sources."""
    console.print(text(_headline(board), "bold"))
    console.print()
    ranks = _ranks(board)
    wide = console.measure(ranks, options=console.options.update(width=_UNBOUND)).maximum
    console.print(_ranks(board, short=True) if wide > console.width else ranks)
    console.print()
    for line in (*_notes(board), *source_lines(board.sources, records)):
        console.print(text(line))


def _headline(board: Board) -> str:
    first = board.standings[0].model
    size = counted(board.items, "item" if board.paired else "run")
    n = f"on {size}" if board.paired else f"by up to {size}, not paired"
    what = f"{len(board.standings)} models by {board.metric}, {n}"
    if len(board.standings) == 1:
        return f"{what}: {first} is alone."
    others = [model for model in board.top if model != first]
    if not others:
        return f"{what}: {first} is first."
    if len(board.top) == len(board.standings):
        return f"{what}: none can be told from all others."
    more = f" and {len(board.top) - _TIED} more" if len(board.top) > _TIED else ""
    return f"{what}: {len(board.top)} share the first place, {', '.join(board.top[:_TIED])}{more}."


def _ranks(board: Board, *, short: bool = False) -> Table:
    """The ranks; `short` for a narrow terminal: no names in the ties, no n where all have one."""
    costs = any(one.cost_usd is not None for one in board.standings)
    passes = any(one.usd_per_pass is not None for one in board.standings)
    missing = any(one.missing for one in board.standings)
    sizes = not short or len({one.n for one in board.standings}) > 1
    level = f"{100 * (1 - board.alpha):.3g} % interval"
    shown = table(
        *("rank", "model", f"{board.metric}, {level}", "tied" if short else "tied with"),
        *["n"] * sizes,
        *["missing"] * missing,
        *["cost"] * costs,
        *["$/pass"] * passes,
    )
    for one in board.standings:
        cells = [
            f"{one.best}–{one.worst}" if one.best < one.worst else f"{one.best}",
            one.model,
            f"{sized(one.value, board.measure, share=board.share)} "
            f"({span(one.interval, board.measure, share=board.share)})",
            str(len(one.tied)) if short else _tied(one),
        ]
        cells += [str(one.n)] * sizes
        cells += [str(one.missing)] * missing + [usd(one.cost_usd)] * costs
        nothing = board.share and one.value == 0.0
        cells += ["no pass" if nothing else usd(one.usd_per_pass)] * passes
        shown.add_row(*map(text, cells))
    for column in shown.columns:
        column.no_wrap = short and column.header not in ("model", shown.columns[2].header)
    return shown


def _tied(one: Standing) -> str:
    if not one.tied:
        return "none"
    if len(one.tied) <= _TIED:
        return ", ".join(one.tied)
    return f"{len(one.tied)} others"


def _notes(board: Board) -> Iterator[str]:
    pairs = len(board.pairs)
    if pairs:
        apart = sum(pair.adjusted <= board.alpha for pair in board.pairs)
        yield (
            f"{apart} of {pairs} pairs can be told apart at {100 * board.alpha:.3g} % after Holm's "
            "correction; a rank is the places that this leaves possible."
        )
    for one in board.standings:
        if one.dominated_by:
            yield (
                f"{one.model} costs more {'an attempt' if board.paired else 'a run'} than "
                f"{one.dominated_by[0]} and does worse."
            )
    for left in board.left_out:
        yield f"Left out: {left.why}"
    for note in board.notes:
        yield f"Note: {note}"
