"""A judge model held against people: agreement, and its bias by family, position and length.

Scores of a judge never stand for people's here: they are the other side. Knows nothing of ledgers,
or of how a judge is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ossay.core.answer import Answer
from ossay.core.rating import Rating, current
from ossay.records.ratings import mean_scores
from ossay.stats.agreement import Agreement, krippendorff_alpha
from ossay.stats.clustered import clustered_mean
from ossay.stats.icc import Correlation, icc
from ossay.stats.interval import Interval

if TYPE_CHECKING:
    import numpy as np

_VERSIONED = re.compile(r"\d")


class Bias(Struct, frozen=True):
    """A mean difference in points of the scale; the interval is None with fewer than two."""

    of: str
    value: float
    interval: Interval | None
    n: int


class Judged(Struct, frozen=True):
    """One judge.

    Attributes:
        judge: Its reference.
        ratings: Rows of it that hold, where it was asked something; an answer has one a showing.
        answers: That it rated.
        shared: Those of them that people rated too: only these tell of agreement.
        alpha: Krippendorff's, of its mean score beside people's mean, on an interval scale.
        icc: ICC(2) of the same two.
        overall: Its score less people's.
        families: The same for each family of models, by name.
        position: Its score of an answer in the first place less in the second.
        length: Its score of an answer beside a shorter one less beside a longer one.
    """

    judge: str
    ratings: int
    answers: int
    shared: int
    alpha: Agreement | None
    icc: Correlation | None
    overall: Bias | None
    families: tuple[Bias, ...]
    position: Bias | None
    length: Bias | None


def family_of(reference: str) -> str:
    """The family of a model by its name: 'groq/openai/gpt-oss-120b' is of 'gpt-oss'.

    The last part of the reference up to its first piece with a digit; what stands before the digit
    counts where nothing else would.
    """
    name = reference.rsplit("/", 1)[-1].partition("?")[0].casefold()
    kept: list[str] = []
    for piece in re.split(r"[-_: ]+", name):
        if _VERSIONED.search(piece):
            head = re.split(r"[\d.]", piece)[0]
            kept += [head] if head and not kept else []
            break
        kept.append(piece)
    return "-".join(kept) or name


def judged_against(
    ratings: Iterable[Rating],
    answers: Iterable[Answer],
    length_of: Callable[[Answer], float],
    rng: np.random.Generator | None = None,
) -> tuple[Judged, ...]:
    """Hold each judge of a campaign against the people who rated it.

    Args:
        ratings: Every row, in the ledger's order.
        answers: The campaign's.
        length_of: How long an answer is, in any unit.
        rng: For the interval of alpha; none without it.
    """
    rows = list(ratings)
    people = mean_scores(rows, "human")
    by_run = {answer.run: answer for answer in answers}
    asked = [row for row in current(rows) if row.asked]  # else the machine alone has spoken
    held = [row for row in asked if row.kind == "model" and row.run in by_run]
    return tuple(
        _judged(judge, [row for row in held if row.rater == judge], people, by_run, length_of, rng)
        for judge in dict.fromkeys(row.rater for row in held)
    )


def _judged(
    judge: str,
    rows: Sequence[Rating],
    people: Mapping[str, float],
    answers: Mapping[str, Answer],
    length_of: Callable[[Answer], float],
    rng: np.random.Generator | None,
) -> Judged:
    own = mean_scores(rows, "model")
    shared = [run for run in own if run in people]
    pairs = [[own[run], people[run]] for run in shared]
    gaps = {run: own[run] - people[run] for run in shared}
    families: dict[str, list[str]] = {}
    for run in shared:
        families.setdefault(family_of(answers[run].key.model), []).append(run)
    lengths = {run: length_of(answer) for run, answer in answers.items()}
    table = [[round(score, 2) for score in side] for side in zip(*pairs, strict=True)]
    return Judged(
        judge,
        len(rows),
        len(own),
        len(shared),
        krippendorff_alpha(table, "interval", rng) if pairs else None,
        icc(pairs) if len(pairs) > 1 else None,
        _bias("all", [gaps[run] for run in shared], _instances(shared, answers)),
        tuple(
            bias
            for family, runs in sorted(families.items())
            if (bias := _bias(family, [gaps[run] for run in runs], _instances(runs, answers)))
        ),
        _swapped("position", rows, lambda row: row.shown.order == 0, answers),
        _swapped("length", rows, lambda row: _beside_shorter(row, lengths), answers),
    )


def _instances(runs: Iterable[str], answers: Mapping[str, Answer]) -> list[Any]:
    """What answers to one instance have in common, as labels of clusters."""
    return [(key.suite, key.task, key.seed) for run in runs for key in (answers[run].key,)]


def _beside_shorter(row: Rating, lengths: Mapping[str, float]) -> bool | None:
    beside = [lengths[run] for run in row.shown.beside if run in lengths]
    if not beside or beside[0] == lengths[row.run]:
        return None
    return beside[0] < lengths[row.run]


def _swapped(
    of: str,
    rows: Sequence[Rating],
    side: Callable[[Rating], bool | None],
    answers: Mapping[str, Answer],
) -> Bias | None:
    """The mean over answers of the score on one side less that on the other."""
    scores: dict[str, tuple[list[float], list[float]]] = {}
    for row in rows:
        on = side(row) if row.shown.beside else None
        if on is not None:
            scores.setdefault(row.run, ([], []))[0 if on else 1].append(row.score)
    both = {run: sides for run, sides in scores.items() if all(sides)}
    gaps = [sum(one) / len(one) - sum(other) / len(other) for one, other in both.values()]
    return _bias(of, gaps, _instances(both, answers))


def _bias(of: str, gaps: Sequence[float], clusters: Sequence[Any]) -> Bias | None:
    if not gaps:
        return None
    several = len(set(clusters)) > 1
    interval = clustered_mean(gaps, clusters).interval() if several else None
    return Bias(of, sum(gaps) / len(gaps), interval, len(gaps))
