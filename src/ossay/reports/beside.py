"""Answers of all models to one problem beside each other, with their checks and ratings: Problem.

The texts are those of the transcripts that the page holds already. All text that comes out is
visible: what a model, a rater or a rubric's author wrote is only shown. Knows nothing of HTML.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from ossay.core.display import visible
from ossay.core.rating import Rating, current
from ossay.core.records import CampaignRecord, RunRecord
from ossay.core.rubric import Fact, Rubric
from ossay.records.ratings import mean_scores
from ossay.reports.judgements import Judgements
from ossay.reports.score import ended
from ossay.reports.words import plain

SCREENSHOT = "screenshot.png"

_PNG = b"\x89PNG\r\n\x1a\n"
_TEXT_CHARS = 2000  # of a note or a fact
_LARGE = 10**18  # what is longer may be too long to write: a pack may come from anyone


class AnswerLine(Struct, frozen=True):
    """An answer in the list. `score` is the mean of people's ratings, '' where there are none."""

    run: str
    model: str
    attempt: int
    outcome: str
    score: str


class Problem(Struct, frozen=True):
    """An instance of a task, and the answers to it in the order of the models."""

    seed: int
    answers: tuple[AnswerLine, ...]


class ProblemSet(Struct, frozen=True):
    """The problems of one task; `first` is how many stand before them on the page."""

    suite: str
    task: str
    first: int
    problems: tuple[Problem, ...]


def problems_of(record: CampaignRecord, judgements: Judgements) -> tuple[ProblemSet, ...]:
    """The problems of all tasks in which something was found for rubrics, or rated.

    In the order of the plan; runs without a result are left out.
    """
    scores = mean_scores(judgements.ratings, "human")
    rated = {rating.run for rating in current(judgements.ratings)}
    tasks = dict.fromkeys(
        (run.key.suite, run.key.task)
        for run in record.runs
        if ended(run) and (run.facts or run.id in rated)
    )
    models = {card.reference: place for place, card in enumerate(record.models)}
    found: dict[tuple[str, str], dict[int, list[RunRecord]]] = {
        task: defaultdict(list) for task in tasks
    }
    for run in record.runs:
        if ended(run) and (of := found.get((run.key.suite, run.key.task))) is not None:
            of[run.key.seed].append(run)
    sets, first = list[ProblemSet](), 0
    for (suite, task), by_seed in found.items():
        problems = tuple(
            Problem(
                seed,
                tuple(
                    AnswerLine(
                        run.id,
                        run.key.model,
                        run.key.attempt,
                        plain(run.outcome or ""),
                        points(scores[run.id]) if run.id in scores else "",
                    )
                    for run in sorted(
                        runs, key=lambda r: (models.get(r.key.model, len(models)), r.key.attempt)
                    )
                ),
            )
            for seed, runs in sorted(by_seed.items())
        )
        sets.append(ProblemSet(suite, task, first, problems))
        first += len(problems)
    return tuple(sets)


def judged(
    runs: Sequence[RunRecord], judgements: Judgements
) -> dict[str, tuple[list[tuple[str, str]], list[dict[str, Any]]]]:
    """Run id -> its checks as pairs of words, and its ratings; all visible."""
    by_run: dict[str, list[Rating]] = defaultdict(list)
    for rating in current(judgements.ratings):
        by_run[rating.run].append(rating)
    return {
        run.id: (
            _checks(run.facts),
            [_rating(rating, judgements.rubrics) for rating in by_run.get(run.id, ())],
        )
        for run in runs
        if run.facts or run.id in by_run
    }


def pictures(runs: Iterable[RunRecord], judgements: Judgements, budget: int) -> dict[str, bytes]:
    """Run id -> the screenshot of the page that it made, as many as fit into `budget` bytes."""
    found: dict[str, bytes] = {}
    for run in runs:
        content = judgements.artefact(run.id, SCREENSHOT) if run.facts else None
        if content is None or not content.startswith(_PNG) or len(content) > budget:
            continue
        budget -= len(content)
        found[run.id] = content
    return found


def points(score: float) -> str:
    """9.25 -> '9.25', 8.0 -> '8'."""
    return f"{score:.2f}".rstrip("0").rstrip(".")


def _checks(facts: Mapping[str, Fact]) -> list[tuple[str, str]]:
    return [(visible(plain(name), _TEXT_CHARS), _said(value)) for name, value in facts.items()]


def _said(value: Fact) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < _LARGE else "a very large number"
    return f"{value:g}" if isinstance(value, float) else visible(value, _TEXT_CHARS)


def _rating(rating: Rating, rubrics: Mapping[str, Rubric]) -> dict[str, Any]:
    rubric = rubrics.get(rating.rubric_digest)
    held = (*rating.filled, *rating.chosen)
    known = {item.id: item for item in rubric.items} if rubric else {}
    return {
        "who": visible(rating.rater, _TEXT_CHARS),
        "judge": rating.kind == "model",
        "score": points(rating.score),
        "rubric": visible(f"{rating.rubric} {rating.rubric_version}", _TEXT_CHARS),
        "items": [
            visible(
                f"{known[id_].text} ({known[id_].points:+g})" if id_ in known else id_, _TEXT_CHARS
            )
            for id_ in held
        ],
        "notes": visible(rating.notes, _TEXT_CHARS),
    }
