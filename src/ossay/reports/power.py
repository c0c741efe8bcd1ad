"""Power: what the number of items of a campaign can show, before its results and after.

Before, two models are taken to pass half of the items each and to fail independently; after, pairs
differ as often as was seen, and items of a task resemble each other as was seen. Never from the
difference that was seen: that would only tell p again. Knows nothing of how it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median_low

from msgspec import Struct
from msgspec.structs import replace

from ossay.compare.finding import Finding
from ossay.compare.need import Wish, need_paired
from ossay.compare.side import sides_of
from ossay.compare.units import Matched, match
from ossay.core.errors import UsageError
from ossay.core.results import SCORE, Records
from ossay.stats.design import ALONE, Clustering

CHANCE = 0.8
GAPS = (5, 10, 20)  # points
MOST_FAMILIES = 20  # a plan may come from anyone


class Tested(Struct, frozen=True):
    """Pairs of models that are tested together at `alpha`; `family` is '' for one that is alone."""

    family: str
    pairs: int
    alpha: float


class Needed(Struct, frozen=True):
    """About how many items a model a difference of `points` takes; None where no number would."""

    points: int
    items: int | None


class Reach(Struct, frozen=True):
    """What one number of shared items shows with a chance of `CHANCE`.

    Attributes:
        family, tested: The pairs that are corrected together, and how many; '' and 1 for one alone.
        alpha: Of all these pairs together.
        items: A model. Of several pairs with different numbers the middle one.
        clusters: What the items lie in, None where each stands alone.
        alike: How much those of a cluster resemble each other, 0 to 1 (icc): assumed before, seen
            after.
        differ: Share of items on which two models differ, seen; None where half pass is assumed.
        pairs: How many pairs that is taken from; 0 before any result.
        least: The smallest difference shown, in whole points; None where not even 100 are.
        needed: For each of `GAPS`.
    """

    family: str
    tested: int
    alpha: float
    items: int
    clusters: int | None
    alike: float
    differ: float | None = None
    pairs: int = 0
    least: int | None = None
    needed: tuple[Needed, ...] = ()


class Power(Struct, frozen=True):
    """As planned, and as run. `chance` is that of showing what is called shown."""

    chance: float
    planned: tuple[Reach, ...]
    run: tuple[Reach, ...]


def power_of(
    records: Records, found: Sequence[Finding], families: Sequence[Tested]
) -> Power | None:
    """The power of each family, up to `MOST_FAMILIES`; None without one, or with nothing shared.

    `planned` reads the plan's items alone: neither results, nor what is missing.
    """
    planned = _planned(records)
    if planned is None or not families:
        return None
    items, clusters = planned
    before, after = list[Reach](), list[Reach]()
    for one in families[:MOST_FAMILIES]:
        for alike in (0.0,) if clusters is None else (0.0, 1.0):
            bare = Reach(one.family, one.pairs, one.alpha, items, clusters, alike)
            before.append(_reached(bare))
        seen = [
            finding
            for finding in found
            if finding.family == one.family and finding.comparison.design == "pairs"
        ]
        if seen:
            after.append(_reached(_seen(seen, one)))
    return Power(CHANCE, tuple(before), tuple(after))


def _planned(records: Records) -> tuple[int, int | None] | None:
    """Items and clusters of the pair with the fewest, if every run had a result."""
    rows = tuple(replace(row, score=0.0, missing="") for row in records.results)
    models = tuple(dict.fromkeys(row.model for row in rows))
    try:
        sides = sides_of(Records(records.sources, rows), models, SCORE)
        first, *others = sides.values()
        met = [match(first, other, intersect=True) for other in others]
    except UsageError:  # rows that contradict each other, or nothing in common
        return None
    return min(((len(one.units), _clusters(one)) for one in met), default=None)


def _clusters(met: Matched) -> int | None:
    return None if met.clusters is None else len(set(met.clusters))


def _seen(found: Sequence[Finding], family: Tested) -> Reach:
    """The middle pair's items, and how often all pairs together differ and resemble."""
    numbers = [one.comparison for one in found]
    clusters = [one.clusters for one in numbers if one.clusters is not None]
    differ = sum((one.only_a or 0) + (one.only_b or 0) for one in numbers)
    return Reach(
        family=family.family,
        tested=family.pairs,
        alpha=family.alpha,
        items=median_low(one.n_a for one in numbers),
        clusters=median_low(clusters) if clusters else None,
        alike=sum(one.clustering.icc for one in numbers) / len(numbers),
        differ=differ / sum(one.n_a for one in numbers),
        pairs=len(numbers),
    )


def _reached(bare: Reach) -> Reach:
    """Fill in `least` and `needed`."""
    clustering = ALONE
    if bare.clusters is not None and bare.items > bare.clusters:
        clustering = Clustering(bare.items / bare.clusters, bare.alike)
    wish = Wish(CHANCE, bare.alpha, bare.tested, clustering)
    needed = tuple(Needed(gap, _items(gap, bare.differ, wish)) for gap in GAPS)
    return replace(bare, least=_least(bare, wish), needed=needed)


def _least(bare: Reach, wish: Wish) -> int | None:
    """The least whole number of points that is shown, by halving: power rises with it."""
    low, high = 0, 101
    while high - low > 1:
        middle = (low + high) // 2
        if _chance(middle, bare, wish) >= wish.power:
            high = middle
        else:
            low = middle
    return high if high <= 100 else None


def _chance(points: int, bare: Reach, wish: Wish) -> float:
    if bare.clusters == 1:  # nothing tells how much clusters differ
        return 0.0
    rates, differ = _assumed(points, bare.differ)
    return need_paired(rates, differ, bare.items, wish).power


def _items(points: int, differ: float | None, wish: Wish) -> int | None:
    rates, differ = _assumed(points, differ)
    return need_paired(rates, differ, None, wish).n


def _assumed(points: int, differ: float | None) -> tuple[tuple[float, float], float | None]:
    """Rates around a half so far apart; two that differ by d differ on a share d of items at least.

    Given `differ`, where the rates lie makes no odds to a paired test.
    """
    gap = points / 100.0
    return (0.5 + gap / 2.0, 0.5 - gap / 2.0), None if differ is None else max(differ, gap)
