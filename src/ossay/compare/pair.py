"""Two models compared: `compare_models` takes records and gives a `Finding`.

It chooses the design that the data allow: the same items where both have rows, else counts. Knows
nothing of files or terminals; the numbers are `stats.comparison`'s and the words `stats.verdict`'s.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from ossay.compare.apart import named, sources_of
from ossay.compare.checks import problems_of
from ossay.compare.counts import Counted
from ossay.compare.families import adjust
from ossay.compare.finding import Differing, Finding
from ossay.compare.meeting import compare_sides, interval_of, meet
from ossay.compare.reach import out_of_reach
from ossay.compare.selection import choose_metric, find_model, measure_of, models_in, only
from ossay.compare.side import Side, sides_of
from ossay.compare.together import p_together
from ossay.compare.units import Matched
from ossay.core.errors import UsageError
from ossay.core.results import Records, Result
from ossay.stats.comparison import Comparison
from ossay.stats.effects import OddsRatio, cohens_g, cohens_h, odds_ratio
from ossay.stats.interval import Interval
from ossay.stats.many import Family
from ossay.stats.measure import Measure
from ossay.stats.rates import wilson
from ossay.stats.verdict import Verdict, verdict

if TYPE_CHECKING:
    import numpy as np


def compare_models(  # noqa: PLR0913 - each is a choice of the reader
    records: Records,
    a: str,
    b: str,
    *,
    metric: str | None = None,
    margin: float | None = None,
    alpha: float = 0.05,
    intersect: bool = False,
    less: bool = False,
    family: Family | None = None,
    rng: np.random.Generator,
) -> Finding:
    """Compare two models on one metric.

    Args:
        records: Whatever was read; a family may need more models than the two.
        a: As `selection.find_model` takes it; `b` too.
        b: The other.
        metric: As `selection.choose_metric` takes it.
        margin: The largest difference that doesn't matter: a share for 0/1 results, else in the
            metric's unit.
        alpha: Two-sided level; the intervals are at 1 - alpha.
        intersect: Leave out items that one side lacks.
        less: The lower score is the better one; of a cost it always is.
        family: Comparisons declared together, "A vs B" each, corrected by Holm.
        rng: For sign flips that are too many to count.

    Raises:
        UnknownName: no such model or metric.
        UsageError: nothing to compare, rows that contradict each other or the source's own
            summary, different items without `intersect`, a margin or alpha that can't be.
    """
    a, b = find_model(records, a), find_model(records, b)
    if a == b:
        held = sources_of(records, a)
        apart = f", or {named(a, held[0])!r} and {named(a, held[1])!r}" if len(held) > 1 else ""
        raise UsageError(f"{a!r} would be compared with itself: name two models{apart}")
    two = only(records, (a, b))
    metric = choose_metric(two, metric)
    problems = problems_of(two, metric)
    for problem in problems:
        if problem.level == "broken":
            raise UsageError(problem.text)
    size = 1 if family is None else len(family.tests)
    measure = measure_of(two, metric)
    measure = replace(measure, less=less or measure.less)
    asked = Question(metric, measure, alpha, intersect, size)
    sides = sides_of(two, (a, b), metric)
    met = meet(sides[a], sides[b], intersect=intersect)
    notes = [problem.text for problem in problems] + _notes(sides[a], sides[b], met, metric)
    try:
        found = compare_sides((a, b), met, asked.measure, rng, alpha, family=size)
        notes += _reach(found, size)
        adjusted = None
        if family is not None:
            adjusted, said = _adjusted(records, found, family, asked, rng)
            notes += said
        judged = verdict(found, margin, adjusted=adjusted, family=size)
        bare = _finding(found, judged, met, asked)
    except ValueError as error:
        raise UsageError(f"{a!r} against {b!r}: {error}") from error
    return replace(
        bare,
        family="" if family is None else family.name,
        missing_a=sides[a].missing,
        missing_b=sides[b].missing,
        sources=tuple(dict.fromkeys(sides[a].sources + sides[b].sources)),
        notes=tuple(dict.fromkeys(notes)),
    )


def _reach(found: Comparison, family: int) -> list[str]:
    """That so few items can show nothing, where that is so."""
    if found.design == "counts":
        return []
    n, noun = (found.n_a, found.noun) if found.clusters is None else (found.clusters, "cluster")
    said = out_of_reach(n, found.alpha, noun=noun, family=family)
    return [said] if said else []


class Question(NamedTuple):
    """What is asked of every pair of a family."""

    metric: str
    measure: Measure
    alpha: float
    intersect: bool
    size: int


def _adjusted(
    records: Records,
    found: Comparison,
    family: Family,
    asked: Question,
    rng: np.random.Generator,
) -> tuple[float, tuple[str, ...]]:
    models = models_in(records)
    rows: dict[str, list[Result]] = {model: [] for model in models}
    for row in records.results:
        rows[row.model].append(row)
    sides: dict[str, Side] = {}

    def side(model: str) -> Side:
        if model not in sides:
            own = replace(records, results=tuple(rows[model]))
            sides[model] = sides_of(own, (model,), asked.metric)[model]
        return sides[model]

    def p_of(pairs: list[tuple[str, str]]) -> list[float | None]:
        met: dict[int, Matched | Counted] = {}
        for place, (a, b) in enumerate(pairs):
            with suppress(UsageError):  # it counts with p = 1, and is named
                met[place] = meet(side(a), side(b), intersect=asked.intersect)
        found = dict(zip(met, p_together(list(met.values()), rng, asked.alpha), strict=True))
        return [found.get(place) for place in range(len(pairs))]

    return adjust(family, (found.a, found.b), found.p, p_of, models, asked.alpha)


def _finding(
    found: Comparison, judged: Verdict, met: Matched | Counted, asked: Question
) -> Finding:
    interval_a, interval_b = _intervals(met, asked.measure, 1.0 - asked.alpha)
    only_a, only_b = found.only_a, found.only_b
    pairs = only_a is not None and only_b is not None
    return Finding(
        a=found.a,
        b=found.b,
        metric=asked.metric,
        comparison=found,
        verdict=judged,
        interval_a=interval_a,
        interval_b=interval_b,
        odds_ratio=_odds(found),
        cohens_g=cohens_g(only_a or 0, only_b or 0) if pairs else None,
        cohens_h=None if found.design == "scores" else cohens_h(found.value_a, found.value_b),
        family_size=asked.size,
        averaged=isinstance(met, Matched) and met.averaged,
        differing=() if isinstance(met, Counted) else _differing(met, asked.measure),
        only_in_a=met.only_in_a,
        only_in_b=met.only_in_b,
    )


def _intervals(met: Matched | Counted, measure: Measure, level: float) -> tuple[Interval, Interval]:
    if isinstance(met, Counted):
        return wilson(met.passed_a, met.n_a, level), wilson(met.passed_b, met.n_b, level)
    return (
        interval_of([unit.a for unit in met.units], met.clusters, measure, level),
        interval_of([unit.b for unit in met.units], met.clusters, measure, level),
    )


def _odds(found: Comparison) -> OddsRatio | None:
    """Of independent pairs; its interval wouldn't hold in clusters."""
    if found.only_a is None or found.only_b is None or found.clusters is not None:
        return None
    return odds_ratio(found.only_a, found.only_b, 1.0 - found.alpha)


