"""Where `ossay log` reads, and from when: LOG and --since. Knows nothing of what is asked of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ossay.core.errors import UsageError

if TYPE_CHECKING:
    from ossay.store.decisions import DecisionLog

Command = TypeVar("Command", bound=Callable[..., Any])

_SPAN = re.compile(r"(\d{1,6})\s*([smhdw])")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}

source = click.argument("source", metavar="LOG")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
since = click.option(
    "--since",
    metavar="WHEN",
    help="From then on: 90m, 24h, 7d before now, or a date or time in UTC, 2026-05-01T12:00.",
)


def open_log(source: str) -> DecisionLog:
    """Open a log that is there; raises `LedgerError`."""
    from ossay.store.decisions import open_decisions

    return open_decisions(source, create=False)


def since_of(text: str | None, now: float) -> float | None:
    """Unix seconds of --since, None without it; raises `UsageError`."""
    if text is None:
        return None
    span = _SPAN.fullmatch(text.strip())
    if span is not None:
        return now - int(span[1]) * _SECONDS[span[2]]
    try:
        at = datetime.fromisoformat(text.strip())
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--since {text[:60]!r} is no time; write 90m, 24h, 7d, 2026-05-01 or 2026-05-01T12:00"
        ) from error


def when(at: float) -> str:
    """A time as it is printed, UTC; a number where it is none that a calendar has."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{at:.0f} s"
