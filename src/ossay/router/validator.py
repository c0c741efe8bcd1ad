"""How often a validator errs, measured on drafts whose worth is known.

Knows nothing of what the validator was asked.
"""

from __future__ import annotations

from msgspec import Struct

from ossay.router.ladder import Graph
from ossay.stats.rates import Interval, clopper_pearson


class Rate(Struct, frozen=True):
    """So many of so many; the interval is None for none of none."""

    count: int
    of: int
    interval: Interval | None


class Errors(Struct, frozen=True):
    """Wrong drafts that it approved, right ones that it rejected."""

    false_accept: Rate
    false_reject: Rate


def errors_of(graph: Graph, level: float = 0.95) -> Errors | None:
    """Count over all rows, whichever of them a policy would have validated; None without one."""
    if graph.approved is None:
        return None
    wrong, right = graph.cheap_right == 0.0, graph.cheap_right == 1.0
    accepted = graph.approved == 1.0
    return Errors(
        rate(int((wrong & accepted).sum()), int(wrong.sum()), level),
        rate(int((right & ~accepted).sum()), int(right.sum()), level),
    )


def rate(count: int, of: int, level: float) -> Rate:
    """So many of so many, with the interval of Clopper and Pearson at `level`."""
    return Rate(count, of, clopper_pearson(count, of, level) if of else None)
