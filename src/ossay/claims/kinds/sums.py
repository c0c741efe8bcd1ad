"""Claims that a number is a mean or a sum of others. Refused over missing cells.

Knows nothing of what the numbers measure.
"""

from __future__ import annotations

from typing import Literal

from ossay.claims.claim import Answer, Claim
from ossay.claims.evidence import Evidence
from ossay.claims.operand import Number
from ossay.claims.span import Span, sure, total
from ossay.claims.stating import Stating
from ossay.claims.table import Table
from ossay.claims.words import counted, listed, number, spanned
from ossay.core.errors import ConfigError

_SHOWN = 16  # terms in a line


class Terms(Stating, frozen=True, kw_only=True):
    """What sums and means share: their terms.

    These are `of` (numbers), or the cells of `row` in `columns`, or those of `column` in `rows`;
    all columns of numbers, and all rows, where none are named.
    """

    of: tuple[Number, ...] = ()
    table: str = ""
    row: str = ""
    columns: tuple[str, ...] = ()
    column: str = ""
    rows: tuple[str, ...] = ()

    def check(self, evidence: Evidence) -> Answer:
        """Compute it of all terms; a missing one leaves it open."""
        terms = self._terms(evidence)
        holes = [name for name, span in terms if span is None]
        if holes:
            return self._holed(terms, holes)
        spans = [span for _, span in terms if span is not None]
        return self._judged(spans)

    def _judged(self, spans: list[Span]) -> Answer:
        raise NotImplementedError

    def _terms(self, evidence: Evidence) -> list[tuple[str, Span | None]]:
        ways = [bool(self.of), bool(self.row), bool(self.column)]
        if sum(ways) != 1:
            raise ConfigError("give one of `of`, `row` (with `columns`) and `column` (with `rows`)")
        if self.of:
            return [
                (f"term {place}", evidence.number(one, self.table))
                for place, one in enumerate(self.of, start=1)
            ]
        table = evidence.table(self.table)
        if self.row:
            columns = self.columns or table.numeric
            return [(column, table.cell(self.row, column)) for column in columns]
        return [(row, table.cell(row, self.column)) for row in self.rows or tuple(table.rows)]

    def _needed(self, low: float, n: int) -> float:
        """What all terms add up to where the stated number is right."""
        return low

    def _holed(self, terms: list[tuple[str, Span | None]], holes: list[str]) -> Answer:
        known = total([sure(0.0), *(span for _, span in terms if span is not None)])
        low, high, stated = self.bounds()
        n = len(terms)
        steps = [
            f"{counted(n - len(holes), 'number')} known, {len(holes)} missing: {listed(holes)}"
        ]
        numbers: dict[str, float | None] = {"missing": len(holes), "known_sum": known.value}
        if abs(low) < 1e15 and abs(high) < 1e15:
            needed = self._needed((low + high) / 2.0, n) - known.value
            steps.append(f"{stated} needs {' + '.join(holes[:_SHOWN])} = {number(needed)}")
            numbers["needed"] = needed
        return Answer(
            "not_checkable",
            "The source leaves cells out; what is missing is no zero, so nothing is computed.",
            tuple(steps),
            numbers=numbers,
        )


class Sum(Terms, frozen=True, kw_only=True):
    """These add up to that: `of` numbers, or cells of a `row` or a `column`.

    `counts` says that they are whole counts, so that another sum contradicts the claim.
    """

    counts: bool = False

    def _judged(self, spans: list[Span]) -> Answer:
        found = total(spans)
        if self.counts and not all(one.exact and one.value == int(one.value) for one in spans):
            raise ConfigError("`counts` is set, and not all terms are whole numbers")
        step = f"{_sum_of(spans)} = {number(found.value)}"
        return self.judge(found, (step,), counted=self.counts)


class Mean(Terms, frozen=True, kw_only=True):
    """This is the mean of those, with `weights` a weighted one; terms as of a sum."""

    weights: tuple[float, ...] = ()

    def _judged(self, spans: list[Span]) -> Answer:
        weights = self.weights or (1.0,) * len(spans)
        if len(weights) != len(spans) or not all(0.0 <= w < 1e9 for w in weights):
            raise ConfigError(
                f"weights={self.weights!r} for {len(spans)} numbers: one each, not < 0"
            )
        weight = sum(weights)
        if not weight:
            raise ConfigError("the weights add up to 0")
        found = total([s.scaled(w) for s, w in zip(spans, weights, strict=True)]).scaled(1 / weight)
        if self.weights:
            terms = " + ".join(
                f"{number(w)} x {number(s.value)}" for s, w in zip(spans, weights, strict=True)
            )
        else:
            terms = _sum_of(spans)
        step = f"({terms}) / {number(weight)} = {number(found.value)}"
        return self.judge(found, (step,))

    def _needed(self, low: float, n: int) -> float:
        return low * n


class Means(Claim, frozen=True, kw_only=True):
    """Each row's mean, or each column's, is the one printed.

    The printed means stand in the column `printed`, or, by column, in the row of that name.
    """

    table: str
    each: Literal["row", "column"] = "row"
    printed: str
    columns: tuple[str, ...] = ()

    def check(self, evidence: Evidence) -> Answer:
        """Recompute all of them; one that is off is named."""
        table = evidence.table(self.table)
        by_row = self.each == "row"
        columns = self.columns or table.numeric
        columns = tuple(column for column in columns if not (by_row and column == self.printed))
        names = table.rows if by_row else columns
        off, holed, steps, worst = [], [], [], 0.0
        for name in names:
            if not by_row and name == self.printed:
                continue
            spans, stated = self._cells(table, name, columns)
            if stated is None or any(span is None for span in spans):
                holed.append(name)
                continue
            known = [span for span in spans if span is not None]
            mean = total(known).scaled(1.0 / len(known))
            right = mean.meets(stated.low, stated.high)
            worst = max(worst, abs(mean.value - stated.value))
            steps.append(f"{name}: {spanned(mean)}, printed {number(stated.value)}")
            if not right:
                off.append(name)
        numbers: dict[str, float | None] = {"checked": len(steps), "off": len(off), "worst": worst}
        if off:
            return Answer("not_reproduced", f"Off: {listed(off)}.", tuple(steps), numbers=numbers)
        if holed:
            because = f"Cells are missing: {listed(holed)}."
            return Answer("not_checkable", because, tuple(steps), numbers=numbers)
        because = f"All {counted(len(steps), 'mean')} follow from the cells."
        return Answer("reproduced", because, tuple(steps), numbers=numbers)

    def _cells(
        self, table: Table, name: str, columns: tuple[str, ...]
    ) -> tuple[list[Span | None], Span | None]:
        if self.each == "row":
            return [table.cell(name, column) for column in columns], table.cell(name, self.printed)
        rows = [row for row in table.rows if row != self.printed]
        return [table.cell(row, name) for row in rows], table.cell(self.printed, name)


def _sum_of(spans: list[Span]) -> str:
    shown = " + ".join(number(span.value) for span in spans[:_SHOWN])
    return f"{shown} + …" if len(spans) > _SHOWN else shown
