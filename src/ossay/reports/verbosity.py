"""How much a model says: characters of its answers, and output tokens: Verbosity.

Characters are those of the reply as a grader counted them, tokens those of the whole run as the
provider counted them. Knows nothing of what was said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from msgspec import Struct

from ossay.core.records import CampaignRecord, RunRecord
from ossay.core.rubric import Fact
from ossay.reports.score import ended

FACT = "characters"

_MOST = 1 << 53  # a larger count is none: a pack may come from anyone


class Amount(Struct, frozen=True):
    """Of `n` answers; all None where there is none."""

    median: float | None
    mean: float | None
    least: float | None
    most: float | None
    n: int


class Verbosity(Struct, frozen=True):
    """One model at one task, or at all where `task` is ''; `unknown_*` are answers not counted."""

    model: str
    suite: str
    task: str
    characters: Amount
    tokens: Amount
    unknown_characters: int
    unknown_tokens: int


def verbosity_of(record: CampaignRecord) -> tuple[Verbosity, ...]:
    """Each model, then each at each task; empty where no grader counted characters.

    Only tasks in which characters were counted are looked at, so that models compare.
    """
    counted = [run for run in record.runs if _counts(run) and _characters(run) is not None]
    places = tuple(dict.fromkeys((run.key.suite, run.key.task) for run in counted))
    if not places:
        return ()
    models = tuple(dict.fromkeys(run.key.model for run in record.runs))
    by_cell: Mapping[tuple[str, str, str], list[RunRecord]] = {
        (model, *place): [] for place in places for model in models
    }
    for run in record.runs:
        cell = (run.key.model, run.key.suite, run.key.task)
        if cell in by_cell and _counts(run):
            by_cell[cell].append(run)
    whole = [
        _verbosity(
            (model, "", ""), [r for cell in by_cell if cell[0] == model for r in by_cell[cell]]
        )
        for model in models
    ]
    return (*whole, *(_verbosity(cell, runs) for cell, runs in by_cell.items()))


def _verbosity(cell: tuple[str, str, str], runs: Sequence[RunRecord]) -> Verbosity:
    characters = [n for run in runs if (n := _characters(run)) is not None]
    tokens = [n for run in runs if (n := _count(run.usage.output_tokens)) is not None]
    return Verbosity(
        *cell,
        characters=_amount(characters),
        tokens=_amount(tokens),
        unknown_characters=len(runs) - len(characters),
        unknown_tokens=len(runs) - len(tokens),
    )


def _amount(values: Sequence[float]) -> Amount:
    if not values:
        return Amount(None, None, None, None, 0)
    return Amount(
        float(median(values)), sum(values) / len(values), min(values), max(values), len(values)
    )


def _counts(run: RunRecord) -> bool:
    return ended(run) and run.outcome is not None and run.outcome.counts


def _characters(run: RunRecord) -> int | None:
    """None for an empty reply too: where nothing was answered, nothing has a length."""
    return _count(run.facts.get(FACT)) or None


def _count(value: Fact | None) -> int | None:
    return value if type(value) is int and 0 <= value < _MOST else None
