"""Imported results in the ledger: kept whole or not at all, listed, read back, forgotten.

A name is one import's or one campaign's. Knows nothing of files, or of when a transaction ends.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection, Row, Table, delete, func, insert, select, union

from ossay.core.errors import LedgerError, UnknownName, UsageError
from ossay.core.results import Count, Records, Result, Source, SourceKind, Stated
from ossay.store.engine import alone
from ossay.store.migration import check_has_imports, has_imports
from ossay.store.schema import campaigns, counts, results, sources, stated
from ossay.store.text import is_storable

T = TypeVar("T", Result, Count, Stated)

# Fields of a source that are kept as JSON.
_JSON = {"made_with": dict[str, str], "columns": dict[str, str], "notes": tuple[str, ...]}


class ImportRow(NamedTuple):
    """An import in a list. `rows` are results and counts; `models` and `items` differ."""

    name: str
    kind: SourceKind
    file: str
    read_at: float | None  # Unix seconds
    rows: int
    models: int
    items: int  # 0 where only whole benchmarks were counted


class Kept(NamedTuple):
    """What became of a source. `already`: it was there before, and nothing was written."""

    name: str
    rows: int  # results, counts and stated values
    already: bool


def keep_records(
    connection: Connection, parts: list[Records], *, now: float, again: bool
) -> list[Kept]:
    """Write the parts that `intake.ready_to_keep` made; raises `UsageError` as `Ledger.keep` says.

    `now` is when, in Unix seconds.
    """
    alone(connection)
    check_has_imports(connection)
    return [_keep(connection, part, now, again=again) for part in parts]


def read_import(connection: Connection, name: str) -> Records:
    """Return an import, rows in their order; raises `UnknownName` with the nearest."""
    row = None
    if has_imports(connection) and is_storable(name):
        row = connection.execute(select(sources).where(sources.c.name == name)).first()
    if row is None:
        known = _names(connection)
        raise UnknownName.of("import", name, known, hint="`ossay import` takes one in")
    return Records(
        (_source(row),),
        _rows(connection, results, Result, name),
        _rows(connection, counts, Count, name),
        _rows(connection, stated, Stated, name),
    )


def list_imports(connection: Connection) -> list[ImportRow]:
    """Return all imports, the oldest first."""
    if not has_imports(connection):
        return []
    query = select(sources).order_by(sources.c.kept_at, sources.c.name)
    lengths = _lengths(connection)
    models, items = _different(connection, "model"), _different(connection, "item")
    return [
        ImportRow(
            row.name,
            row.kind,
            row.file,
            row.read_at,
            lengths.get(row.name, 0),
            models.get(row.name, 0),
            items.get(row.name, 0),
        )
        for row in connection.execute(query)
    ]


def forget_import(connection: Connection, name: str) -> None:
    """Delete an import and its rows; raises `UnknownName` with the nearest."""
    alone(connection)
    known = _names(connection)
    if name not in known:
        raise UnknownName.of("import", name, known)
    for table in (results, counts, stated):
        connection.execute(delete(table).where(table.c.source == name))
    connection.execute(delete(sources).where(sources.c.name == name))


def _keep(connection: Connection, part: Records, now: float, *, again: bool) -> Kept:
    source = part.sources[0]
    size = len(part.results) + len(part.counts) + len(part.stated)
    if source.name in _names(connection):
        _check_same(part, read_import(connection, source.name))
        return Kept(source.name, size, already=True)
    known = select(campaigns.c.name).where(campaigns.c.name == source.name)
    if connection.execute(known).first() is not None:
        raise UsageError(f"a campaign is called {source.name!r}; give the import another name")
    same = select(sources.c.name).where(sources.c.sha256 == source.sha256).order_by(sources.c.name)
    other = connection.execute(same).scalar() if source.sha256 else None
    if other is not None and not again:
        raise UsageError(
            f"{source.file!r} was imported before, as {other!r}, and would be counted twice; use "
            f"{other!r}, or take it in --again"
        )
    _write(connection, part, now)
    return Kept(source.name, size, already=False)


def _check_same(part: Records, there: Records) -> None:
    """Raise unless both are the same file, read the same way."""
    new, old = part.sources[0], there.sources[0]
    if not new.sha256 or new.sha256 != old.sha256:
        raise UsageError(
            f"results imported from {old.file!r} are called {new.name!r}; give {new.file!r} "
            f"another name, or first take the other out: ossay import --forget {new.name}"
        )
    if (part.results, part.counts, part.stated) != (there.results, there.counts, there.stated):
        raise UsageError(
            f"{new.name!r} was imported from this very file, but other rows were read then; give "
            f"the same options, or first take it out: ossay import --forget {new.name}"
        )


def _write(connection: Connection, part: Records, now: float) -> None:
    source = part.sources[0]
    text = {name: msgspec.json.encode(getattr(source, name)).decode() for name in _JSON}
    values = {**msgspec.structs.asdict(source), **text, "kept_at": now}
    connection.execute(insert(sources).values(values))
    for table, rows in ((results, part.results), (counts, part.counts), (stated, part.stated)):
        if rows:
            connection.execute(
                insert(table),
                [
                    {"position": position, **msgspec.structs.asdict(row)}
                    for position, row in enumerate(rows)
                ],
            )


def _rows(connection: Connection, table: Table, type_: type[T], name: str) -> tuple[T, ...]:
    fields = [table.c[field] for field in type_.__struct_fields__]
    query = select(*fields).where(table.c.source == name).order_by(table.c.position)
    return tuple(type_(*row) for row in connection.execute(query))


def _source(row: Row[Any]) -> Source:
    fields = {name: row._mapping[name] for name in Source.__struct_fields__}
    try:
        lists = {name: msgspec.json.decode(fields[name], type=t) for name, t in _JSON.items()}
    except msgspec.MsgspecError as error:
        raise LedgerError(f"import {row.name!r} is damaged in the ledger: {error}") from error
    return Source(**{**fields, **lists})


def _names(connection: Connection) -> list[str]:
    if not has_imports(connection):
        return []
    return list(connection.execute(select(sources.c.name)).scalars())


def _lengths(connection: Connection) -> dict[str, int]:
    """Import -> how many results and counts it has."""
    lengths: Counter[str] = Counter()
    for table in (results, counts):
        query = select(table.c.source, func.count()).group_by(table.c.source)
        lengths.update({source: count for source, count in connection.execute(query)})
    return lengths


def _different(connection: Connection, field: str) -> dict[str, int]:
    """Import -> how many values, but '', its results and counts have in `field`."""
    pairs = union(*[select(t.c.source, t.c[field].label("value")) for t in (results, counts)])
    each = pairs.subquery()
    query = select(each.c.source, func.count()).where(each.c.value != "").group_by(each.c.source)
    return {source: count for source, count in connection.execute(query)}
