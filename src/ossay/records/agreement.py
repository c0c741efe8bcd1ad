"""How far raters agree: each item, the score, how each rater leans, and whether one drifts.

Ratings of one kind that hold count, where the machine did not know all: elsewhere nobody could
differ. Knows nothing of ledgers or pages; the coefficients are those of `stats`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from ossay.core.rating import RaterKind, Rating, current
from ossay.core.rubric import Rubric
from ossay.stats.agreement import Agreement, krippendorff_alpha
from ossay.stats.clustered import clustered_mean
from ossay.stats.drift import Drift, drift
from ossay.stats.icc import Correlation, icc
from ossay.stats.interval import Interval

if TYPE_CHECKING:
    import numpy as np

TIER = "tier"  # the one choice of a base, as an item
_LEAST = 4  # ratings of which a drift can be told


class ItemAgreement(Struct, frozen=True):
    """An item of a rubric. `share` is how often it was chosen; None for the choice of a tier."""

    item: str
    agreement: Agreement
    share: float | None


class RaterFinding(Struct, frozen=True):
    """One rater.

    Attributes:
        rater: The name.
        ratings: How many of hers hold.
        mean: Of her scores.
        shared: Answers that somebody else rated too.
        lean: Mean of her score less the others' mean on those; None where there are none.
        lean_interval: None with fewer than two.
        drift: Of what is left of her scores when the others' mean and her lean are taken off, or,
            on answers that she alone rated, her own mean there; None with fewer than four ratings.
    """

    rater: str
    ratings: int
    mean: float
    shared: int
    lean: float | None
    lean_interval: Interval | None
    drift: Drift | None


class RubricAgreement(Struct, frozen=True):
    """One rubric.

    Attributes:
        rubric: Its name.
        versions: That ratings were made by.
        raters: Who rated.
        answers: How many were rated.
        twice: How many of them by two raters at least: only these tell of agreement.
        items: Krippendorff's alpha of each item, nominal.
        score: The same of the score, on an interval scale; None where no answer has two ratings.
        icc: ICC(2) of the score on answers that all of `icc_raters` rated; None where those are
            fewer than two.
    """

    rubric: str
    versions: tuple[str, ...]
    raters: tuple[str, ...]
    answers: int
    twice: int
    items: tuple[ItemAgreement, ...]
    score: Agreement | None
    icc: Correlation | None
    icc_raters: tuple[str, ...]


class Raters(Struct, frozen=True):
    """What is known of a campaign's raters of one kind."""

    rubrics: tuple[RubricAgreement, ...]
    raters: tuple[RaterFinding, ...]


def agreement_of(
    ratings: Iterable[Rating],
    rubrics: Mapping[str, Rubric],
    kind: RaterKind = "human",
    rng: np.random.Generator | None = None,
    *,
    resamples: int = 2_000,
) -> Raters:
    """Say how far the raters of a campaign agree.

    Args:
        ratings: Every row, in the ledger's order.
        rubrics: Digest -> rubric, of all that ratings were made by.
        kind: People or models.
        rng: For intervals of alpha; none without it.
        resamples: Draws of each interval.
    """
    held = [rating for rating in current(ratings) if rating.kind == kind and rating.asked]
    names = list(dict.fromkeys(rating.rubric for rating in held))
    parts = [[rating for rating in held if rating.rubric == name] for name in names]
    return Raters(
        tuple(_rubric(part, rubrics, rng, resamples) for part in parts),
        tuple(_rater(name, held) for name in dict.fromkeys(rating.rater for rating in held)),
    )


def _rubric(
    ratings: Sequence[Rating],
    rubrics: Mapping[str, Rubric],
    rng: np.random.Generator | None,
    resamples: int,
) -> RubricAgreement:
    raters = tuple(dict.fromkeys(rating.rater for rating in ratings))
    runs = list(dict.fromkeys(rating.run for rating in ratings))
    at = {(rating.rater, rating.run): rating for rating in ratings}
    table = [[at.get((rater, run)) for run in runs] for rater in raters]
    twice = _twice(table)
    scores = [[None if one is None else round(one.score, 2) for one in row] for row in table]
    places = _places(ratings, rubrics)
    tables = {TIER: [[_tier(r, places) if r else None for r in row] for row in table]}
    for item in _judged(ratings, rubrics):
        tables[item] = [[_says(r, item) for r in row] for row in table]
    items = (_item(item, coded, rng, resamples) for item, coded in tables.items())
    full, common = _complete(scores)
    return RubricAgreement(
        ratings[0].rubric,
        tuple(dict.fromkeys(rating.rubric_version for rating in ratings)),
        raters,
        len(runs),
        twice,
        tuple(item for item in items if item is not None),
        krippendorff_alpha(scores, "interval", rng, resamples=resamples) if twice else None,
        icc(common) if common else None,
        tuple(raters[index] for index in full),
    )


