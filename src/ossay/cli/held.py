"""What the ledger holds under a name, and which name holds the models that were asked for.

Knows nothing of files, or of what is done with the records.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ossay.core.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from ossay.core.rating import RaterKind
    from ossay.core.records import CampaignRecord
    from ossay.core.results import Records
    from ossay.records.rescored import Rescored
    from ossay.store.ledger import Ledger


def from_ledger(
    ledger: Ledger, name: str, raters: RaterKind | None = None
) -> tuple[Records, CampaignRecord | None]:
    """The records of that name, and the campaign where it is one.

    With `raters`, a campaign's ratings by people or by models, by the latest version of each
    rubric that these used; raises `UsageError` where it has none.
    """
    from ossay.records.campaign import records_of
    from ossay.records.ratings import ratings_as_records

    campaigns = [row.name for row in ledger.campaigns()]
    imports = [row.name for row in ledger.imports()]
    if name in campaigns:
        record = ledger.campaign(name)
        if raters is not None:
            rated = rated_anew(ledger, name, raters)
            return ratings_as_records(record, rated.ratings, raters, rated.notes), record
        return records_of(record), record
    if name in imports:
        return ledger.records(name), None
    raise UnknownName.of(
        "campaign or import", name, (*campaigns, *imports), hint="give a file with --records"
    )


def rated_anew(ledger: Ledger, name: str, kind: RaterKind | None = None) -> Rescored:
    """A campaign's ratings that hold, scored by the latest version of each rubric.

    The latest is what the last rating was made by. With `kind` only those by people, or by models,
    are looked at and counted; the others come after them as they are.
    """
    from msgspec.structs import replace

    from ossay.core.rating import current
    from ossay.records.rescored import latest, rescored

    rows = ledger.ratings(name)
    answers = {answer.run: answer for answer in ledger.answers(name)}
    asked = [row for row in rows if kind in (None, row.kind)]
    others = [row for row in current(rows) if kind not in (None, row.kind)]
    found = rescored(asked, latest(asked, ledger.rubrics(name), answers), answers)
    return replace(found, ratings=(*found.ratings, *others))


def _names(ledger: Ledger) -> list[str]:
    return [row.name for row in ledger.campaigns()] + [row.name for row in ledger.imports()]


def asked_for(ledger: Ledger, wanted: Sequence[str]) -> tuple[str, ...]:
    """The names in the ledger that 'model@source' asks for."""
    from ossay.compare.apart import source_of

    names = _names(ledger)
    return tuple(dict.fromkeys(one for one in map(source_of, wanted) if one in names))


def holding(ledger: Ledger, wanted: Sequence[str]) -> str:
    """The one name in the ledger whose records hold all of these models."""
    names = _names(ledger)
    found = [name for name in names if _holds(ledger, name, wanted)]
    if len(found) == 1:
        return found[0]
    what = f"both {wanted[0]!r} and {wanted[1]!r}" if len(wanted) == 2 else "results"
    if found:
        raise UsageError(
            f"{len(found)} places in the ledger hold {what}: {', '.join(map(repr, found))}; name "
            "one with --in"
        )
    known = f"it has {', '.join(map(repr, names))}" if names else "it is empty"
    raise UsageError(
        f"nothing in the ledger holds {what}: {known}. Give a file with --records, or several "
        "--in NAME"
    )


def _holds(ledger: Ledger, name: str, wanted: Sequence[str]) -> bool:
    from ossay.compare.selection import find_model

    records, _ = from_ledger(ledger, name)
    try:
        for model in wanted:
            find_model(records, model)
    except UnknownName:
        return False
    return bool(records.results or records.counts)
