"""What a command of bench/cuda_card.py found, written to its files with every new figure.

A command that is ended in the middle has then told what it knew. Knows nothing of the figures.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import msgspec

_BEGUN = time.perf_counter()


class Record:
    """Results by name, tables for people, and where both are kept.

    Args:
        out: A folder that gets COMMAND.json and COMMAND.md; None writes nothing.
        command: The name of both.
        facts: What else stands in the JSON.
    """

    def __init__(self, out: Path | None, command: str, facts: dict[str, Any]) -> None:
        self._out = out
        self._command = command
        self._facts = {"command": command, **facts}
        self._results: dict[str, Any] = {}
        self._page: list[str] = []
        self.shown: list[str] = []

    def keep(self, name: str, value: Any) -> None:
        """Keep one result by its name."""
        self._results[name] = value
        self._write()

    def add(self, name: str, value: Any, line: str) -> None:
        """Keep one more result under a name, and say so in a line."""
        self._results.setdefault(name, []).append(value)
        self._write()
        say(line)

    def table(self, text: str, short: str | None = None) -> None:
        """Keep a table; `short` is what is shown of it at the end, where not all."""
        self._page.append(text)
        self.shown.append(text if short is None else short)
        self._write()

    def _write(self) -> None:
        if self._out is None:
            return
        self._out.mkdir(parents=True, exist_ok=True)
        facts = {**self._facts, "seconds": elapsed(), "result": self._results}
        text = msgspec.json.format(msgspec.json.encode(facts, enc_hook=str), indent=1)
        (self._out / f"{self._command}.json").write_bytes(text)
        page = "\n\n".join(self._page)
        (self._out / f"{self._command}.md").write_text(f"{self._facts['machine']}\n\n{page}\n")


def elapsed() -> float:
    """Seconds since the program began."""
    return time.perf_counter() - _BEGUN


def say(text: str) -> None:
    """Print a line at once, with the time since the program began."""
    print(f"[{elapsed():7.1f}] {text}", file=sys.stderr, flush=True)
