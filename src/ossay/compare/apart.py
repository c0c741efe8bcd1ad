"""One model in several sources told apart: 'model@source' is what one source holds of it.

For two prompts, dates, settings or harness versions of one model. Knows nothing of comparing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from msgspec.structs import replace

from ossay.compare.selection import find_model, models_in
from ossay.core.errors import UnknownName
from ossay.core.results import Count, Records, Result, Stated

MARK = "@"
R = TypeVar("R", Result, Count, Stated)


def named(model: str, source: str) -> str:
    """How to ask for what `source` holds of `model`."""
    return f"{model}{MARK}{source}"


def source_of(name: str) -> str:
    """The source that a name asks for, '' where it asks for none."""
    model, _, source = name.rpartition(MARK)
    return source if model else ""


def sources_of(records: Records, model: str) -> tuple[str, ...]:
    """The sources that hold rows or counts of a model, in the order of their first."""
    rows = [row.source for row in records.results if row.model == model]
    counts = [count.source for count in records.counts if count.model == model]
    return tuple(dict.fromkeys(rows + counts))


def tell_apart(records: Records, names: Sequence[str]) -> tuple[Records, tuple[str, ...]]:
    """The records with each 'model@source' as a model of its own, and the names in full.

    What is asked for so no longer counts for the model itself; a name that is a model's, or part
    of one, stays as it is.

    Raises:
        UnknownName: no such source, or it holds no such model.
    """
    whole = records
    apart = [bool(source_of(name)) and not _is_model(whole, name) for name in names]
    if not any(apart):
        return records, tuple(names)
    found = []
    for name, is_apart in zip(names, apart, strict=True):
        if not is_apart:
            found.append(find_model(whole, name))
            continue
        source = source_of(name)
        known = [one.name for one in whole.sources]
        if source not in known:
            raise UnknownName.of("source", source, known, hint="a model of one is MODEL@SOURCE")
        model = find_model(_of(whole, source), name[: -len(MARK + source)])
        found.append(named(model, source))
        records = _moved(records, model, source)
    return records, tuple(found)


def _is_model(records: Records, name: str) -> bool:
    return any(name.casefold() in model.casefold() for model in models_in(records))


def _of(records: Records, source: str) -> Records:
    return Records(
        records.sources,
        tuple(row for row in records.results if row.source == source),
        tuple(count for count in records.counts if count.source == source),
    )


def _moved(records: Records, model: str, source: str) -> Records:
    """The records with a model's rows of one source under a name of their own."""

    def move(rows: tuple[R, ...]) -> tuple[R, ...]:
        full = named(model, source)
        return tuple(
            replace(row, model=full) if (row.model, row.source) == (model, source) else row
            for row in rows
        )

    return replace(
        records,
        results=move(records.results),
        counts=move(records.counts),
        stated=move(records.stated),
    )
