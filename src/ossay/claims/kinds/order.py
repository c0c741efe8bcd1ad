"""Claims about the order of printed figures: whether it hangs on one item, rises, names its rival.

No chance is computed here. Knows nothing of samples.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from ossay.claims.claim import Answer, Claim
from ossay.claims.evidence import Evidence
from ossay.claims.words import listed, number
from ossay.core.errors import ConfigError, nearest


class LeaveOneOut(Claim, frozen=True, kw_only=True):
    """'A's mean is above B's whichever item is left out.' a and b are rows, the items columns."""

    table: str
    a: str
    b: str
    items: tuple[str, ...] = ()
    less: bool = False

    def check(self, evidence: Evidence) -> Answer:
        """Leave out each item in turn."""
        table = evidence.table(self.table)
        items = self.items or table.numeric
        if len(items) < 2:
            raise ConfigError(f"{len(items)} items: leaving one out needs two")
        gaps = {
            item: table.number(self.a, item).value - table.number(self.b, item).value
            for item in items
        }
        whole = sum(gaps.values())
        without = {item: (whole - gap) / (len(items) - 1) for item, gap in gaps.items()}
        sign = -1.0 if self.less else 1.0
        steps = [f"all {len(items)} items: {self.a} less {self.b} {whole / len(items):+.4g}"]
        steps += [f"without {item}: {gap:+.4g}" for item, gap in without.items()]
        turned = [item for item, gap in without.items() if sign * gap <= 0.0]
        numbers: dict[str, float | None] = {"mean": whole / len(items), "turned": len(turned)}
        if sign * whole <= 0.0:
            because = f"With all items {self.a} is not ahead."
            return Answer("contradicted", because, tuple(steps), numbers=numbers)
        if turned:
            because = f"The order turns without {listed(turned)} alone."
            return Answer("contradicted", because, tuple(steps), numbers=numbers)
        because = "The order stays, whichever item is left out."
        return Answer("supported", because, tuple(steps), numbers=numbers)


class Rises(Claim, frozen=True, kw_only=True):
    """'The figures rise along these columns', in every row named (all by default)."""

    table: str
    columns: tuple[str, ...]
    rows: tuple[str, ...] = ()
    direction: Literal["rises", "falls"] = "rises"

    def check(self, evidence: Evidence) -> Answer:
        """Look at each step of each row; equal is not rising."""
        table = evidence.table(self.table)
        if len(self.columns) < 2:
            raise ConfigError("`columns` needs two or more, in their order")
        sign = 1.0 if self.direction == "rises" else -1.0
        against, steps = [], []
        rows = self.rows or tuple(table.rows)
        for row in rows:
            values = [table.number(row, column).value for column in self.columns]
            if any(sign * (b - a) <= 0.0 for a, b in pairwise(values)):
                against.append(row)
                steps.append(f"{row}: {' -> '.join(map(number, values))}")
        numbers: dict[str, float | None] = {"rows": len(rows), "against": len(against)}
        done = "rise" if sign > 0 else "fall"
        if against:
            because = f"{len(against)} of {len(rows)} rows do not {done}: {listed(against)}."
            return Answer("contradicted", because, tuple(steps), numbers=numbers)
        return Answer("supported", f"All {len(rows)} rows {done}.", tuple(steps), numbers=numbers)


class ComparedWith(Claim, frozen=True, kw_only=True):
    """'The source compares with this one': whether its table has a row or column of that name."""

    table: str
    name: str

    def check(self, evidence: Evidence) -> Answer:
        """Look the name up, letter for letter."""
        table = evidence.table(self.table)
        known = [*table.rows, *(column for column in table.columns if column != table.key)]
        if self.name in known:
            return Answer("supported", f"{self.name} is in the table.")
        steps = (f"the table has {listed(known, 12)}",)
        because = f"The source has no {self.name!r}{nearest(self.name, known)}".rstrip("?")
        return Answer("contradicted", because.split(";", maxsplit=1)[0] + ".", steps)
