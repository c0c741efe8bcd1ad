"""What the items left may still bring to a sequential comparison: a decision, or a tie.

Cheap enough to ask at hundreds of looks. Giving up can only lower the chance of a false decision,
so an approximation costs no validity. Knows nothing of why items end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from ossay.stats.confseq import difference_evidence
from ossay.stats.futility import outlook
from ossay.stats.interval import check_alpha
from ossay.stats.sequential import SPREAD, Bet, log_wealth

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats

# Up to so many items left the chance is computed exactly: 30 ms at 2,000, and growing as n^2.
EXACT = 2_000


def tie_shown(only_a: int, only_b: int, n: int, margin: float, alpha: float = 0.05) -> bool:
    """Whether `confseq.difference_sequence` at level 1 - alpha lies inside the margin after n.

    The chance to ever say so of models that differ by the margin or more is at most alpha, at all
    looks together.

    Raises:
        ValueError: margin or alpha outside (0, 1), or counts that don't fit n.
    """
    check_alpha(alpha)
    if not 0.0 < margin < 1.0:
        raise ValueError(f"margin={margin!r} is outside (0, 1); 0.05 means 5 points")
    if min(only_a, only_b) < 0 or only_a + only_b > n:
        raise ValueError(f"discordant counts {(only_a, only_b)!r} don't fit n={n!r} items")
    if n == 0 or abs(only_a - only_b) >= margin * n:
        return False
    # The evidence grows away from the estimate, so the two ends speak for all beyond them.
    limit = -math.log(alpha)
    side = margin if only_a >= only_b else -margin  # the nearer end, and mostly the answer
    return (
        difference_evidence(only_a, only_b, n, side) >= limit
        and difference_evidence(only_a, only_b, n, -side) >= limit
    )


def prospect(
    only_a: int,
    only_b: int,
    n: int,
    left: int,
    alpha: float = 0.05,
    bet: Bet = SPREAD,
    *,
    margin: float | None = None,
    enough: float = 1.0,
) -> float:
    """The chance that `left` further items decide, or show a tie, given n items so far.

    Unknown shares follow their posterior from uniform priors. A decision's chance is exact
    (`futility.outlook`) up to `EXACT` items left; beyond, twice the chance to be over the bar at
    the end, as by the reflection principle. A tie's chance is that at the end, for as many
    discordant pairs as are to be expected. Where it is plain that the chance is at least `enough`,
    a lower bound is returned instead.

    Raises:
        ValueError: counts that don't fit n, left < 0, margin or alpha outside (0, 1).
    """
    check_alpha(alpha)
    if left < 0:
        raise ValueError(f"left={left!r} is negative")
    pairs = round(left * (only_a + only_b + 1.0) / (n + 2.0))
    wins = _urn(only_a, only_b, pairs)
    at_end = _over_the_bar(only_a, only_b, pairs, alpha, bet, wins)
    tie = 0.0 if margin is None else _tied(only_a, only_b, n + left, pairs, margin, alpha, wins)
    if at_end + tie >= enough:
        return at_end + tie
    if left <= EXACT:
        return min(1.0, outlook(only_a, only_b, n, n + left, alpha, bet).chance + tie)
    return min(1.0, 2.0 * at_end + tie)


def _urn(only_a: int, only_b: int, pairs: int) -> Floats:
    """Chances of 0..pairs further wins of A, shape [pairs + 1]: Polya's urn from 1 + 1."""
    import numpy as np
    from scipy.special import betaln, gammaln

    k = np.arange(pairs + 1.0)
    ways = gammaln(pairs + 1.0) - gammaln(k + 1.0) - gammaln(pairs - k + 1.0)
    odds = betaln(only_a + 1.0 + k, only_b + 1.0 + pairs - k) - betaln(only_a + 1.0, only_b + 1.0)
    chances: Floats = np.exp(ways + odds)
    return chances


def _over_the_bar(
    only_a: int, only_b: int, pairs: int, alpha: float, bet: Bet, wins: Floats
) -> float:
    """The chance that the counts after `pairs` further ones decide."""
    total, limit = only_a + only_b + pairs, -math.log(alpha)
    low, high = total // 2 + 1, total + 1  # the least wins that decide; total + 1 where none do
    while low < high:
        middle = (low + high) // 2
        if log_wealth(middle, total - middle, bet) >= limit:
            high = middle
        else:
            low = middle + 1
    by_a = float(wins[max(0, low - only_a) :].sum())
    most = total - low - only_a  # wins of A that leave B over the bar
    return by_a + (float(wins[: most + 1].sum()) if most >= 0 else 0.0)


def _tied(
    only_a: int, only_b: int, n: int, pairs: int, margin: float, alpha: float, wins: Floats
) -> float:
    """The chance that the counts after n items show a tie."""

    def shown(won: int) -> bool:
        return tie_shown(only_a + won, only_b + pairs - won, n, margin, alpha)

    middle = min(pairs, max(0, (pairs + only_b - only_a) // 2))
    if not shown(middle):
        return 0.0
    first, last = _edge(shown, middle, -1), _edge(shown, middle, pairs + 1)
    return float(wins[first : last + 1].sum())


def _edge(shown: Callable[[int], bool], inside: int, outside: int) -> int:
    """The last number, from `inside` towards `outside`, that is shown."""
    while abs(outside - inside) > 1:
        middle = (inside + outside) // 2
        inside, outside = (middle, outside) if shown(middle) else (inside, middle)
    return inside
