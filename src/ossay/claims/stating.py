"""Stating: the part of a claim that states a number, and whether the recomputed one agrees.

Agreement respects rounding: the stated number stands for all that round to it, and so does each
input that says its digits. Knows nothing of how the number was recomputed.
"""

from __future__ import annotations

import math
from typing import Literal

from ossay.claims.claim import Answer, Claim
from ossay.claims.span import Span, decimals, half_unit
from ossay.claims.words import number, spanned
from ossay.core.errors import ConfigError

Unit = Literal["", "%", "$"]


class Stating(Claim, frozen=True, kw_only=True):
    """A claim that states a number.

    Attributes:
        states: The number; or `between` two, `at_least`, `at_most`.
        digits: Decimals that were printed of it; by default those that it is written with here.
        unit: '%' where a share is stated in per cent, '$' for show.
    """

    states: float | None = None
    between: tuple[float, float] | None = None
    at_least: float | None = None
    at_most: float | None = None
    digits: int | None = None
    unit: Unit = ""

    def bounds(self) -> tuple[float, float, str]:
        """From where to where the true number may lie, and that in words.

        Raises:
            ConfigError: nothing stated, more than one way, or no numbers.
        """
        ways = [self.states, self.between, self.at_least, self.at_most]
        if sum(way is not None for way in ways) != 1:
            raise ConfigError("state one of `states`, `between`, `at_least` and `at_most`")
        if self.states is not None:
            _finite(self.states)
            digits = decimals(self.states) if self.digits is None else self.digits
            half = half_unit(digits)
            return self.states - half, self.states + half, self.shown(self.states, digits)
        if self.between is not None:
            _finite(*self.between)
            low, high = self.between
            if low > high:
                raise ConfigError(f"between={self.between!r}: the lower end comes first")
            return low, high, f"{self.shown(low)} to {self.shown(high)}"
        if self.at_least is not None:
            _finite(self.at_least)
            return self.at_least, math.inf, f"at least {self.shown(self.at_least)}"
        assert self.at_most is not None
        _finite(self.at_most)
        return -math.inf, self.at_most, f"at most {self.shown(self.at_most)}"

    def shown(self, value: float, digits: int | None = None) -> str:
        """The number in its unit, with the decimals that its source printed."""
        text = number(value) if digits is None or digits < 0 else f"{value:,.{digits}f}"
        return f"${text}" if self.unit == "$" else f"{text}{' %' * (self.unit == '%')}"

    def judge(
        self,
        found: Span,
        steps: tuple[str, ...] = (),
        *,
        share: bool = False,
        counted: bool = False,
        numbers: dict[str, float | None] | None = None,
    ) -> Answer:
        """Hold the recomputed number against the stated one.

        Args:
            found: The recomputed number.
            steps: The arithmetic up to here.
            share: It is a share, shown in per cent where that is the unit.
            counted: It rests on whole counts alone, so another number contradicts it.
            numbers: For programs.
        """
        if not (math.isfinite(found.low) and math.isfinite(found.high)):
            raise ConfigError("the arithmetic leads beyond all numbers")
        scaled = found.scaled(100.0) if share and self.unit == "%" else found
        low, high, stated = self.bounds()
        agrees = scaled.meets(low, high)
        unit = " %" if self.unit == "%" else ""
        last = f"stated {stated}; recomputed {spanned(scaled)}{unit}"
        because = (
            "The stated number follows from the data."
            if agrees
            else "Whole counts give another number."
            if counted
            else "The stated number does not follow from the data, rounding allowed for."
        )
        return Answer(
            "reproduced" if agrees else "contradicted" if counted else "not_reproduced",
            because,
            (*steps, last),
            found,
            numbers={"value": scaled.value, **(numbers or {})},
        )


def _finite(*values: float) -> None:
    for value in values:
        if not abs(value) <= 1e15:  # NaN too
            raise ConfigError(f"{value!r} is no number that can be stated")
