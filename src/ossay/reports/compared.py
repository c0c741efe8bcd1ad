"""All pairs of a campaign's models compared, and the models ranked: Compared.

Pairs are corrected by Holm over all pairs, or over the families that the plan declares. The two
models of a `[stop]` are judged by what was watched while the runs came in, since a campaign that
stops on its results breaks tests for a fixed number of items. Knows nothing of how it is shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from msgspec import Struct
from msgspec.structs import replace

from ossay.campaign.plan import Plan
from ossay.campaign.stopping import Followed
from ossay.compare.board import rank_models
from ossay.compare.finding import Board, Finding
from ossay.compare.pair import compare_models
from ossay.core.errors import UsageError
from ossay.core.records import CampaignRecord
from ossay.core.results import SCORE, Records, Result, Source
from ossay.records.campaign import records_of
from ossay.reports.power import Power, Tested, power_of
from ossay.stats.many import holm
from ossay.stats.verdict import verdict

ALPHA = 0.05
ALL_PAIRS = "all pairs"

# Of the sign flips that are too many to count; that of `ossay compare`, so both print one p.
SEED = 20_260_101

# Up to so many models are compared pair by pair, and up to so many ranked: both grow with the
# square of it, and a record may come from anyone.
MOST_COMPARED = 50
MOST_RANKED = 200

Pair = frozenset[str]


class NotCompared(Struct, frozen=True):
    """Two models that can't be compared, and why."""

    a: str
    b: str
    why: str


class Compared(Struct, frozen=True):
    """Findings in the order of the plan's pairs. `board` is None for fewer than two models.

    `power` is None where nothing was compared; `problems` says what could not be worked out, a
    sentence each.
    """

    findings: tuple[Finding, ...] = ()
    not_compared: tuple[NotCompared, ...] = ()
    board: Board | None = None
    power: Power | None = None
    problems: tuple[str, ...] = ()


def compare_all(
    record: CampaignRecord, plan: Plan | None = None, followed: Followed | None = None
) -> Compared:
    """Compare every pair of models that have runs. Pure: the same record gives the same result."""
    records = records_of(record)
    rows: dict[str, list[Result]] = defaultdict(list)
    for row in records.results:
        rows[row.model].append(row)
    if len(rows) < 2:
        return Compared()
    if len(rows) > MOST_COMPARED:
        board, problems = _board(records) if len(rows) <= MOST_RANKED else (None, [])
        problems.append(
            f"{len(rows)} models make {len(rows) * (len(rows) - 1) // 2:,} pairs, too many to "
            f"compare each here; ossay compare A B --in {record.name} compares two."
        )
        return Compared(board=board, problems=tuple(problems))
    board, problems = _board(records)
    found, failed = _alone(rows, records.sources, plan, followed)
    watched = frozenset((followed.a, followed.b)) if followed else frozenset[str]()
    families = _families(tuple(rows), watched, plan)
    judged = _judged(found, families, followed)
    power = power_of(records, judged, _tested(families, followed))
    # Where no two can be compared, that says it all.
    return Compared(judged, failed, board, power, tuple(problems) if judged else ())


def _board(records: Records) -> tuple[Board | None, list[str]]:
    from numpy.random import PCG64, Generator

    try:
        board = rank_models(
            records, metric=SCORE, alpha=ALPHA, intersect=True, rng=Generator(PCG64(SEED))
        )
    except UsageError as error:
        return None, [f"The models can't be ranked: {str(error).rstrip('.')}."]
    return board, []


def _alone(
    rows: Mapping[str, list[Result]],
    sources: tuple[Source, ...],
    plan: Plan | None,
    followed: Followed | None,
) -> tuple[list[Finding], tuple[NotCompared, ...]]:
    """Each pair by itself, not corrected."""
    from numpy.random import PCG64, Generator

    margin = plan.stop.margin if plan and plan.stop else None
    found, failed = list[Finding](), list[NotCompared]()
    for one, two in combinations(rows, 2):
        a, b = (two, one) if followed and (followed.a, followed.b) == (two, one) else (one, two)
        try:
            found.append(
                compare_models(
                    Records(sources, (*rows[a], *rows[b])),
                    a,
                    b,
                    metric=SCORE,
                    margin=margin,
                    alpha=ALPHA,
                    intersect=True,
                    rng=Generator(PCG64(SEED)),
                )
            )
        except UsageError as error:
            failed.append(NotCompared(a, b, str(error)))
    return found, tuple(failed)


