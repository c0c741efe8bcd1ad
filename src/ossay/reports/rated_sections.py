"""What the page's sections of ratings, verbosity, trade-off and answers show: `sections`.

Knows nothing of how any of it is computed, or of the page around it.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ossay.core.display import visible
from ossay.core.records import CampaignRecord
from ossay.reports import by_mark, rating_charts, rating_words
from ossay.reports.beside import ProblemSet, problems_of
from ossay.reports.embed import pack
from ossay.reports.judgements import Judgements
from ossay.reports.rated import Mean, Rated
from ossay.reports.rating_words import PairLine
from ossay.reports.shortlist import nearest
from ossay.reports.summary import Summary
from ossay.reports.verbosity import Verbosity

MOST_PAIRS = 40  # of models whose difference is drawn and listed


class TaskMeans(Struct, frozen=True):
    """One task, or the average where `task` is ''; `svg` is our own drawing."""

    suite: str
    task: str
    means: tuple[Mean, ...]
    svg: Any


class RatedSection(Struct, frozen=True):
    """Ratings of one kind, drawn: the average, then each task; of many pairs the nearest."""

    rated: Rated
    tasks: tuple[TaskMeans, ...]
    lines: tuple[PairLine, ...]
    left_out: int
    differences: Any


class Sections(Struct, frozen=True):
    """All of them; what there is nothing for is None or empty.

    `problem_runs` is packed: a list of run ids for each problem, in the order of the page.
    """

    people: RatedSection | None
    judge: RatedSection | None
    verbose: tuple[Verbosity, ...]
    verbose_tasks: tuple[tuple[str, str, tuple[Verbosity, ...]], ...]
    characters: Any
    tokens: Any
    map: Any
    on_map: frozenset[str]
    problems: tuple[ProblemSet, ...]
    problem_runs: Any


def sections(record: CampaignRecord, summary: Summary, judgements: Judgements) -> Sections:
    """Draw what a campaign has of them."""
    from markupsafe import Markup

    marks = {model.reference: model.mark for model in summary.models}
    index = {model.reference: place for place, model in enumerate(summary.models)}
    by_place = {model.mark: place for place, model in enumerate(summary.models)}
    problems = problems_of(record, judgements)
    runs = [[visible(a.run) for a in one.answers] for of in problems for one in of.problems]
    whole = tuple(one for one in summary.verbosity if not one.task)
    rows = rating_charts.tradeoff_rows(summary.tradeoffs, marks, index)
    return Sections(
        people=_rated(summary, summary.ratings),
        judge=_rated(summary, summary.judge_ratings),
        verbose=whole,
        verbose_tasks=_by_task(summary),
        characters=Markup(
            rating_charts.amounts({marks[o.model]: o.characters.median for o in whole}, by_place)
        ),
        tokens=Markup(
            rating_charts.amounts({marks[o.model]: o.tokens.median for o in whole}, by_place)
        ),
        map=Markup(rating_charts.tradeoff_map(summary.tradeoffs, marks, index)),
        on_map=frozenset(row["model"] for row in rows),
        problems=problems,
        problem_runs=Markup(pack(runs)),  # base64
    )


def rating(value: float | None) -> str:
    """8.5 -> '8.50'; '–' for None."""
    return "–" if value is None else f"{value:.2f}"


def _rated(summary: Summary, found: Rated | None) -> RatedSection | None:
    from markupsafe import Markup

    if found is None:
        return None
    marks = {model.reference: model.mark for model in summary.models}
    index = {model.reference: place for place, model in enumerate(summary.models)}

    def drawn(means: tuple[Mean, ...]) -> TaskMeans:
        svg = rating_charts.means_chart(means, marks, index, found.scale)
        return TaskMeans(means[0].suite, means[0].task, means, Markup(svg))

    width = len(found.averages)
    tasks = (found.means[at : at + width] for at in range(0, len(found.means), width))
    near = nearest([pair.finding for pair in found.pairs.pairs], MOST_PAIRS)
    shown = tuple(pair for pair in found.pairs.pairs if pair.finding in near)
    return RatedSection(
        rated=found,
        tasks=(drawn(found.averages), *(drawn(means) for means in tasks)),
        lines=rating_words.lines(shown, by_mark.names_of(marks)),
        left_out=len(found.pairs.pairs) - len(shown),
        differences=Markup(rating_charts.differences(shown, marks)),
    )


def _by_task(summary: Summary) -> tuple[tuple[str, str, tuple[Verbosity, ...]], ...]:
    found: dict[tuple[str, str], list[Verbosity]] = {}
    for one in summary.verbosity:
        if one.task:
            found.setdefault((one.suite, one.task), []).append(one)
    return tuple((suite, task, tuple(of)) for (suite, task), of in found.items())
