"""Many tests at once: a family declared before its results, Holm, Benjamini-Hochberg.

The size of the family is what was declared, not what was later found worth showing. Knows nothing
of how a p value was made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Literal

from msgspec import Struct

from ossay.stats.interval import check_alpha

Correction = Literal["holm", "benjamini_hochberg"]


class Family(Struct, frozen=True):
    """The tests that will be made, named before any of them is. Names are unique."""

    name: str
    tests: tuple[str, ...]

    def __post_init__(self) -> None:
        twice = [test for test, times in Counter(self.tests).items() if times > 1]
        if twice:
            raise ValueError(f"family {self.name!r} declares {min(twice)!r} twice")
        if not self.tests:
            raise ValueError(f"family {self.name!r} declares no test")


class Adjusted(Struct, frozen=True):
    """One test of a family. `adjusted` is compared with alpha itself; `rejected` says the outcome.

    Both p values are None for a declared test that was never made: it still counts.
    """

    test: str
    p: float | None
    adjusted: float | None
    rejected: bool


def all_pairs(name: str, models: Iterable[str]) -> Family:
    """The family of every comparison of two models, as "A vs B" in the order given."""
    return Family(name, tuple(f"{a} vs {b}" for a, b in combinations(models, 2)))


def correct(
    family: Family, found: Mapping[str, float], method: Correction = "holm", alpha: float = 0.05
) -> tuple[Adjusted, ...]:
    """Adjust the p values of a family, in the order of its declaration.

    Declared tests without a p value count with p = 1.

    Raises:
        ValueError: a p value for a test that was not declared, a p outside [0, 1], alpha outside
            (0, 1).
    """
    check_alpha(alpha)
    declared = set(family.tests)
    strange = [test for test in found if test not in declared]
    if strange:
        raise ValueError(
            f"{strange[0]!r} was not declared in family {family.name!r} of {len(family.tests)} "
            "tests: declare it before its result is known, or report it apart"
        )
    adjust = holm if method == "holm" else benjamini_hochberg
    adjusted = adjust([found.get(test, 1.0) for test in family.tests])
    return tuple(
        Adjusted(test, found[test], value, value <= alpha)
        if test in found
        else Adjusted(test, None, None, False)
        for test, value in zip(family.tests, adjusted, strict=True)
    )


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjusted p values: the chance of one false rejection in the family stays at alpha.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6 (1979), 65-70. Holds under any dependence. Same order as given.

    Raises:
        ValueError: a p outside [0, 1].
    """
    _check(ps)
    order = sorted(range(len(ps)), key=ps.__getitem__)
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = highest
    return tuple(adjusted)


def benjamini_hochberg(ps: Sequence[float]) -> tuple[float, ...]:
    """Benjamini and Hochberg's adjusted p values: the expected share of false rejections.

    Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", Journal of the Royal
    Statistical Society B 57 (1995), 289-300. Holds for independent or positively dependent tests;
    pairwise comparisons of models are neither in general, so use Holm for them. Same order.

    Raises:
        ValueError: a p outside [0, 1].
    """
    _check(ps)
    order = sorted(range(len(ps)), key=ps.__getitem__, reverse=True)
    adjusted, least = [0.0] * len(ps), 1.0
    for passed_over, place in enumerate(order):
        rank = len(ps) - passed_over
        least = min(least, ps[place] * len(ps) / rank)
        adjusted[place] = least
    return tuple(adjusted)


def _check(ps: Sequence[float]) -> None:
    for place, p in enumerate(ps):
        if not 0.0 <= p <= 1.0:  # NaN fails this too
            raise ValueError(f"p[{place}]={p!r} is outside [0, 1]")
