"""What a user types: one message at a time, over several lines where they say so.

A line that ends in a backslash goes on, and so does everything between two lines of \"\"\". On a
terminal there are completion and a history. Knows nothing of models.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ossay.core.text import well_formed

HISTORY_LINES = 2000
BLOCK = '"""'

# (what was typed of the line so far) -> what its last word could become.
Completions = Callable[[str], Sequence[str]]


class Prompt:
    """Reads messages. `read_line` takes a prompt and returns a line, or raises `EOFError`."""

    def __init__(self, read_line: Callable[[str], str], *, first: str = "", more: str = "") -> None:
        self._read_line = read_line
        self._first = first
        self._more = more

    def message(self) -> str:
        """Return the next message; `EOFError` where there is none, an unfinished one is dropped."""
        line = self._read_line(self._first)
        if line.strip().startswith(BLOCK):
            return self._block(line.strip().removeprefix(BLOCK))
        lines = []
        while line.endswith("\\"):
            lines.append(line[:-1])
            line = self._read_line(self._more)
        return well_formed("\n".join([*lines, line]))

    def _block(self, line: str) -> str:
        lines = []
        while not line.rstrip().endswith(BLOCK):
            lines.append(line)
            line = self._read_line(self._more)
        lines.append(line.rstrip().removesuffix(BLOCK))
        return well_formed("\n".join(lines).strip("\n"))


def terminal(
    completions: Completions, history: Path | None, on_trouble: Callable[[str], None]
) -> Callable[[str], str]:
    """Return a reader of lines with editing, completion and, given a file, a history.

    The file is only this user's to read. `on_trouble` hears why there is no history.
    """
    import readline

    found: list[str] = []

    def complete(text: str, state: int) -> str | None:
        if state == 0:
            found[:] = completions(readline.get_line_buffer()[: readline.get_endidx()])
        return found[state] if state < len(found) else None

    readline.set_completer(complete)
    readline.set_completer_delims(" ")
    editline = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if editline else "tab: complete")
    if not editline:
        readline.parse_and_bind("set enable-bracketed-paste on")  # a pasted text is one message
    readline.set_auto_history(False)
    readline.set_history_length(HISTORY_LINES)
    keep = _opened(history, on_trouble)

    def read_line(prompt: str) -> str:
        line = input(prompt)
        if line.strip():
            readline.add_history(line)
            if keep is not None:
                _append(keep, on_trouble)
        return line

    return read_line


def plain(prompt: str) -> str:
    """Read a line of standard input, without a prompt."""
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.removesuffix("\n")


def _opened(history: Path | None, on_trouble: Callable[[str], None]) -> Path | None:
    """Read the history into memory and return where to go on writing it."""
    import readline

    if history is None:
        return None
    try:
        history.parent.mkdir(parents=True, exist_ok=True)
        history.touch(mode=0o600)
        history.chmod(0o600)
        readline.read_history_file(history)
    except (OSError, ValueError) as error:
        on_trouble(f"no history: {error}")
        return None
    return history


def _append(history: Path, on_trouble: Callable[[str], None]) -> None:
    """Write at once: a chat that is killed keeps what was typed."""
    import readline

    try:
        readline.append_history_file(1, history)
    except OSError as error:
        on_trouble(f"the history was not written: {error}")
