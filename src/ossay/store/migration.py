"""Raising a ledger of an older version to this one, and telling which version one is.

Knows nothing of how a ledger is opened, or of what is in it.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, inspect, select, update

from ossay.core.errors import LedgerError
from ossay.store.address import Address
from ossay.store.schema import (
    SCHEMA_VERSION,
    commitments,
    counts,
    meta,
    metadata,
    results,
    sources,
    stated,
)

# Version -> the tables that it added. A version that changes a table needs a step of its own here:
# `metadata` makes tables as they are now, not as they were then.
_ADDED: dict[int, tuple[Table, ...]] = {2: (commitments, sources, results, counts, stated)}


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
    raised = update(meta).where(meta.c.key == "schema_version").values(value=str(SCHEMA_VERSION))
    connection.execute(raised)
