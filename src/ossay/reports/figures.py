"""How a number is written for a person: percent, dollars, counts, seconds, dates.

What is not known is the word 'unknown', never 0 and never blank. Knows nothing of where it stands.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite

from ossay.reports.cost import Cost, TokenCount, Unknown
from ossay.reports.score import Rate
from ossay.stats.rates import Interval

UNKNOWN = "unknown"


def percent(rate: float | None) -> str:
    """0.7667 -> '76.7%'; only what is exactly nothing or everything is '0%' or '100%'."""
    if rate is None:
        return UNKNOWN
    if 0.0 < rate < 0.0005:
        return "<0.1%"
    if 0.9995 <= rate < 1.0:
        return ">99.9%"
    return f"{_rounded(rate, 1)}%"


def span(interval: Interval | None, decimals: int = 1) -> str:
    """An interval as '59.1–88.2%'."""
    if interval is None:
        return UNKNOWN
    return f"{_rounded(interval.low, decimals)}–{_rounded(interval.high, decimals)}%"


def fraction(rate: Rate) -> str:
    """A rate as '23/30'."""
    return f"{rate.passed}/{rate.n}"


def usd(amount: float | Unknown | None, none: str = UNKNOWN) -> str:
    """Dollars with three significant digits below one dollar, cents above; `none` for None."""
    if amount is None:
        return none
    if amount == "unknown" or not isfinite(amount):
        return UNKNOWN
    if amount == 0:
        return "$0"
    if abs(amount) >= 1:
        return f"${amount:,.2f}"
    digits = f"{amount:.2e}"
    places = 2 - int(digits[digits.index("e") + 1 :])
    return f"${amount:.{places}f}"


def spent(cost: Cost) -> str:
    """The total of a cost; 'at least $x' where a part is unknown, 'unknown' where all of it is."""
    if cost.total_usd != "unknown":
        return usd(cost.total_usd)
    known = (cost.known_usd or 0.0) + cost.lost_usd
    return f"at least {usd(known)}" if known else UNKNOWN


def tokens(count: TokenCount) -> str:
    """A token count; 'at least n' where some runs did not say."""
    if count.known is None:
        return UNKNOWN
    return f"at least {count.known:,}" if count.unknown_runs else f"{count.known:,}"


def seconds(value: float | None) -> str:
    """Seconds as '350 ms', '1.24 s', '12.4 s' or '3 min 20 s'."""
    if value is None or not isfinite(value):
        return UNKNOWN
    if value < 0.9995:
        return f"{1000 * value:.0f} ms"
    if value < 9.995:
        return f"{value:.2f} s"
    if value < 99.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"


def speed(value: float | None) -> str:
    """Tokens a second with three significant digits, no unit."""
    if value is None or not isfinite(value):
        return UNKNOWN
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def e_value(value: float) -> str:
    """An e-value with three digits; far beyond any bar it is 'above 1,000,000'."""
    return f"{value:.3g}" if value < 1e6 else "above 1,000,000"


def count(n: int, noun: str) -> str:
    """'1 run', '30 runs'."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def moment(unix: float | None) -> str:
    """Unix seconds as '2026-11-21 14:05 UTC'; a moment that no calendar has is unknown."""
    if unix is None:
        return UNKNOWN
    try:
        return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return UNKNOWN


def _rounded(rate: float, decimals: int) -> str:
    return f"{100 * rate:.{decimals}f}".removesuffix(".0")
