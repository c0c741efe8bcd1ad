"""The verdict on a comparison that was looked at while its runs came in, typed and in a sentence.

The bet's e-value names a better model, the confidence sequence a tie; both hold at every look. Else
the data are not enough. Knows nothing of plans or runs.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from ossay.stats.confseq import difference_sequence
from ossay.stats.design import Discordance
from ossay.stats.futility import sequential_design
from ossay.stats.interval import Interval
from ossay.stats.planning import needed_pairs
from ossay.stats.sequential import SPREAD, Bet, decided, e_value
from ossay.stats.verdict import POWER, Kind, Verdict, rounded

# How following a comparison ended: 'futile' gave up with items left, 'used_up' had none left.
Ending = Literal["decided", "tied", "futile", "used_up", "open"]

# Further items are worked out up to so many in all: the chance of each budget is an exact walk.
MOST_ITEMS = 6_000


class Race(Struct, frozen=True):
    """Two models after n shared items, taken in an order that was fixed before any result."""

    a: str
    b: str
    only_a: int
    only_b: int
    n: int
    alpha: float = 0.05
    bet: Bet = SPREAD
    margin: float | None = None

    @property
    def e_value(self) -> float:
        """The wealth of the bet; 1 / alpha decides."""
        return e_value(self.only_a, self.only_b, self.bet)

    @property
    def difference(self) -> float:
        """rate(A) - rate(B) as seen; 0 before the first item.

        After a stop that depends on it, it is too large on average; the interval still holds.
        """
        return (self.only_a - self.only_b) / self.n if self.n else 0.0

    @property
    def interval(self) -> Interval:
        """The confidence sequence of the difference at 1 - alpha, valid at every look."""
        return difference_sequence(self.only_a, self.only_b, self.n, 1.0 - self.alpha)


def sequential_verdict(
    race: Race, ending: Ending, *, left: int = 0, chance: float | None = None
) -> Verdict:
    """Word how a race ended. `p` is 1 / e-value, at most 1: it holds at every look.

    Args:
        race: The counts at which it ended.
        ending: Why no further item counts; 'open' where further ones do.
        left: Items of the plan that were not looked at.
        chance: Of the items left to decide it, where it was given up for that.

    Raises:
        ValueError: 'decided' of counts that don't decide, or 'tied' without a margin.
    """
    seen = race.e_value  # 0 where a float can't hold it
    p = 1.0 if seen <= 1.0 else 1.0 / seen
    if ending == "decided":
        winner = decided(race.only_a, race.only_b, race.alpha, race.bet)
        if winner is None:
            raise ValueError(f"{(race.only_a, race.only_b)!r} don't decide at {race.alpha!r}")
        kind: Kind = "a_better" if winner == "a" else "b_better"
        return Verdict(kind, _better(race), p, race.alpha, race.margin, False, 0)
    if ending == "tied":
        if race.margin is None:
            raise ValueError("a tie is shown within a margin, and there is none: margin=None")
        return Verdict("tied", _tied(race, race.margin), p, race.alpha, race.margin, True, 0)
    more = further_items(race)
    sentence = _open(race, ending, left, chance, more)
    return Verdict("not_enough_data", sentence, p, race.alpha, race.margin, False, more)


def further_items(race: Race) -> int | None:
    """About how many more items name a better model with power 0.8, if what was seen is the truth.

    Counted as a fresh run of the same bet less the n items so far. None where both did as well, or
    where more than `MOST_ITEMS` in all would be needed.
    """
    if not 0 < race.n < MOST_ITEMS or race.only_a == race.only_b:
        return None
    shares = Discordance(race.only_a / race.n, race.only_b / race.n)
    fixed = needed_pairs(shares, POWER, race.alpha)
    if fixed is None or fixed > MOST_ITEMS:
        return None
    low, high = 1, MOST_ITEMS
    while low < high:
        middle = (low + high) // 2
        found = sequential_design(shares, middle, race.alpha, race.bet)
        if max(found.named_a, found.named_b) >= POWER:
            high = middle
        else:
            low = middle + 1
    return None if low >= MOST_ITEMS else max(1, low - race.n)


def _better(race: Race) -> str:
    ahead = race
    if race.difference < 0:
        ahead = replace(race, a=race.b, b=race.a, only_a=race.only_b, only_b=race.only_a)
    gap = _points(ahead.difference)
    return f"{ahead.a} better: {gap} above {ahead.b} ({_evidence(ahead)})."


def _tied(race: Race, margin: float) -> str:
    return (
        f"Tied within {_points(margin)}: {race.a} {_against(race)} {race.b}, and the "
        f"{_interval(race)} lies inside the margin ({_items(race)}; alpha {race.alpha:g})."
    )


def _open(race: Race, ending: Ending, left: int, chance: float | None, more: int | None) -> str:
    if not race.n:
        return f"Not enough data: no item has a result of both {race.a} and {race.b}."
    said = f"Not enough data: {race.a} {_against(race)} {race.b} ({_evidence(race)})."
    if ending == "futile":
        odds = "" if chance is None else f" with a chance of {_percent(chance)}"
        said += f" The {_count(left)} left would decide it{odds}, so it was given up."
    elif ending == "used_up":
        said += " The plan has no items left."
    if more is not None:
        said += f" About {rounded(more)} more per model would decide it, if this is the truth."
    return said


def _against(race: Race) -> str:
    if race.only_a == race.only_b:
        return "did as well as"
    side = "above" if race.difference > 0 else "below"
    return f"is {_points(abs(race.difference))} {side}"


def _evidence(race: Race) -> str:
    seen = race.e_value
    value = f"{seen:.3g}" if seen < 1e6 else "above 1,000,000"
    return (
        f"e-value {value} where {1.0 / race.alpha:.4g} decides, alpha {race.alpha:g} at all looks "
        f"together; {_interval(race)}; {_items(race)}"
    )


def _interval(race: Race) -> str:
    found = race.interval
    low, high = (f"{100.0 * end + 0.0:.1f}" for end in (found.low, found.high))
    return f"{100.0 * found.level:.3g} % confidence sequence {low} to {high}"


def _items(race: Race) -> str:
    shared = _count(race.n).replace(" item", " shared item")
    return f"{shared}, {race.only_a} against {race.only_b} where they differ"


def _count(items: int) -> str:
    return f"{items:,} item{'s' * (items != 1)}"


def _points(share: float) -> str:
    points = 100.0 * share
    return f"{points:.1g} points" if points and points < 0.1 else f"{points:.1f} points"


def _percent(chance: float) -> str:
    return "below 0.1 %" if chance < 0.001 else f"{100.0 * chance:.2g} %"
