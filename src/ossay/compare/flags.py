"""Red flags: numbers that look like a fault of the harness rather than of the model.

Nothing right on a whole benchmark by a model that does well elsewhere, and many results without a
score. They warn and decide nothing. Knows nothing of sources.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from statistics import median
from typing import Literal, NamedTuple

from msgspec import Struct

from ossay.core.results import Records
from ossay.records.campaign import NOT_RUN

Level = Literal["broken", "warning", "note"]
Kind = Literal[
    "same_file",
    "look_alike",
    "asked_otherwise",
    "contradiction",
    "unlike_stated",
    "no_rows",
    "nothing_right",
    "much_missing",
]
MUCH = 0.1  # share of results without a score that is worth a warning
_CHANCE = 1e-4  # of getting nothing right by bad luck, below which it looks like a fault
_LEAST = 20  # results of a benchmark below which none right may well be the model's own doing
_TABLE = 50  # items up to which a table of scores is one of benchmarks


class Problem(Struct, frozen=True):
    """Something to doubt, in a sentence. `model` is '' where it concerns all."""

    kind: Kind
    level: Level
    model: str
    text: str


class Cell(NamedTuple):
    """What one model did on one benchmark; `n` is None where the source doesn't say."""

    model: str
    benchmark: str
    mean: float
    n: int | None

    @property
    def likely(self) -> float:
        """The rate behind it: 1 of 1 doesn't make failing impossible (Jeffreys' mean)."""
        return self.mean if self.n is None else (self.mean * self.n + 0.5) / (self.n + 1.0)


def red_flags(records: Records, metrics: tuple[str, ...]) -> Iterator[Problem]:
    """The flags of these metrics, model by model."""
    yield from _nothing_right(_cells(records, metrics))
    for metric in metrics:
        yield from _nothing_right(_table(records, metric))
        yield from _much_missing(records, metric)


def _cells(records: Records, metrics: tuple[str, ...]) -> list[Cell]:
    """0/1 results by metric, and by cluster where they name one; counts by task."""
    sums: dict[tuple[str, str], list[float]] = {}
    for row in records.results:
        if row.metric in metrics and row.score in (0.0, 1.0):
            name = row.metric if row.cluster is None else row.cluster
            sums.setdefault((row.model, name), []).append(row.score)
    cells = [Cell(*key, sum(found) / len(found), len(found)) for key, found in sums.items()]
    return cells + [
        Cell(count.model, count.item or count.metric, count.passed / count.n, count.n)
        for count in records.counts
        if count.metric in metrics and count.n > 0
    ]


def _table(records: Records, metric: str) -> list[Cell]:
    """Scores of a table with one row a benchmark, such as accuracies in percent."""
    rows = [row for row in records.results if row.metric == metric and row.score is not None]
    items = {row.item for row in rows}
    keys = {(row.model, row.item) for row in rows}
    scores = [row.score for row in rows if row.score is not None]
    top = max(scores, default=0.0)
    if not 2 <= len(items) <= _TABLE or len(keys) < len(rows) or top <= 0.0:
        return []
    if all(score in (0.0, 1.0) for score in scores) or sum(map(_zero, scores)) > MUCH * len(rows):
        return []
    return [Cell(row.model, row.item, (row.score or 0.0) / top, None) for row in rows]


def _nothing_right(cells: list[Cell]) -> Iterator[Problem]:
    by_benchmark: dict[str, list[Cell]] = {}
    by_model: dict[str, list[Cell]] = {}
    for cell in cells:
        by_benchmark.setdefault(cell.benchmark, []).append(cell)
        by_model.setdefault(cell.model, []).append(cell)
    for cell in cells:
        if cell.mean != 0.0 or (cell.n is not None and cell.n < _LEAST):
            continue
        beside, own = by_benchmark[cell.benchmark], by_model[cell.model]
        others = [one for one in beside if one.model != cell.model]
        elsewhere = [one.likely for one in own if one.benchmark != cell.benchmark]
        if not others:
            continue
        expected = median(one.likely for one in others)
        expected = min(expected, median(elsewhere)) if elsewhere else expected
        chance = (1.0 - expected) ** cell.n if cell.n is not None else float(expected <= 0.5)
        if chance < _CHANCE:
            of = "" if cell.n is None else f" of {cell.n}"
            reached = 100 * median(one.mean for one in others)
            yield Problem(
                "nothing_right",
                "warning",
                cell.model,
                f"{cell.model!r} got nothing{of} right on {cell.benchmark!r}, where others reach "
                f"{reached:.3g} %: that looks like a fault of reading its answers, or "
                "like missing runs counted as zeros.",
            )


def _much_missing(records: Records, metric: str) -> Iterator[Problem]:
    tried: dict[tuple[str, str, int], str] = {}  # '' where a source has a score
    for row in records.results:
        if row.metric == metric:
            if row.missing == NOT_RUN:
                continue  # nothing was tried, so nothing is hidden
            key = (row.model, row.item, row.attempt)
            why = "" if row.score is not None else row.missing or "no score"
            tried[key] = why and tried.get(key, why)
    rows = Counter(model for model, _, _ in tried)
    lost: dict[str, Counter[str]] = {}
    for (model, _, _), why in tried.items():
        if why:
            lost.setdefault(model, Counter())[why] += 1
    for model, reasons in lost.items():
        share = reasons.total() / rows[model]
        if share > MUCH:
            why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
            yield Problem(
                "much_missing",
                "warning",
                model,
                f"{reasons.total()} of {rows[model]} results of {model!r} have no score ({why}): "
                "those that are left may be the easy ones.",
            )


def _zero(score: float) -> bool:
    return score == 0.0