def _places(ratings: Sequence[Rating], rubrics: Mapping[str, Rubric]) -> dict[str, float]:
    """Tier -> its code, one for all versions: an id is the same question in each of them."""
    versions = dict.fromkeys(rating.rubric_digest for rating in ratings)
    tiers = dict.fromkeys(item.id for digest in versions for item in rubrics[digest].tiers)
    return {id_: float(place) for place, id_ in enumerate(tiers)}


def _tier(rating: Rating, places: Mapping[str, float]) -> float | None:
    """The code of the tier that the rater chose; None where the machine had found it."""
    return next((places[id_] for id_ in rating.chosen if id_ in places), None)


def _judged(ratings: Sequence[Rating], rubrics: Mapping[str, Rubric]) -> list[str]:
    """The items that raters were asked, tiers excepted, in their order."""
    tiers = {item.id for rating in ratings for item in rubrics[rating.rubric_digest].tiers}
    asked = dict.fromkeys(item for rating in ratings for item in rating.asked)
    return [item for item in asked if item not in tiers]


def _says(rating: Rating | None, item: str) -> float | None:
    if rating is None or item not in rating.asked:
        return None
    return float(item in rating.chosen)


def _twice(table: Sequence[Sequence[object | None]]) -> int:
    """How many columns have two values at least."""
    return sum(sum(one is not None for one in column) >= 2 for column in zip(*table, strict=True))


def _item(
    item: str,
    coded: Sequence[Sequence[float | None]],
    rng: np.random.Generator | None,
    resamples: int,
) -> ItemAgreement | None:
    """None where no answer has two ratings with that item."""
    if not _twice(coded):
        return None
    seen = [one for row in coded for one in row if one is not None]
    share = None if item == TIER else sum(seen) / len(seen)
    alpha = krippendorff_alpha(coded, "nominal", rng, resamples=resamples)
    return ItemAgreement(item, alpha, share)


def _complete(scores: Sequence[Sequence[float | None]]) -> tuple[list[int], list[list[float]]]:
    """The raters and the answers that all of these rated: as many ratings as can be, shape [n, k].

    Raters are taken by how much they rated. Empty where two share fewer than two.
    """
    counts = [sum(one is not None for one in row) for row in scores]
    order = sorted(range(len(scores)), key=lambda index: -counts[index])
    best: tuple[list[int], list[list[float]]] = ([], [])
    for size in range(2, len(order) + 1):
        chosen = sorted(order[:size])
        columns = zip(*(scores[index] for index in chosen), strict=True)
        rows = [[float(one) for one in column if one is not None] for column in columns]
        rows = [row for row in rows if len(row) == size]
        if len(rows) >= 2 and size * len(rows) > len(best[0]) * len(best[1]):
            best = (chosen, rows)
    return best


def _rater(rater: str, ratings: Sequence[Rating]) -> RaterFinding:
    own = sorted((one for one in ratings if one.rater == rater), key=lambda one: one.at)
    others: dict[tuple[str, str], list[float]] = {}
    for one in ratings:
        if one.rater != rater:
            others.setdefault((one.run, one.rubric), []).append(one.score)
    beside = [others.get((one.run, one.rubric)) for one in own]
    gaps = [
        one.score - sum(scores) / len(scores)
        for one, scores in zip(own, beside, strict=True)
        if scores is not None
    ]
    lean = clustered_mean(gaps, range(len(gaps))) if len(gaps) > 1 else None
    return RaterFinding(
        rater,
        len(own),
        sum(one.score for one in own) / len(own),
        len(gaps),
        sum(gaps) / len(gaps) if gaps else None,
        None if lean is None else lean.interval(),
        drift(_left(own, beside, gaps)) if len(own) >= _LEAST else None,
    )


def _left(
    own: Sequence[Rating], beside: Sequence[Sequence[float] | None], gaps: Sequence[float]
) -> list[float]:
    """What is left of each score without the answer's worth and the rater's usual lean."""
    alone: dict[str, list[float]] = {}
    for one, scores in zip(own, beside, strict=True):
        if scores is None:
            alone.setdefault(one.rubric, []).append(one.score)
    usual = {rubric: sum(scores) / len(scores) for rubric, scores in alone.items()}
    lean = sum(gaps) / len(gaps) if gaps else 0.0
    return [
        one.score - (usual[one.rubric] if scores is None else sum(scores) / len(scores) + lean)
        for one, scores in zip(own, beside, strict=True)
    ]
