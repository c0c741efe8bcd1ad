"""The live line of a running campaign: bar, passed / failed / errors, spend, time left.

Knows only `Progress`.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

if TYPE_CHECKING:
    from rich.console import Console

    from ossay.campaign.progress import Progress


class Live:
    """A progress bar on stderr, fed by `update`."""

    def __init__(self, title: str, console: Console) -> None:
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._task = self._bar.add_task(title, total=None, told="")

    def __enter__(self) -> Live:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def update(self, progress: Progress) -> None:
        """Show the state of the campaign."""
        self._bar.update(
            self._task, total=progress.total, completed=progress.finished, told=told(progress)
        )


def told(progress: Progress) -> str:
    """Say a campaign's state in a few words."""
    words = [
        f"[green]{progress.passed} passed[/]",
        f"[red]{progress.failed} failed[/]",
        f"[yellow]{progress.errors} errors[/]",
        f"${progress.spend_usd:.4f}",
    ]
    if progress.eta_s is not None:
        words.append(f"about {_span(progress.eta_s)} left")
    return "  ".join(words)


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
