"""A campaign's ratings in numbers: each model at each task, and on average: Rated.

People's ratings and a judge's are two of these and never one. An answer counts with the mean of its
raters. A task's interval is between its instances, that of an average between tasks. Knows nothing
of how it is shown; pairs of models are `rated_pairs`'.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from ossay.core.answer import Answer
from ossay.core.rating import RaterKind, Rating, current
from ossay.core.records import CampaignRecord, RunRecord
from ossay.records.campaign import Instance, instance_of
from ossay.records.judged import Judged, judged_against
from ossay.records.ratings import mean_scores
from ossay.reports.judgements import Judgements
from ossay.reports.rated_pairs import NO_PAIRS, RatedPairs, pairs_of
from ossay.reports.score import LEVEL
from ossay.stats.clustered import clustered_mean, flat_interval
from ossay.stats.interval import Interval

_SCALE = (0.0, 10.0)  # where no rubric tells

Place = tuple[str, str]  # suite and task


class Mean(Struct, frozen=True):
    """The mean rating of one model at one task, or over tasks where `task` is ''.

    Attributes:
        value, interval: In points of the scale. The interval is None with one instance, or for an
            average with one task: nothing tells how much they differ.
        answers, tasks: That it rests on; each task weighs the same.
    """

    model: str
    suite: str
    task: str
    value: float | None
    interval: Interval | None
    answers: int
    tasks: int


class Rated(Struct, frozen=True):
    """Ratings of one kind.

    Attributes:
        kind: 'human' or 'model': whose.
        raters: Who rated.
        rubrics: Name -> the versions that ratings were made by.
        scale: From the lowest to the highest score of any of the rubrics.
        ratings, answers: How many hold, and of how many answers.
        means: Each task, then each model that was rated, in the order of the plan.
        averages: Of each model, over the instances in which all rated models have a rating.
        pairs: Models compared; empty for a judge's ratings.
        notes: What a reader must know, one sentence each.
        judged: Of a judge's ratings, how they stand to people's.
    """

    kind: RaterKind
    raters: tuple[str, ...]
    rubrics: dict[str, tuple[str, ...]]
    scale: tuple[float, float]
    ratings: int
    answers: int
    means: tuple[Mean, ...]
    averages: tuple[Mean, ...]
    pairs: RatedPairs = NO_PAIRS
    notes: tuple[str, ...] = ()
    judged: tuple[Judged, ...] = ()


def rated_of(record: CampaignRecord, judgements: Judgements, kind: RaterKind) -> Rated | None:
    """The ratings of one kind; None where there are none. Pure."""
    runs = {run.id: run for run in record.runs}
    rows = [row for row in judgements.ratings if row.run in runs]
    held = [row for row in current(rows) if row.kind == kind]
    if not held:
        return None
    scores = mean_scores(rows, kind)
    scale = _scale(held, judgements)
    anew = judgements.notes.get(kind, ())
    by_place: dict[tuple[Place, str], list[RunRecord]] = defaultdict(list)
    for run in record.runs:
        if run.id in scores:
            by_place[(run.key.suite, run.key.task), run.key.model].append(run)
    models = tuple(dict.fromkeys(r.key.model for r in record.runs if r.id in scores))
    places = tuple(dict.fromkeys((r.key.suite, r.key.task) for r in record.runs if r.id in scores))
    means = tuple(
        _mean(model, place, by_place[place, model], scores, scale)
        for place in places
        for model in models
    )
    shared = _shared(models, (runs[run] for run in scores))
    averages = tuple(
        _average(model, [r for r in record.runs if r.id in scores], shared, scores, scale)
        for model in models
    )
    return Rated(
        kind=kind,
        raters=tuple(dict.fromkeys(row.rater for row in held)),
        rubrics=_versions(held),
        scale=scale,
        ratings=len(held),
        answers=len(scores),
        means=means,
        averages=averages,
        pairs=pairs_of(record, rows, models) if kind == "human" else NO_PAIRS,
        notes=(*anew, *_notes(held, anew=bool(anew))),
        judged=()
        if kind == "human"
        else judged_against(judgements.together or rows, _answers(record), _length),
    )


def _answers(record: CampaignRecord) -> list[Answer]:
    return [
        Answer(run.id, place, run.key, run.outcome, facts=run.facts)
        for place, run in enumerate(record.runs)
        if run.outcome is not None
    ]


def _length(answer: Answer) -> float:
    """Characters; of what is not counted the order of length is not known."""
    length = answer.facts.get("characters")
    return float(length) if isinstance(length, int) else 0.0


def _mean(
    model: str,
    place: Place,
    runs: Sequence[RunRecord],
    scores: Mapping[str, float],
    scale: tuple[float, float],
) -> Mean:
    values = [scores[run.id] for run in runs]
    seeds = [run.key.seed for run in runs]
    interval = _interval(values, seeds, scale) if len(set(seeds)) > 1 else None
    value = sum(values) / len(values) if values else None
    return Mean(model, *place, value, interval, len(values), 1 if values else 0)


def _shared(models: Sequence[str], rated: Iterable[RunRecord]) -> set[Instance]:
    """The instances in which every model has a rated answer."""
    by_model: dict[str, set[Instance]] = {model: set() for model in models}
    for run in rated:
        by_model[run.key.model].add(instance_of(run.key))
    return set.intersection(*by_model.values())


def _average(
    model: str,
    runs: Iterable[RunRecord],
    shared: set[Instance],
    scores: Mapping[str, float],
    scale: tuple[float, float],
) -> Mean:
    """The mean of the means of tasks; of instances where there is one task only."""
    # By the task's name alone: suites that ask in another style have the same problems.
    by_task: dict[str, dict[Instance, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        instance = instance_of(run.key)
        if run.key.model == model and instance in shared:
            by_task[run.key.task][instance].append(scores[run.id])
    answers = sum(len(of) for asked in by_task.values() for of in asked.values())
    tasks = [
        sum(sum(of) / len(of) for of in asked.values()) / len(asked) for asked in by_task.values()
    ]
    if not tasks:
        return Mean(model, "", "", None, None, 0, 0)
    interval = _interval(tasks, range(len(tasks)), scale) if len(tasks) > 1 else None
    return Mean(model, "", "", sum(tasks) / len(tasks), interval, answers, len(tasks))


def _interval(
    values: Sequence[float], labels: Sequence[int], scale: tuple[float, float]
) -> Interval:
    """Of the mean, between labels, inside the scale."""
    low, high = scale
    found = clustered_mean(values, labels)
    if found.se > 1e-12:
        wide = found.interval(LEVEL)
    else:
        wide = flat_interval(found.mean, (high - low) / 2.0, found.clusters, LEVEL)
    return replace(wide, low=max(low, wide.low), high=min(high, wide.high))


def _scale(held: Sequence[Rating], judgements: Judgements) -> tuple[float, float]:
    known = [
        rubric.scale
        for digest in {row.rubric_digest for row in held}
        if (rubric := judgements.rubrics.get(digest)) is not None
    ] or [_SCALE]
    scores = [row.score for row in held]
    return min(*scores, *(s[0] for s in known)), max(*scores, *(s[1] for s in known))


def _versions(held: Iterable[Rating]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for row in held:
        found.setdefault(row.rubric, {})[row.rubric_version] = None
    return {name: tuple(versions) for name, versions in sorted(found.items())}


def _notes(held: Sequence[Rating], *, anew: bool) -> Iterable[str]:
    for name, versions in _versions(held).items():
        if len(versions) > 1 and not anew:
            yield (
                f"Ratings by {name} were made by its versions {', '.join(versions)}, which may not "
                "mean the same."
            )
    raters: dict[str, set[str]] = defaultdict(set)
    for row in held:
        raters[row.run].add(row.rater)
    if len({frozenset(of) for of in raters.values()}) > 1:
        yield (
            "Not every answer was rated by the same raters, and some are milder than others: "
            "a difference may be theirs."
        )
    open_eyed = sum(not row.shown.blind for row in held)
    if open_eyed:
        yield f"{open_eyed:,} of {len(held):,} ratings were made with the model's name in sight."
