"""Making imported records storable: one part a source, with texts and numbers that databases hold.

A NUL becomes ␀ and a lone surrogate �; -0.0 becomes 0.0; a row that names no source gets the name
of the only one. What cannot be kept is an error, never another value. Knows nothing of SQL.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import msgspec

from ossay.core.errors import UsageError
from ossay.core.names import CAMPAIGN_NAME, is_campaign_name
from ossay.core.results import Count, Records, Result, Source, Stated
from ossay.store.text import storable

R = TypeVar("R", Result, Count, Stated)

# Whole numbers that both databases hold.
_MOST_INT = 2**63 - 1

# Characters of a value that is shown in an error.
_SHOWN = 200


def ready_to_keep(records: Records) -> list[Records]:
    """Return the records of each source apart, as they will be stored and come back.

    Raises:
        UsageError: two sources of one name, a name that is none, a row of no source, a number that
            is not finite or too large, or texts that only differ in what cannot be stored.
    """
    names = [source.name for source in records.sources]
    for name in names:
        if not is_campaign_name(name):
            raise UsageError(f"{name[:_SHOWN]!r} names no import: a name is {CAMPAIGN_NAME}")
        if names.count(name) > 1:
            raise UsageError(f"two sources are called {name!r}; give each its own name")
    only = names[0] if len(names) == 1 else ""
    words = _Words()
    results = _by_source(records.results, names, only, words)
    counts = _by_source(records.counts, names, only, words)
    stated = _by_source(records.stated, names, only, words)
    return [
        Records(
            (_source(source, words),),
            tuple(results[source.name]),
            tuple(counts[source.name]),
            tuple(stated[source.name]),
        )
        for source in records.sources
    ]


def _by_source(
    rows: tuple[R, ...], names: list[str], only: str, words: _Words
) -> dict[str, list[R]]:
    parts: dict[str, list[R]] = {name: [] for name in names}
    for row in rows:
        source = row.source or only
        if source not in parts:
            raise UsageError(
                f"a row of source {source[:_SHOWN]!r}, which is not among the sources "
                f"{', '.join(map(repr, names)) or '(none)'}: give every row its source"
            )
        parts[source].append(_ready(row, source, words))
    return parts


class _Words(dict[str, str]):
    """Text -> what is stored of it. Two texts never become the same."""

    def __init__(self) -> None:
        self._from: dict[str, str] = {}

    def __missing__(self, text: str) -> str:
        stored = storable(text, len(text))
        other = self._from.setdefault(stored, text)
        if other != text:
            raise UsageError(
                f"{other[:_SHOWN]!r} and {text[:_SHOWN]!r} only differ in characters that no "
                "database holds; change one of them in the file"
            )
        self[text] = stored
        return stored


def _ready(row: R, source: str, words: _Words) -> R:
    changed: dict[str, Any] = {} if row.source == source else {"source": source}
    for name in row.__struct_fields__:
        value = getattr(row, name)
        if isinstance(value, str):
            if words[value] is not value and name != "source":
                changed[name] = words[value]
        elif value is not None and not _fits(value):
            raise UsageError(
                f"{name} of model {row.model[:_SHOWN]!r} is {value!r}, which no ledger can hold; "
                "correct the file, or leave the value out where it is unknown"
            )
        elif value == 0 and isinstance(value, float):
            changed[name] = 0.0
    return msgspec.structs.replace(row, **changed) if changed else row


def _fits(value: float) -> bool:
    return math.isfinite(value) if isinstance(value, float) else abs(value) <= _MOST_INT


def _source(source: Source, words: _Words) -> Source:
    times = {"read_at": source.read_at, "made_at": source.made_at}
    for name, value in times.items():
        if value is not None and not _fits(value):
            raise UsageError(f"{name} of {source.name!r} is {value!r}, which is no time")
    return msgspec.structs.replace(
        source,
        file=_text(source.file),
        sha256=_text(source.sha256),
        made_with=_texts(source.made_with, words),
        columns=_texts(source.columns, words),
        notes=tuple(_text(note) for note in source.notes),
    )


def _text(text: str) -> str:
    return storable(text, len(text))


def _texts(texts: dict[str, str], words: _Words) -> dict[str, str]:
    return {words[key]: _text(value) for key, value in texts.items()}
