"""Verifying a decision log: the chain, its head, what is known from elsewhere, and the bodies.

Knows nothing of where the log is.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator

import zstandard
from msgspec import Struct
from sqlalchemy import Connection, select

from ossay.core.errors import LedgerError
from ossay.store.decisions_append import MAX_BODY
from ossay.store.decisions_chain import COLUMNS, Finding, Head, Row, follow, read_entry
from ossay.store.decisions_schema import bodies, entries, head

_AT_ONCE = 1_000  # rows that are read at once
_KEPT = '"kept_until":'  # in the text of each entry whose bodies are kept
_HASHES = ("request_hash", "draft_hash", "verdict_hash", "answer_hash")


class _Decompressors(threading.local):
    """zstandard's objects serve one thread at a time."""

    def __init__(self) -> None:
        self.unpack = zstandard.ZstdDecompressor().decompress


_decompressors = _Decompressors()


class Verified(Struct, frozen=True):
    """What was looked at, and what is wrong with it: nothing where `findings` is empty.

    `head` is an anchor: noted elsewhere, it proves later that all up to here is still as it was.
    """

    head: Head
    entries: int
    bodies: int
    findings: tuple[Finding, ...]


def verify(
    connection: Connection,
    *,
    now: float,
    anchors: tuple[Head, ...],
    beside: Head | LedgerError | None,
    walked: Callable[[int], None] = lambda rows: None,
) -> Verified:
    """Look at everything, in one transaction that reads; memory does not grow with the log.

    Args:
        connection: As it is.
        now: Unix seconds; a body that should still be kept at that time must be there.
        anchors: Heads noted earlier, elsewhere.
        beside: The head in the file beside the log, or why it cannot be read.
        walked: Told from time to time how many rows have been looked at.
    """
    findings: list[Finding] = []
    known = [(anchor, "the anchor") for anchor in anchors]
    if isinstance(beside, Head):
        known.append((beside, "the file beside the log"))
    elif beside is not None:
        findings.append(Finding(0, str(beside)))
    end = read_head(connection)
    known.append((end, "the head"))
    by_seq: dict[int, list[tuple[str, str]]] = {}
    for one, source in known:
        by_seq.setdefault(one.seq, []).append((one.hash, source))
    passing = _Passing(connection, now, walked)
    findings += follow(passing, by_seq)
    findings += _cut_off(passing.last, end, known)
    kept, spoilt = _bodies(connection)
    return Verified(end, passing.entries, kept, (*findings, *spoilt, *passing.missing))


class _Passing:
    """Rows as they pass by: how many there were, and which of their bodies are not there."""

    def __init__(self, connection: Connection, now: float, walked: Callable[[int], None]) -> None:
        self._connection = connection
        self._now = now
        self._walked = walked
        self.entries = 0
        self.last = 0
        self.missing: list[Finding] = []

    def __iter__(self) -> Iterator[Row]:
        for part in _rows(self._connection):
            yield from part
            self.entries += len(part)
            self.last = part[-1].seq
            self._look_for_bodies(part)
            self._walked(self.entries)

    def _look_for_bodies(self, part: list[Row]) -> None:
        named = [(row.seq, name) for row in part for name in sorted(_due(row, self._now))]
        names = sorted({name for _, name in named})
        there: set[str] = set()
        for start in range(0, len(names), _AT_ONCE):
            some = bodies.c.hash.in_(names[start : start + _AT_ONCE])
            there |= set(self._connection.execute(select(bodies.c.hash).where(some)).scalars())
        self.missing += [
            Finding(seq, f"its body {name} was deleted too early")
            for seq, name in named
            if name not in there
        ]


def read_head(connection: Connection) -> Head:
    """Where the chain ends, by its head."""
    return Head(*connection.execute(select(head.c.seq, head.c.hash)).one())


def _rows(connection: Connection) -> Iterator[list[Row]]:
    """Rows in their order, many at once."""
    wanted = [entries.c[name] for name in COLUMNS]
    query = select(entries.c.seq, entries.c.hash, entries.c.entry, *wanted)
    after = -(2**62)
    while True:
        part = query.where(entries.c.seq > after).order_by(entries.c.seq).limit(_AT_ONCE)
        found = connection.execute(part).all()
        if found:
            yield [Row(seq, hash, text, tuple(rest)) for seq, hash, text, *rest in found]
        if len(found) < _AT_ONCE:
            return
        after = found[-1][0]


def _due(row: Row, now: float) -> set[str]:
    """The hashes of bodies that must still be there."""
    if _KEPT not in row.entry:
        return set()
    try:
        entry = read_entry(row.entry)
    except LedgerError:
        return set()  # the chain says so
    if entry.kept_until <= now:
        return set()
    return {getattr(entry, name, "") for name in _HASHES} - {""}


def _cut_off(last: int, end: Head, known: list[tuple[Head, str]]) -> Iterator[Finding]:
    """What is known to have been in the chain beyond its last row, or is beyond its head."""
    for one, source in known:
        if one.seq > last:
            yield Finding(0, f"the log ends at row {last}, and {source} knows of row {one.seq}")
    if last > end.seq:
        yield Finding(0, f"the log ends at row {last}, and its head is at row {end.seq}")


def _bodies(connection: Connection) -> tuple[int, list[Finding]]:
    """Count bodies, and find those that are not what their hash says."""
    findings: list[Finding] = []
    count, after = 0, ""
    query = select(bodies.c.hash, bodies.c.content).order_by(bodies.c.hash).limit(_AT_ONCE // 10)
    while found := connection.execute(query.where(bodies.c.hash > after)).all():
        count += len(found)
        findings += [
            Finding(0, f"the body {name} is not what its hash says")
            for name, content in found
            if not _is_of(content, name)
        ]
        after = found[-1][0]
    return count, findings


def _is_of(content: bytes, name: str) -> bool:
    try:
        return hashlib.sha256(unpacked(content)).hexdigest() == name
    except LedgerError:
        return False


def unpacked(content: bytes) -> bytes:
    """A body as it was. Raises `LedgerError`: it is damaged."""
    try:
        return _decompressors.unpack(content, max_output_size=MAX_BODY)
    except zstandard.ZstdError as error:
        raise LedgerError(f"a body of the decision log is damaged: {error}") from error
