"""The verdict on a comparison, typed and in a sentence. Nothing else in the house words one.

A better or B better: the test says so. Tied within a margin: two one-sided tests say so. Else the
data are not enough, and about how many more would be. Knows nothing of where the results came from.
"""

from __future__ import annotations

import math
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from ossay.stats.comparison import Comparison
from ossay.stats.design import Discordance
from ossay.stats.equivalence import check_margin, tie_of_counts, tie_of_pairs
from ossay.stats.interval import Interval
from ossay.stats.paired import Pairs
from ossay.stats.planning import (
    needed_each,
    needed_mean,
    needed_pairs,
    needed_pairs_to_tie,
    needed_to_tie,
)

Kind = Literal["a_better", "b_better", "tied", "not_enough_data"]
POWER = 0.8


class Verdict(Struct, frozen=True):
    """What a comparison allows one to say.

    `p` is what was held against alpha: adjusted where the comparison is one of a family. `more` is
    about how many further items a model needs for a decision if what was seen is the truth, with
    power 0.8; 0 where it is decided, None where no number would do. `within` says that a better
    model is better by less than the margin.
    """

    kind: Kind
    sentence: str
    p: float
    alpha: float
    margin: float | None
    within: bool
    more: int | None


def verdict(
    found: Comparison,
    margin: float | None = None,
    *,
    adjusted: float | None = None,
    family: int = 1,
) -> Verdict:
    """Judge a comparison at its alpha. A tie is tested at alpha itself, in a family too.

    Args:
        found: From `comparison`.
        margin: The largest difference that doesn't matter, in the unit of `found.difference`;
            declared before the results. Without one no tie can be shown.
        adjusted: p after correction (`many`), where the comparison is one of a family.
        family: How many comparisons the family has; the needed n is for alpha / family.

    Raises:
        ValueError: margin not above 0 (nor below 1 for shares), adjusted outside [0, 1] or below
            the comparison's own p, family < 1.
    """
    if margin is not None:
        check_margin(margin, math.inf if found.design == "scores" else 1.0)
    p = found.p if adjusted is None else adjusted
    if family < 1 or not found.p - 1e-12 <= p <= 1.0:
        raise ValueError(
            f"adjusted={adjusted!r} in a family of {family!r}: it can't be below p={found.p!r}"
        )
    tied = margin is not None and _shows_tie(found, margin)
    if p <= found.alpha and found.difference:
        kind: Kind = "a_better" if found.ahead > 0 else "b_better"
        sentence = _better(found, p, family, margin if tied else None)
        return Verdict(kind, sentence, p, found.alpha, margin, tied, 0)
    if margin is not None and tied:
        return Verdict("tied", _tied(found, margin), p, found.alpha, margin, True, 0)
    more = _more(found, margin, found.alpha / family)
    sentence = _open(found, p, family, margin, more)
    return Verdict("not_enough_data", sentence, p, found.alpha, margin, False, more)


def _shows_tie(found: Comparison, margin: float) -> bool:
    if found.design == "pairs" and found.clusters is None and found.only_a is not None:
        only_a, only_b = found.only_a, found.only_b or 0
        pairs = Pairs(found.n_a - only_a - only_b, only_a, only_b, 0)
        return tie_of_pairs(pairs, margin, found.alpha).shown
    if found.design == "counts":
        passed_a, passed_b = round(found.value_a * found.n_a), round(found.value_b * found.n_b)
        return tie_of_counts(passed_a, found.n_a, passed_b, found.n_b, margin, found.alpha).shown
    return found.tie_interval.inside(margin)


def _more(found: Comparison, margin: float | None, alpha: float) -> int | None:
    """Further items a model for the nearest decision, if what was seen is the truth."""
    tie = None
    if found.design == "pairs":
        shares = Discordance((found.only_a or 0) / found.n_a, (found.only_b or 0) / found.n_a)
        n = found.n_a
        show = needed_pairs(shares, POWER, alpha, "exact", found.clustering, at_least=n)
        if margin is not None and found.clusters is None:
            tie = needed_pairs_to_tie(shares, margin, POWER, found.alpha, at_least=n)
    elif found.design == "scores":
        show = needed_mean(found.difference, found.variance, POWER, alpha, found.clustering)
    else:
        show = needed_each(found.value_a, found.value_b, POWER, alpha)
    if margin is not None and (found.design != "pairs" or found.clusters is not None):
        tie = needed_to_tie(
            found.difference, found.variance, margin, POWER, found.alpha, found.clustering
        )
    needs = [need for need in (show, tie) if need is not None]
    return max(1, min(needs) - min(found.n_a, found.n_b)) if needs else None


