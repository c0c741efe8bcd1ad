"""What a sequential comparison will come to: chances to decide, items needed, when to give up.

Exact, by walking the lattice of discordant counts against the boundary of the e-value. Giving up
can only lower the chance of a false decision, so no correction is due. Knows nothing of money.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import Struct

from ossay.stats.binomial import at_least, pmf
from ossay.stats.counts import count, discordant
from ossay.stats.design import Discordance
from ossay.stats.sequential import SPREAD, Bet, boundary, decided

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats


class SequentialDesign(Struct, frozen=True):
    """Chances that A, B, or no one is named within the budget, and the mean items spent."""

    named_a: float
    named_b: float
    undecided: float
    mean_items: float


class Outlook(Struct, frozen=True):
    """The chance that the items left decide it, and whether any results of theirs could."""

    chance: float
    possible: bool
    items_left: int


def sequential_design(
    shares: Discordance, budget: int, alpha: float = 0.05, bet: Bet = SPREAD
) -> SequentialDesign:
    """What to expect of looking after every item up to `budget`, for true discordant shares.

    Raises:
        ValueError: budget < 1, or alpha outside (0, 1).
    """
    import numpy as np

    budget = count(budget, "budget", at_least=1)
    if not shares.total:
        return SequentialDesign(0.0, 0.0, 1.0, float(budget))
    most = _most(budget, shares.total)
    by_a, by_b = _walk(0, 0, most, alpha, bet, shares.only_a / shares.total)
    pairs = np.arange(most + 1.0)
    last = pmf(pairs, budget, shares.total)  # discordant pairs among all items
    named_a, named_b = float(last @ by_a), float(last @ by_b)
    # The items run while k pairs differ are 1 / share times the chance that a further one comes.
    spent = at_least(pairs + 1.0, float(budget), shares.total) / shares.total
    mean = float(spent @ (1.0 - by_a - by_b))
    return SequentialDesign(named_a, named_b, max(0.0, 1.0 - named_a - named_b), mean)


def outlook(
    only_a: int, only_b: int, n: int, budget: int, alpha: float = 0.05, bet: Bet = SPREAD
) -> Outlook:
    """The chance to decide between n items and `budget`, given what was seen.

    The unknown shares follow their posterior from uniform priors, so the chance counts how little
    is known; 1 where the counts decide already. Stop for futility where it is small, say 5 %.

    Raises:
        ValueError: negative counts, more discordant pairs than items, budget below n, or alpha
            outside (0, 1).
    """
    import numpy as np

    n, budget = count(n, "n"), count(budget, "budget")
    only_a, only_b = discordant(only_a, only_b, n)
    if budget < n:
        raise ValueError(f"budget={budget!r} is below the n={n!r} items already run")
    left = budget - n
    if decided(only_a, only_b, alpha, bet):
        return Outlook(1.0, True, left)
    needed = boundary(only_a + only_b + left, alpha, bet)
    best = max(only_a, only_b)
    possible = any(best + more >= needed[only_a + only_b + more] for more in range(1, left + 1))
    if not possible:
        return Outlook(0.0, False, left)
    weights = _beta_binomials(left, only_a + only_b + 1.0, n - only_a - only_b + 1.0)
    likely = int(np.flatnonzero(np.cumsum(weights[::-1])[::-1] > 1e-12)[-1])
    by_a, by_b = _walk(only_a, only_b, likely, alpha, bet, None)
    return Outlook(float(weights[: likely + 1] @ (by_a + by_b)), True, left)


def _walk(
    only_a: int, only_b: int, steps: int, alpha: float, bet: Bet, share: float | None
) -> tuple[Floats, Floats]:
    """Chances that A, and B, was named by each of 0..steps further discordant pairs.

    `share` is A's chance to win a pair; None lets it follow the counts (Polya's urn from 1 + 1).
    """
    import numpy as np

    start = only_a + only_b
    needed = boundary(start + steps, alpha, bet)
    alive, low = np.ones(1), 0  # chances of low, low + 1, … wins of A among the further pairs
    wins = np.arange(steps + 2.0)
    by_a, by_b = np.zeros(steps + 1), np.zeros(steps + 1)
    for t in range(1, steps + 1):
        if share is None:
            chance = (only_a + 1.0 + wins[low : low + alive.size]) / (start + 1.0 + t)
            won = alive * chance
        else:
            won = alive * share
        moved = np.zeros(alive.size + 1)
        moved[:-1] = alive - won
        moved[1:] += won
        bar = needed[start + t]
        first_a = min(moved.size, max(0, bar - only_a - low))  # from where A is named
        last_b = min(first_a, max(0, start + t - bar - only_a - low + 1))  # up to where B is
        by_a[t] = by_a[t - 1] + moved[first_a:].sum()
        by_b[t] = by_b[t - 1] + moved[:last_b].sum()
        alive, low = moved[last_b:first_a], low + last_b
        if not alive.size:
            by_a[t:], by_b[t:] = by_a[t], by_b[t]
            break
    return by_a, by_b


def _most(n: int, share: float) -> int:
    """Discordant pairs that n items don't exceed but with a chance below 1e-12."""
    return min(n, math.ceil(n * share + 8.0 * math.sqrt(n * share * (1.0 - share)) + 12.0))


def _beta_binomials(n: int, a: float, b: float) -> Floats:
    import numpy as np
    from scipy.special import betaln, gammaln

    k = np.arange(n + 1)
    ways = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    chances: Floats = np.exp(ways + betaln(k + a, n - k + b) - betaln(a, b))
    return chances
