"""One pair of models as the page shows it: PairCard.

The verdict, the numbers behind it, and the items on which the two differ with their runs. Knows
nothing of HTML.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from msgspec import Struct

from ossay.campaign.stopping import Followed
from ossay.compare.finding import Differing, Finding
from ossay.reports import figures
from ossay.reports.pair_charts import interval_shown, is_followed
from ossay.reports.shortlist import Sample


class ItemRow(Struct, frozen=True):
    """An item on which the two differ. `said_a` is how A's run ended, or its mean score."""

    item: str
    attempt: int
    run_a: str
    run_b: str
    said_a: str
    said_b: str


class ItemGroup(Struct, frozen=True):
    """Items on which one of the two, `ahead`, did better: the first, and how many in all."""

    ahead: str
    behind: str
    rows: tuple[ItemRow, ...]
    all: int


class PairCard(Struct, frozen=True):
    """`tried` says whether attempts have to be told apart; `command` lists all items."""

    a: str
    b: str
    sentence: str
    decided: bool
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    groups: tuple[ItemGroup, ...]
    noun: str
    tried: bool
    left_out: int
    command: str


def card_of(
    one: Finding,
    sample: Sample,
    sentence: str,
    campaign: str,
    outcomes: Mapping[str, str],
    followed: Followed | None,
) -> PairCard:
    """Lay out a finding under its `sentence`; `outcomes` maps run ids to their ends in words."""
    groups = (
        (one.a, one.b, sample.a_ahead, sample.all_a),
        (one.b, one.a, sample.b_ahead, sample.all_b),
    )
    dashes = ["--"] if one.a.startswith("-") or one.b.startswith("-") else []
    words = ["ossay", "compare", "--in", campaign, "--intersect", "--all", *dashes, one.a, one.b]
    if not dashes:
        words = ["ossay", "compare", one.a, one.b, "--in", campaign, "--intersect", "--all"]
    return PairCard(
        a=one.a,
        b=one.b,
        sentence=sentence,
        decided=one.verdict.kind != "not_enough_data",
        facts=_facts(one, followed),
        notes=(*_missing(one), *one.notes),
        groups=tuple(
            ItemGroup(ahead, behind, tuple(_row(item, outcomes) for item in items), count)
            for ahead, behind, items, count in groups
            if count
        ),
        noun=one.comparison.noun,
        tried=one.comparison.noun == "attempt",
        left_out=sample.left_out,
        command=shlex.join(words),
    )


def _facts(one: Finding, followed: Followed | None) -> tuple[tuple[str, str], ...]:
    found, interval = one.comparison, interval_shown(one, followed)
    inside = f" in {figures.count(found.clusters, 'cluster')}" if found.clusters else ""
    level = figures.percent(interval.level)
    facts = [
        ("Compared on", figures.count(found.n_a, f"shared {found.noun}") + inside),
        ("Difference", points(found.difference)),
        (
            f"{level} interval",
            f"{points(interval.low).removesuffix(' points')} to {points(interval.high)}",
        ),
    ]
    if followed is not None and is_followed(one, followed):
        judged = figures.count(followed.pairs, f"shared {found.noun}")
        sequence = (f"{level} confidence sequence", facts[2][1])
        return ("Judged on", judged), sequence, ("Listed from", facts[0][1])
    facts.append(("p", f"{p_value(found.p)}, {found.test}"))
    if one.family_size > 1:
        of = f"{one.family}, {one.family_size}"
        facts.append(("p after correction", f"{p_value(one.verdict.p)} ({of})"))
    if found.p_exact is not None and found.p_mid is not None and found.test != "exact McNemar":
        facts.append(("p_exact, p_mid", f"{p_value(found.p_exact)}, {p_value(found.p_mid)}"))
    return tuple(facts)


def _missing(one: Finding) -> list[str]:
    said = []
    for name, reasons in ((one.a, one.missing_a), (one.b, one.missing_b)):
        listed = ", ".join(f"{why.replace('_', ' ')} {count:,}" for why, count in reasons.items())
        if listed:
            said.append(f"Without a result of {name}: {listed}. None counts as a failure.")
    return said


def _row(one: Differing, outcomes: Mapping[str, str]) -> ItemRow:
    return ItemRow(
        one.item,
        one.attempt,
        one.run_a,
        one.run_b,
        outcomes.get(one.run_a) or f"mean {one.score_a:.2g}",
        outcomes.get(one.run_b) or f"mean {one.score_b:.2g}",
    )


def points(share: float) -> str:
    """0.031 -> '+3.1 points'."""
    return f"{100 * share:+.1f} points" if abs(share) >= 0.0005 else "0.0 points"


def p_value(p: float) -> str:
    """A p value with three digits, '< 0.0001' below."""
    return "< 0.0001" if p < 0.0001 else f"{p:.3g}"
