"""Applying what a reply shows as a change: a unified diff, or search and replace pairs.

Lenient: line numbers may be wrong or missing, and where the lines to be replaced are not there
letter for letter, they may differ in the white space at their ends, then in all white space.
What cannot be applied is told as a sentence, never raised. Knows nothing of files on disk.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

_PAIR = re.compile(
    r"^<{5,9}[ \t]*(?:SEARCH|ORIGINAL|HEAD)?[^\n]*\n(?P<old>.*?)^={5,9}[ \t]*\n"
    r"(?P<new>.*?)^>{5,9}[^\n]*$",
    re.DOTALL | re.MULTILINE,
)
_HUNK = re.compile(r"@@(?: -(?P<line>\d+)(?:,\d+)? \+\d+(?:,\d+)? @@)?.*")
_HEADER = re.compile(r"(?:diff |index |--- |\+\+\+ |new file|deleted file|similarity |rename ).*")

_LEVELS: tuple[Callable[[str], str], ...] = (
    lambda line: line,
    lambda line: line.rstrip(),
    lambda line: " ".join(line.split()),
)


class Hunk(NamedTuple):
    """Lines that are there and lines that take their place; `at` is a line number, or -1."""

    old: tuple[str, ...]
    new: tuple[str, ...]
    at: int = -1


def pairs_of(text: str) -> tuple[Hunk, ...]:
    """The search and replace pairs of a text, in order."""
    return tuple(
        Hunk(tuple(found["old"].splitlines()), tuple(found["new"].splitlines()))
        for found in _PAIR.finditer(text)
    )


def diff_of(text: str) -> tuple[Hunk, ...]:
    """The hunks of a unified diff; () where the text is not one.

    A text without `@@` is one hunk if it has lines that begin with '+' or '-'.
    """
    hunks: list[Hunk] = []
    old: list[str] = []
    new: list[str] = []
    at, changed = -1, False

    def close() -> None:
        if changed:
            hunks.append(Hunk(tuple(old), tuple(new), at))

    for line in text.splitlines():
        if start := _HUNK.fullmatch(line):
            close()
            old, new, changed = [], [], False
            at = int(start["line"]) - 1 if start["line"] else -1
        elif _HEADER.fullmatch(line) or line.startswith("\\ No newline"):
            continue
        elif line[:1] in ("+", "-"):
            changed = True
            (new if line[0] == "+" else old).append(line[1:])
        else:
            kept = line[1:] if line.startswith(" ") else line
            old.append(kept)
            new.append(kept)
    close()
    return tuple(hunks)


def apply(text: str, hunks: Sequence[Hunk]) -> str | None:
    """Return `text` with every hunk applied; None where one finds no place."""
    lines = text.splitlines()
    for hunk in hunks:
        old, new = _trimmed(hunk)
        place = _place(lines, old, hunk.at)
        if place is None:
            return None
        lines[place : place + len(old)] = new
    return "\n".join(lines) + "\n"


def _trimmed(hunk: Hunk) -> tuple[list[str], list[str]]:
    """The hunk without empty lines that both sides begin or end with: they are often left out."""
    old, new = list(hunk.old), list(hunk.new)
    while old and new and not old[0].strip() and not new[0].strip():
        del old[0], new[0]
    while old and new and not old[-1].strip() and not new[-1].strip():
        del old[-1], new[-1]
    return old, new


def _place(lines: list[str], old: list[str], at: int) -> int | None:
    """The first line of `old` within `lines`, the nearest to `at` where there are several."""
    if not old:
        return min(max(at + 1, 0), len(lines)) if at >= 0 else None
    for level in _LEVELS:
        wanted = [level(line) for line in old]
        there = [level(line) for line in lines]
        found = [
            start
            for start in range(len(there) - len(wanted) + 1)
            if there[start : start + len(wanted)] == wanted
        ]
        if found:
            return min(found, key=lambda start: abs(start - at)) if at >= 0 else found[0]
    return None
