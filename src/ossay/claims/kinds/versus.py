"""Versus: two models that a claim sets against each other, and the comparison that its data allow.

Counts meet by Barnard's test, scores over shared items by sign flips, records as `ossay compare`
has them, printed percentages as counts of the n that is given or assumed. Knows nothing of what
the claim says of the two.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec.structs import replace

from ossay.claims.claim import Claim
from ossay.claims.evidence import Counts, Evidence
from ossay.claims.meeting import Meeting, numbers_of
from ossay.claims.operand import Side
from ossay.claims.span import Span
from ossay.claims.table import Table
from ossay.claims.words import gap_interval, listed, number, p_value, percent, rate_interval
from ossay.core.errors import ConfigError
from ossay.stats.measure import Measure
from ossay.stats.verdict import verdict

Design = Literal["counts", "scores", "printed"]


# Keys that only some designs use.
_KEYS: dict[str, tuple[str, ...]] = {
    "across": ("scores", "printed"),
    "items": ("scores",),
    "at": ("printed",),
    "out_of": ("printed",),
    "n": ("printed",),
    "if_n": ("printed",),
    "metric": ("records",),
    "intersect": ("records",),
}


class Versus(Claim, frozen=True, kw_only=True):
    """What claims about two models share.

    Attributes:
        a, b: Rows (or columns) of the table, models of its records, or counts written here.
        table: Where they stand.
        design: 'counts' of separate runs; 'scores' over shared items; 'printed' percentages. A
            table made of records is compared as it is, whatever this says.
        across: Where the items of 'scores' lie: along 'columns' (a and b are rows) or 'rows'.
        items: The items; all columns of numbers, or all rows, where none are named.
        at: The column (or with across = 'rows' the row) that holds the printed percentages.
        out_of: What a printed 'all right' is: 100 for per cent, 1 for shares.
        n: Items behind a printed percentage, where the source says so; `if_n` what to assume.
        less: The lower number is the better one; of a cost in records it always is.
        margin: The largest difference that doesn't matter, in shares or in the scores' unit.
        alpha: Where a campaign watched the two, its plan's alpha and margin hold.
        metric, intersect: As `ossay compare` takes them.
    """

    a: str | Side
    b: str | Side
    table: str = ""
    design: Design = "counts"
    across: Literal["columns", "rows"] = "columns"
    items: tuple[str, ...] = ()
    at: str = ""
    out_of: float = 100.0
    n: int | None = None
    if_n: tuple[int, ...] = ()
    less: bool = False
    margin: float | None = None
    alpha: float = 0.05
    metric: str | None = None
    intersect: bool = False

    def meet(self, evidence: Evidence) -> Meeting:
        """Compare the two by counts, scores or records.

        Raises:
            UsageError: the data don't allow it; the text says why.
        """
        table = evidence.table(self.table) if self.table else None
        if table is not None and table.records is not None:
            self.only_keys("records")
            return self._by_records(table, evidence)
        self.only_keys(self.design)
        if self.design == "scores":
            return self._by_scores(self._needed(table), evidence)
        return self.by_counts(
            evidence.counts(self.a, self.table), evidence.counts(self.b, self.table)
        )

    def only_keys(self, design: str) -> None:
        """Refuse keys that the design makes no use of; raises `ConfigError`."""
        of_records = " compares results of a file or a campaign"
        for key, designs in _KEYS.items():
            if design not in designs and getattr(self, key) != _default(key):
                what = of_records if design == "records" else f" is of design {design!r}"
                raise ConfigError(f"`{key}` has no use here: the claim{what}")

    def by_counts(self, first: Counts, second: Counts) -> Meeting:
        """Compare two counts of runs that aren't paired."""
        from ossay.stats.comparison import compare_counts
        from ossay.stats.rates import wilson

        a, b = ((one.name, one.passed, one.n) for one in (first, second))
        found = replace(compare_counts(a, b, self.alpha), noun="run", measure=self._measure())
        judged = verdict(found, self.margin)
        steps = [
            f"{one}; {rate_interval(wilson(one.passed, one.n, 1.0 - self.alpha))}"
            for one in (first, second)
        ]
        barnard = "" if found.p_barnard is None else f"Barnard {p_value(found.p_barnard)}, "
        steps.append(
            f"difference {100 * found.difference:+.1f} points, {gap_interval(found.interval)}; "
            f"{barnard}Fisher {p_value(found.p_exact or 0.0)}"
        )
        return Meeting(found, judged, (*steps, judged.sentence), numbers_of(found, judged))

    def names(self) -> tuple[str, str]:
        """What the two are called."""
        return _name(self.a), _name(self.b)

    def printed(self, evidence: Evidence) -> tuple[Span, Span]:
        """The two printed rates as shares.

        Raises:
            UsageError: no such cells, holes, or a rate outside 0..out_of.
        """
        table = self._needed(evidence.table(self.table))
        self.only_keys("printed")
        if not self.at or not 0.0 < self.out_of < 1e6:
            raise ConfigError("printed percentages need `at`, the column or row, and `out_of` > 0")
        a, b = self.names()
        by_row = self.across == "columns"
        cells = [(name, self.at) if by_row else (self.at, name) for name in (a, b)]
        spans = [table.number(row, column).scaled(1.0 / self.out_of) for row, column in cells]
        for name, span in zip((a, b), spans, strict=True):
            if not 0.0 <= span.value <= 1.0:
                raise ConfigError(f"{name!r} has {span.value * self.out_of!r}: outside 0..out_of")
        return spans[0], spans[1]

    def _measure(self) -> Measure:
        return Measure(less=self.less)

    def _needed(self, table: Table | None) -> Table:
        if table is None:
            raise ConfigError("no table is named; add `table`")
        return table

    def _by_scores(self, table: Table, evidence: Evidence) -> Meeting:
        from ossay.stats.comparison import compare_scores
        from ossay.stats.paired import mcnemar
        from ossay.stats.scores import wilcoxon

        a, b = self.names()
        by_row = self.across == "columns"
        items = self.items or (table.numeric if by_row else tuple(table.rows))
        scores: tuple[list[float], list[float]] = ([], [])
        for name, into in zip((a, b), scores, strict=True):
            for item in items:
                cell = table.number(name, item) if by_row else table.number(item, name)
                into.append(cell.value)
        if len(items) < 2:
            raise ConfigError(f"{len(items)} items: a comparison of scores needs two")
        found = compare_scores(a, b, scores, evidence.make_rng(), alpha=self.alpha)
        found = replace(found, measure=self._measure())
        gaps = [one - two for one, two in zip(*scores, strict=True)]
        ranks = wilcoxon(gaps)
        judged = verdict(found, self.margin)
        up, down = sum(gap > 0 for gap in gaps), sum(gap < 0 for gap in gaps)
        signs = mcnemar(up, down).p_exact
        floor = 2.0 ** (1 - ranks.used) if ranks.used else 1.0
        steps = [
            f"{a} less {b}: {listed([f'{gap:+g}' for gap in gaps], 20)}; mean "
            f"{found.difference:+.4g}",
            f"of {len(gaps)} items {up} higher, {len(gaps) - up - down} equal, {down} lower; "
            f"sign test {p_value(signs)}",
            f"sign flips {p_value(found.p)}, Wilcoxon {p_value(ranks.p)}; the least p that "
            f"{ranks.used} differing items can give is {number(floor)}",
            judged.sentence,
        ]
        numbers = numbers_of(found, judged) | {"wilcoxon": ranks.p, "sign": signs, "floor": floor}
        return Meeting(found, judged, tuple(steps), numbers)

    def _by_records(self, table: Table, evidence: Evidence) -> Meeting:
        from ossay.claims.watched import judged_as_watched
        from ossay.compare.pair import compare_models

        assert table.records is not None
        a, b = self.names()
        finding = compare_models(
            table.records,
            a,
            b,
            metric=self.metric,
            margin=self.margin,
            alpha=self.alpha,
            intersect=self.intersect,
            less=self.less,
            rng=evidence.make_rng(),
        )
        if table.campaign is not None:
            # No file says whether its alpha was meant: the default is nobody's choice.
            asked = None if self.alpha == _default("alpha") else self.alpha
            finding = judged_as_watched(
                finding, [table.campaign], alpha=asked, margin=self.margin, dashes=""
            )
        found = finding.comparison
        steps = [*finding.notes]
        if found.only_a is not None and found.only_b is not None:
            steps.append(
                f"{finding.a} {percent(found.value_a)}, {finding.b} {percent(found.value_b)} of "
                f"{found.n_a}; only the first right {found.only_a}, only the second {found.only_b}"
            )
        steps.append(finding.verdict.sentence)
        numbers = numbers_of(found, finding.verdict)
        return Meeting(found, finding.verdict, tuple(steps), numbers, finding.notes)


def _default(key: str) -> object:
    return next(one.default for one in msgspec.structs.fields(Versus) if one.name == key)


def _name(side: str | Side) -> str:
    return side if isinstance(side, str) else side.name or side.row or "it"
