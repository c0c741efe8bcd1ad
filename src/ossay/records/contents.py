"""What came in with some records, and what did not: `contents_of`.

What no result says is unknown, and is named as such. Knows nothing of how it is shown.
"""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from ossay.core.results import Count, Records, Result, Source

# What a result may say beside its score.
_FIELDS = ("cost_usd", "input_tokens", "output_tokens", "seconds", "cluster")


class Contents(Struct, frozen=True):
    """Numbers of one source.

    Attributes:
        source: Where it came from.
        models: The models, in their order.
        items: Different items; 0 where counts name none.
        results, counts, stated: Rows of each kind.
        attempts: The most attempts that a model made at an item.
        metrics: Metric -> results.
        missing: Why results have no score -> how many.
        unknown: Field -> in how many rows it is not known; 0 is left out.
        lacking: Model -> items that another model has and it has not; 0 is left out.
        repeated: Results of a model, item, attempt and metric that was there before.
    """

    source: Source
    models: tuple[str, ...]
    items: int
    results: int
    counts: int
    stated: int
    attempts: int
    metrics: dict[str, int]
    missing: dict[str, int]
    unknown: dict[str, int]
    lacking: dict[str, int]
    repeated: int


def contents_of(records: Records) -> Contents:
    """Count what one source holds; `records` have one."""
    rows = records.results
    named: list[Result | Count] = [*rows, *records.counts]
    models: dict[str, set[str]] = {}
    for row in named:
        models.setdefault(row.model, set()).add(row.item)
    items: set[str] = set().union(*models.values())
    keys = {(row.model, row.item, row.attempt, row.metric) for row in rows}
    return Contents(
        source=records.sources[0],
        models=tuple(models),
        items=len(items - {""}),
        results=len(rows),
        counts=len(records.counts),
        stated=len(records.stated),
        attempts=max((row.attempt for row in rows), default=0),
        metrics=dict(Counter(row.metric for row in named)),
        missing=dict(Counter(row.missing for row in rows if row.score is None)),
        unknown=_unknown(records),
        lacking={
            model: len(items) - len(own) for model, own in models.items() if len(own) < len(items)
        },
        repeated=len(rows) - len(keys),
    )


def _unknown(records: Records) -> dict[str, int]:
    rows: tuple[Result, ...] = records.results
    if not rows:
        unpriced = sum(count.cost_usd is None for count in records.counts)
        return {"cost_usd": unpriced} if unpriced else {}
    found = {field: sum(getattr(row, field) is None for row in rows) for field in _FIELDS}
    return {field: count for field, count in found.items() if count}
