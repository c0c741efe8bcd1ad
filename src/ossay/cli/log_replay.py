"""A log seen through today's routes, in a terminal and as JSON: what `--dry-run` prints.

Knows nothing of gateway files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from ossay.cli.log_progress import walking
from ossay.cli.log_source import open_log
from ossay.core.display import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ossay.core.decision import Entry
    from ossay.router.replay import Cell, Replayed
    from ossay.router.work import Parts


def replay_log(source: str, routes: Mapping[str, Parts], *, quiet: bool = False) -> Replayed:
    """Plan every request of a log anew; raises `LedgerError` where it can't be read."""
    from ossay.router.replay import replay

    with open_log(source) as log, walking("rows", log.head().seq, quiet=quiet) as walked:

        def entries() -> Iterator[Entry]:
            for count, found in enumerate(log.scan(), 1):
                if count % 1_000 == 0:
                    walked(found.head.seq)
                yield found.entry

        return replay(entries(), log.body, routes)


def replay_figures(found: Replayed, notes: Sequence[str] = ()) -> bytes:
    """All of it as JSON; `notes` is what was said of the routes."""
    shown = {"notes": notes, **msgspec.to_builtins(found), "changed": found.changed}
    return msgspec.json.format(msgspec.json.encode(shown))


def print_replayed(found: Replayed, console: Console) -> None:
    """What would change, then what it rests on."""
    console.print(
        f"{found.replayed:,} of {found.requests:,} requests planned anew: {found.changed:,} would "
        "get another plan now",
        style="bold",
        soft_wrap=True,
    )
    for why, count in sorted(found.left_out.items(), key=lambda one: -one[1]):
        console.print(visible(f"{count:,} left out: {why}."), soft_wrap=True)
    if not found.replayed:
        return
    console.print()
    console.print(_table(found.cells))
    console.print()
    for line in _notes(found):
        console.print(visible(line), soft_wrap=True)


def _table(cells: tuple[Cell, ...]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("route", "then", "now"):
        table.add_column(heading)
    for heading in ("requests", "cost then", "now about", "audited", "wrong"):
        table.add_column(heading, justify="right")
    for cell in cells:
        partly = "" if cell.priced == cell.count else f" of {cell.priced:,}"
        amounts = (cell.usd_then, cell.usd_now)
        costs = [f"${usd:.4g}{partly}" if cell.priced else "" for usd in amounts]
        table.add_row(
            visible(cell.route, 60),
            cell.then,
            cell.now if cell.now != cell.then else "the same",
            f"{cell.count:,}",
            *costs,
            f"{cell.audited:,}",
            f"{cell.wrong:,}",
        )
    return table


def _notes(found: Replayed) -> Iterator[str]:
    priced = sum(cell.priced for cell in found.cells)
    then = sum(cell.usd_then for cell in found.cells)
    now = sum(cell.usd_now for cell in found.cells)
    if priced:
        change = f", {now / then - 1.0:+.1%}" if then else ""
        yield (
            f"Cost of {priced:,} of them: ${then:.4g} then, about ${now:.4g} now{change}. What a "
            "call would cost that was not made is the mean of its route."
        )
    else:
        yield "What it would cost is unknown: too few calls with a known cost."
    for name, count in (("more", found.raised), ("less", found.lowered)):
        if count:
            yield f"{count:,} would be treated as {name} critical than they were."
    for why, count in found.why.items():
        yield f"{count:,} because: {why}."
    wrong = [cell for cell in found.cells if cell.audited]
    if wrong:
        yield (
            "Audited and wrong counts drafts that went out then; those that would now be validated "
            "or redone might be caught."
        )
