"""Campaigns that stop on their results: what that means for a comparison made of them afterwards.

A test for a number of items fixed before errs more often where the results decided when to stop;
the two models of a `[stop]` are judged by the test that watched them. Knows nothing of how.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ossay.core.errors import UsageError
from ossay.core.results import SCORE

if TYPE_CHECKING:
    from ossay.campaign.stopping import Followed
    from ossay.compare.finding import Finding
    from ossay.core.records import CampaignRecord

_MIRRORED = {"a_better": "b_better", "b_better": "a_better"}


def judged_as_watched(
    finding: Finding,
    campaigns: Iterable[CampaignRecord],
    *,
    alpha: float | None,
    margin: float | None,
    dashes: str = "--",
) -> Finding:
    """The finding with the verdict of the test that watched the two, where one campaign did.

    Args:
        finding: As for a number of items fixed before.
        campaigns: Those that its records came from.
        alpha: As asked for, None where nobody did; `margin` too.
        margin: The other.
        dashes: Written before their names in an error.

    Raises:
        UsageError: another alpha or margin than the plan's, or the lower score as the better one.
    """
    if finding.metric != SCORE:
        return finding
    notes: list[str] = []
    for followed, name in _followed(campaigns):
        watched = {followed.a, followed.b}
        a, b = (model.removesuffix(f"@{name}") for model in (finding.a, finding.b))
        if watched != {a, b} or finding.sources != (name,):
            if watched & {a, b} and _stopped(followed):
                notes.append(_note(name, followed))
            continue
        for option, asked, planned in (
            (f"{dashes}alpha", alpha, followed.alpha),
            (f"{dashes}margin", margin, followed.margin),
        ):
            if asked is not None and asked != planned:
                raise UsageError(
                    f"{option} {asked!r}: the plan of {name!r} watches these two at {planned!r}, "
                    f"declared before its first run; leave out {option}"
                )
        if finding.comparison.measure.less:
            raise UsageError(
                f"the plan of {name!r} watches which passes more; leave out {dashes}less"
            )
        said = followed.verdict
        kind = said.kind if a == followed.a else _MIRRORED.get(said.kind, said.kind)
        note = (
            f"The plan of {name!r} watches these two: its e-value decides, and not the p and "
            "interval below, which are for a number of items fixed before."
        )
        return replace(
            finding,
            verdict=replace(said, kind=kind),
            family="",
            family_size=1,
            notes=(note, *finding.notes),
        )
    return replace(finding, notes=(*finding.notes, *notes)) if notes else finding


def stop_notes(campaigns: Iterable[CampaignRecord]) -> tuple[str, ...]:
    """A sentence for each campaign that stopped on its results."""
    return tuple(
        _note(name, followed) for followed, name in _followed(campaigns) if _stopped(followed)
    )


def _followed(campaigns: Iterable[CampaignRecord]) -> Iterator[tuple[Followed, str]]:
    from ossay.campaign.stopping import follow

    for record in campaigns:
        found = follow(record)
        if found is not None:
            yield found, record.name


def _stopped(followed: Followed) -> bool:
    return followed.reason in ("decided", "tied", "futile")


def _note(name: str, followed: Followed) -> str:
    return (
        f"Campaign {name!r} stopped on what it saw of {followed.a} and {followed.b}; tests for a "
        "number of items fixed before err more often on its results than they say."
    )
