"""How often answers escape, from audits drawn by chance: estimate, interval, upper bound.

An escape that an audit found counts as one over the chance of that audit (D. G. Horvitz and D. J.
Thompson, Journal of the American Statistical Association 47, 1952). Both ends come from bets
against each rate, mixed over stakes (I. Waudby-Smith and A. Ramdas, Journal of the Royal
Statistical Society B 86, 2024), so they hold at every moment at once: a page may show them while
requests come in. `escapes` raises alarms; this describes. Knows nothing of requests or models.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from ossay.stats.interval import Interval, check_level

# What bets stake, for one minus the true rate over the feared one, and for the true rate over it
# minus one: from many audits to few. Their mean decides, so more of them cost little: ln(24) in the
# exponent at most.
_ON_LESS = tuple(0.98 * 0.8**step for step in range(24))
_ON_MORE = tuple(0.005 * 1.45**step for step in range(24))
_HALVINGS = 60


class Audited(Struct, frozen=True):
    """What was looked at, by the chance with which it had to be.

    Attributes:
        requests: All of which it is known whether they escaped, or that might have been audited.
        found: Chance of audit -> escapes found.
        missing: Chance of audit -> audits that were drawn and brought no label.
        labelled: Chance of audit -> audits with a label.
        floor: The least chance of any of these requests.
    """

    requests: int
    found: Mapping[float, int]
    missing: Mapping[float, int]
    labelled: Mapping[float, int]
    floor: float


class EscapeRate(Struct, frozen=True):
    """Of all those requests, the share that escaped.

    Attributes:
        rate: The estimate, as if audits without a label had come out like the others.
        interval: Two-sided; its low end takes missing labels for right answers, its high end for
            wrong ones, so it holds whatever they were.
        at_most: The one-sided upper bound at the same level.
    """

    rate: float
    interval: Interval
    at_most: float


def escape_rate(seen: Audited, level: float = 0.95) -> EscapeRate | None:
    """Estimate the rate of escapes; None where nothing was seen.

    Rests on requests that are independent draws and on the chances being those that were drawn
    with, whatever the model, the traffic or the labels' worth. The ends cover at least `level`.

    Raises:
        ValueError: level or floor outside (0, 1), a chance below the floor or above 1.
    """
    check_level(level)
    for chance in {*seen.found, *seen.missing, *seen.labelled}:
        if not 0.0 < seen.floor <= chance <= 1.0:
            raise ValueError(f"chance {chance!r} is outside [{seen.floor!r}, 1], the floor's")
    if not seen.requests:
        return None
    total = 0.0
    for chance, count in seen.found.items():
        labelled = seen.labelled.get(chance, count)
        drawn = labelled + seen.missing.get(chance, 0)
        total += count / chance * drawn / labelled
    half = (1.0 - level) / 2.0
    low = _low(seen, half)
    return EscapeRate(
        min(total / seen.requests, 1.0),
        Interval(low, _high(seen, half), level, "confidence_sequence"),
        _high(seen, 1.0 - level),
    )


def _high(seen: Audited, error: float) -> float:
    """The largest rate that bets on less escapes don't refute, missing labels taken for escapes."""
    counts = _scaled(seen, seen.found, seen.missing)
    clean = seen.requests - sum(counts.values())

    def evidence(mean: float) -> float:
        return _mixed(
            clean * math.log1p(stake * mean)
            + sum(n * math.log1p(-stake * (size - mean)) for size, n in counts.items())
            for stake in _ON_LESS
        )

    return min(_edge(evidence, -math.log(error), 0.0, seen.floor) / seen.floor, 1.0)


def _low(seen: Audited, error: float) -> float:
    """The least rate that bets on more escapes don't refute, missing labels taken for none."""
    counts = _scaled(seen, seen.found)
    if not counts:
        return 0.0
    clean = seen.requests - sum(counts.values())

    def evidence(mean: float) -> float:
        return _mixed(
            clean * math.log1p(-stake * mean)
            + sum(n * math.log1p(stake * (size - mean)) for size, n in counts.items())
            for stake in (min(one, _ON_LESS[0] / mean) for one in _ON_MORE)
        )

    return _edge(evidence, -math.log(error), seen.floor, 0.0) / seen.floor


def _scaled(seen: Audited, *counted: Mapping[float, int]) -> dict[float, int]:
    """Sizes from 0 to 1, whose mean is the rate times the floor, and how many there are of each."""
    sizes: dict[float, int] = {}
    for counts in counted:
        for chance, count in counts.items():
            size = seen.floor / chance
            sizes[size] = sizes.get(size, 0) + count
    return {size: count for size, count in sizes.items() if count}


def _edge(evidence: Callable[[float], float], limit: float, kept: float, far: float) -> float:
    """Where evidence, which grows from `kept` to `far`, reaches the limit; `far` if it doesn't."""
    if far > kept and evidence(far) < limit:
        return far
    for _ in range(_HALVINGS):
        middle = (kept + far) / 2.0
        if evidence(middle) < limit:
            kept = middle
        else:
            far = middle
    return far


def _mixed(logs: Iterable[float]) -> float:
    """The logarithm of the bets' mean wealth, from the logarithms of each."""
    each = list(logs)
    most = max(each)
    return most + math.log(sum(math.exp(one - most) for one in each) / len(each))
