"""What a planned comparison rests on: how items cluster, and on which share the models differ.

Knows nothing of tests; `power` does.
"""

from __future__ import annotations

import math

from msgspec import Struct


class Clustering(Struct, frozen=True):
    """Items in clusters of `size`, which resemble each other by `icc`, the intraclass correlation.

    `design_effect` is 1 + (size - 1) icc: the factor on the variance (L. Kish, "Survey sampling",
    1965). Size 1 means independent items.
    """

    size: float = 1.0
    icc: float = 0.0

    def __post_init__(self) -> None:
        if not (self.size >= 1.0 and math.isfinite(self.size)):
            raise ValueError(f"cluster size={self.size!r}: a cluster holds at least one item")
        if not 0.0 <= self.icc <= 1.0:
            raise ValueError(f"icc={self.icc!r} is outside [0, 1]")

    @property
    def design_effect(self) -> float:
        """The factor on the variance of a mean."""
        return 1.0 + (self.size - 1.0) * self.icc


ALONE = Clustering()


class Discordance(Struct, frozen=True):
    """Shares of items that only A, and only B, gets right; what a paired design rests on."""

    only_a: float
    only_b: float

    def __post_init__(self) -> None:
        if not (self.only_a >= 0.0 and self.only_b >= 0.0 and self.only_a + self.only_b <= 1.0):
            raise ValueError(
                f"shares {(self.only_a, self.only_b)!r}: none may be negative, nor the sum above 1"
            )

    @property
    def difference(self) -> float:
        """rate(A) - rate(B)."""
        return self.only_a - self.only_b

    @property
    def total(self) -> float:
        """The share of items on which the two differ."""
        return self.only_a + self.only_b

    @property
    def variance(self) -> float:
        """The variance of the difference of one item."""
        return max(0.0, self.total - self.difference**2)


def discordance_of(rate_a: float, rate_b: float, differ: float | None = None) -> Discordance:
    """Discordant shares from two rates and the share of items on which the models differ.

    Without `differ` the two are taken as independent, which for models of one kind is cautious:
    real pairs differ on fewer items, so that fewer items are needed.

    Raises:
        ValueError: a rate outside [0, 1], or `differ` impossible for these rates.
    """
    check_rates(rate_a=rate_a, rate_b=rate_b)
    if differ is None:
        return Discordance(rate_a * (1.0 - rate_b), rate_b * (1.0 - rate_a))
    least = abs(rate_a - rate_b)
    most = min(rate_a + rate_b, 2.0 - rate_a - rate_b)
    if not least - 1e-12 <= differ <= most + 1e-12:
        raise ValueError(
            f"differ={differ!r} can't be with rates {rate_a!r} and {rate_b!r}: "
            f"it lies between {least:.4g} and {most:.4g}"
        )
    gap = rate_a - rate_b
    return Discordance(max(0.0, (differ + gap) / 2.0), max(0.0, (differ - gap) / 2.0))


def check_rates(**rates: float) -> None:
    """Refuse a rate that is none.

    Raises:
        ValueError: one outside [0, 1].
    """
    for name, rate in rates.items():
        if not 0.0 <= rate <= 1.0:
            raise ValueError(f"{name}={rate!r} is outside [0, 1]")
