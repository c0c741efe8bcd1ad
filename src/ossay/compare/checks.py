"""Whether records can be believed: sources that contradict each other, sums that don't add up.

Found by the numbers alone, never by a name. Knows nothing of what a comparison says.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from ossay.compare.apart import named, sources_of
from ossay.compare.flags import Problem, red_flags
from ossay.compare.selection import metrics_in, models_in, plain
from ossay.core.results import Records, Stated

# In `Source.made_with`: of what was asked, all items of the log; the version of a suite, by name.
ITEMS_DIGEST = "items sha256"
SUITE = "suite "


def problems_of(records: Records, metric: str | None = None) -> tuple[Problem, ...]:
    """Everything in the records that a reader should doubt; of one of their metrics, or of all.

    A model with a 'broken' problem can't be compared: its rows contradict each other or the summary
    of their own source. A 'warning' may change what a comparison means, a 'note' hardly.
    """
    own = metrics_in(records)
    wanted = (metric,) if metric in own else own
    return (
        *_same_file(records),
        *_look_alike(records),
        *_asked_otherwise(records, wanted),
        *_other_versions(records, wanted),
        *_contradictions(records, wanted),
        *_unlike_stated(records, wanted),
        *red_flags(records, wanted),
    )


def _same_file(records: Records) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for source in records.sources:
        before = first.setdefault(source.sha256, source.name) if source.sha256 else source.name
        if before != source.name:
            yield Problem(
                "same_file",
                "warning",
                "",
                f"{before!r} and {source.name!r} are the same file: it is no second measurement.",
            )


def _look_alike(records: Records) -> Iterator[Problem]:
    """Two models whose names a reader can't tell apart, or hardly."""
    first: dict[str, str] = {}
    for model in models_in(records):
        before = first.setdefault(plain(model), model)
        if before != model:
            yield Problem(
                "look_alike",
                "note",
                "",
                f"{before!r} and {model!r} differ in case, spaces or encoding alone, and are taken "
                "as two models.",
            )


def _asked_otherwise(records: Records, wanted: tuple[str, ...]) -> Iterator[Problem]:
    """Logs that use the same item names for different questions."""
    digests = {
        source.name: source.made_with[ITEMS_DIGEST]
        for source in records.sources
        if ITEMS_DIGEST in source.made_with
    }
    if len(set(digests.values())) < 2:
        return
    items: dict[str, set[str]] = {}
    for row in records.results:
        if row.source in digests and row.metric in wanted:
            items.setdefault(row.source, set()).add(row.item)
    for one, two in combinations(items, 2):
        if items[one] == items[two] and digests[one] != digests[two]:
            yield Problem(
                "asked_otherwise",
                "warning",
                "",
                f"{one!r} and {two!r} did not ask the same under the same item names: another "
                "prompt, template, set of examples or version of the task. What differs may be "
                "that, and not the models.",
            )


def _other_versions(records: Records, wanted: tuple[str, ...]) -> Iterator[Problem]:
    """Campaigns that ran two versions of a suite, and share items of it by name."""
    suites = {
        source.name: {
            key.removeprefix(SUITE): version
            for key, version in source.made_with.items()
            if key.startswith(SUITE)
        }
        for source in records.sources
    }
    items: dict[str, set[str]] = {}
    for row in records.results:
        if row.metric in wanted and suites.get(row.source):
            items.setdefault(row.source, set()).add(row.item)
    for one, two in combinations(items, 2):
        for suite, version in suites[one].items():
            other = suites[two].get(suite, version)
            if other == version:
                continue
            if any(item.startswith(f"{suite}/") for item in items[one] & items[two]):
                yield Problem(
                    "asked_otherwise",
                    "warning",
                    "",
                    f"{one!r} ran suite {suite!r} in version {version!r} and {two!r} in version "
                    f"{other!r}: items of one name need not be the same. What differs may be "
                    "that, and not the models.",
                )


def _contradictions(records: Records, wanted: tuple[str, ...]) -> Iterator[Problem]:
    """Attempts with two different scores in two sources."""
    if len({row.source for row in records.results}) < 2:
        return
    first: dict[tuple[str, str, int, str], tuple[float, str]] = {}
    found: dict[str, list[str]] = {}
    for row in records.results:
        if row.metric not in wanted or row.score is None:
            continue
        key = (row.model, row.item, row.attempt, row.metric)
        score, source = first.setdefault(key, (row.score, row.source))
        if source != row.source and score != row.score:
            found.setdefault(row.model, []).append(
                f"item {row.item!r}, attempt {row.attempt!r}, has {score!r} in {source!r} and "
                f"{row.score!r} in {row.source!r}"
            )
    for model, said in found.items():
        more = f", and {len(said) - 1} more such" if len(said) > 1 else ""
        yield Problem(
            "contradiction",
            "broken",
            model,
            f"{model!r} contradicts itself: {said[0]}{more}. Give the one source that you trust, "
            f"or name one as {named(model, sources_of(records, model)[0])!r}.",
        )


