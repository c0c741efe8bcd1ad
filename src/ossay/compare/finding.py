"""What comparing two models, or ranking many, gives: Finding and Board.

Terminal, JSON, pages and claims all read these, so they cannot disagree. Knows nothing of how they
are computed or shown.
"""

from __future__ import annotations

from msgspec import Struct

from ossay.stats.comparison import Comparison
from ossay.stats.effects import OddsRatio
from ossay.stats.interval import Interval
from ossay.stats.verdict import Verdict


class Differing(Struct, frozen=True):
    """An item on which two models differ, and the runs behind it ('' where there are none)."""

    item: str
    attempt: int
    cluster: str | None
    score_a: float
    score_b: float
    run_a: str = ""
    run_b: str = ""


class Finding(Struct, frozen=True, omit_defaults=True):
    """Two models compared on one metric.

    Attributes:
        a, b: The models, as the records name them.
        metric: What was compared.
        comparison, verdict: The numbers, and what they allow one to say. All in `stats`.
        odds_ratio, cohens_g, cohens_h: Effect sizes; None where the design has none.
        family, family_size: Of the comparisons that were declared together; '' and 1 for one alone.
        averaged: Whether an item's attempts were averaged, since they could not be paired.
        differing: Where the two differ: A ahead first, each by item.
        only_in_a, only_in_b: Items that the other side lacks, left out by wish.
        missing_a, missing_b: Attempts without a score, by their reason.
        sources: Names of the sources that were used.
        notes: What a reader must know, one sentence each.
    """

    a: str
    b: str
    metric: str
    comparison: Comparison
    verdict: Verdict
    odds_ratio: OddsRatio | None = None
    cohens_g: float | None = None
    cohens_h: float | None = None
    family: str = ""
    family_size: int = 1
    averaged: bool = False
    differing: tuple[Differing, ...] = ()
    only_in_a: tuple[str, ...] = ()
    only_in_b: tuple[str, ...] = ()
    missing_a: dict[str, int] = {}
    missing_b: dict[str, int] = {}
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Standing(Struct, frozen=True, omit_defaults=True):
    """One row of a leaderboard.

    `best` and `worst` are the ranks that the data leave possible; `tied` names the models that
    can't be told from this one. Costs and seconds are None where any of them is unknown.
    """

    model: str
    n: int
    value: float
    interval: Interval
    best: int
    worst: int
    tied: tuple[str, ...] = ()
    missing: int = 0
    cost_usd: float | None = None
    usd_per_pass: float | None = None
    seconds: float | None = None


class LeftOut(Struct, frozen=True):
    """A model that the leaderboard doesn't rank, and why, in a sentence."""

    model: str
    why: str


class BoardPair(Struct, frozen=True):
    """Two models of a leaderboard: discordant items, p, and p after Holm over all pairs."""

    a: str
    b: str
    only_a: int
    only_b: int
    p: float
    adjusted: float


class Board(Struct, frozen=True, omit_defaults=True):
    """Models ranked on the items that all of them have; `top` can't be told from the first."""

    metric: str
    alpha: float
    items: int
    standings: tuple[Standing, ...]
    top: tuple[str, ...]
    pairs: tuple[BoardPair, ...]
    left_out: tuple[LeftOut, ...] = ()
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
