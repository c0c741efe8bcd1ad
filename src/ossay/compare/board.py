"""Many models ranked: `rank_models` takes records and gives a `Board`.

All are ranked on the items that all of them have; a model whose rows can't be believed is left out
with the reason. Knows nothing of files or terminals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ossay.compare.checks import problems_of
from ossay.compare.costs import Cost, costs_of, costs_of_counts, dominated
from ossay.compare.finding import Board, BoardPair, LeftOut, Standing
from ossay.compare.flags import Problem
from ossay.compare.placing import Placed, place_counts, place_grid
from ossay.compare.selection import choose_metric, measure_of, models_in
from ossay.compare.side import Side, sides_of
from ossay.core.errors import UsageError
from ossay.core.results import Records
from ossay.records.campaign import NOT_RUN
from ossay.stats.interval import check_alpha
from ossay.stats.many import holm
from ossay.stats.ranking import rank

if TYPE_CHECKING:
    import numpy as np

FEW = 0.5  # share of attempts without a score above which a model isn't ranked


def rank_models(
    records: Records,
    *,
    metric: str | None = None,
    alpha: float = 0.05,
    intersect: bool = False,
    rng: np.random.Generator,
) -> Board:
    """Rank all models of the records on one metric.

    Every pair is tested on the same items (counts: by Barnard's test), under Holm over all pairs;
    with chance 1 - alpha at least all rank intervals hold the true ranks together.

    Args:
        records: Whatever was read; `selection.only` narrows it to some models.
        metric: As `selection.choose_metric` takes it.
        alpha: Of the whole board; the intervals of the values are at 1 - alpha, each alone.
        intersect: Leave out items that a model lacks.
        rng: For sign flips that are too many to count.

    Raises:
        UnknownName: no such metric.
        UsageError: no model can be ranked, different items without `intersect`, rows that can't be.
    """
    metric = choose_metric(records, metric)
    problems = problems_of(records, metric)
    sides, left_out = _believed(records, metric, problems)
    measure = measure_of(records, metric)
    try:
        check_alpha(alpha)
        if all(side.attempts for side in sides):
            placed = place_grid(sides, measure, alpha, rng, intersect=intersect)
            costs = costs_of(records, [side.model for side in sides], placed.items, metric)
        else:
            placed = place_counts(sides, alpha, rng, intersect=intersect)
            costs = costs_of_counts(records, [side.model for side in sides], placed.items, metric)
        standings, pairs = _standings(sides, placed, costs, alpha, less=measure.less)
    except ValueError as error:
        raise UsageError(f"{len(sides)} models on {metric!r}: {error}") from error
    ranked = {side.model for side in sides}
    notes = [one.text for one in problems if one.level != "broken" and one.model in {*ranked, ""}]
    return Board(
        metric=metric,
        alpha=alpha,
        items=placed.n,
        standings=standings,
        top=tuple(standing.model for standing in standings if standing.best == 1),
        pairs=pairs,
        left_out=left_out,
        sources=tuple(dict.fromkeys(source for side in sides for source in side.sources)),
        notes=(*notes, *placed.notes),
        measure=measure,
        share=placed.share,
        paired=all(side.attempts for side in sides),
    )


def _believed(
    records: Records, metric: str, problems: Sequence[Problem]
) -> tuple[list[Side], tuple[LeftOut, ...]]:
    """The sides that can be ranked, and the models that can't, with why."""
    out = {one.model: one.text for one in problems if one.level == "broken"}
    out |= {one.model: one.text for one in problems if one.kind == "no_rows"}
    models = [model for model in models_in(records) if model not in out]
    sides = list(sides_of(records, models, metric).values())
    for side in sides:
        idle = side.missing.get(NOT_RUN, 0)
        lost = sum(side.missing.values()) - idle
        tried = sum(map(len, side.attempts.values())) - idle
        if not side.attempts and not side.counts:
            out[side.model] = f"{side.model!r} has no results on {metric!r}."
        elif side.attempts and not tried:
            out[side.model] = f"{side.model!r} was not run yet."
        elif lost > FEW * tried:
            out[side.model] = f"{side.model!r} has no score for {lost} of {tried} results."
    kept = [side for side in sides if side.model not in out]
    if not kept:
        reasons = " ".join(out.values()) or "there is none."
        raise UsageError(f"no model can be ranked on {metric!r}: {reasons}")
    return kept, tuple(LeftOut(model, why) for model, why in out.items())


def _standings(
    sides: Sequence[Side],
    placed: Placed,
    costs: dict[str, Cost],
    alpha: float,
    *,
    less: bool,
) -> tuple[tuple[Standing, ...], tuple[BoardPair, ...]]:
    adjusted = holm([pair.p for pair in placed.pairs])
    beats = [
        (pair.b, pair.a)
        if (placed.values[pair.a] < placed.values[pair.b]) != less
        else (pair.a, pair.b)
        for pair, p in zip(placed.pairs, adjusted, strict=True)
        if p <= alpha and placed.values[pair.a] != placed.values[pair.b]
    ]
    names = [side.model for side in sides]
    named = [(names[winner], names[loser]) for winner, loser in beats]
    worse = {} if less else dominated(named, costs)  # a cost alone tells of no worth
    standings = tuple(
        Standing(
            model=names[one.row],
            n=placed.ns[one.row],
            value=one.rate,
            interval=placed.intervals[one.row],
            best=one.best,
            worst=one.worst,
            tied=tuple(names[row] for row in one.tied),
            missing=sum(sides[one.row].missing.values()),
            cost_usd=costs[names[one.row]].usd,
            usd_per_pass=costs[names[one.row]].usd_per_pass,
            seconds=costs[names[one.row]].seconds,
            dominated_by=worse.get(names[one.row], ()),
        )
        for one in rank(placed.values, beats, less=less)
    )
    pairs = tuple(
        BoardPair(
            names[pair.a],
            names[pair.b],
            pair.higher_b if less else pair.higher_a,
            pair.higher_a if less else pair.higher_b,
            pair.p,
            p,
        )
        for pair, p in zip(placed.pairs, adjusted, strict=True)
    )
    return standings, pairs
