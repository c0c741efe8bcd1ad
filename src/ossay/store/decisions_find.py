"""Finding entries in a decision log: by what they are about, by time, by the start of an id.

Knows nothing of who asks, or how it is shown.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Select, and_, select

from ossay.core.decision import Entry
from ossay.core.errors import UsageError
from ossay.store.decisions_chain import Head, read_entry
from ossay.store.decisions_schema import entries
from ossay.store.text import is_storable

# Ids that are named where a start fits more than one.
_LISTED = 5
_BY = ("route", "key", "plan", "ending", "criticality", "audit_of")


class Wanted(Struct, frozen=True):
    """Which entries: those that have every value given; '' is any.

    Attributes:
        kinds: Any of 'decision', 'audit', 'trip'; none: all.
        route, key, plan, ending, criticality: A decision's; no audit has them, a trip its route.
        audit_of: An audit's: the decision's id.
        since: Unix seconds of the earliest, None for any.
        after: The entry's number is above it.
    """

    kinds: tuple[str, ...] = ()
    route: str = ""
    key: str = ""
    plan: str = ""
    ending: str = ""
    criticality: str = ""
    audit_of: str = ""
    since: float | None = None
    after: int = 0


ANY = Wanted()


class Found(Struct, frozen=True):
    """An entry and its place in the chain."""

    head: Head
    entry: Entry


def find_last(connection: Connection, wanted: Wanted, limit: int) -> list[Found]:
    """The last of them, in the order of the log."""
    query = _query(wanted).order_by(entries.c.seq.desc()).limit(limit)
    return [_found(row) for row in connection.execute(query)][::-1]


def find_next(connection: Connection, wanted: Wanted, limit: int) -> list[Found]:
    """The first of them, in the order of the log."""
    query = _query(wanted).order_by(entries.c.seq).limit(limit)
    return [_found(row) for row in connection.execute(query)]


def find_id(connection: Connection, start: str) -> Found | None:
    """The entry whose id starts so; raises `UsageError` where several do."""
    if not start or not is_storable(start):
        return None
    columns = (entries.c.seq, entries.c.hash, entries.c.entry)
    exact = connection.execute(select(*columns).where(entries.c.id == start)).first()
    if exact is not None:
        return _found(exact)
    key = entries.c.id
    if connection.dialect.name == "sqlite":
        # SQLite orders text by code point, and uses no index for LIKE.
        begins = and_(key >= start, key < start + "\U0010ffff")
    else:
        begins = key.startswith(start, autoescape=True)  # whatever its collation's order
    query = select(*columns, key).where(begins).order_by(key).limit(_LISTED + 1)
    rows = connection.execute(query).all()
    if len(rows) > 1:
        ids = [row.id for row in rows]
        listed = ", ".join(map(repr, ids[:_LISTED])) + (", …" if len(ids) > _LISTED else "")
        raise UsageError(
            f"more than one entry starts with {start!r} ({listed}); give more of its id"
        )
    return _found(rows[0]) if rows else None


def _query(wanted: Wanted) -> Select[Any]:
    query = select(entries.c.seq, entries.c.hash, entries.c.entry)
    for name in _BY:
        value = getattr(wanted, name)
        if value:
            query = query.where(entries.c[name] == value)
    if wanted.kinds:
        query = query.where(entries.c.kind.in_(wanted.kinds))
    if wanted.since is not None:
        query = query.where(entries.c.at >= wanted.since)
    return query.where(entries.c.seq > wanted.after)


def _found(row: Any) -> Found:
    return Found(Head(row.seq, row.hash), read_entry(row.entry))
