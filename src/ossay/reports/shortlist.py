"""Which pairs of models, and which items of a pair, a reader is shown: Shortlist, Sample.

All pairs of a few models; of many, those that are decided and the ten that are nearest to it. Knows
nothing of words or drawings.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ossay.compare.finding import Differing, Finding

ALL = 15  # pairs up to which all are shown: those of six models
NEAREST = 10
DRAWN = 40  # lines of the forest plot
ROWS = 50  # items of one pair
PAGE_ROWS = 600  # items of all pairs together


class Sample(Struct, frozen=True):
    """The first items on which two models differ: A ahead, B ahead, and how many are not here."""

    a_ahead: tuple[Differing, ...]
    b_ahead: tuple[Differing, ...]
    all_a: int
    all_b: int

    @property
    def left_out(self) -> int:
        """Items on which they differ that are not in the sample."""
        return self.all_a + self.all_b - len(self.a_ahead) - len(self.b_ahead)


class Shortlist(Struct, frozen=True):
    """The pairs that are shown, the samples beside them, and how many pairs are left out.

    `drawn` are those of the forest plot: of many, the ones closest to the line between decided and
    not, from either side.
    """

    shown: tuple[Finding, ...]
    samples: tuple[Sample, ...]
    drawn: tuple[Finding, ...]
    left_out: int


def shortlist_of(findings: Sequence[Finding]) -> Shortlist:
    """Choose what is shown, in the order given."""
    undecided = sorted(
        (place for place, one in enumerate(findings) if not is_decided(one)),
        key=lambda place: (findings[place].verdict.p, findings[place].comparison.p),
    )
    dropped = frozenset(undecided[NEAREST:] if len(findings) > ALL else ())
    shown = tuple(one for place, one in enumerate(findings) if place not in dropped)
    near = _nearest(shown)
    return Shortlist(
        shown,
        _samples(shown, near),
        tuple(nearest(shown, DRAWN)),
        len(dropped),
    )


def nearest(findings: Sequence[Finding], most: int) -> list[Finding]:
    """Up to `most` findings, those closest to the line between decided and not, in their order."""
    return [findings[place] for place in sorted(_nearest(findings)[:most])]


def is_decided(one: Finding) -> bool:
    """Whether one model is better, or both are tied."""
    return one.verdict.kind != "not_enough_data"


def sample_of(one: Finding, rows: int = ROWS) -> Sample:
    """Up to `rows` items, half of them a side; what one side doesn't need the other has."""
    a_ahead = [item for item in one.differing if item.score_a > item.score_b]
    b_ahead = [item for item in one.differing if item.score_a <= item.score_b]
    first = max(rows - rows // 2, rows - len(b_ahead))
    kept = a_ahead[:first]
    return Sample(tuple(kept), tuple(b_ahead[: rows - len(kept)]), len(a_ahead), len(b_ahead))


def _nearest(shown: Sequence[Finding]) -> list[int]:
    """Places, undecided pairs first, then the decided ones from the largest p down."""

    def key(place: int) -> tuple[bool, float, float]:
        one = shown[place]
        sign = -1.0 if is_decided(one) else 1.0
        return is_decided(one), sign * one.verdict.p, sign * one.comparison.p

    return sorted(range(len(shown)), key=key)


def _samples(shown: Sequence[Finding], near: Sequence[int]) -> tuple[Sample, ...]:
    """Rows go to the nearest pairs first, until the page is full."""
    left = PAGE_ROWS
    found: dict[int, Sample] = {}
    for place in near:
        found[place] = sample_of(shown[place], min(ROWS, left))
        left -= len(found[place].a_ahead) + len(found[place].b_ahead)
    return tuple(found[place] for place in range(len(shown)))
