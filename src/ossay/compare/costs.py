"""What models cost beside what they are worth, and who is dearer and worse than another.

A cost counts where all attempts say it; else it is unknown. Knows nothing of prices.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

from msgspec import Struct

from ossay.core.results import Records

Key = TypeVar("Key", str, tuple[str, int])
_Known = dict[tuple[str, int], float | None]  # (item, attempt) -> what is known of it


class Cost(Struct, frozen=True):
    """Of all attempts (counts: runs) of a model on the ranked items.

    Dollars, mean seconds, how many passed, and how many there are.
    """

    usd: float | None
    seconds: float | None
    passed: int | None
    tries: int

    @property
    def usd_per_pass(self) -> float | None:
        """None where the cost is unknown, or nothing passed."""
        return None if self.usd is None or not self.passed else self.usd / self.passed

    @property
    def usd_per_try(self) -> float | None:
        """None where the cost is unknown."""
        return None if self.usd is None or not self.tries else self.usd / self.tries


def costs_of(
    records: Records, models: Iterable[str], items: Iterable[str], metric: str
) -> dict[str, Cost]:
    """The cost of each model over these items, each attempt once.

    What one source says of an attempt is known, though another is silent.
    """
    kept = frozenset(items)
    usd: dict[str, _Known] = {model: {} for model in models}
    seconds: dict[str, _Known] = {model: {} for model in usd}
    scores: dict[str, _Known] = {model: {} for model in usd}
    for row in records.results:
        if row.model not in usd or row.item not in kept:
            continue
        key = (row.item, row.attempt)
        _learn(usd[row.model], key, row.cost_usd)
        _learn(seconds[row.model], key, row.seconds)
        if row.metric == metric:
            _learn(scores[row.model], key, row.score)
    return {
        model: Cost(
            _sum(usd[model].values()),
            _mean(seconds[model].values()),
            _passed(scores[model].values()),
            len(usd[model]),
        )
        for model in usd
    }


def costs_of_counts(
    records: Records, models: Iterable[str], tasks: Iterable[str], metric: str
) -> dict[str, Cost]:
    """The cost of each model over these tasks of its table, '' for the whole benchmark."""
    kept, found = frozenset(tasks), {}
    for model in models:
        own = [one for one in records.counts if one.model == model and one.metric == metric]
        own = [one for one in own if one.item in kept] or [one for one in own if not one.item]
        by_task = {one.item: one for one in own}
        usd: dict[str, float | None] = {}
        for one in own:
            _learn(usd, one.item, one.cost_usd)
        found[model] = Cost(
            _sum(usd.values()),
            None,
            sum(one.passed for one in by_task.values()),
            sum(one.n for one in by_task.values()),
        )
    return found


def dominated(
    beats: Iterable[tuple[str, str]], costs: Mapping[str, Cost]
) -> dict[str, tuple[str, ...]]:
    """Models dearer by attempt than one that beats them -> those, the cheapest first."""
    found: dict[str, list[str]] = {}
    for winner, loser in beats:
        less, more = costs[winner].usd_per_try, costs[loser].usd_per_try
        if less is not None and more is not None and less < more:
            found.setdefault(loser, []).append(winner)
    return {
        loser: tuple(sorted(winners, key=lambda winner: costs[winner].usd_per_try or 0.0))
        for loser, winners in found.items()
    }


def _learn(known: dict[Key, float | None], key: Key, value: float | None) -> None:
    """Keep the first value that isn't None."""
    if known.get(key) is None:
        known[key] = value


def _sum(values: Collection[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if values and len(known) == len(values) else None


def _mean(values: Collection[float | None]) -> float | None:
    total = _sum(values)
    return None if total is None else total / len(values)


def _passed(scores: Collection[float | None]) -> int | None:
    known = [score for score in scores if score is not None]
    return int(sum(known)) if known and all(score in (0.0, 1.0) for score in known) else None
