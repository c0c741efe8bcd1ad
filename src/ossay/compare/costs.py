"""What models cost beside what they are worth, and who is dearer and worse than another.

A cost counts where all attempts say it; else it is unknown. Knows nothing of prices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from ossay.core.results import Records


class Cost(Struct, frozen=True):
    """Of all attempts of a model on the ranked items: dollars, mean seconds, how many passed."""

    usd: float | None
    seconds: float | None
    passed: int | None

    @property
    def usd_per_pass(self) -> float | None:
        """None where the cost is unknown, or nothing passed."""
        return None if self.usd is None or not self.passed else self.usd / self.passed


def costs_of(
    records: Records, models: Iterable[str], items: Iterable[str], metric: str
) -> dict[str, Cost]:
    """The cost of each model over these items; of counts, as their source gives it."""
    kept = frozenset(items)
    usd: dict[str, list[float | None]] = {model: [] for model in models}
    seconds: dict[str, list[float | None]] = {model: [] for model in usd}
    scores: dict[str, list[float]] = {model: [] for model in usd}
    seen: set[tuple[str, str, int]] = set()
    for row in records.results:
        if row.model not in usd or row.item not in kept:
            continue
        if row.metric == metric and row.score is not None:
            scores[row.model].append(row.score)
        if (row.model, row.item, row.attempt) not in seen:
            seen.add((row.model, row.item, row.attempt))
            usd[row.model].append(row.cost_usd)
            seconds[row.model].append(row.seconds)
    return {
        model: Cost(_sum(usd[model]), _mean(seconds[model]), _passed(scores[model]))
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
        passed = sum(one.passed for one in own)
        found[model] = Cost(_sum([one.cost_usd for one in own]), None, passed)
    return found


def dominated(
    beats: Iterable[tuple[str, str]], costs: Mapping[str, Cost]
) -> dict[str, tuple[str, ...]]:
    """Models that cost more than one that beats them -> those, the cheapest first."""
    found: dict[str, list[str]] = {}
    for winner, loser in beats:
        less, more = costs[winner].usd, costs[loser].usd
        if less is not None and more is not None and less < more:
            found.setdefault(loser, []).append(winner)
    return {
        loser: tuple(sorted(winners, key=lambda winner: costs[winner].usd or 0.0))
        for loser, winners in found.items()
    }


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if values and len(known) == len(values) else None


def _mean(values: list[float | None]) -> float | None:
    total = _sum(values)
    return None if total is None else total / len(values)


def _passed(scores: list[float]) -> int | None:
    return int(sum(scores)) if scores and all(score in (0.0, 1.0) for score in scores) else None
