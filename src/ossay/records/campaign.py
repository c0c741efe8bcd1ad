"""A campaign of ours as Records. Knows nothing of ledgers: it is handed what one returned."""

from __future__ import annotations

from collections import Counter

from ossay.core.outcome import Outcome
from ossay.core.records import CampaignRecord, RunRecord
from ossay.core.results import Records, Result, Source

NOT_RUN = "not run"


def records_of(record: CampaignRecord) -> Records:
    """Return a campaign's runs as results, in their order.

    An item is 'suite/task/seed', its cluster 'suite/task' where the task has several seeds and is
    not the only one: of one task alone the question can only be about that task. A run that the
    machine spoiled has no score and counts as missing, as does one that has not finished.
    """
    seeds: dict[str, set[int]] = {}
    for run in record.runs:
        seeds.setdefault(f"{run.key.suite}/{run.key.task}", set()).add(run.key.seed)
    several = {task for task, of in seeds.items() if len(of) > 1 and len(seeds) > 1}
    results = tuple(_result(run, several, record.name) for run in record.runs)
    reasons = Counter(result.missing for result in results if result.score is None)
    notes = [
        f"{count:,} of {len(results):,} runs have no score ({reason})."
        for reason, count in reasons.items()
    ]
    if record.stopped:
        notes.append(f"It stopped before its plan ended: {record.stopped}.")
    source = Source(
        name=record.name,
        kind="campaign",
        made_at=record.created_at,
        made_with=_made_with(record),
        notes=tuple(notes),
    )
    return Records((source,), results)


def _result(run: RunRecord, several: set[str], source: str) -> Result:
    task = f"{run.key.suite}/{run.key.task}"
    finished = run.state == "finished" and run.outcome is not None
    score, missing = None, NOT_RUN
    if finished and run.outcome is not None:
        score = float(run.outcome is Outcome.PASSED) if run.outcome.counts else None
        missing = "" if run.outcome.counts else run.outcome.value
    return Result(
        model=run.key.model,
        item=f"{task}/{run.key.seed}",
        score=score,
        attempt=run.key.attempt,
        cluster=task if task in several else None,
        missing=missing,
        cost_usd=run.cost_usd if finished else None,
        input_tokens=run.usage.input_tokens if finished else None,
        output_tokens=run.usage.output_tokens if finished else None,
        seconds=run.seconds if finished else None,
        run_id=run.id,
        source=source,
    )


def _made_with(record: CampaignRecord) -> dict[str, str]:
    suites = {f"suite {name}": version for name, version in record.suites.items()}
    return {"harness": "ossay", **suites, **record.environment}
