"""Claims that a number is a quotient or a product of others: cost per pass, times cheaper.

Knows nothing of money.
"""

from __future__ import annotations

from typing import Literal

from ossay.claims.claim import Answer
from ossay.claims.evidence import Evidence
from ossay.claims.operand import Number
from ossay.claims.span import Span, sure
from ossay.claims.stating import Stating
from ossay.claims.words import number
from ossay.core.errors import ConfigError


class Ratio(Stating, frozen=True, kw_only=True):
    """'a is so many times b' or 'so much less than b'.

    `form`: 'times' is a / b (a cost per pass too), 'less' is 1 - a / b, 'more' is a / b - 1; the
    last two are shares, stated in per cent with unit '%'.
    """

    a: Number
    b: Number
    form: Literal["times", "less", "more"] = "times"
    table: str = ""

    def check(self, evidence: Evidence) -> Answer:
        """Divide; a divisor that may be 0 raises."""
        a, b = evidence.number(self.a, self.table), evidence.number(self.b, self.table)
        quotient = a / b
        shown = f"{number(a.value)} / {number(b.value)}"
        if self.form == "times":
            return self.judge(quotient, (f"{shown} = {number(quotient.value)}",))
        if self.form == "less":
            found = Span(1.0 - quotient.high, 1.0 - quotient.value, 1.0 - quotient.low)
            return self.judge(found, (f"1 - {shown} = {number(found.value)}",), share=True)
        found = quotient + sure(-1.0)
        return self.judge(found, (f"{shown} - 1 = {number(found.value)}",), share=True)


class Product(Stating, frozen=True, kw_only=True):
    """'These multiply to that': a price times a number of runs, a size times bits."""

    of: tuple[Number, ...]
    table: str = ""

    def check(self, evidence: Evidence) -> Answer:
        """Multiply."""
        if not self.of:
            raise ConfigError("`of` holds no number")
        spans = [evidence.number(one, self.table) for one in self.of]
        found = sure(1.0)
        for span in spans:
            found = found * span
        terms = " x ".join(number(span.value) for span in spans)
        return self.judge(found, (f"{terms} = {number(found.value)}",))
