"""Predictions in the ledger: entered with their campaign, checked whenever they are read.

Nothing changes a commitment or adds one later. Knows nothing of plans, or of what came true.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select

from ossay.core.errors import LedgerError, UsageError
from ossay.core.predictions import Committed, Prediction, digest_of
from ossay.store.migration import check_has_imports, has_imports
from ossay.store.schema import commitments
from ossay.store.text import is_storable


def enter_commitment(connection: Connection, committed: Committed) -> None:
    """Write what is predicted of a campaign, in the transaction that enters the campaign.

    Raises:
        UsageError: its digest is another's, or it would not come back as it is.
        LedgerError: the ledger is of a version that has no commitments.
    """
    if not is_storable(committed.forecaster):
        raise UsageError(f"forecaster {committed.forecaster!r} is no name; give another")
    try:
        digest = digest_of(committed)
    except UnicodeEncodeError as error:
        raise UsageError(
            f"the predictions of campaign {committed.campaign!r} hold half a character, "
            f"{error.object[error.start : error.end]!r}; take it out"
        ) from error
    if committed.digest not in ("", digest):
        raise UsageError(
            f"the predictions of campaign {committed.campaign!r} are not those of their digest "
            f"{committed.digest!r}; make the digest of what is entered"
        )
    predictions = msgspec.json.encode(committed.predictions, order="sorted")
    if _digest_back(committed, predictions) != digest:
        raise UsageError(
            f"the predictions of campaign {committed.campaign!r} hold a number that would come "
            "back as another; give all of them, and the time, as finite floats"
        )
    check_has_imports(connection)
    connection.execute(
        insert(commitments).values(
            campaign=committed.campaign,
            forecaster=committed.forecaster,
            committed_at=committed.committed_at,
            predictions=predictions.decode(),
            digest=digest,
        )
    )


def read_commitment(connection: Connection, campaign: str) -> Committed | None:
    """Return what was predicted of a campaign; raises `LedgerError` where it was changed."""
    if not has_imports(connection):
        return None
    query = select(commitments).where(commitments.c.campaign == campaign)
    row = connection.execute(query).first()
    return None if row is None else _committed(row)


def list_commitments(connection: Connection) -> list[Committed]:
    """Return all commitments, the oldest first; raises `LedgerError` where one was changed."""
    if not has_imports(connection):
        return []
    query = select(commitments).order_by(commitments.c.committed_at, commitments.c.campaign)
    return [_committed(row) for row in connection.execute(query)]


def _decode(predictions: str | bytes) -> tuple[Prediction, ...]:
    return msgspec.json.decode(predictions, type=tuple[Prediction, ...])


def _digest_back(committed: Committed, predictions: bytes) -> str:
    """The digest of what will be read back."""
    return digest_of(
        msgspec.structs.replace(
            committed,
            committed_at=float(committed.committed_at),
            predictions=_decode(predictions),
        )
    )


def _committed(row: Row[Any]) -> Committed:
    try:
        predictions = _decode(row.predictions)
    except msgspec.MsgspecError as error:
        raise LedgerError(
            f"the predictions of campaign {row.campaign!r} are damaged in the ledger: {error}; "
            "restore a copy"
        ) from error
    there = Committed(row.campaign, row.forecaster, row.committed_at, predictions, row.digest)
    if digest_of(there) != row.digest:
        raise LedgerError(
            f"the predictions of campaign {row.campaign!r} were changed in the ledger: they are "
            f"not those of their digest {row.digest!r}; restore a copy"
        )
    return there
