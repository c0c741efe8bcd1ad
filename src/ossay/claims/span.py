"""Span: a number and how far its rounding lets it be off, carried through sums and quotients.

A printed 0.0013 is anything from 0.00125 to 0.00135; a whole count is itself. Knows nothing of
where numbers come from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

_LOOSE = 1e-9  # relative: what floating sums are off by


class Span(Struct, frozen=True):
    """The value as printed, and the least and the most that it can have been before rounding."""

    low: float
    value: float
    high: float

    @property
    def exact(self) -> bool:
        """Whether nothing in it was rounded."""
        return self.low == self.high

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.value + other.value, self.high + other.high)

    def __mul__(self, other: Span) -> Span:
        ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Span(min(ends), self.value * other.value, max(ends))

    def __truediv__(self, other: Span) -> Span:
        """Raises ValueError where the divisor may be 0."""
        if other.low <= 0.0 <= other.high:
            raise ValueError(f"division by {other.value!r}, which is or may round from 0")
        ends = [a / b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Span(min(ends), self.value / other.value, max(ends))

    def scaled(self, by: float) -> Span:
        """Return it times a number that is exact."""
        return self * sure(by)

    def meets(self, low: float, high: float) -> bool:
        """Whether a value in it lies between the two ends.

        An exact number may lie on an end, since halves are rounded either way; two roundings that
        only touch don't agree.
        """
        ends = [abs(end) for end in (low, high) if math.isfinite(end)]
        loose = _LOOSE * max([abs(self.value), *ends])
        if not self.exact:
            loose = -loose
        return self.low <= high + loose and self.high >= low - loose


def sure(value: float) -> Span:
    """Return a number that nobody rounded."""
    return Span(value, value, value)


def printed(value: float, digits: int) -> Span:
    """Return a number printed with so many decimals (-2 means to hundreds).

    Raises:
        ValueError: digits outside -12..12.
    """
    half = half_unit(digits)
    return Span(value - half, value, value + half)


def half_unit(digits: int) -> float:
    """Half of the last printed place.

    Raises:
        ValueError: digits outside -12..12.
    """
    if not -12 <= digits <= 12:
        raise ValueError(f"digits={digits!r} is outside -12..12")
    return 0.5 * 10.0**-digits


def decimals(value: float) -> int:
    """Count the decimals that the number is written with: 2 for 0.25, 0 for 30."""
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return min(12, max(0, -exponent)) if isinstance(exponent, int) else 0


def total(spans: Sequence[Span]) -> Span:
    """Add up; low and high take all roundings to one side.

    Raises:
        ValueError: nothing to add.
    """
    if not spans:
        raise ValueError("nothing to add up")
    return Span(
        math.fsum(one.low for one in spans),
        math.fsum(one.value for one in spans),
        math.fsum(one.high for one in spans),
    )
