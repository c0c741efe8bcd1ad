"""A Finding on a terminal: the verdict first, then its numbers, then where the two differ.

Everything out of a file is made visible first. Knows nothing of how the finding was made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ossay.cli.compare_words import (
    counted,
    counts_of,
    p_value,
    sized,
    source_lines,
    span,
    table,
    text,
)
from ossay.compare.finding import Differing, Finding
from ossay.core.results import Records

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

_LISTED = 20  # items a side, without --all
_SHORT = 12  # characters of a run's id; `ossay transcript` takes its start


def print_finding(
    finding: Finding, records: Records, console: Console, *, show_all: bool = False
) -> None:
    """Print a finding to `console`; `records` tell of its sources."""
    console.print(text(finding.verdict.sentence, "bold"))
    for note in finding.notes:
        console.print(text(f"Note: {note}"))
    console.print()
    shown = table("", "")
    for name, value in _rows(finding):
        shown.add_row(text(name), text(value))
    console.print(shown)
    for part in _where(finding, None if show_all else _LISTED):
        console.print(part)
    console.print()
    for line in (*_left_out(finding), *source_lines(finding.sources, records)):
        console.print(text(line))


def _rows(finding: Finding) -> Iterator[tuple[str, str]]:
    found, judged = finding.comparison, finding.verdict
    measure, share = found.measure, found.design != "scores"
    level = f"{100 * found.interval.level:.3g} % interval"
    yield "metric", finding.metric
    if found.design == "counts":
        yield "n", f"{found.n_a} and {counted(found.n_b, found.noun)}, not paired"
    else:
        inside = f" in {found.clusters} clusters" if found.clusters else ""
        yield "n", f"{counted(found.n_a, f'shared {found.noun}')}{inside}"
    if found.only_a is not None and found.only_b is not None:
        both = round(found.value_a * found.n_a) - found.only_a
        neither = found.n_a - both - found.only_a - found.only_b
        yield "both, only A, only B, neither", f"{both}, {found.only_a}, {found.only_b}, {neither}"
    for name, value, interval in (
        (finding.a, found.value_a, finding.interval_a),
        (finding.b, found.value_b, finding.interval_b),
    ):
        yield name, f"{sized(value, measure, share=share)} ({span(interval, measure, share=share)})"
    yield (
        f"difference, {level}",
        f"{sized(found.difference, measure, share=share, signed=True)} "
        f"({span(found.interval, measure, share=share)})",
    )
    yield f"p, {found.test}", p_value(found.p)
    if finding.family:
        yield f"p in family {finding.family} of {finding.family_size}", p_value(judged.p)
    yield from _beside(finding)
    if judged.more is None:
        yield "needed n", "no number of items decides it, if what was seen is the truth"
    elif judged.more:
        needed = min(found.n_a, found.n_b) + judged.more
        yield "needed n", f"about {needed:,} {found.noun}s per model, {judged.more:,} more"


def _beside(finding: Finding) -> Iterator[tuple[str, str]]:
    """What is shown beside the p that decides."""
    found, odds = finding.comparison, finding.odds_ratio
    if found.p_exact is not None and found.design == "pairs" and found.test != "exact McNemar":
        yield "p exact McNemar", p_value(found.p_exact)
    if found.p_mid is not None:
        yield "p mid-p McNemar", p_value(found.p_mid)
    if found.design == "counts" and found.test != "Fisher":
        yield "p Fisher", p_value(found.p_exact)
    if odds is not None:
        ends = f"{_ratio(odds.interval.low)} to {_ratio(odds.interval.high)}"
        yield "odds ratio", f"{_ratio(odds.value)} ({ends})"
    for name, value in (("Cohen's g", finding.cohens_g), ("Cohen's h", finding.cohens_h)):
        if value is not None:
            yield name, f"{value:+.3f}"


def _where(finding: Finding, limit: int | None) -> Iterator[RenderableType]:
    """The items on which the two differ, A ahead first."""
    less = finding.comparison.measure.less
    ahead = [one for one in finding.differing if (one.score_a > one.score_b) != less]
    behind = [one for one in finding.differing if (one.score_a > one.score_b) == less]
    for better, items in ((finding.a, ahead), (finding.b, behind)):
        if not items:
            continue
        noun = finding.comparison.noun
        yield text("")
        yield text(
            f"{counted(len(items), noun)} on which {better} is "
            f"{finding.comparison.measure.better}:",
            "bold",
        )
        yield _listed(finding, items[:limit])
        if limit is not None and len(items) > limit:
            yield text(f"… and {len(items) - limit} more; --all lists them.")
    if any(one.run_a or one.run_b for one in finding.differing):
        yield text("Read a run: ossay transcript RUN")


def _listed(finding: Finding, items: list[Differing]) -> Table:
    binary = finding.comparison.design == "pairs"
    runs = any(one.run_a or one.run_b for one in items)
    tries = any(one.attempt != 1 for one in items) and not finding.averaged
    headings = ["item", *["attempt"] * tries, *["A", "B"] * (not binary)]
    shown = table(*headings, *["run of A", "run of B"] * runs)
    measure = finding.comparison.measure
    for one in items:
        cells = [one.item, *[str(one.attempt)] * tries]
        if not binary:
            cells += [sized(score, measure, share=False) for score in (one.score_a, one.score_b)]
        if runs:
            cells += [one.run_a[:_SHORT], one.run_b[:_SHORT]]
        shown.add_row(*map(text, cells))
    return shown


def _left_out(finding: Finding) -> Iterator[str]:
    for name, reasons in ((finding.a, finding.missing_a), (finding.b, finding.missing_b)):
        if reasons:
            yield f"Missing of {name}: {counts_of(reasons)}. They never count as failures."
    for name, items in ((finding.a, finding.only_in_a), (finding.b, finding.only_in_b)):
        if items:
            first = ", ".join(items[:3]) + (", …" if len(items) > 3 else ".")
            yield f"Only {name} has {counted(len(items), 'item')}, left out: {first}"


def _ratio(value: float | None) -> str:
    if value is None:
        return "none"
    return "infinite" if math.isinf(value) else f"{value:.3g}"
