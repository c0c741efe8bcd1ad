"""What so many runs can show, in words: one sentence, and a table row for each assumption.

Knows nothing of how it is worked out, or of where the words stand.
"""

from __future__ import annotations

from operator import attrgetter

from msgspec import Struct

from ossay.reports import figures
from ossay.reports.power import Power, Reach
from ossay.stats.verdict import rounded

WATCHED = "the pair that the plan watches"


class PowerRow(Struct, frozen=True):
    """A line of the table. `needed` is for each of `power.GAPS`."""

    name: str
    assumed: str
    runs: str
    least: str
    needed: tuple[str, ...]


def said(power: Power) -> str:
    """What the runs that there are can show, else those planned, and what ten points would take.

    Of several families the first, by its name; in clusters that are only planned, the worse bound.
    """
    one = power.run[0] if power.run else _worse(power.planned)
    gap = next(need for need in one.needed if need.points == 10)
    runs = figures.count(one.items, "run")
    about = [one.family or WATCHED] if _several(power) else []
    about += [f"{one.tested:,} pairs tested together"] if one.tested > 1 else []
    together = f" ({', '.join(about)})" if about else ""
    if one.least is None:
        start = f"{runs} a model show no difference reliably, however large{together}"
    else:
        start = f"{runs} a model show a difference of {_points(one)} in 8 of 10 campaigns{together}"
    if gap.items is None or (one.least is not None and one.least <= gap.points):
        return f"{start}."
    new = ", in new tasks" if one.clusters is not None else ""
    return f"{start}; {gap.points} points would take about {rounded(gap.items)} runs a model{new}."


def rows(power: Power) -> list[PowerRow]:
    """As planned, then as run; each family by its name where there are several."""
    several = _several(power)
    named = [("As planned", one) for one in power.planned] + [("As run", one) for one in power.run]
    return [_row(name, one, several=several) for name, one in named]


def _row(name: str, one: Reach, *, several: bool) -> PowerRow:
    if several:
        name = f"{name}: {one.family or WATCHED}"
    inside = f" in {figures.count(one.clusters, 'task')}" if one.clusters is not None else ""
    needed = tuple("none" if n.items is None else f"about {rounded(n.items)}" for n in one.needed)
    least = "none" if one.least is None else _points(one)
    return PowerRow(name, _assumed(one), f"{one.items:,}{inside}", least, needed)


def _assumed(one: Reach) -> str:
    if one.differ is None:
        parts = ["both pass half, independently"]
        if one.clusters is not None:
            parts.append(
                "runs of a task tell nothing of each other"
                if one.alike == 0.0
                else "runs of a task all end alike"
            )
    else:
        pairs = f"the {one.pairs:,} pairs" if one.pairs > 1 else "the pair"
        parts = [f"{pairs} differed on {figures.percent(one.differ)} of the runs"]
        if one.clusters is not None:
            parts.append(f"runs of a task resembled each other by {one.alike:.2g} (icc)")
    if one.tested > 1:
        parts.append(f"{one.tested:,} pairs tested together")
    if one.alpha != 0.05:
        parts.append(f"alpha {one.alpha:g}")
    return "; ".join(parts)


def _several(power: Power) -> bool:
    return len({one.family for one in power.planned}) > 1


def _worse(planned: tuple[Reach, ...]) -> Reach:
    return max((one for one in planned if one.family == planned[0].family), key=attrgetter("alike"))


def _points(one: Reach) -> str:
    return f"{figures.count(one.least or 0, 'point')} or more"
