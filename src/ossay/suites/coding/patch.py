"""Applying what a reply shows as a change: a unified diff, or search and replace pairs.

Lenient: line numbers may be wrong or missing, and where the lines to be replaced are not there
letter for letter, they may differ in the white space at their ends, then in all white space.
What cannot be applied is told as a sentence, never raised. Knows nothing of files on disk.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

_SEARCH = re.compile(r"<{5,9}[ \t]*(?:SEARCH|ORIGINAL|HEAD)?[ \t]*")
_MIDDLE = re.compile(r"={5,9}[ \t]*")
_REPLACE = re.compile(r">{5,9}[ \t]*\w*[ \t]*")
_HUNK = re.compile(r"@@(?: -(?P<line>\d+)(?:,\d+)? \+\d+(?:,\d+)? @@)?.*")
_HEADER = re.compile(r"(?:diff |index |--- |\+\+\+ |new file|deleted file|similarity |rename ).*")

MOST_WORK = 20_000_000  # comparisons of lines; honest changes take some ten thousand

_LEVELS: tuple[Callable[[str], str], ...] = (
    lambda line: line,
    lambda line: line.rstrip(),
    lambda line: " ".join(line.split()),
)


class Hunk(NamedTuple):
    """Lines that are there and what takes their place: a new line, or the number of an old one.

    `at` is the line of the file where it should be, from 0, or -1.
    """

    old: tuple[str, ...]
    new: tuple[str | int, ...]
    at: int = -1


def pairs_of(text: str) -> tuple[Hunk, ...]:
    """The search and replace pairs of a text, in order."""
    pairs: list[Hunk] = []
    old: list[str] = []
    new: list[str] = []
    side: list[str] | None = None  # where lines belong; None between pairs
    for line in text.splitlines():
        if _SEARCH.fullmatch(line):
            old, new = [], []
            side = old
        elif side is old and _MIDDLE.fullmatch(line):
            side = new
        elif side is new and _REPLACE.fullmatch(line):
            pairs.append(Hunk(tuple(old), tuple(new)))
            side = None
        elif side is not None:
            side.append(line)
    return tuple(pairs)


def diff_of(text: str) -> tuple[Hunk, ...]:
    """The hunks of a unified diff; () where the text is not one.

    A text without `@@` is one hunk if it has lines that begin with '+' or '-'.
    """
    hunks: list[Hunk] = []
    old: list[str] = []
    new: list[str | int] = []
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
            if line[0] == "+":
                new.append(line[1:])
            else:
                old.append(line[1:])
        else:
            new.append(len(old))
            old.append(line.removeprefix(" "))
    close()
    return tuple(hunks)


def work(text: str, hunks: Sequence[Hunk]) -> int:
    """How many lines are compared, about, where all hunks are applied to `text`."""
    lines, grown = len(text.splitlines()), 0
    total = 0
    for hunk in hunks:
        total += (len(hunk.old) + 1) * (lines + grown + 1)
        grown += len(hunk.new)
    return total


def apply(text: str, hunks: Sequence[Hunk]) -> str | None:
    """Return `text` with every hunk applied; None where one finds no place, or all is too much."""
    if work(text, hunks) > MOST_WORK:
        return None
    lines = text.splitlines()
    for hunk in hunks:
        first, last = _core(hunk)
        place = _place(lines, list(hunk.old[first:last]), hunk.at + first if hunk.at >= 0 else -1)
        if place is None:
            return None
        kept = lines[place : place + last - first]
        made = [
            line if isinstance(line, str) else kept[line - first]
            for line in hunk.new
            if isinstance(line, str) or first <= line < last
        ]
        lines[place : place + last - first] = made
    return "\n".join(lines) + "\n"


def _core(hunk: Hunk) -> tuple[int, int]:
    """Which of the old lines to look for: without empty ones at the ends that stay as they are."""
    first, last, new = 0, len(hunk.old), list(hunk.new)
    while first < last and not hunk.old[first].strip() and new[:1] == [first]:
        first, new = first + 1, new[1:]
    while first < last and not hunk.old[last - 1].strip() and new[-1:] == [last - 1]:
        last, new = last - 1, new[:-1]
    return first, last


def _place(lines: list[str], old: list[str], at: int) -> int | None:
    """The first line of `old` within `lines`, the nearest to `at` where there are several."""
    if not old:
        return min(at + 1, len(lines)) if at >= 0 else None if lines else 0
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
