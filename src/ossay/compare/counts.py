"""Two models of which one has only k of n: counts, added up over the tasks that both have.

Which items they were is not known, so nothing is paired. Knows nothing of tests.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ossay.compare.side import Side
from ossay.compare.units import named
from ossay.core.errors import UsageError


class Counted(Struct, frozen=True):
    """k of n on each side, and what was left out or assumed to get there."""

    passed_a: int
    n_a: int
    passed_b: int
    n_b: int
    only_in_a: tuple[str, ...] = ()
    only_in_b: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def count_both(a: Side, b: Side, *, intersect: bool = False) -> Counted:
    """Add up both sides.

    Raises:
        UsageError: different tasks without `intersect`, none shared, or rows that are no 0/1.
    """
    tasks = shared_tasks((a, b), intersect=intersect)
    (passed_a, n_a), (passed_b, n_b) = total(a, tasks), total(b, tasks)
    used = frozenset(tasks)
    return Counted(
        passed_a,
        n_a,
        passed_b,
        n_b,
        tuple(task for task in tasks_of(a) if tasks_of(b) and task not in used),
        tuple(task for task in tasks_of(b) if tasks_of(a) and task not in used),
        notes_of((a, b), tasks),
    )


def shared_tasks(sides: Sequence[Side], *, intersect: bool = False) -> tuple[str, ...]:
    """The tasks that all tables tell of; none where no side has a table of tasks.

    Raises:
        UsageError: a table lacks tasks of another, without `intersect`, or none is shared.
    """
    tables = {side.model: tasks_of(side) for side in sides if tasks_of(side)}
    known = list(dict.fromkeys(task for tasks in tables.values() for task in tasks))
    shared = [task for task in known if all(task in tasks for tasks in tables.values())]
    if len(shared) == len(known) or (shared and intersect):
        return tuple(shared)
    worst = min(tables, key=lambda model: len(tables[model]))
    lacks = [task for task in known if task not in tables[worst]]
    step = f"count the {len(shared)} shared ones with --intersect" if shared else "none is shared"
    raise UsageError(
        f"{worst!r} lacks {len(lacks)} of {len(known)} tasks{named(lacks)}: a sum over missing "
        f"cells means nothing; {step}"
    )


def notes_of(sides: Sequence[Side], tasks: Sequence[str]) -> tuple[str, ...]:
    """What was assumed in adding up these sides over these tasks."""
    notes = [note for side in sides for note in _notes(side)]
    if len({side.sources for side in sides}) > 1:
        notes.append("They come from different sources, which need not have asked the same.")
    if len(tasks) > 1:
        notes.append(
            f"Counts of {len(tasks)} tasks are added up as if all runs were independent; runs of "
            "one task resemble each other, so the interval is too narrow."
        )
    return tuple(notes)


def tasks_of(side: Side) -> list[str]:
    """The tasks that a side's counts are of; none for a whole benchmark, or for rows."""
    return [task for task in side.counts if task]


def total(side: Side, tasks: Sequence[str] = ()) -> tuple[int, int]:
    """(passed, n) of a side: of these tasks where it has them, else of all it has.

    Raises:
        UsageError: rows that are neither 0 nor 1, or none with a score.
    """
    if side.attempts:
        values = [
            one.value for tried in side.attempts.values() for one in tried if one.value is not None
        ]
        strange = next((value for value in values if value not in (0.0, 1.0)), None)
        if strange is not None:
            raise UsageError(
                f"{side.model!r} has the score {strange!r}: only results of 0 and 1 can be held "
                "against counts"
            )
        if not values:
            raise UsageError(f"{side.model!r} has no score at all: nothing to count")
        return int(sum(values)), len(values)
    wanted = list(tasks or tasks_of(side)) if tasks_of(side) else [""]
    chosen = [side.counts[task] for task in wanted]
    return sum(count.passed for count in chosen), sum(count.n for count in chosen)


def _notes(side: Side) -> list[str]:
    if side.attempts:
        return [
            f"The rows of {side.model!r} are taken as k of n, since the other side has only counts."
        ]
    whole, tasks = side.counts.get(""), tasks_of(side)
    if whole is None or not tasks:
        return []
    passed, n = total(side)
    if (whole.passed, whole.n) == (passed, n):
        return []
    return [
        f"{side.model!r}: the whole is given as {whole.passed} of {whole.n}, its tasks add up to "
        f"{passed} of {n}; the tasks were used."
    ]
