"""Verifying a decision log: the chain, its head, what is known from elsewhere, and the bodies.

Knows nothing of where the log is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import zstandard
from msgspec import Struct
from sqlalchemy import Connection, select

from ossay.core.decision import Audit
from ossay.core.errors import LedgerError
from ossay.store.decisions_append import MAX_BODY
from ossay.store.decisions_chain import COLUMNS, Finding, Head, Row, follow, read_entry
from ossay.store.decisions_schema import bodies, entries, head

_AT_ONCE = 1_000  # rows that are read at once


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
) -> Verified:
    """Look at everything, in one transaction that reads.

    Args:
        connection: As it is.
        now: Unix seconds; a body that should still be kept at that time must be there.
        anchors: Heads noted earlier, elsewhere.
        beside: The head in the file beside the log, or why it cannot be read.
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
    count = _Counted(_rows(connection))
    findings += follow(count, by_seq)
    findings += _cut_off(count.last, end, known)
    kept, missing = _bodies(connection, now)
    return Verified(end, count.entries, kept, (*findings, *missing))


class _Counted:
    """Rows as they pass by, and how many there were."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.entries = 0
        self.last = 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.entries += 1
            self.last = row.seq
            yield row


def read_head(connection: Connection) -> Head:
    """Where the chain ends, by its head."""
    return Head(*connection.execute(select(head.c.seq, head.c.hash)).one())


def _rows(connection: Connection) -> Iterator[Row]:
    wanted = [entries.c[name] for name in COLUMNS]
    query = select(entries.c.seq, entries.c.hash, entries.c.entry, *wanted)
    after = -(2**62)
    while True:
        part = query.where(entries.c.seq > after).order_by(entries.c.seq).limit(_AT_ONCE)
        found = connection.execute(part).all()
        for seq, hash, text, *columns in found:
            yield Row(seq, hash, text, tuple(columns))
        if len(found) < _AT_ONCE:
            return
        after = found[-1][0]


def _cut_off(last: int, end: Head, known: list[tuple[Head, str]]) -> Iterator[Finding]:
    """What is known to have been in the chain beyond its last row, or is beyond its head."""
    for one, source in known:
        if one.seq > last:
            yield Finding(0, f"the log ends at row {last}, and {source} knows of row {one.seq}")
    if last > end.seq:
        yield Finding(0, f"the log ends at row {last}, and its head is at row {end.seq}")


def _bodies(connection: Connection, now: float) -> tuple[int, list[Finding]]:
    """Count bodies, and find those that are not what their hash says, or are gone too early."""
    findings: list[Finding] = []
    there: set[str] = set()
    after = ""
    query = select(bodies.c.hash, bodies.c.content).order_by(bodies.c.hash).limit(_AT_ONCE // 10)
    while found := connection.execute(query.where(bodies.c.hash > after)).all():
        for name, content in found:
            there.add(name)
            if not _is_of(content, name):
                findings.append(Finding(0, f"the body {name} is not what its hash says"))
        after = found[-1][0]
    for row in _rows(connection):
        try:
            entry = read_entry(row.entry)
        except LedgerError:
            continue  # the chain has said so
        if entry.kept_until <= now:
            continue
        hashes = {entry.answer_hash, entry.verdict_hash}
        if not isinstance(entry, Audit):
            hashes |= {entry.request_hash, entry.draft_hash}
        gone = sorted(hashes - there - {""})
        findings += [Finding(row.seq, f"its body {name} was deleted too early") for name in gone]
    return len(there), findings


def _is_of(content: bytes, name: str) -> bool:
    try:
        return hashlib.sha256(unpacked(content)).hexdigest() == name
    except LedgerError:
        return False


def unpacked(content: bytes) -> bytes:
    """A body as it was. Raises `LedgerError`: it is damaged."""
    try:
        return zstandard.ZstdDecompressor().decompress(content, max_output_size=MAX_BODY)
    except zstandard.ZstdError as error:
        raise LedgerError(f"a body of the decision log is damaged: {error}") from error
