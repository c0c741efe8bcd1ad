"""How comparing commands write a number, an interval, a source, a table.

What is not known is the word 'unknown', never 0 and never blank. Knows nothing of findings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ossay.core.display import visible
from ossay.core.results import Records, Source
from ossay.reports.figures import UNKNOWN, usd
from ossay.stats.measure import Measure

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from ossay.stats.interval import Interval


def text(words: str, style: str = "") -> Text:
    """Words as they are, in one line: acting characters made visible, no markup read."""
    from rich.text import Text

    return Text(visible(words).replace("\n", "␊").replace("\t", "␉"), style)


def table(*headings: str) -> Table:
    """A table without lines; without headings where all are ''."""
    from rich.table import Table

    made = Table(
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        header_style="bold",
        show_header=any(headings),
    )
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


def sized(value: float | None, measure: Measure, *, share: bool, signed: bool = False) -> str:
    """A value in its unit: '26.0 %', '$0.0571', '340 tokens'; a difference of rates in points."""
    if value is None:
        return UNKNOWN
    plus = "+" if signed and value > 0 else ""
    if share:
        return f"{plus}{100 * value + 0.0:.1f} {'points' if signed else '%'}"
    if measure.unit == "$":
        return f"{plus}{'-' * (value < 0)}{usd(abs(value))}"
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{plus}{number} {measure.unit}".rstrip()


def span(interval: Interval, measure: Measure, *, share: bool) -> str:
    """An interval as '22.3 to 30.0', in the unit of the value beside it."""
    if share:
        return f"{100 * interval.low + 0.0:.1f} to {100 * interval.high + 0.0:.1f}"
    ends = (sized(end, Measure(measure.unit), share=False) for end in (interval.low, interval.high))
    return " to ".join(end.removesuffix(f" {measure.unit}") for end in ends)


def p_value(p: float | None) -> str:
    """A p value with three digits, and in powers of ten where it is very small."""
    return UNKNOWN if p is None else f"{p:.3g}"


def counted(n: int, noun: str) -> str:
    """'1 item', '2 items'."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


def counts_of(reasons: dict[str, int]) -> str:
    """'3 infrastructure_error, 1 not run'."""
    return ", ".join(f"{count} {reason}" for reason, count in reasons.items())


def source_lines(names: Sequence[str], records: Records) -> Iterator[str]:
    """A line a source: name, file, when it was made and read, how; what isn't known is said."""
    for source in records.sources:
        if source.name in names:
            yield _source(source)
            for note in source.notes:
                yield f"  {note}"


def _source(source: Source) -> str:
    file = f"{source.file}, {source.kind}" if source.file else source.kind
    made = f"made {_day(source.made_at)}" if source.made_at is not None else "date unknown"
    how = ", ".join(f"{key} {value}" for key, value in source.made_with.items())
    return f"Source {source.name}: {file}; {made}; {how or 'how it was made is unknown'}."


def _day(seconds: float) -> str:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
    except (OverflowError, OSError, ValueError):
        return f"at {seconds:g} s"
