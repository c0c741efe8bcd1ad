"""What comparing two models, or ranking many, gives: Finding and Board.

Terminal, JSON, pages and claims all read these, so they cannot disagree. Knows nothing of how they
are computed or shown.
"""

from __future__ import annotations

from msgspec import Struct

from ossay.stats.comparison import Comparison
from ossay.stats.effects import OddsRatio
from ossay.stats.interval import Interval
from ossay.stats.measure import PLAIN, Measure
from ossay.stats.verdict import Verdict


class Differing(Struct, frozen=True):
    """An item on which two models differ, and the runs behind it ('' where there are none).

    `attempt` is 0 where the scores are means of several attempts.
    """

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
        interval_a, interval_b: Of each model's own value, at 1 - alpha.
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
    interval_a: Interval
    interval_b: Interval
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
    can't be told from this one. `cost_usd` is that of all attempts on the ranked items, `seconds`
    the mean of one; None where any of them is unknown. `dominated_by` names models that beat this
    one and cost less an attempt (a run, of counts), the cheapest first.
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
    dominated_by: tuple[str, ...] = ()


class LeftOut(Struct, frozen=True):
    """A model that the leaderboard doesn't rank, and why, in a sentence."""

    model: str
    why: str


class BoardPair(Struct, frozen=True):
    """Two models of a leaderboard: items on which each is the better one, p, and p after Holm.

    Of counts the items aren't known.
    """

    a: str
    b: str
    only_a: int | None
    only_b: int | None
    p: float
    adjusted: float


class Board(Struct, frozen=True, omit_defaults=True):
    """Models ranked on the items that all of them have; `top` can't be told from the first.

    `items` is how many, `measure` what the values are in, and `share` whether they are shares of 1.
    Where it is not `paired`, models have counts, and `items` is the largest n.
    """

    metric: str
    alpha: float
    items: int
    standings: tuple[Standing, ...]
    top: tuple[str, ...]
    pairs: tuple[BoardPair, ...]
    left_out: tuple[LeftOut, ...] = ()
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    measure: Measure = PLAIN
    share: bool = True
    paired: bool = True