def _differing(met: Matched, measure: Measure) -> tuple[Differing, ...]:
    """A ahead first, each by item."""
    sign = -1.0 if measure.less else 1.0
    apart = sorted(
        (unit for unit in met.units if unit.a != unit.b),
        key=lambda unit: (sign * (unit.a - unit.b) < 0.0, unit.item, unit.attempt),
    )
    return tuple(
        Differing(unit.item, unit.attempt, unit.cluster, unit.a, unit.b, unit.run_a, unit.run_b)
        for unit in apart
    )


def _notes(a: Side, b: Side, met: Matched | Counted, metric: str) -> list[str]:
    notes = []
    for side in (a, b):
        if side.again:
            notes.append(
                f"{side.again} results of {side.model!r} are in two sources alike and count once."
            )
        if side.aside:
            notes.append(
                f"{side.aside} counts of {side.model!r} were left aside, since it has rows."
            )
    if isinstance(met, Counted):
        return notes + list(met.notes)
    left = len(met.only_in_a) + len(met.only_in_b)
    if left:
        notes.append(f"{left} items that only one side has were left out, as asked.")
    if met.unscored:
        notes.append(
            f"{met.unscored} more were left out, since one of the two has no {metric} there."
        )
    if met.averaged:
        notes.append("Each item's attempts were averaged, so an item counts once.")
    if met.binary and met.clusters is not None:
        notes.append(
            f"p_exact and p_mid take {met.noun}s as independent, which those of one cluster are "
            "not; p is that of sign flips of whole clusters, and decides."
        )
    return notes
