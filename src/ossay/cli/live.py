"""The live line of a running campaign: bar, passed / failed / errors, spend, time left.

Knows only `Progress`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bar
from rich.progress import Task as RichTask
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from ossay.campaign.progress import Evidence, Progress

# Without a terminal, so often. Seconds.
EVERY_S = 15.0


class ToldColumn(ProgressColumn):
    """The column that says how the runs ended and what they cost."""

    def render(self, task: RichTask) -> Text:
        """Return what `update` put there."""
        said = task.fields["told"]
        return said if isinstance(said, Text) else Text("")


class Live:
    """A progress bar on stderr, fed by `update`."""

    def __init__(self, title: str, console: Console) -> None:
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            ToldColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._task = self._bar.add_task(title, total=None, told=Text(""))

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


class Lines:
    """A line on stderr now and then, where there is no terminal to draw on."""

    def __init__(self, title: str, clock: Callable[[], float]) -> None:
        self._title = title
        self._clock = clock
        self._next = clock() + EVERY_S

    def update(self, progress: Progress) -> None:
        """Say the state of the campaign, at most every `EVERY_S`."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + EVERY_S
        state = f"{progress.finished}/{progress.total}  {told(progress).plain}"
        click.echo(f"{self._title}  {state}", err=True)


def told(progress: Progress) -> Text:
    """Say a campaign's state in a few words."""
    words = [
        Text(f"{progress.passed} passed", "green"),
        Text(f"{progress.failed} failed", "red"),
        Text(f"{progress.errors} errors", "yellow"),
        Text(_money(progress)),
    ]
    if progress.evidence is not None:
        words.append(_evidence(progress.evidence))
    if progress.elsewhere:
        words.append(Text(f"{progress.elsewhere} elsewhere"))
    if progress.eta_s is not None:
        word = "about" if progress.evidence is None else "at most"
        words.append(Text(f"{word} {_span(progress.eta_s)} left"))
    return Text("  ").join(words)


def _evidence(found: Evidence) -> Text:
    value = f"{found.e_value:.3g}" if found.e_value < 1e4 else "above 10,000"
    items = f"item {found.items}/{found.planned}, {found.only_a} against {found.only_b}"
    return Text(f"e-value {value} of {found.bar:.4g} ({items})", "cyan")


def _money(progress: Progress) -> str:
    known = f"${progress.spend_usd:.4f}"
    unknown = progress.unpriced_calls + progress.lost_calls
    return f"{known} + {unknown} calls of unknown cost" if unknown else known


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
