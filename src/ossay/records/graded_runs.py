"""Graded queries out of a campaign: two models on the same instances, the prompt as the query.

One row an instance, from the first attempt that both models finished: several tries at one query
are no independent draws. Knows nothing of where campaigns are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from ossay.core.errors import UnknownName, UsageError
from ossay.core.graded import Charge, Graded
from ossay.core.outcome import Outcome
from ossay.core.records import CallRecord, CampaignRecord, RunRecord
from ossay.core.task import Transcript
from ossay.records.graded import GradedFile

# Which of a run's names parts the traffic.
STRATA = ("suite", "task")


class _Instance(NamedTuple):
    suite: str
    task: str
    seed: int


def graded_runs(
    record: CampaignRecord,
    transcript: Callable[[str], Transcript | None],
    *,
    cheap: str,
    strong: str,
    stratum: str = "",
) -> GradedFile:
    """Pair the runs of two models; `transcript` gives what was said in a run, by its id.

    `ungraded` counts instances that only one of them finished, or whose prompt is not there. Costs
    and seconds are those of a run's calls.

    Raises:
        UnknownName: the campaign has no such model, or runs have no such name as `stratum`.
        UsageError: not one instance has a result of both.
    """
    if stratum and stratum not in STRATA:
        raise UnknownName.of("stratum of a campaign", stratum, STRATA)
    known = [card.reference for card in record.models]
    for model in (cheap, strong):
        if model not in known:
            raise UnknownName.of(f"model of campaign {record.name!r}", model, known)
    sides = [_by_instance(record.runs, model) for model in (cheap, strong)]
    every = sorted({*sides[0], *sides[1]})
    rows: list[Graded] = []
    waits = _waits(record.calls)
    data = hashlib.sha256()
    for instance in every:
        pair = _pair(sides[0].get(instance, {}), sides[1].get(instance, {}))
        said = None if pair is None else transcript(pair[0].id)
        if pair is None or said is None:
            continue
        charges = [_charge(run, waits.get((run.id, run.tries))) for run in pair]
        row = Graded(
            said.prompt,
            pair[0].outcome is Outcome.PASSED,
            pair[1].outcome is Outcome.PASSED,
            task=f"{instance.suite}/{instance.task}",
            stratum=getattr(instance, stratum) if stratum else "",
            cheap=charges[0],
            strong=charges[1],
        )
        rows.append(row)
        said_of_both = (*instance, pair[0].id, row.cheap_right, pair[1].id, row.strong_right)
        data.update(f"{said_of_both!r}\n".encode())
    if not rows:
        raise UsageError(
            f"campaign {record.name!r} has no instance that both {cheap!r} and {strong!r} finished"
        )
    if not any(row.strong.usd for row in rows):
        rows = [_without_costs(row) for row in rows]
    columns = {"cheap": cheap, "strong": strong, "query": "the prompt", "task": "suite/task"}
    repeated = len(rows) - len({row.query for row in rows})
    return GradedFile(tuple(rows), data.hexdigest(), columns, repeated, len(every) - len(rows))


def _by_instance(runs: Sequence[RunRecord], model: str) -> dict[_Instance, dict[int, RunRecord]]:
    """Instance -> attempt -> the run, of those that count."""
    found: dict[_Instance, dict[int, RunRecord]] = {}
    for run in runs:
        key = run.key
        if key.model == model and run.outcome is not None and run.outcome.counts:
            instance = _Instance(key.suite, key.task, key.seed)
            found.setdefault(instance, {})[key.attempt] = run
    return found


def _pair(
    ones: dict[int, RunRecord], others: dict[int, RunRecord]
) -> tuple[RunRecord, RunRecord] | None:
    both = sorted(set(ones) & set(others))
    return (ones[both[0]], others[both[0]]) if both else None


def _without_costs(row: Graded) -> Graded:
    """Where the strong model is free, costs tell no plan from another; calls may."""
    return replace(row, cheap=replace(row.cheap, usd=None), strong=replace(row.strong, usd=None))


def _waits(calls: Sequence[CallRecord]) -> dict[tuple[str, int], float | None]:
    """Run and try -> seconds of its calls, None where one of them is not timed."""
    found: dict[tuple[str, int], float | None] = {}
    for call in calls:
        place = call.run_id, call.try_
        before = found.get(place, 0.0)
        found[place] = None if before is None or call.total_s is None else before + call.total_s
    return found


def _charge(run: RunRecord, seconds: float | None) -> Charge:
    return Charge(run.cost_usd, seconds)
