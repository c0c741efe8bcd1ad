"""The agreement of a study's raters, ready to show: coefficients with intervals, leans and drifts.

Knows nothing of HTTP or of how they are computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from ossay.core.rubric import Rubric
from ossay.records.agreement import TIER, RaterFinding, RubricAgreement, agreement_of
from ossay.records.rescored import Rescored
from ossay.stats.agreement import Agreement
from ossay.stats.interval import Interval
from ossay.web.card import points

if TYPE_CHECKING:
    from numpy.random import Generator


class Line(Struct, frozen=True):
    """One coefficient. Texts are ready to show; '–' where there is nothing to say."""

    name: str
    value: str
    interval: str
    answers: int
    note: str = ""


class Sheet(Struct, frozen=True):
    """One rubric's agreement."""

    rubric: str
    versions: str
    raters: str
    answers: int
    twice: int
    lines: list[Line]


class RaterLine(Struct, frozen=True):
    """One rater."""

    name: str
    ratings: int
    mean: str
    lean: str
    drift: str


class Agreed(Struct, frozen=True):
    """All that the page shows."""

    sheets: list[Sheet]
    raters: list[RaterLine]
    notes: list[str]


def agreed(rated: Rescored, rubrics: Mapping[str, Rubric], rng: Generator) -> Agreed:
    """Compute and word it. `rubrics` by digest, of all that the ratings were made by."""
    found = agreement_of(rated.ratings, rubrics, "human", rng)
    return Agreed(
        [_sheet(one, rubrics) for one in found.rubrics],
        [_rater(one) for one in found.raters],
        list(rated.notes),
    )


def _sheet(found: RubricAgreement, rubrics: Mapping[str, Rubric]) -> Sheet:
    texts = {item.id: item.text for rubric in rubrics.values() for item in rubric.items}
    lines = [] if found.score is None else [_line("Score, alpha", found.score)]
    if found.icc is not None and found.icc.single is not None:
        icc = found.icc
        who = f"of {', '.join(found.icc_raters)}"
        span = _span(icc.single_interval)
        lines.append(Line("Score, ICC(2,1)", f"{icc.single:.2f}", span, icc.targets, who))
    for item in found.items:
        name = "Base, alpha" if item.item == TIER else texts.get(item.item, item.item)
        note = "" if item.share is None else f"chosen in {item.share:.0%}"
        lines.append(_line(name, item.agreement, note))
    return Sheet(
        found.rubric,
        ", ".join(found.versions),
        ", ".join(found.raters),
        found.answers,
        found.twice,
        lines,
    )


def _line(name: str, agreement: Agreement, note: str = "") -> Line:
    if agreement.value is None:
        return Line(name, "–", "–", agreement.units, note or "all ratings are equal")
    value = f"{agreement.value:.2f}"
    return Line(name, value, _span(agreement.interval), agreement.units, note)


def _rater(found: RaterFinding) -> RaterLine:
    lean = "–" if found.lean is None else _signed(found.lean, found.lean_interval)
    if found.lean is not None:
        lean += f", {found.shared} shared"
    moved = found.drift
    drift = "–" if moved is None else _signed(moved.last - moved.first, moved.gap.interval)
    return RaterLine(found.rater, found.ratings, f"{found.mean:.2f}", lean, drift)


def _signed(value: float, interval: Interval | None) -> str:
    if interval is None:
        return points(round(value, 2))
    low, middle, high = (points(round(one, 2)) for one in (interval.low, value, interval.high))
    return f"{middle} ({low} to {high})"


def _span(interval: Interval | None) -> str:
    return "–" if interval is None else f"{interval.low:.2f} to {interval.high:.2f}"
