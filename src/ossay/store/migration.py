"""Raising a ledger of an older version to this one, and telling which version one is.

Knows nothing of how a ledger is opened, or of what is in it.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, inspect, select, text, update

from ossay.core.errors import LedgerError
from ossay.store.address import Address
from ossay.store.schema import (
    SCHEMA_VERSION,
    artefacts,
    commitments,
    counts,
    meta,
    metadata,
    ratings,
    results,
    rubrics,
    sources,
    stated,
)

# Version -> the tables that it added. `metadata` makes tables as they are now, not as they were
# then, so a table that a later version changes is changed by a statement below.
_ADDED: dict[int, tuple[Table, ...]] = {
    2: (commitments, sources, results, counts, stated),
    3: (artefacts, rubrics, ratings),
}
# Version -> what it changed in tables that were there. Defaults, so that a process of an older
# ossay that is at work can go on.
_CHANGED: dict[int, tuple[str, ...]] = {
    3: ("ALTER TABLE runs ADD COLUMN facts TEXT NOT NULL DEFAULT '{}'",)
}


def version_of(connection: Connection) -> int | None:
    """Return the version of the ledger, None where there is none."""
    if meta.name not in inspect(connection).get_table_names():
        return None
    version = stored_version(connection)
    return int(version) if version.isascii() and version.isdigit() else None


def stored_version(connection: Connection) -> str:
    """Return what a ledger says of its version, '' where it says nothing."""
    query = select(meta.c.value).where(meta.c.key == "schema_version")
    return connection.execute(query).scalar() or ""


def has_imports(connection: Connection) -> bool:
    """Whether the ledger has tables for imports and commitments: one of version 1 has not."""
    return stored_version(connection) != "1"


def has_ratings(connection: Connection) -> bool:
    """Whether the ledger has tables for ratings, and runs have facts: since version 3."""
    return stored_version(connection) not in ("1", "2")


def check_has_ratings(connection: Connection) -> None:
    """Raise `LedgerError` where `has_ratings` is not so: the ledger was opened only for reading."""
    if not has_ratings(connection):
        raise LedgerError(
            "a ledger of version 1 or 2 holds no ratings, and was not opened in a way that may "
            "change it; `ossay run` and `ossay rate` upgrade it"
        )


def check_has_imports(connection: Connection) -> None:
    """Raise `LedgerError` where `has_imports` is not so: the ledger was opened only for reading."""
    if not has_imports(connection):
        raise LedgerError(
            "a ledger of version 1 holds neither imports nor predictions, and was not opened in a "
            "way that may change it; `ossay run` and `ossay import` upgrade it"
        )


def upgrade(connection: Connection, address: Address) -> None:
    """Bring an older ledger to `SCHEMA_VERSION`; the caller's transaction holds it for itself.

    What is in it stays as it is. Raises `LedgerError` where other tables have the new ones' names.
    """
    version = version_of(connection)
    if version is None or version >= SCHEMA_VERSION:
        return
    missing = [table for since, added in _ADDED.items() if since > version for table in added]
    there = set(inspect(connection).get_table_names())
    taken = sorted(there & {table.name for table in missing})
    if taken:
        raise LedgerError(
            f"ledger {address} is of version {version} and cannot become {SCHEMA_VERSION}: tables "
            f"{', '.join(map(repr, taken))} of something else are there; rename them"
        )
    metadata.create_all(connection, tables=missing)
    for since, changes in _CHANGED.items():
        for change in changes if since > version else ():
            connection.execute(text(change))
    raised = update(meta).where(meta.c.key == "schema_version").values(value=str(SCHEMA_VERSION))
    connection.execute(raised)
