"""How the page writes numbers: shares, dollars, seconds, counts, moments.

What is not known is 'unknown', never 0 and never blank. Knows nothing of where it stands.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import floor, isfinite, log10

UNKNOWN = "unknown"


def percent(share: float | None) -> str:
    """0.0412 -> '4.1%'; only what is exactly nothing or everything is '0%' or '100%'."""
    if share is None:
        return UNKNOWN
    if 0.0 < share < 0.0005:
        return "<0.1%"
    if 0.9995 <= share < 1.0:
        return ">99.9%"
    return f"{100.0 * share:.1f}".removesuffix(".0") + "%"


def usd(amount: float | None) -> str:
    """Cents from a dollar up, three significant digits below."""
    if amount is None or not isfinite(amount):
        return UNKNOWN
    if amount == 0.0:
        return "$0"
    if abs(amount) >= 1.0:
        return f"${amount:,.2f}"
    return f"${amount:.{2 - floor(log10(abs(amount)))}f}"


def price(amount: float) -> str:
    """USD per million tokens as its owner writes it: 0.6 -> '$0.60', 0.075 -> '$0.075'."""
    return f"${amount:.2f}" if round(amount, 2) == amount else f"${amount:g}"


def seconds(value: float | None) -> str:
    """'0.4 ms', '350 ms', '1.24 s', '12.4 s', '3 min 20 s'."""
    if value is None or not isfinite(value):
        return UNKNOWN
    if value < 0.00995:
        return f"{1000.0 * value:.1f} ms"
    if value < 0.9995:
        return f"{1000.0 * value:.0f} ms"
    if value < 99.95:
        return f"{value:.{2 if value < 9.995 else 1}f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes:,} min {rest} s"


def count(number: int, noun: str = "") -> str:
    """'1 request', '1,200 requests'; the number alone without a noun."""
    if not noun:
        return f"{number:,}"
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def speed(value: float) -> str:
    """Tokens a second with three significant digits."""
    return f"{value:,.0f}" if value >= 100.0 else f"{value:.3g}"


def moment(unix: float | None) -> str:
    """Unix seconds as '2026-11-21 14:05:09 UTC'."""
    if unix is None:
        return UNKNOWN
    try:
        return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return UNKNOWN
