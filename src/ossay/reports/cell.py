"""The runs of one model at one task or suite, counted: Cell.

Knows nothing of how one model compares with another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct

from ossay.core.outcome import Outcome
from ossay.core.records import RunRecord
from ossay.reports.score import Rate, ended, rate_of


class Cell(Struct, frozen=True):
    """The runs of one model at one task; of a whole suite where `task` is ''.

    `score` leaves infrastructure errors out. Turns, tool calls and seconds are sums over the
    finished runs; `seconds` is None where no run's time is known.
    """

    suite: str
    task: str
    model: str
    planned: int
    finished: int
    infrastructure_errors: int
    score: Rate
    turns: int
    tool_calls: int
    seconds: float | None


def cells_of(
    by_model: Mapping[str, Sequence[RunRecord]], runs: Sequence[RunRecord], *, whole: bool
) -> tuple[Cell, ...]:
    """One cell for each task, or with `whole` each suite, of `runs` in their order, and model."""

    def place(run: RunRecord) -> tuple[str, str]:
        return run.key.suite, "" if whole else run.key.task

    places = dict.fromkeys(map(place, runs))
    found: dict[tuple[tuple[str, str], str], list[RunRecord]] = defaultdict(list)
    for model, own in by_model.items():
        for run in own:
            found[place(run), model].append(run)
    return tuple(
        _cell(suite, task, model, found[(suite, task), model])
        for suite, task in places
        for model in by_model
    )


def _cell(suite: str, task: str, model: str, runs: Sequence[RunRecord]) -> Cell:
    finished = [run for run in runs if ended(run)]
    errors = sum(run.outcome is Outcome.INFRASTRUCTURE_ERROR for run in finished)
    passed = sum(run.outcome is Outcome.PASSED for run in finished)
    seconds = [run.seconds for run in finished if run.seconds is not None]
    return Cell(
        suite=suite,
        task=task,
        model=model,
        planned=len(runs),
        finished=len(finished),
        infrastructure_errors=errors,
        score=rate_of(passed, len(finished) - errors),
        turns=sum(run.turns for run in finished),
        tool_calls=sum(run.tool_calls for run in finished),
        seconds=sum(seconds) if seconds else None,
    )