def _better(found: Comparison, p: float, family: int, margin: float | None) -> str:
    first, second, won, lost = (found.a, found.b, found.only_a, found.only_b)
    if found.ahead < 0:
        first, second, won, lost = second, first, lost, won
    note = "" if margin is None else f" Yet by less than the margin of {_size(found, margin)}."
    side = "below" if found.measure.less else "above"
    sign = math.copysign(1.0, found.difference)
    low, high = sorted(sign * end for end in (found.interval.low, found.interval.high))
    gap = replace(found.interval, low=low, high=high)
    ahead = replace(found, interval=gap, only_a=won, only_b=lost)
    return (
        f"{first} {found.measure.better}: {_gap(found)} {side} {second} "
        f"({_evidence(ahead, p, family)}).{note}"
    )


def _tied(found: Comparison, margin: float) -> str:
    return (
        f"Tied within {_size(found, margin)}: {found.a} {_against(found)} {found.b}, and the "
        f"{_interval(found, found.tie_interval)} lies inside the margin ({_items(found)})."
    )


def _open(found: Comparison, p: float, family: int, margin: float | None, more: int | None) -> str:
    start = (
        f"Not enough data: {found.a} {_against(found)} {found.b} ({_evidence(found, p, family)}). "
    )
    if more is not None:
        new = ", in new clusters," if found.clusters else ""
        return (
            f"{start}About {rounded(more)} more per model{new} would decide it, if this is the "
            "truth."
        )
    if margin is None:
        both = "take as much" if found.measure.less else "do as well"
        return (
            f"{start}No number of {found.noun}s shows which is {found.measure.better} where both "
            f"{both}; name a margin."
        )
    return start + "Neither a difference nor a tie can be reached from here."


def _against(found: Comparison) -> str:
    if not found.difference:
        return "took as much as" if found.measure.less else "did as well as"
    return f"is {_gap(found)} {'above' if found.difference > 0 else 'below'}"


def _gap(found: Comparison) -> str:
    return _size(found, abs(found.difference))


def _evidence(found: Comparison, p: float, family: int) -> str:
    after = f" after correction for {family} comparisons" if family > 1 else ""
    return f"{_interval(found, found.interval)}; {found.test} p {_p(p)}{after}; {_items(found)}"


def _interval(found: Comparison, interval: Interval) -> str:
    scale = 1.0 if found.design == "scores" else 100.0
    low, high = _number(found, scale * interval.low), _number(found, scale * interval.high)
    return f"{100 * interval.level:.3g} % interval {low} to {high}"


def _items(found: Comparison) -> str:
    if found.design == "counts":
        return f"{found.n_a:,} and {found.n_b:,} {found.noun}s, not paired"
    differ = ""
    if found.only_a is not None and found.only_b is not None:
        differ = f", {found.only_a:,} against {found.only_b:,} where they differ"
    inside = f" in {found.clusters:,} clusters" if found.clusters else ""
    return f"{found.n_a:,} shared {found.noun}{'s' * (found.n_a != 1)}{inside}{differ}"


def _size(found: Comparison, value: float) -> str:
    if found.design != "scores":
        return f"{_number(found, 100.0 * value)} points"
    unit = found.measure.unit
    each = f" a{'n' * (found.noun == 'item')} {found.noun}" if unit else ""
    return f"{_number(found, value)}{f' {unit}' if unit not in ('', '$') else ''}{each}"


def _number(found: Comparison, value: float) -> str:
    if found.design == "scores":
        return f"{'-' * (value < 0)}{'$' * (found.measure.unit == '$')}{_digits(abs(value))}"
    if value and abs(value) < 0.1:
        return f"{value:.1g}"
    return f"{value + 0.0:.1f}"  # never -0.0


def _digits(value: float) -> str:
    """Three digits that tell, written out: neither 1.2e-05 nor 1.23e+04."""
    if value >= 1000.0:
        return f"{value:,.0f}"
    if 0.0 < value < 1e-4:
        return f"{value:.{2 - math.floor(math.log10(value))}f}"
    return f"{value:.3g}"


def _p(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"= {p:.2g}"


def rounded(count: int) -> str:
    """Two digits, upwards: more would claim to know."""
    step = 10 ** max(0, len(str(count)) - 2)
    return f"{-(-count // step) * step:,}"
