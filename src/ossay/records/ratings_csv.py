"""A campaign's answers and ratings as one CSV: a row a rating, a row without one where none is.

Its columns are those that `read_records` takes, and more. Text that a spreadsheet would run as a
formula begins with an apostrophe. Knows nothing of ledgers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ossay.core.answer import Answer
from ossay.core.display import visible
from ossay.core.rating import Rating, current
from ossay.core.results import RATING
from ossay.records.campaign import clusters_of, instance_of

COLUMNS = (
    "run", "item", "cluster", "model", "suite", "task", "seed", "attempt", "outcome", "metric",
    "score", "rater", "kind", "rubric", "rubric_version", "chosen", "filled", "notes", "rated_at",
    "rated_seconds", "blind", "seconds", "output_tokens", "characters",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "＝", "＋", "－", "＠")


def ratings_csv(answers: Iterable[Answer], ratings: Iterable[Rating]) -> str:
    """The ratings that hold, in the order of the plan; unknown is empty.

    `attempt` counts on where an answer has several ratings, so that each row is its own. `cluster`
    is that of the campaign's own results, as far as these answers tell.
    """
    by_run: dict[str, list[Rating]] = {}
    for rating in current(ratings):
        by_run.setdefault(rating.run, []).append(rating)
    most = max(map(len, by_run.values()), default=1)
    answers = list(answers)
    clusters = clusters_of(instance_of(answer.key) for answer in answers)
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for answer in answers:
        first = (answer.key.attempt - 1) * most + 1
        said = [_said(rating) for rating in by_run.get(answer.run, ())]
        for number, more in enumerate(said or [{}]):
            cluster = clusters.get(instance_of(answer.key))
            row = {**_asked(answer), "cluster": cluster, "attempt": first + number, **more}
            writer.writerow({name: _field(value) for name, value in row.items()})
    return out.getvalue()


def _asked(answer: Answer) -> Mapping[str, Any]:
    key = answer.key
    return {
        "run": answer.run,
        "item": f"{key.suite}/{key.task}/{key.seed}",
        "model": key.model,
        "suite": key.suite,
        "task": key.task,
        "seed": key.seed,
        "outcome": answer.outcome.value,
        "metric": RATING,
        "seconds": answer.seconds,
        "output_tokens": answer.output_tokens,
        "characters": answer.facts.get("characters"),
    }


def _said(rating: Rating) -> Mapping[str, Any]:
    return {
        "score": rating.score,
        "rater": rating.rater,
        "kind": rating.kind,
        "rubric": rating.rubric,
        "rubric_version": rating.rubric_version,
        "chosen": _joined(rating.chosen),
        "filled": _joined(rating.filled),
        "notes": rating.notes,
        "rated_at": rating.at,
        "rated_seconds": rating.seconds,
        "blind": rating.shown.blind,
    }


def _joined(items: Sequence[str]) -> str:
    return " ".join(items)


def _field(value: Any) -> str | int | float:
    if value is None:
        return ""
    if not isinstance(value, str):
        number: int | float = value
        return number
    text = visible(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
