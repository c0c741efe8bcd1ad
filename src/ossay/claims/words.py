"""How claims are worded: verdicts, numbers, p values. Comparisons are worded by `stats.verdict`.

Knows nothing of how anything was computed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ossay.claims.claim import Answer, Verdict
from ossay.claims.span import Span
from ossay.stats.interval import Interval

ORDER: tuple[Verdict, ...] = (
    "reproduced",
    "supported",
    "not_distinguishable",
    "contradicted",
    "not_reproduced",
    "not_checkable",
)
SHOWN: dict[Verdict, str] = {
    "reproduced": "reproduced",
    "supported": "supported",
    "not_distinguishable": "not distinguishable",
    "contradicted": "contradicted",
    "not_reproduced": "not reproduced",
    "not_checkable": "not checkable",
}
_METHODS = {
    "wilson": "Wilson",
    "wilson_effective": "Wilson",
    "clopper_pearson": "Clopper-Pearson",
    "newcombe": "Newcombe",
}


def verdict_words(answer: Answer, *, capital: bool = True) -> str:
    """The verdict, with what is needed where it can't be told yet."""
    words = SHOWN[answer.verdict]
    if capital:
        words = words.upper()
    if answer.verdict == "not_distinguishable" and answer.more:
        words += f" (need about {rounded_up(answer.more)} more per model)"
    return words


def number(value: float) -> str:
    """Six digits that tell, never an exponent for what people print."""
    if value == 0.0 or not math.isfinite(value):
        return "0" if value == 0.0 else str(value)
    places = max(0, min(12, 5 - math.floor(math.log10(abs(value)))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def spanned(span: Span) -> str:
    """A number, and from where to where its rounding lets it lie."""
    if span.exact:
        return number(span.value)
    return f"{number(span.value)} ({number(span.low)} to {number(span.high)} before rounding)"


def percent(share: float) -> str:
    """A share as per cent, one decimal, two where it isn't round."""
    return f"{100.0 * share:.1f} %"


def points(share: float) -> str:
    """A difference of shares in points, with its sign."""
    return f"{100.0 * share:+.1f} points"


def p_value(p: float) -> str:
    """'p = 0.042', 'p < 0.0001'."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.3g}"


def rate_interval(interval: Interval) -> str:
    """'Wilson 59.1 to 88.2 %'."""
    name = _METHODS.get(interval.method, interval.method.replace("_", " "))
    return f"{name} {100.0 * interval.low:.1f} to {100.0 * interval.high:.1f} %"


def gap_interval(interval: Interval) -> str:
    """'Newcombe -6.1 to +32.1 points'."""
    name = _METHODS.get(interval.method, interval.method.replace("_", " "))
    return f"{name} {100.0 * interval.low:+.1f} to {100.0 * interval.high:+.1f} points"


def listed(names: Sequence[str], most: int = 6) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def rounded_up(count: int) -> str:
    """Two digits, upwards: more would claim to know."""
    step = 10 ** max(0, len(str(count)) - 2)
    return f"{-(-count // step) * step:,}"


def counted(count: int, noun: str) -> str:
    """'1 run', '2 runs'."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def summary(answers: Sequence[Answer]) -> str:
    """'24 claims: 10 reproduced, 3 supported, …'."""
    parts = [
        f"{count} {SHOWN[verdict]}"
        for verdict in ORDER
        if (count := sum(answer.verdict == verdict for answer in answers))
    ]
    return f"{counted(len(answers), 'claim')}: {', '.join(parts)}" if parts else "no claims"
