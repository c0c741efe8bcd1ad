"""The predictions of a data pack: a file of their own, whose digest must fit.

A digest that fits shows that nothing was changed by itself; only one that was published before the
runs started shows that nothing was changed at all. Knows nothing of files or manifests.
"""

from __future__ import annotations

import msgspec

from ossay.core.errors import UsageError
from ossay.core.predictions import Committed, digest_of
from ossay.core.records import CampaignRecord
from ossay.reports.pack_json import dump, load

NAME = "predictions.json"

# Characters of a value that an error shows.
_SHOWN = 120


def part(record: CampaignRecord) -> tuple[CampaignRecord, bytes | None]:
    """Return the record without its predictions, and the file of these, None where there are none.

    Raises `UsageError` where their digest does not fit, so that no such pack is written.
    """
    if record.committed is None:
        return record, None
    committed = record.committed
    _check(record, committed)
    return msgspec.structs.replace(record, committed=None), dump(committed)


def join(record: CampaignRecord, content: bytes | None) -> CampaignRecord:
    """Undo `part`; raises `UsageError` where the file is broken or its digest does not fit."""
    if record.committed is not None:
        raise UsageError(
            f"the data pack holds predictions in its campaign.json, as no pack that ossay made "
            f"does: they belong into {NAME}. Ask whoever made it"
        )
    if content is None:
        return record
    committed = load(content, Committed, NAME)
    _check(record, committed)
    return msgspec.structs.replace(record, committed=committed)


def _check(record: CampaignRecord, committed: Committed) -> None:
    if committed.campaign != record.name:
        raise UsageError(
            f"the predictions are of campaign {committed.campaign[:_SHOWN]!r}, the data pack is of "
            f"{record.name!r}. Get it again from where it came"
        )
    try:
        digest = digest_of(committed)
    except UnicodeEncodeError:  # an unpaired surrogate, in no predictions that a ledger held
        digest = ""
    if not digest or digest != committed.digest:
        raise UsageError(
            f"the predictions of campaign {record.name!r} were changed since they were made: they "
            f"are not those of their digest {committed.digest[:_SHOWN]!r}. Get the data pack again "
            "from where it came"
        )