class _Rows(NamedTuple):
    """What the rows of a model on a metric add up to; `item` is what one item can move the mean."""

    total: float
    n: int
    lost: int
    item: float
    binary: bool


def _unlike_stated(records: Records, wanted: tuple[str, ...]) -> Iterator[Problem]:
    """Rows that give another mean than the summary beside them."""
    own, models = metrics_in(records), frozenset(models_in(records))
    for stated in records.stated:
        if stated.model not in models:
            yield Problem(
                "no_rows",
                "note",
                stated.model,
                f"{stated.model!r} is stated at {_shown(stated.value, stated.value <= 1.0)}, and "
                "no row stands behind it.",
            )
            continue
        # A summary that names no metric of the rows is of the only one that they have.
        metric = own[0] if len(own) == 1 else stated.metric
        rows = _rows(records, stated, metric) if metric in wanted else None
        if rows is None:
            continue
        problem = _held_against(stated, rows)
        if problem is not None:
            yield problem


def _rows(records: Records, stated: Stated, metric: str) -> _Rows | None:
    """Of the summary's own source where that has any, else of all: a file beside them tells of all.

    A log of one task knows nothing of the model's other tasks.
    """
    model = stated.model
    rows = [row for row in records.results if row.model == model and row.metric == metric]
    counts = [one for one in records.counts if one.model == model and one.metric == metric]
    if stated.source in {row.source for row in rows} | {one.source for one in counts}:
        rows = [row for row in rows if row.source == stated.source]
        counts = [one for one in counts if one.source == stated.source]
    scores = [row.score for row in rows if row.score is not None]
    if not scores:
        counts = [one for one in counts if one.item] or counts
        n = sum(one.n for one in counts)
        return _Rows(sum(one.passed for one in counts), n, 0, 1 / n, True) if n else None
    binary = all(score in (0.0, 1.0) for score in scores)
    unit = 1.0 if binary else max(map(abs, scores)) or 1.0
    return _Rows(sum(scores), len(scores), len(rows) - len(scores), unit / len(scores), binary)


def _held_against(stated: Stated, rows: _Rows) -> Problem | None:
    """None within what was rounded; a note up to an item, a warning up to two, else broken.

    Where the summary covers more items than there are scores, or fewer, the others may be right or
    wrong: only what no result of theirs could explain is broken.
    """
    mean = rows.total / rows.n
    rounding = 0.0 if stated.digits is None else 0.5 * 10.0**-stated.digits
    off = abs(stated.value - mean) - rounding
    if off <= 1e-9:
        return None
    covers = stated.n or rows.n + rows.lost
    low, high = _possible(rows, covers) if rows.binary else (mean, mean)
    beyond = max(low - stated.value, stated.value - high) - rounding
    said = (
        f"{stated.model!r}: its rows give {_shown(mean, rows.binary)} over {rows.n}, its source "
        f"states {_shown(stated.value, rows.binary)}"
    )
    size = f"{(off + rounding) / rows.item:.2g} of an item's worth"
    if beyond > 2.0 * rows.item + 1e-9:
        size = f"{(off + rounding) / rows.item:.0f} items' worth"
        text = (
            f"{said}, {size} apart: one of the two is of something else. Mend it, or compare "
            "without the summary."
        )
        return Problem("unlike_stated", "broken", stated.model, text)
    if covers != rows.n:
        text = f"{said}, over {covers}: {abs(covers - rows.n)} results are not here."
        return Problem("unlike_stated", "warning", stated.model, text)
    if beyond > rows.item + 1e-9:
        text = f"{said}, more than an item apart."
        return Problem("unlike_stated", "warning", stated.model, text)
    return Problem("unlike_stated", "note", stated.model, f"{said}, {size} apart.")


def _possible(rows: _Rows, covers: int) -> tuple[float, float]:
    """The rates that `covers` items could have, given the 0/1 rows that are here."""
    others = covers - rows.n
    if others >= 0:
        return rows.total / covers, (rows.total + others) / covers
    return max(0.0, rows.total + others) / covers, min(covers, rows.total) / covers


def _shown(value: float, share: bool) -> str:
    return f"{100 * value:.4g} %" if share else f"{value:.4g}"
