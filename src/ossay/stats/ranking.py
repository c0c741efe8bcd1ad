"""Rank intervals and tied sets, from who beats whom.

Knows nothing of the tests that say so, nor of what is ranked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct


class Ranked(Struct, frozen=True):
    """One row of a leaderboard.

    `best` and `worst` are the ranks that the data leave possible, 1 on top; `tied` are the rows
    that can't be told from this one, itself left out. Being tied isn't transitive. `rate` is the
    row's value: of 0/1 results its rate.
    """

    row: int
    rate: float
    best: int
    worst: int
    tied: tuple[int, ...]


def rank(
    values: Sequence[float], beats: Iterable[tuple[int, int]], *, less: bool = False
) -> tuple[Ranked, ...]:
    """Rank rows by falling value (rising where `less` is better), equal ones in the given order.

    `beats` holds (winner, loser) for every pair that a test told apart. A row's best rank is one
    more than the rows that beat it, its worst the number of rows less those that it beats. Where
    all tests together err with chance alpha at most, all these intervals together hold the true
    ranks with chance 1 - alpha at least (M. Mogstad, J. Romano, A. Shaikh, D. Wilhelm, "Inference
    for ranks", Review of Economic Studies 91 (2024), section 3).

    Raises:
        ValueError: a row that isn't there, or two rows that beat each other.
    """
    rows = range(len(values))
    above: list[set[int]] = [set() for _ in rows]
    below: list[set[int]] = [set() for _ in rows]
    for winner, loser in beats:
        if winner not in rows or loser not in rows or winner == loser or loser in above[winner]:
            raise ValueError(f"{(winner, loser)!r}: one of {len(values)} rows beats another, once")
        above[loser].add(winner)
        below[winner].add(loser)
    order = sorted(rows, key=lambda row: values[row] if less else -values[row])
    return tuple(
        Ranked(
            row=me,
            rate=float(values[me]),
            best=1 + len(above[me]),
            worst=len(values) - len(below[me]),
            tied=tuple(row for row in order if row != me and row not in above[me] | below[me]),
        )
        for me in order
    )
