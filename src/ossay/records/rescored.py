"""Ratings under the rubric of today: those by an older version scored anew, or told why they can't.

Rows stay as they are; only what they count for changes. Knows nothing of ledgers or pages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

from ossay.core.answer import Answer
from ossay.core.rating import Rating, current
from ossay.core.rubric import Facts, Rubric
from ossay.core.score import NotComparable, rescore


class Stands(Struct, frozen=True):
    """How a rating stands under a version of its rubric.

    Attributes:
        rating: The row as it was entered.
        score: What it gives under that version; None where nothing can be said.
        older: Whether it was made by another version of the same rubric.
        reason: Why there is no score, for a person.
    """

    rating: Rating
    score: float | None
    older: bool = False
    reason: str = ""


class Rescored(Struct, frozen=True):
    """Ratings that hold, with the scores of today, and what became of the others.

    Attributes:
        ratings: In the order of entry; `score` is of today, all else as it was made.
        moved: How many were made by an older version.
        left_out: Those that say nothing today, by an older version or by a rubric of another name.
        rubrics: Those of today, by task.
    """

    ratings: tuple[Rating, ...]
    rubrics: Mapping[str, Rubric]
    moved: int = 0
    left_out: tuple[Stands, ...] = ()

    @property
    def notes(self) -> Iterator[str]:
        """What a reader of the scores should know, a sentence each."""
        kept = self.moved - sum(one.older for one in self.left_out)
        if kept:
            yield f"{kept:,} {_made(kept)} by an older version of a rubric, scored by the latest."
        for (older, reason), count in Counter((o.older, o.reason) for o in self.left_out).items():
            by = "an older version" if older else "another rubric"
            yield f"{count:,} {_made(count)} by {by}, left out: {reason}."


def stands(rating: Rating, rubric: Rubric, facts: Facts, *, digest: str = "") -> Stands:
    """Say how a rating stands under `rubric`, whose digest may be given where it is at hand."""
    if rating.rubric_digest == (digest or rubric.digest):
        return Stands(rating, rating.score)
    found = rescore(rubric, rating, facts)
    if isinstance(found, NotComparable):
        return Stands(rating, None, True, found.reason)
    return Stands(rating, found.value, True)


def rescored(
    ratings: Iterable[Rating], rubrics: Mapping[str, Rubric], answers: Mapping[str, Answer]
) -> Rescored:
    """Score by the rubrics of today.

    Args:
        ratings: Every row, in the ledger's order.
        rubrics: By task; where there is none, ratings stay as they are. Those by one of another
            name are left out: it asks something else, maybe on another scale.
        answers: By run, for the machine's part. Of a run that is not there, ratings stay as well.
    """
    digests = {task: rubric.digest for task, rubric in rubrics.items()}
    kept: list[Rating] = []
    left_out: list[Stands] = []
    moved = 0
    for row in current(ratings):
        answer = answers.get(row.run)
        rubric = rubrics.get(answer.key.task) if answer is not None else None
        if answer is None or rubric is None:
            kept.append(row)
            continue
        if rubric.name != row.rubric:
            reason = f"{row.rubric!r}, and it is {rubric.name!r} now"
            left_out.append(Stands(row, None, reason=reason))
            continue
        today = stands(row, rubric, answer.facts, digest=digests[answer.key.task])
        moved += today.older
        if today.score is None:
            left_out.append(today)
        else:
            kept.append(msgspec.structs.replace(row, score=today.score))
    return Rescored(tuple(kept), rubrics, moved, tuple(left_out))


def latest(
    ratings: Iterable[Rating], rubrics: Mapping[str, Rubric], answers: Mapping[str, Answer]
) -> dict[str, Rubric]:
    """Task -> the rubric that the last of the ratings that hold was made by.

    Args:
        ratings: Every row, in the ledger's order.
        rubrics: By digest, of all that the rows were made by.
        answers: By run.
    """
    held = (row for row in current(ratings) if row.run in answers)
    return {answers[row.run].key.task: rubrics[row.rubric_digest] for row in held}


def _made(count: int) -> str:
    return "rating was made" if count == 1 else "ratings were made"
