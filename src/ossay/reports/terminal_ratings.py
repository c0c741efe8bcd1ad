"""Ratings and verbosity as rows of the terminal's grids, and the lines below them.

Knows nothing of terminals: text may hold anything from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ossay.reports import by_mark, rating_words
from ossay.reports.rated_sections import rating

if TYPE_CHECKING:
    from ossay.reports.rated import Mean, Rated
    from ossay.reports.summary import Summary

Row = tuple[str, Callable[[int], str]]  # the row's name, and its text for the model of that index

_PAIRS = 6  # of models whose verdict is printed


def rating_rows(rated: Rated, summary: Summary) -> list[Row]:
    """A row a task, then the average."""
    several = len(summary.suites) > 1
    width = len(rated.averages)
    parts = [rated.means[at : at + width] for at in range(0, len(rated.means), width)]

    def row(means: tuple[Mean, ...]) -> Row:
        one = means[0]
        name = f"{one.suite}/{one.task}" if several and one.task else one.task or "average"
        said = {mean.model: _said(mean) for mean in means}
        return name, lambda index: said.get(summary.models[index].reference, "–")

    return [row(means) for means in (*parts, rated.averages)]


def verbosity_rows(summary: Summary) -> list[Row]:
    """Medians over all counted answers: characters, then output tokens."""
    found = {one.model: one for one in summary.verbosity if not one.task}
    if not found:
        return []

    def shown(index: int, amount: str) -> str:
        median = getattr(found[summary.models[index].reference], amount).median
        return "unknown" if median is None else f"{median:,.0f}"

    return [
        ("characters", lambda index: shown(index, "characters")),
        ("output tokens", lambda index: shown(index, "tokens")),
    ]


def rating_lines(summary: Summary) -> Iterator[str]:
    """Whose ratings, what they can show, and what they do."""
    people, judge = summary.ratings, summary.judge_ratings
    if people is not None:
        yield f"Rated by people: {rating_words.made_by(people)}"
        if reach := rating_words.reach(people.pairs):
            yield f"By ratings: {reach}"
        names = by_mark.names_of({model.reference: model.mark for model in summary.models})
        for line in rating_words.lines(people.pairs.pairs[:_PAIRS], names):
            yield f"By ratings: {line.sentence}"
        yield from people.notes
    if judge is not None:
        yield f"Rated by a judge: {rating_words.made_by(judge)} {rating_words.JUDGE}"
        for one in judge.judged:
            yield rating_words.agreed(one)


def _said(mean: Mean) -> str:
    if mean.interval is None:
        return rating(mean.value)
    return f"{rating(mean.value)} ({mean.interval.low:.1f}–{mean.interval.high:.1f})"