def _judged(
    found: Sequence[Finding], families: Mapping[str, list[Pair]], followed: Followed | None
) -> tuple[Finding, ...]:
    """The findings with p after correction, and the verdict that it allows."""
    watched = frozenset((followed.a, followed.b)) if followed else frozenset[str]()
    ps = {frozenset((one.a, one.b)): one.comparison.p for one in found}
    if followed:
        ps[watched] = followed.verdict.p
    corrected = _corrected(families, ps)
    judged = []
    for one in found:
        pair = frozenset((one.a, one.b))
        if followed and pair == watched:
            judged.append(_watched(one, followed))
            continue
        adjusted, family, size = corrected[pair]
        margin = one.verdict.margin
        if size > 1 or family != ALL_PAIRS:
            said = verdict(one.comparison, margin, adjusted=adjusted, family=size)
            one = replace(one, verdict=said, family=family, family_size=size)
        if followed and followed.reason in ("decided", "tied", "futile") and pair & watched:
            one = replace(
                one,
                notes=(
                    *one.notes,
                    "The campaign stopped on what it saw of one of the two; this test is for a "
                    "number of items fixed before, and its p may be too small.",
                ),
            )
        judged.append(one)
    return tuple(judged)


def _families(models: Iterable[str], watched: Pair, plan: Plan | None) -> dict[str, list[Pair]]:
    """All pairs but the watched one, which has a test of its own; then what the plan declares."""
    pairs = [frozenset(pair) for pair in combinations(models, 2)]
    declared = plan.families if plan else {}
    return {ALL_PAIRS: [pair for pair in pairs if pair != watched]} | {
        name: [frozenset(pair) for pair in own] for name, own in declared.items()
    }


def _tested(families: Mapping[str, list[Pair]], followed: Followed | None) -> list[Tested]:
    """What is tested together, under the name that its findings bear.

    The watched pair, and the only one of two models, stand alone. All pairs are left out where
    every pair has a family of its own.
    """
    declared = {name: pairs for name, pairs in families.items() if name != ALL_PAIRS}
    rest = families[ALL_PAIRS]
    found = [Tested("", 1, followed.alpha)] if followed else []
    if len(rest) == 1 and not declared:
        return [*found, Tested("", 1, ALPHA)]
    found += [Tested(name, len(pairs), ALPHA) for name, pairs in declared.items()]
    if set(rest) - {pair for pairs in declared.values() for pair in pairs}:
        found.append(Tested(ALL_PAIRS, len(rest), ALPHA))
    return found


def _corrected(
    families: Mapping[str, Sequence[Pair]], ps: Mapping[Pair, float]
) -> dict[Pair, tuple[float, str, int]]:
    """Pair -> p after Holm, its family, the family's size.

    A family that the plan declares goes before all pairs; of several, the one with the largest p.
    What can't be compared counts with p = 1, the watched pair with 1 / e-value.
    """
    found: dict[Pair, tuple[float, str, int]] = {}
    for name, pairs in families.items():
        adjusted = holm([ps.get(pair, 1.0) for pair in pairs])
        for pair, p in zip(pairs, adjusted, strict=True):
            before = found.get(pair)
            if before is None or before[1] == ALL_PAIRS or p > before[0]:
                found[pair] = (p, name, len(pairs))
    return found


def _watched(one: Finding, followed: Followed) -> Finding:
    """The finding of the two models of `[stop]`, which the e-value judges."""
    note = (
        "The campaign's plan watches these two: the e-value decides, and not the p and interval "
        "for a number of items fixed before."
    )
    return replace(one, verdict=followed.verdict, notes=(*one.notes, note))
