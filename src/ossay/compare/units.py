"""Units: what is paired when two models meet on the same items, and what is left out.

A unit is an attempt at an item where results are 0/1 and both sides tried each item equally often;
else it is an item with the mean of its attempts. What only one side has is named and left out by
wish alone. Knows nothing of tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import Literal

from msgspec import Struct

from ossay.compare.side import Attempt, Side
from ossay.core.errors import UsageError

_NAMED = 3  # missing items in an error


class Unit(Struct, frozen=True):
    """One pair of values. `attempt` is 0 where several were averaged; `label` is its cluster."""

    item: str
    attempt: int
    cluster: str | None
    label: tuple[str, str]
    a: float
    b: float
    run_a: str = ""
    run_b: str = ""


class Matched(Struct, frozen=True):
    """The units of two models.

    Attributes:
        binary: All values are 0 or 1, and none is a mean.
        clusters: One label a unit, None where each unit stands alone.
        only_in_a, only_in_b: Items that the other side lacks.
        unscored: Items or attempts that both have, left out since one has no value there.
    """

    units: tuple[Unit, ...]
    binary: bool
    averaged: bool
    clusters: tuple[tuple[str, str], ...] | None
    only_in_a: tuple[str, ...]
    only_in_b: tuple[str, ...]
    unscored: int

    @property
    def noun(self) -> Literal["item", "attempt"]:
        """What a unit is."""
        items = {unit.item for unit in self.units}
        return "item" if len(items) == len(self.units) else "attempt"


def match(a: Side, b: Side, *, intersect: bool = False) -> Matched:
    """Pair what two models did, item by item.

    Raises:
        UsageError: different items without `intersect`, nothing in common, or an item that lies
            in two clusters.
    """
    only_in_a = tuple(item for item in a.attempts if item not in b.attempts)
    only_in_b = tuple(item for item in b.attempts if item not in a.attempts)
    shared = [item for item in a.attempts if item in b.attempts]
    if not shared:
        raise UsageError(
            f"{a.model!r} has {_items(len(a.attempts))}{named(only_in_a)} and {b.model!r} has "
            f"{len(b.attempts)}{named(only_in_b)}: none is shared, so nothing can be paired"
        )
    if (only_in_a or only_in_b) and not intersect:
        lacks = " and ".join(
            f"{one.model!r} lacks {_items(len(items))} of {other.model!r}{named(items)}"
            for one, other, items in ((b, a, only_in_a), (a, b, only_in_b))
            if items
        )
        raise UsageError(f"{lacks}: run them, or compare the {len(shared)} shared with --intersect")
    pairs = [(a.attempts[item], b.attempts[item]) for item in shared]
    binary = all(
        one.value in (0.0, 1.0, None) for pair in pairs for tried in pair for one in tried
    ) and all(len(first) == len(second) for first, second in pairs)
    build = _attempts if binary else _means
    units, unscored = [], 0
    for first, second in pairs:
        found, lost = build(first, second, _cluster(first, second))
        units += found
        unscored += lost
    if not units:
        raise UsageError(
            f"{a.model!r} and {b.model!r} share {_items(len(shared))}, and on none do both have a "
            f"score: {_reasons(a)}; {_reasons(b)}"
        )
    averaged = not binary and any(len(tried) > 1 for pair in pairs for tried in pair)
    labels = tuple(unit.label for unit in units)
    alone = len(set(labels)) == len(labels)
    return Matched(
        tuple(units), binary, averaged, None if alone else labels, only_in_a, only_in_b, unscored
    )


def named(items: Sequence[str]) -> str:
    """' ('x', 'y', …)', the first by name; '' where there are none."""
    shown = ", ".join(repr(item) for item in items[:_NAMED])
    return f" ({shown}{', …' if len(items) > _NAMED else ''})" if items else ""


def _items(count: int) -> str:
    return f"{count} item{'s' * (count != 1)}"


def _attempts(
    first: Sequence[Attempt], second: Sequence[Attempt], cluster: str | None
) -> tuple[list[Unit], int]:
    """The attempts of an item in their order; those without a value on a side are left out."""
    units = [
        _unit(one, two, cluster, one.value, two.value)
        for one, two in zip(first, second, strict=True)
        if one.value is not None and two.value is not None
    ]
    return units, len(first) - len(units)


def _means(
    first: Sequence[Attempt], second: Sequence[Attempt], cluster: str | None
) -> tuple[list[Unit], int]:
    """The item with the means of its attempts."""
    a = [one.value for one in first if one.value is not None]
    b = [two.value for two in second if two.value is not None]
    if not a or not b:
        return [], 1
    unit = _unit(first[0], second[0], cluster, _mean(a), _mean(b))
    if len(first) == len(second) == 1:
        return [unit], 0
    return [Unit(unit.item, 0, cluster, unit.label, unit.a, unit.b)], 0


def _mean(values: Sequence[float]) -> float:
    """To 12 digits: what the order of adding leaves behind is no difference between models."""
    return float(f"{fsum(values) / len(values):.12g}")


def _unit(one: Attempt, two: Attempt, cluster: str | None, a: float, b: float) -> Unit:
    label = ("item", one.item) if cluster is None else ("cluster", cluster)
    return Unit(one.item, one.number, cluster, label, a, b, one.run_id, two.run_id)


def _cluster(first: Sequence[Attempt], second: Sequence[Attempt]) -> str | None:
    found = {one.cluster for one in (*first, *second)} - {None}
    if len(found) > 1:
        raise UsageError(
            f"item {first[0].item!r} lies in several clusters{named(sorted(map(str, found)))}: an "
            "item belongs to one"
        )
    return next(iter(found), None)


def _reasons(side: Side) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in side.missing.items())
    return f"{side.model!r} lacks {reasons}" if reasons else f"{side.model!r} lacks none"
