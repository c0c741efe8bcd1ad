"""Verdicts with marks ('A') in place of long names, for lines that a name would fill.

The sentence is worded again from the same numbers, in `stats`. Knows nothing of where it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from ossay.campaign.stopping import Followed
from ossay.compare.finding import Finding
from ossay.reports.pair_charts import is_followed
from ossay.stats.sequential_verdict import Race, sequential_verdict
from ossay.stats.verdict import verdict

LONG = 20  # characters of a name; two longer ones and the numbers don't fit into two lines


def names_of(marks: Mapping[str, str]) -> dict[str, str]:
    """What each model is called in a sentence: its mark, or its name where all are short."""
    long = any(len(name) > LONG for name in marks)
    return {name: mark if long else name for name, mark in marks.items()}


def legend(models: Iterable[str], names: Mapping[str, str]) -> list[str]:
    """'A: its/name' for each of `models` that is called by its mark, in the order of `names`."""
    named = frozenset(models)
    return [f"{name}: {one}" for one, name in names.items() if one in named and name != one]


def said(one: Finding, followed: Followed | None, names: Mapping[str, str]) -> str:
    """The sentence of any finding of a campaign."""
    if followed is not None and is_followed(one, followed):
        return decision_of(followed, names)
    return sentence_of(one, names)


def sentence_of(one: Finding, names: Mapping[str, str]) -> str:
    """The sentence of a finding that no `[stop]` watches."""
    found = replace(one.comparison, a=names[one.a], b=names[one.b])
    judged = one.verdict
    return verdict(found, judged.margin, adjusted=judged.p, family=one.family_size).sentence


def decision_of(found: Followed, names: Mapping[str, str]) -> str:
    """The sentence of the two models that a `[stop]` watches."""
    race = Race(
        names[found.a],
        names[found.b],
        found.only_a,
        found.only_b,
        found.pairs,
        found.alpha,
        found.bet,
        found.margin,
    )
    left = found.planned - found.items
    return sequential_verdict(race, found.reason, left=left, chance=found.chance).sentence
