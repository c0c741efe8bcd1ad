"""What the ledger holds under a name, and which name holds the models that were asked for.

Knows nothing of files, or of what is done with the records.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ossay.core.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from ossay.core.records import CampaignRecord
    from ossay.core.results import Records
    from ossay.store.ledger import Ledger


def from_ledger(ledger: Ledger, name: str) -> tuple[Records, CampaignRecord | None]:
    """The records of that name, and the campaign where it is one."""
    from ossay.records.campaign import records_of

    campaigns = [row.name for row in ledger.campaigns()]
    imports = [row.name for row in ledger.imports()]
    if name in campaigns:
        record = ledger.campaign(name)
        return records_of(record), record
    if name in imports:
        return ledger.records(name), None
    raise UnknownName.of(
        "campaign or import", name, (*campaigns, *imports), hint="give a file with --records"
    )


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
