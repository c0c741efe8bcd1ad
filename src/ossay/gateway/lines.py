"""On which line of a TOML file something is written: path -> line, beside what tomllib reads.

Takes text that tomllib has read without an error, and finds where its keys, values and tables
begin. Knows nothing of what they mean.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from typing import Any

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'",
    re.DOTALL,
)
_OTHER_VALUE = re.compile(r"[^,\]}#\n]*")  # a number, a date, true, false
_KEY = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|[^="'\]])+""")


def lines_of(text: str) -> dict[Path, int]:
    """Return the line, from 1, of each table, key and item of a list.

    A table that is opened twice over has the line where it is opened first.
    """
    scan = _Scan(text)
    scan.document()
    return scan.lines


def shown(path: Path) -> str:
    """A path as it would be written: routes.support.strong[1]."""
    said = ""
    for part in path:
        if isinstance(part, int):
            said += f"[{part}]"
        else:
            plain = re.fullmatch(r"[A-Za-z0-9_-]+", part) is not None
            said += f"{'.' if said else ''}{part if plain else repr(part)}"
    return said


class _Scan:
    """Goes through the text once."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._text = text
        self._at = 0
        self._ends = [match.start() for match in re.finditer("\n", text)]

    def document(self) -> None:
        table: Path = ()
        while self._peek():
            if self._peek() == "[":
                self._at += 2 if self._text.startswith("[[", self._at) else 1
                table = self._key(())
                self._at = _end(re.compile(r"[ \t]*\]{1,2}"), self._text, self._at)
            else:
                self._pair(table)

    def _peek(self) -> str:
        """The next character that is no blank and in no comment; '' at the end."""
        self._at = _end(_BLANK, self._text, self._at)
        return self._text[self._at : self._at + 1]

    def _pair(self, table: Path) -> None:
        path = self._key(table)
        self._at = self._text.index("=", self._at) + 1
        self._value(path)

    def _key(self, table: Path) -> Path:
        """Read a dotted key; all that it passes through is on this line, unless it was before."""
        self._peek()
        line = bisect_right(self._ends, self._at - 1) + 1
        end = _end(_KEY, self._text, self._at)
        inner: Any = tomllib.loads(f"{self._text[self._at : end]} = 0")
        self._at = end
        path = table
        while isinstance(inner, dict):
            ((part, inner),) = inner.items()
            path = (*path, part)
            self.lines.setdefault(path, line)
        return path

    def _value(self, path: Path) -> None:
        first = self._peek()
        self.lines.setdefault(path, bisect_right(self._ends, self._at - 1) + 1)
        if first in ("[", "{"):
            self._at += 1
            number = 0
            while self._peek() not in ("]", "}"):
                if first == "{":
                    self._pair(path)
                else:
                    self._value((*path, number))
                number += 1
                if self._peek() == ",":
                    self._at += 1
            self._at += 1
        else:
            pattern = _STRING if first in ("'", '"') else _OTHER_VALUE
            self._at = _end(pattern, self._text, self._at)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()
