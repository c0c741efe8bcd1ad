"""The decision log's tables. Times are Unix seconds, money is USD, unknown is NULL.

`entry` holds the whole of an entry as canonical JSON; the columns beside it repeat parts of it, to
be searched by. Knows nothing of how the rows are chained. Whoever changes a table raises VERSION.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

VERSION = 1

metadata = MetaData()

entries = Table(
    "decision_entries",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # from 1, without a gap
    Column("hash", Text, nullable=False),
    Column("kind", Text, nullable=False),  # decision, audit, trip
    Column("id", Text, nullable=False, unique=True),
    Column("at", Double, nullable=False),
    Column("route", Text),
    Column("key", Text),
    Column("criticality", Text),
    Column("plan", Text),
    Column("ending", Text),
    Column("policy", Text),
    Column("cost_usd", Double),
    Column("audit_of", Text),  # of an audit: the decision's id
    Column("entry", Text, nullable=False),
    Index("decision_entries_by_time", "at"),
    Index("decision_entries_by_key", "key", "at"),
)

# One row: where the chain ends, and the version of these tables.
head = Table(
    "decision_head",
    metadata,
    Column("id", Integer, primary_key=True),  # 1
    Column("version", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)

# What was said, by the SHA-256 of it; zstandard-compressed.
bodies = Table(
    "decision_bodies",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("kept_until", Double, nullable=False),
    Index("decision_bodies_by_time", "kept_until"),
)
