"""A campaign of ours as Records. Knows nothing of ledgers: it is handed what one returned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from ossay.core.outcome import Outcome
from ossay.core.records import CampaignRecord, RunKey, RunRecord
from ossay.core.results import Records, Result, Source

NOT_RUN = "not run"

Instance = tuple[str, str, int]  # suite, task, seed


def records_of(record: CampaignRecord) -> Records:
    """Return a campaign's runs as results, in their order.

    An item is 'suite/task/seed', its cluster as `clusters_of` says. A run that the machine spoiled
    has no score and counts as missing, as does one that has not finished.
    """
    clusters = clusters_of(instance_of(run.key) for run in record.runs)
    results = tuple(_result(run, clusters, record.name) for run in record.runs)
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


def clusters_of(instances: Iterable[Instance]) -> dict[Instance, str]:
    """Instance -> its cluster; what stands alone is left out.

    Instances of one task name belong together, whichever suites ask them: suites that differ in how
    they ask have the same problems. Of one task alone the question can only be about that task;
    there a seed that several suites ask is a cluster.
    """
    places = set(instances)
    of_task = Counter(task for _, task, _ in places)
    if len(of_task) == 1:
        of_seed = Counter(seed for _, _, seed in places)
        return {one: f"{one[1]}/{one[2]}" for one in places if of_seed[one[2]] > 1}
    # Never with the suite's name: else an item that two campaigns have, one of them with further
    # suites, would lie in two clusters.
    return {one: one[1] for one in places if of_task[one[1]] > 1}


def instance_of(key: RunKey) -> Instance:
    """Which instance a run is at."""
    return (key.suite, key.task, key.seed)


def _result(run: RunRecord, clusters: Mapping[Instance, str], source: str) -> Result:
    finished = run.state == "finished" and run.outcome is not None
    score, missing = None, NOT_RUN
    if finished and run.outcome is not None:
        score = float(run.outcome is Outcome.PASSED) if run.outcome.counts else None
        missing = "" if run.outcome.counts else run.outcome.value
    return Result(
        model=run.key.model,
        item=f"{run.key.suite}/{run.key.task}/{run.key.seed}",
        score=score,
        attempt=run.key.attempt,
        cluster=clusters.get(instance_of(run.key)),
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
