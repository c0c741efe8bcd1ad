"""Need: how many items a comparison takes, what a number of items shows, before anything is run.

Rates are assumed, or taken from earlier records; the answer is as uncertain as they are. Knows
nothing of budgets.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from ossay.stats.comparison import Comparison
from ossay.stats.design import ALONE, Clustering, Discordance, discordance_of
from ossay.stats.planning import (
    needed_each,
    needed_mean,
    needed_pairs,
    smallest_paired,
    smallest_unpaired,
)
from ossay.stats.power import mean_power, paired_power, unpaired_power

Asked = Literal["n", "power", "difference"]
Test = Literal[
    "exact McNemar, same items",
    "Barnard, different items",
    "sign flips of scores, same items",
    "sign flips of whole clusters, same items",
    "t between clusters, different items",
]


class Need(Struct, frozen=True):
    """A design and what was asked of it.

    Attributes:
        asked: Which of `n`, `power` and `difference` was computed; the others were given.
        n: Items a model; None where no number would do.
        power: The chance that the test shows the difference, if it is there.
        difference: Of rates, as a share; of scores in their unit; None where n can show none.
        alpha: Of this one test, after division by the number of pairs tested.
        differ: Share of items on which paired models differ, None for other designs.
    """

    asked: Asked
    test: Test
    n: int | None
    power: float
    difference: float | None
    alpha: float
    rate_a: float | None = None
    rate_b: float | None = None
    differ: float | None = None
    clustering: Clustering = ALONE
    notes: tuple[str, ...] = ()


class Wish(Struct, frozen=True):
    """What the answer must keep to. `tested` is how many pairs will be tested together."""

    power: float = 0.8
    alpha: float = 0.05
    tested: int = 1
    clustering: Clustering = ALONE

    def __post_init__(self) -> None:
        if self.tested < 1:
            raise ValueError(f"pairs tested={self.tested!r}: at least one is")
        for name in ("power", "alpha"):
            if not 0.0 < getattr(self, name) < 1.0:
                raise ValueError(f"{name}={getattr(self, name)!r} is outside (0, 1)")

    @property
    def each(self) -> float:
        """The level of the smallest p: Holm's first step."""
        return self.alpha / self.tested


def need_apart(rate_a: float, rate_b: float | None, n: int | None, wish: Wish) -> Need:
    """Two models on different items. Without `rate_b` the least rise above `rate_a` that n shows.

    Raises:
        ValueError: a rate outside [0, 1], n < 1, neither `rate_b` nor n, fewer than two clusters.
    """
    alone = wish.clustering.size == 1.0
    test: Test = "Barnard, different items" if alone else "t between clusters, different items"
    each, power, clustering = wish.each, wish.power, wish.clustering
    asked: Asked = "n"
    if rate_b is None:
        asked = "difference"
        difference = smallest_unpaired(_given(n), rate_a, power, each, clustering)
    else:
        difference = rate_b - rate_a
        if n is None:
            n = needed_each(rate_a, rate_b, power, each, clustering)
        else:
            asked, power = "power", unpaired_power(n, n, rate_a, rate_b, each, clustering)
    return Need(
        asked, test, n, power, difference, each, rate_a, rate_b, None, clustering, _notes(wish)
    )


def need_paired(
    rates: tuple[float, float] | None, differ: float | None, n: int | None, wish: Wish
) -> Need:
    """Two models on the same items. Without rates the least difference that n and `differ` show.

    Without `differ` the two are taken to fail independently, which asks for more than is needed.

    Raises:
        ValueError: a rate outside [0, 1], `differ` impossible for the rates, neither rates nor n
            and `differ`, fewer than two clusters.
    """
    each, power, clustering = wish.each, wish.power, wish.clustering
    notes = _notes(wish)
    test = _paired_test(clustering)
    if rates is None:
        if differ is None:
            raise ValueError(
                "differ=None: say on which share of items the two differ, or both rates"
            )
        least = smallest_paired(_given(n), differ, power, each, "exact", clustering)
        return Need(
            "difference", test, n, power, least, each, None, None, differ, clustering, notes
        )
    shares = discordance_of(*rates, differ)
    if differ is None:
        notes = (
            f"The two are taken to fail independently, so to differ on {100 * shares.total:.3g} % "
            "of the items; real pairs differ on fewer and need fewer. Give --differ or --like.",
            *notes,
        )
    return _need_of_shares(shares, rates, n, wish, notes)


def need_like(found: Comparison, n: int | None, wish: Wish) -> Need:
    """If the truth is what earlier records show: n for the wished power, or the power at n.

    Clusters are those that were seen, unless `wish` names some.

    Raises:
        ValueError: n < 1, or fewer than two clusters.
    """
    clustering = found.clustering if wish.clustering == ALONE else wish.clustering
    wish = Wish(wish.power, wish.alpha, wish.tested, clustering)
    seen = f"If what {found.n_a} {found.noun}s show is the truth, which nobody knows."
    if found.design == "counts":
        need = need_apart(found.value_a, found.value_b, n, wish)
        return replace(need, notes=(seen, *need.notes))
    notes = (seen, *_notes(wish))
    if found.design == "pairs":
        shares = Discordance((found.only_a or 0) / found.n_a, (found.only_b or 0) / found.n_a)
        return _need_of_shares(shares, (found.value_a, found.value_b), n, wish, notes)
    each, power = wish.each, wish.power
    asked: Asked = "n"
    if n is None:
        n = needed_mean(found.difference, found.variance, power, each, clustering)
    else:
        asked, power = "power", mean_power(n, found.difference, found.variance, each, clustering)
    return Need(
        asked,
        "sign flips of scores, same items",
        n,
        power,
        found.difference,
        each,
        clustering=clustering,
        notes=notes,
    )


def _need_of_shares(
    shares: Discordance,
    rates: tuple[float, float],
    n: int | None,
    wish: Wish,
    notes: tuple[str, ...],
) -> Need:
    each, power, clustering = wish.each, wish.power, wish.clustering
    asked: Asked = "n"
    if n is None:
        n = needed_pairs(shares, power, each, "exact", clustering)
    else:
        asked, power = "power", paired_power(n, shares, each, "exact", clustering)
    return Need(
        asked,
        _paired_test(clustering),
        n,
        power,
        rates[1] - rates[0],
        each,
        *rates,
        shares.total,
        clustering,
        notes,
    )


def _paired_test(clustering: Clustering) -> Test:
    if clustering.size == 1.0:
        return "exact McNemar, same items"
    return "sign flips of whole clusters, same items"


def _given(n: int | None) -> int:
    if n is None:
        raise ValueError("n=None: give a second rate, or n")
    return n


def _notes(wish: Wish) -> tuple[str, ...]:
    notes = []
    if wish.tested > 1:
        notes.append(
            f"{wish.tested} pairs are tested together: the first of them is held to "
            f"{wish.each:.3g}, as Holm's correction does."
        )
    if wish.clustering.size > 1.0:
        notes.append(
            f"Clusters of {wish.clustering.size:.3g} items with icc {wish.clustering.icc:.2g} make "
            f"the variance {wish.clustering.design_effect:.3g} times as large."
        )
    return tuple(notes)
