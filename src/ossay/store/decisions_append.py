"""Appending entries to a decision log, many in one transaction.

Writers of all processes take turns at the head, so there is one chain however many write. Knows
nothing of when a transaction ends.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from itertools import chain
from typing import Any

import zstandard
from msgspec import Struct
from sqlalchemy import Connection, bindparam, select

from ossay.core.decision import Entry
from ossay.store.decisions_chain import COLUMNS, Head, columns_of, entry_text, link
from ossay.store.decisions_schema import bodies, entries, head
from ossay.store.writer import Refused

# Bytes of one body. Far above what the server lets in.
MAX_BODY = 64 << 20
# Rows of one statement. The interpreter is free for others while a statement runs, and is asked for
# again after each: row by row, whoever answers requests would have to stop for every one. More
# rows would take megabytes for the statement.
_TOGETHER = 25


class Addition(Struct, frozen=True):
    """An entry and the bodies it names, by hash."""

    entry: Entry
    bodies: Mapping[str, bytes]


class _Ready(Struct, frozen=True):
    text: str
    columns: tuple[Any, ...]
    packed: dict[str, bytes]
    kept_until: float


class Append:
    """The action of `store.writer` that adds entries."""

    rank = 0

    def __init__(self) -> None:
        self._packing = threading.local()
        self._statements: dict[int, str] = {}

    def prepare(self, payload: Addition) -> _Ready:
        """Encode and compress."""
        entry = payload.entry
        compress = self._compressor()
        packed = {name: compress(body) for name, body in payload.bodies.items()}
        return _Ready(entry_text(entry), columns_of(entry), packed, entry.kept_until)

    def apply(self, connection: Connection, prepared: list[_Ready]) -> list[Head]:
        """Write all, in order; each one's place in the chain."""
        query = select(head.c.seq, head.c.hash).with_for_update()
        at = Head(*connection.execute(query).one())
        last, rows, heads = at, [], []
        for ready in prepared:
            seq = last.seq + 1
            last = Head(seq, link(last.hash, seq, ready.text))
            heads.append(last)
            rows.append((seq, last.hash, ready.text, *ready.columns))
        whole = len(rows) - len(rows) % _TOGETHER
        for start in range(0, whole, _TOGETHER):
            values = tuple(chain.from_iterable(rows[start : start + _TOGETHER]))
            connection.exec_driver_sql(self._insert(connection, _TOGETHER), values)
        if rows[whole:]:
            connection.exec_driver_sql(self._insert(connection, 1), rows[whole:])
        moved = head.update().where(head.c.seq == at.seq).values(seq=last.seq, hash=last.hash)
        if connection.execute(moved).rowcount != 1:
            raise Refused
        self._keep(connection, prepared)
        return heads

    def _insert(self, connection: Connection, count: int) -> str:
        """The statement that takes so many rows as `apply` makes them."""
        statement = self._statements.get(count)
        if statement is None:
            mark = "%s" if connection.dialect.paramstyle == "format" else "?"
            names = ("seq", "hash", "entry", *COLUMNS)
            quoted = ", ".join(f'"{name}"' for name in names)
            row = f"({', '.join([mark] * len(names))})"
            statement = f"INSERT INTO {entries.name} ({quoted}) VALUES {', '.join([row] * count)}"
            self._statements[count] = statement
        return statement

    @staticmethod
    def _keep(connection: Connection, prepared: list[_Ready]) -> None:
        """Keep bodies; one that is there already is kept until the later time."""
        latest: dict[str, dict[str, Any]] = {}
        for ready in prepared:
            for name, content in ready.packed.items():
                until = ready.kept_until
                if name in latest:
                    until = max(until, latest[name]["kept_until"])
                latest[name] = {"hash": name, "content": content, "kept_until": until}
        if not latest:
            return
        # Of the two only the one that is used: PostgreSQL's is some megabytes.
        insert: Any
        if connection.dialect.name == "postgresql":
            from sqlalchemy.dialects import postgresql

            insert = postgresql.insert(bodies)
        else:
            from sqlalchemy.dialects import sqlite

            insert = sqlite.insert(bodies)
        insert = insert.values(
            hash=bindparam("hash"), content=bindparam("content"), kept_until=bindparam("kept_until")
        )
        new = insert.excluded.kept_until
        later = insert.on_conflict_do_update(
            index_elements=[bodies.c.hash],
            set_={"kept_until": new},
            where=bodies.c.kept_until < new,
        )
        # In one order, so that two processes cannot wait for each other.
        connection.execute(later, [latest[name] for name in sorted(latest)])

    def _compressor(self) -> Any:
        compress = getattr(self._packing, "compress", None)
        if compress is None:
            compress = self._packing.compress = zstandard.ZstdCompressor(level=3).compress
        return compress
