"""The lines below a report's tables in a terminal: verdicts, predictions, and what numbers mean.

Knows nothing of terminals: a line is text, as long as it is, and may hold anything from outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ossay.reports import by_mark, figures, foretold, power_words
from ossay.reports.shortlist import nearest
from ossay.reports.words import followed, stopped, tally, unmade

if TYPE_CHECKING:
    from ossay.reports.summary import Summary

_ERROR_CHARS = 240
_PAIRS = 6  # of models whose verdict is printed


def lines_of(summary: Summary) -> Iterator[str]:
    """All lines, in the order of reading; an empty one ends a group."""
    if warning := stopped(summary):
        yield warning
    for group in (_verdicts(summary), _predictions(summary), summary.problems):
        if lines := list(group):
            yield from (*lines, "")
    for model in summary.models:
        if model.infrastructure_errors:
            errors = figures.count(model.infrastructure_errors, "infrastructure error")
            score = model.score_with_errors
            yield (
                f"{model.mark}: {errors} left out; counted as failures the score is "
                f"{figures.fraction(score)} = {figures.percent(score.rate)} "
                f"({figures.span(score.wilson)})."
            )
            if model.commonest_error:
                yield (
                    f"{model.mark}: {model.commonest_error_runs} of them: "
                    f"{model.commonest_error[:_ERROR_CHARS]}"
                )
    yield (
        f"Intervals: Wilson, {figures.percent(summary.level)}; they take runs as independent. "
        "infra, e: infrastructure errors, which never count against a model."
    )
    yield from _made(summary)


def _verdicts(summary: Summary) -> Iterator[str]:
    """What the comparisons allow one to say; of many pairs the nearest, the ranks and the tally."""
    names = by_mark.names_of({model.reference: model.mark for model in summary.models})
    found = summary.followed
    watched = (found.a, found.b) if found is not None else ()
    others = [one for one in summary.findings if (one.a, one.b) != watched]
    listed = nearest(others, _PAIRS)
    yield from by_mark.legend([*watched, *(x for one in listed for x in (one.a, one.b))], names)
    if found is not None:
        yield by_mark.decision_of(found, names)
        yield followed(summary)
    for one in listed:
        yield by_mark.sentence_of(one, names)
    if len(others) > len(listed):
        yield f"Those are the {len(listed)} pairs nearest to the line between decided and not."
        yield f"{tally(summary)} The page shows more, --json all."
        yield from _ranks(summary)
    yield from unmade(summary)
    if summary.power is not None:
        yield power_words.said(summary.power)


def _ranks(summary: Summary) -> Iterator[str]:
    marks = {model.reference: model.mark for model in summary.models}
    standings = summary.board.standings if summary.board else ()
    ranks = ", ".join(
        f"{marks[one.model]} {one.best}{f'–{one.worst}' * (one.worst > one.best)}"
        for one in standings
    )
    if ranks:
        yield f"Ranks that are possible: {ranks}."


def _predictions(summary: Summary) -> Iterator[str]:
    for one in summary.scored:
        prediction = one.prediction
        yield (
            f"Prediction, {foretold.RESULTS[one.hit]}: {prediction.statement} "
            f"({foretold.asked(prediction)}; probability {prediction.probability:g}; "
            f"observed: {foretold.observed(one)})"
        )
    yield from foretold.totals(summary.forecast)
    if summary.scored and summary.committed is not None:
        yield (
            f"Committed {figures.moment(summary.committed.committed_at)} by "
            f"{summary.committed.forecaster}, SHA-256 {summary.committed.digest}."
        )


def _made(summary: Summary) -> Iterator[str]:
    """The date and source of every price, and the command behind the numbers."""
    free, unpriced = [], []
    for model in summary.models:
        price = model.price
        if price is None:
            unpriced.append(model.mark)
        elif price.input or price.output:
            yield f"{model.mark}: price of {price.date}, {price.source}."
        else:
            free.append(model.mark)
    if free:
        yield f"{', '.join(free)}: $0 a token; the machine's own cost is not counted."
    if unpriced:
        yield f"{', '.join(unpriced)}: no price is known."
    if summary.command:
        yield f"Made by: {summary.command}"
