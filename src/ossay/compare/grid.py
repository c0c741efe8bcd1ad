"""Grid: models by items, one number each, for a leaderboard.

Knows nothing of tests or of ranks.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ossay.compare.side import Attempt, Side
from ossay.compare.units import named
from ossay.core.errors import UsageError


class Grid(Struct, frozen=True):
    """The means of each model's attempts at the items that all have.

    Attributes:
        values: [models][items].
        binary: Every value is 0 or 1 and comes from one attempt.
        clusters: A label an item, None where each item stands alone.
        left_out: Items that one of the models lacks, left out by wish.
        unscored: Items that all have, left out since one of the models has no score there.
    """

    models: tuple[str, ...]
    items: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    binary: bool
    clusters: tuple[tuple[str, str], ...] | None
    left_out: int = 0
    unscored: int = 0


def grid_of(sides: Sequence[Side], *, intersect: bool = False) -> Grid:
    """Line the sides up on their shared items; every side has attempts.

    Raises:
        UsageError: items that a model lacks, without `intersect`; no item with a score of all; an
            item in two clusters.
    """
    known = list(dict.fromkeys(item for side in sides for item in side.attempts))
    shared = [item for item in known if all(item in side.attempts for side in sides)]
    if len(shared) < len(known) and not intersect:
        raise UsageError(_lacking(sides, known, len(shared)))
    rows = [[_mean(side.attempts[item]) for item in shared] for side in sides]
    kept = [place for place in range(len(shared)) if all(row[place] is not None for row in rows)]
    if not kept:
        raise UsageError(
            f"{len(sides)} models share {len(shared)} items, and on none of them all have a score: "
            "name the models to rank with --model"
        )
    tried = [side.attempts[shared[place]] for side in sides for place in kept]
    labels = tuple(_label(sides, shared[place]) for place in kept)
    return Grid(
        tuple(side.model for side in sides),
        tuple(shared[place] for place in kept),
        tuple(tuple(row[place] or 0.0 for place in kept) for row in rows),
        all(len(one) == 1 and one[0].value in (0.0, 1.0) for one in tried),
        None if len(set(labels)) == len(labels) else labels,
        len(known) - len(shared),
        len(shared) - len(kept),
    )


def _mean(tried: Sequence[Attempt]) -> float | None:
    values = [one.value for one in tried if one.value is not None]
    return sum(values) / len(values) if values else None


def _label(sides: Sequence[Side], item: str) -> tuple[str, str]:
    found = {one.cluster for side in sides for one in side.attempts[item]} - {None}
    if len(found) > 1:
        raise UsageError(
            f"item {item!r} lies in several clusters{named(sorted(map(str, found)))}: an item "
            "belongs to one"
        )
    cluster = next(iter(found), None)
    return ("item", item) if cluster is None else ("cluster", cluster)


def _lacking(sides: Sequence[Side], known: Sequence[str], shared: int) -> str:
    worst = min(sides, key=lambda side: len(side.attempts))
    lacks = [item for item in known if item not in worst.attempts]
    few = sum(len(side.attempts) < len(known) for side in sides)
    return (
        f"{few} of {len(sides)} models lack items of the others, most of all {worst.model!r}, which"
        f" lacks {len(lacks)} of {len(known)}{named(lacks)}: a mean over missing cells means "
        f"nothing. Rank the {shared} shared ones with --intersect, or name the models with --model"
    )
