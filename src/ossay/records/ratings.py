"""Ratings as Records: one result an answer, metric 'rating', so that comparing commands take them.

People's ratings and a judge's are never put together. Knows nothing of ledgers: it is handed what
one returned.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ossay.core.errors import UsageError
from ossay.core.outcome import Outcome
from ossay.core.rating import RaterKind, Rating, current
from ossay.core.records import CampaignRecord, RunRecord
from ossay.core.results import RATING, Records, Result
from ossay.records.campaign import records_of

NOT_RATED = "not rated"
_DIGITS = 9  # of a mean: what is left of sums of decimals beyond them is noise


def ratings_as_records(
    campaign: CampaignRecord,
    ratings: Iterable[Rating],
    kind: RaterKind = "human",
    notes: Iterable[str] = (),
) -> Records:
    """Return a campaign's ratings by people, or by models, as results.

    Items, clusters and attempts are those of the campaign's own results. An answer has the mean of
    its raters, however many: see `mean_scores`. One that nobody rated is missing, and tasks in
    which nothing was rated are left out. Who rated, and by which rubrics, is in `made_with`.

    Args:
        campaign: With its runs.
        ratings: Every row, in the ledger's order.
        kind: Whose.
        notes: What is to be known of the scores, such as that old ones were scored anew.

    Raises:
        UsageError: there are none of that kind; a judge's are not taken for people's.
    """
    held = current(ratings)
    wanted = [rating for rating in held if rating.kind == kind]
    if not wanted:
        raise UsageError(_none(campaign.name, held, kind))
    plain = records_of(campaign)
    scores = mean_scores(wanted, kind)
    rated = {(run.key.suite, run.key.task) for run in campaign.runs if run.id in scores}
    results = tuple(
        _result(run, row, scores)
        for run, row in zip(campaign.runs, plain.results, strict=True)
        if (run.key.suite, run.key.task) in rated
    )
    source = msgspec.structs.replace(
        plain.sources[0],
        made_with={**plain.sources[0].made_with, **_made_with(wanted)},
        notes=(*_notes(results, kind), *notes),
    )
    return Records((source,), results)


def mean_scores(ratings: Iterable[Rating], kind: RaterKind) -> dict[str, float]:
    """Run -> the mean of its ratings of that kind; each rater counts once, whatever was swapped."""
    by_rater: dict[tuple[str, str], list[float]] = {}
    for rating in current(ratings):
        if rating.kind == kind:
            by_rater.setdefault((rating.run, rating.rater), []).append(rating.score)
    by_run: dict[str, list[float]] = {}
    for (run, _), scores in by_rater.items():
        by_run.setdefault(run, []).append(_mean(scores))
    return {run: round(_mean(means), _DIGITS) for run, means in by_run.items()}


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)  # the same in whatever order


def _result(run: RunRecord, row: Result, scores: Mapping[str, float]) -> Result:
    score = scores.get(run.id)
    missing = ""
    if score is None:
        counts = run.outcome is not None and run.outcome.counts
        missing = NOT_RATED if counts else row.missing or Outcome.INFRASTRUCTURE_ERROR.value
    return msgspec.structs.replace(row, score=score, missing=missing, metric=RATING)


def _made_with(ratings: Sequence[Rating]) -> dict[str, str]:
    versions: dict[str, set[str]] = {}
    for rating in ratings:
        versions.setdefault(f"rubric {rating.rubric}", set()).add(rating.rubric_version)
    return {
        "raters": ", ".join(sorted({rating.rater for rating in ratings})),
        "rated by": "people" if ratings[0].kind == "human" else "models",
        **{name: ", ".join(sorted(of)) for name, of in versions.items()},
    }


def _notes(results: Sequence[Result], kind: RaterKind) -> Iterable[str]:
    if kind == "model":
        yield "These are ratings by a judge model, not by people."
    unrated = sum(result.missing == NOT_RATED for result in results)
    if unrated:
        yield f"{unrated:,} of {len(results):,} answers are not rated."


def _none(name: str, held: Sequence[Rating], kind: RaterKind) -> str:
    if not held:
        return f"campaign {name!r} has no ratings; make some: ossay rate {name}"
    if kind == "human":
        return (
            f"campaign {name!r} has no ratings by people, only {len(held):,} by a judge model, and "
            f"those don't stand for people's; ask for them with --raters models, or rate: "
            f"ossay rate {name}"
        )
    return f"campaign {name!r} has no ratings by a judge model; make some: ossay judge {name}"
