"""What came in with an import, for a terminal: `lines_of`. Knows nothing of how it was read."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ossay.cli.rated_by import is_judges
from ossay.core.display import visible

if TYPE_CHECKING:
    from ossay.records.contents import Contents
    from ossay.store.imports import Kept

_SHOWN = 8  # models, metrics or settings of a source that are named
_TABLES = ("csv", "parquet", "counts")


def lines_of(contents: Contents, kept: Kept, doubts: Iterable[str]) -> Iterator[str]:
    """What came in with one file, for a terminal; `doubts` are why not to believe it."""
    source = contents.source
    if kept.already:
        yield visible(f"{kept.name}: {source.file} is there already; nothing was written.")
        return
    yield visible(f"{kept.name}: {source.file}, read as {source.kind}")
    yield visible(f"  models    {len(contents.models)}: {_some(contents.models)}")
    if contents.results:
        attempts = f", up to {contents.attempts} attempts" if contents.attempts > 1 else ""
        yield f"  results   {contents.results:,} over {contents.items:,} items{attempts}"
    if contents.counts:
        tasks = f" over {contents.items:,} tasks" if contents.items else ""
        yield f"  counts    {contents.counts:,}{tasks}; which items they are of is not known"
    yield visible(f"  metrics   {_some(contents.metrics)}")
    if contents.stated:
        yield f"  stated    {contents.stated:,} of its own means; the rows are held against them"
    if source.columns and source.kind in _TABLES:
        yield visible(f"  columns   {_some(f'{k} = {v}' for k, v in source.columns.items())}")
    if source.made_with:
        yield visible(f"  made with {_some(f'{k} {v}' for k, v in source.made_with.items())}")
    if contents.unknown:
        yield visible(f"  unknown   {_unknown(contents)}")
    if contents.lacking:
        lacking = _some(f"{model} {count:,}" for model, count in contents.lacking.items())
        yield visible(f"  lacking   items that another model has: {lacking}")
    for note in source.notes:
        yield visible(f"  note      {note}")
    for doubt in doubts:
        yield visible(f"  doubt     {doubt}")
    yield visible(f"  next      {_next(contents)}")


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = len(listed) - _SHOWN
    return ", ".join(listed[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _unknown(contents: Contents) -> str:
    rows = contents.results or contents.counts
    return ", ".join(
        field if count == rows else f"{field} of {count:,}"
        for field, count in contents.unknown.items()
    )


def _next(contents: Contents) -> str:
    where = f"--in {contents.source.name}"
    if is_judges(contents.source.made_with):
        where += " --raters models"
    if len(contents.models) == 2:
        both = " ".join(map(shlex.quote, contents.models))
        if any(model.startswith("-") for model in contents.models):
            return f"ossay compare {where} -- {both}"  # after it no name is an option
        return f"ossay compare {both} {where}"
    if len(contents.models) > 2:
        return f"ossay leaderboard {where}"
    return f"ossay compare A B {where} --in OTHER, with another model's results"
