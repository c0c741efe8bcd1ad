"""Side: what one model has on one metric, gathered from all sources and checked.

An attempt counts once. Rows that contradict each other raise, since no rule can choose between
them. Knows nothing of a second model.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from ossay.compare.apart import named
from ossay.compare.selection import COSTS, metrics_in
from ossay.core.errors import UsageError
from ossay.core.results import Count, Records, Result


class Attempt(Struct, frozen=True):
    """One attempt at one item. `value` is None where there is none, and `missing` says why."""

    item: str
    number: int
    value: float | None
    missing: str
    cluster: str | None
    run_id: str
    source: str


class Side(Struct, frozen=True):
    """One model on one metric.

    Attributes:
        attempts: By item, each in the order of the attempts' numbers.
        counts: Of a model that has no attempts: by item, '' for a whole benchmark.
        again: How many attempts a second source repeated, with the same value.
        aside: How many counts were left aside, since the model has attempts.
    """

    model: str
    attempts: dict[str, tuple[Attempt, ...]]
    counts: dict[str, Count]
    sources: tuple[str, ...]
    again: int = 0
    aside: int = 0

    @property
    def missing(self) -> dict[str, int]:
        """Attempts without a value, by reason."""
        return dict(
            Counter(
                attempt.missing
                for attempts in self.attempts.values()
                for attempt in attempts
                if attempt.value is None
            )
        )


def sides_of(records: Records, models: Iterable[str], metric: str) -> dict[str, Side]:
    """Each model's side, in the given order; one without rows has an empty one.

    Raises:
        UsageError: an attempt twice in a source, two values for one attempt, a value that is no
            number, a count that can't be.
    """
    cost = metric if metric in COSTS and metric not in metrics_in(records) else ""
    rows: dict[str, list[Result]] = {model: [] for model in models}
    for row in records.results:
        if row.model in rows and (cost or row.metric == metric):
            rows[row.model].append(row)
    counts: dict[str, list[Count]] = {model: [] for model in rows}
    for count in records.counts:
        if count.model in rows and count.metric == metric:
            counts[count.model].append(count)
    return {model: _side(model, rows[model], counts[model], cost) for model in rows}


def _side(model: str, rows: list[Result], counts: list[Count], cost: str) -> Side:
    found: dict[tuple[str, int], tuple[Attempt, str]] = {}
    again = 0
    for row in rows:
        attempt, key = _attempt(row, cost), (row.item, row.attempt)
        if key not in found:
            found[key] = (attempt, row.metric)
            continue
        before, metric = found[key]
        if before.source == attempt.source and metric == row.metric:
            raise UsageError(
                f"{model!r} has item {row.item!r} twice, attempt {row.attempt!r}, in "
                f"{row.source!r}: number the attempts in a column of their own "
                "(--column attempt=NAME), or remove one"
            )
        found[key] = (_agreed(model, before, attempt), metric)
        again += before.source != attempt.source
    by_item: dict[str, list[Attempt]] = {}
    for attempt, _ in found.values():
        by_item.setdefault(attempt.item, []).append(attempt)
    sources = [attempt.source for attempt, _ in found.values()]
    if not found:
        sources = [count.source for count in counts]
    return Side(
        model,
        {item: tuple(sorted(tried, key=lambda one: one.number)) for item, tried in by_item.items()},
        {} if found else _counted(model, counts),
        tuple(dict.fromkeys(sources)),
        again,
        len(counts) if found else 0,
    )


def _attempt(row: Result, cost: str) -> Attempt:
    value = getattr(row, cost) if cost else row.score
    if value is not None and not math.isfinite(value):
        raise UsageError(
            f"{row.model!r} has {value!r} for item {row.item!r} in {row.source!r}: a missing "
            "result is an empty field, never a number"
        )
    why = "" if value is not None else (row.missing or (f"no {cost}" if cost else "no score"))
    return Attempt(
        row.item,
        row.attempt,
        None if value is None else float(value),
        why,
        row.cluster,
        row.run_id,
        row.source,
    )


def _agreed(model: str, first: Attempt, second: Attempt) -> Attempt:
    """What two rows say of one attempt; a row without a value says nothing against one."""
    if first.value is None or second.value is None:
        return first if second.value is None else second
    if first.value != second.value:
        raise UsageError(
            f"{model!r} has {first.value!r} in {first.source!r} and {second.value!r} in "
            f"{second.source!r} for item {first.item!r}, attempt {first.number!r}: give the one "
            f"source that you trust, or name one as {named(model, first.source)!r}"
        )
    return first if first.run_id else second


def _counted(model: str, counts: list[Count]) -> dict[str, Count]:
    found: dict[str, Count] = {}
    for count in counts:
        if not (count.n >= 1 and 0 <= count.passed <= count.n):
            raise UsageError(
                f"{model!r} has {count.passed!r} of {count.n!r} in {count.source!r}: a count lies "
                "between 0 and n, and n is at least 1"
            )
        before = found.setdefault(count.item, count)
        if before is not count and (before.passed, before.n) != (count.passed, count.n):
            raise UsageError(
                f"{model!r} has {before.passed} of {before.n} in {before.source!r} and "
                f"{count.passed} of {count.n} in {count.source!r}"
                f"{f' for {count.item!r}' if count.item else ''}: give the one that you mean"
            )
        if before is not count and before.source == count.source:
            raise UsageError(
                f"{model!r} is counted twice{f' for {count.item!r}' if count.item else ''} in "
                f"{count.source!r}: remove one line"
            )
    return found
