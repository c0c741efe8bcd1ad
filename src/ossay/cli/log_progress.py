"""How far a walk through a long log has come: a bar on a terminal, else nothing.

Knows nothing of what is looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ossay.cli import place


@contextmanager
def walking(what: str, total: int, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Yield what is to be told how many rows have been read so far."""
    console = place.console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda done: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
