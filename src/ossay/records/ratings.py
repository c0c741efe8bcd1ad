"""Ratings as Records: one result a rating, metric 'rating', so that comparing commands take them.

People's ratings and a judge's are never put together. Knows nothing of ledgers: it is handed what
one returned.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ossay.core.errors import UsageError
from ossay.core.outcome import Outcome
from ossay.core.rating import RaterKind, Rating, current
from ossay.core.records import CampaignRecord, RunRecord
from ossay.core.results import RATING, Records, Result
from ossay.records.campaign import records_of

NOT_RATED = "not rated"


def ratings_as_records(
    campaign: CampaignRecord,
    ratings: Iterable[Rating],
    kind: RaterKind = "human",
    notes: Iterable[str] = (),
) -> Records:
    """Return a campaign's ratings by people, or by models, as results.

    Items and clusters are those of the campaign's own results, so all ratings of an answer are at
    one item; each is an attempt of its own. An answer that nobody rated is missing, and tasks in
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
    rows = dict(zip((run.id for run in campaign.runs), plain.results, strict=True))
    by_run: dict[str, list[Rating]] = {}
    for rating in wanted:
        by_run.setdefault(rating.run, []).append(rating)
    rated = {(run.key.suite, run.key.task) for run in campaign.runs if run.id in by_run}
    most = max(map(len, by_run.values()))
    results = tuple(
        result
        for run in campaign.runs
        if (run.key.suite, run.key.task) in rated
        for result in _results(run, rows[run.id], by_run.get(run.id, []), most)
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
        by_run.setdefault(run, []).append(sum(scores) / len(scores))
    return {run: sum(means) / len(means) for run, means in by_run.items()}


def _results(run: RunRecord, row: Result, ratings: Sequence[Rating], most: int) -> Iterable[Result]:
    first = (run.key.attempt - 1) * most + 1  # attempts of one run lie beside each other
    if not ratings:
        counts = run.outcome is not None and run.outcome.counts
        missing = NOT_RATED if counts else row.missing or Outcome.INFRASTRUCTURE_ERROR.value
        yield msgspec.structs.replace(
            row, score=None, missing=missing, metric=RATING, attempt=first
        )
    for number, rating in enumerate(ratings):
        yield msgspec.structs.replace(
            row, score=rating.score, missing="", metric=RATING, attempt=first + number
        )


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
