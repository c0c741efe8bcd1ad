"""Reading ASSUMPTIONS.md: which reading it says was taken, and whether it names another.

Generous: any wording passes that is about the open point, unless it plainly names another reading
than the one that the code follows. Knows nothing of how the code is tried.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ossay.suites.agentic_core.readings.request import Reading, Request

_LONGEST = 8_000  # characters of a note that are looked at

_SPELLINGS = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-", "≤": "<=", "≥": ">=",
     "`": None, "*": None, "\t": " ", "\N{NO-BREAK SPACE}": " "}
)  # fmt: skip

_EMPHASIS = re.compile(r"(?<![a-z0-9])_+|_+(?![a-z0-9])")
_BULLET = re.compile(r"^(?:[#>+•\-\s]+|\(?\d{1,2}[.)]\s)+")
_TAKEN = re.compile(
    r"(?:the |my |our |chosen |selected |adopted |implemented |main |key )*"
    r"(?:reading|interpretation|assumption|decision|choice|assumed|implemented)s?\b"
    r"(?: (?:taken|chosen|made|used|adopted|selected|implemented))?\s*(?::|$|-\s)"
)
_OTHERS = re.compile(
    r"(?:the |some |any |possible |plausible |main |other |rejected |considered |defensible "
    r"|reasonable |unchosen )*"
    r"(?:alternativ\w*|(?:other|different|further|rejected|possible|discarded)\s(?:\w+\s){0,2}"
    r"(?:reading|interpretation|option|choice|possibilit|approach)\w*)\b(?:[^:.]{0,50}:)?"
)
_OTHERS_INLINE = re.compile(
    r"[.;(,:]\s*(?:an |the |one |some |other |possible |another )*"
    r"(?:alternativ\w*|(?:reading|interpretation)s?)\b[^:.,]{0,40}[:,]?"
)
_CONTRAST = re.compile(
    r"\b(?:alternativ\w*|(?:an)?other (?:\w+ )?(?:reading|interpretation|option|possibilit)\w*"
    r"|could (?:also|have|instead)|instead of|rather than|as opposed to)\b"
)
_NO_OTHERS = re.compile(
    r"(?:none(?: \w+){0,3}|n/?a|nothing|no (?:other|alternative)\w*.*|there (?:are|is|were) no.*"
    r"|not applicable|tbd|todo)?"
)
# A clause with such a word may be about a reading that was not taken.
_HEDGE = re.compile(
    r"\b(?:not|no|never|cannot|neither|nor|non|nothing|without|unless|except|rather|instead|unlike"
    r"|opposed|contrast|versus|vs"
    r"|alternativ\w*|otherwise|could|would|might|whereas|another)\b|n't"
)
_CLAUSE = re.compile(r"(?<=[.;!?])\s+|\n+")


class Note(NamedTuple):
    """A note in lower case and one spelling: what it says was taken, what it names beside that."""

    taken: str
    others: str


def read_note(text: str) -> Note:
    """Divide a note at its headings, however they are written."""
    parts: dict[str, list[str]] = {"taken": [], "others": []}
    into = "taken"
    for raw in text[:_LONGEST].lower().translate(_SPELLINGS).split("\n"):
        line = " ".join(_EMPHASIS.sub(" ", _BULLET.sub("", raw)).split())
        for name, heading in (("others", _OTHERS), ("taken", _TAKEN)):
            match = heading.match(line)
            if match:
                into, line = name, line[match.end() :]
                break
        parts[into].append(line.strip())
    taken, others = ("\n".join(filter(None, lines)) for lines in parts.values())
    if others:
        return Note(taken, others)
    inline = _OTHERS_INLINE.search(taken)
    if inline:
        return Note(taken[: inline.start() + 1], taken[inline.end() :])
    return Note(taken, taken if _CONTRAST.search(taken) else "")


def problem_of_note(text: str, request: Request, followed: Reading | None) -> str:
    """Say what is wrong with a note, '' if nothing is.

    `followed` is the reading that the code follows, None where it follows none: then any will do.
    """
    note = read_note(text)
    if not re.search(r"[a-z0-9]", note.taken):
        return "does not say which reading was taken"
    if _NO_OTHERS.fullmatch(note.others.strip(" \n-+.:_/()[]")):
        return "names no alternative"
    if _names_all(note.taken, request):
        return "names every reading as the one that was taken"
    if followed is not None:
        if bears(note.taken, (*followed.says, *followed.also)):
            return ""
        for other in request.readings:
            if other is not followed and _plainly(note.taken, other, request.neutral):
                return f"names the reading {other.key!r}, but the code follows {followed.key!r}"
    if not re.search(request.topic, note.taken):
        return "does not say how the open point of the request was taken"
    return ""


def bears(text: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of the patterns is found in a text."""
    line = " ".join(text.split())
    return any(re.search(pattern, line) for pattern in patterns)


def _names_all(taken: str, request: Request) -> bool:
    """Whether a note claims to have taken all readings there are, in as many clauses at least."""
    if not all(_plainly(taken, reading, request.neutral) for reading in request.readings):
        return False
    says = [pattern for reading in request.readings for pattern in reading.says]
    sentences = re.split(r"(?<=[.!?])\s+|\n+", taken)
    naming = sum(bears(sentence, tuple(says)) for sentence in sentences)
    # Of two readings one sentence often names both, and is clear all the same.
    return len(request.readings) > 2 or naming > 1


def _plainly(taken: str, reading: Reading, neutral: str) -> bool:
    """Whether a clause without any word of contrast names the reading."""
    if neutral:
        taken = re.sub(neutral, " ", taken)
    clauses = (clause for clause in _CLAUSE.split(taken) if not _HEDGE.search(clause))
    return any(bears(clause, reading.says) for clause in clauses)
