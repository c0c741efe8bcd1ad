"""Looking after every item without paying for it: bets on who wins the next discordant pair.

If neither model is better, each wins a discordant pair with chance 1/2, and no bet at even odds
grows by plan. The wealth of a bettor is an e-value: it reaches 1 / alpha with chance at most alpha,
however often one looks and whatever the reason to stop. Knows nothing of items or budgets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from ossay.stats.arrays import results, same_length
from ossay.stats.counts import discordant
from ossay.stats.interval import check_alpha

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats

Winner = Literal["a", "b"]


class Bet(Struct, frozen=True):
    """How to bet; fixed before the first result.

    With `edge` (1/2 to 1) half of the wealth bets that A wins this share of discordant pairs, half
    that B does: the fastest where the guess is right. Without, the bet spreads over all shares as
    Beta(spread, spread): never far from the best. A large spread suits small differences.
    """

    edge: float | None = None
    spread: float = 4.0

    def __post_init__(self) -> None:
        if self.edge is not None and not 0.5 < self.edge < 1.0:
            raise ValueError(
                f"edge={self.edge!r} is outside (1/2, 1): the share that a winner takes"
            )
        if not (self.spread > 0.0 and math.isfinite(self.spread)):
            raise ValueError(f"spread={self.spread!r} is not above 0")


SPREAD = Bet()


class Watched(Struct, frozen=True):
    """The e-value after each item, and the first item (counted from 1) at which it decided.

    After that the test is over: later items may lower the e-value, the decision stands.
    """

    e_values: tuple[float, ...]
    decided_at: int | None
    winner: Winner | None
    only_a: int
    only_b: int


def log_wealth(only_a: int, only_b: int, bet: Bet = SPREAD) -> float:
    """The natural logarithm of the e-value after so many discordant pairs; 0 before the first.

    The mixture of likelihood ratios against 1/2: H. Robbins, "Statistical methods related to the
    law of the iterated logarithm", Annals of Mathematical Statistics 41 (1970); as bets: I.
    Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting", Journal
    of the Royal Statistical Society B 86 (2024), 1-27.

    Raises:
        ValueError: a count that is negative or not whole.
    """
    only_a, only_b = discordant(only_a, only_b)
    n = only_a + only_b
    if bet.edge is None:
        s = bet.spread
        beta = math.lgamma(only_a + s) + math.lgamma(only_b + s) - math.lgamma(n + 2 * s)
        start = 2 * math.lgamma(s) - math.lgamma(2 * s)
        return beta - start + n * math.log(2.0)
    up, down = math.log(2.0 * bet.edge), math.log(2.0 - 2.0 * bet.edge)
    more = max(only_a, only_b) * up + min(only_a, only_b) * down
    less = min(only_a, only_b) * up + max(only_a, only_b) * down
    return more + math.log1p(math.exp(less - more)) - math.log(2.0)


def e_value(only_a: int, only_b: int, bet: Bet = SPREAD) -> float:
    """`exp(log_wealth)`; infinite beyond what a float holds. Above 1 / alpha it decides.

    Raises:
        ValueError: a count that is negative or not whole.
    """
    wealth = log_wealth(only_a, only_b, bet)
    return math.exp(wealth) if wealth < 700.0 else math.inf


def decided(only_a: int, only_b: int, alpha: float = 0.05, bet: Bet = SPREAD) -> Winner | None:
    """Who is better, if these counts decide it now.

    The chance to ever name a wrong winner is at most alpha, and so is that to name any where
    neither is better.

    Raises:
        ValueError: a count that is negative or not whole, or alpha outside (0, 1).
    """
    check_alpha(alpha)
    if log_wealth(only_a, only_b, bet) < -math.log(alpha):
        return None
    return "a" if only_a > only_b else "b"


def watch(
    a: Sequence[float] | Floats,
    b: Sequence[float] | Floats,
    alpha: float = 0.05,
    bet: Bet = SPREAD,
) -> Watched:
    """Follow paired 0/1 results in their order, shape [n]; the counts returned are those of all n.

    The order must not depend on the results: the plan's seed gives it.

    Raises:
        ValueError: lengths that differ, a value that is no 0 or 1, or alpha outside (0, 1).
    """
    check_alpha(alpha)
    first, second = results(a, "a", at_least=0), results(b, "b", at_least=0)
    same_length(first, second, "results of A and B")
    only_a = only_b = 0
    values, at, winner = [], None, None
    for place, gap in enumerate(first - second, start=1):
        only_a += gap > 0
        only_b += gap < 0
        values.append(e_value(int(only_a), int(only_b), bet))
        if at is None:
            winner = decided(int(only_a), int(only_b), alpha, bet)
            at = place if winner else None
    return Watched(tuple(values), at, winner, int(only_a), int(only_b))


def boundary(up_to: int, alpha: float = 0.05, bet: Bet = SPREAD) -> tuple[int, ...]:
    """The least wins that decide after t discordant pairs, t = 0..up_to; t + 1 where none do.

    Raises:
        ValueError: up_to < 0, or alpha outside (0, 1).
    """
    check_alpha(alpha)
    if up_to < 0:
        raise ValueError(f"up_to={up_to!r} is negative")
    limit, needed = -math.log(alpha), []
    wins = 1
    for t in range(up_to + 1):
        wins = max(wins - 1, t // 2 + 1)  # at one more pair the bar is the same or one higher
        while wins <= t and log_wealth(wins, t - wins, bet) < limit:
            wins += 1
        needed.append(wins)
    return tuple(needed)
