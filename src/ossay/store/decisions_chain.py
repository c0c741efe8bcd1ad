"""The chain of a decision log: each row's hash covers the row, its number and the hash before it.

Pure functions on rows. Knows nothing of databases.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from ossay.core.decision import Audit, Entry, Trip, canonical
from ossay.core.errors import LedgerError
from ossay.core.text import well_formed
from ossay.store.text import storable

# What the first row follows.
START = hashlib.sha256(b"ossay decision log 1").hexdigest()

# The columns that repeat parts of an entry, in the order of `columns_of`.
COLUMNS = (
    "kind", "id", "at", "route", "key", "criticality", "plan", "ending", "policy", "cost_usd",
    "audit_of",
)  # fmt: skip

_HALF = "\\ud"  # as JSON escapes it; `canonical` escapes nothing else so
_decoder = msgspec.json.Decoder(Entry)


class Head(Struct, frozen=True, order=True):
    """Where a chain ends: the number and hash of its last row; 0 and `START` where it is empty."""

    seq: int
    hash: str

    def __str__(self) -> str:
        """As it is written down and read again: 'seq:hash'."""
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Read 'seq:hash'. Raises `LedgerError`."""
        seq, _, hash = text.strip().partition(":")
        if not (seq.isascii() and seq.isdecimal() and len(seq) < 20 and len(hash) == len(START)):
            raise LedgerError(
                f"{text[:100]!r} is no head of a log; it looks like '{Head(0, START)}'"
            )
        return cls(int(seq), hash)


class Finding(Struct, frozen=True):
    """Something that is not as it was written; `seq` 0 where it is of no one row."""

    seq: int
    text: str


class Row(Struct, frozen=True):
    """A row as it was read: `columns` as in `COLUMNS`."""

    seq: int
    hash: str
    entry: str
    columns: tuple[Any, ...]


def link(before: str, seq: int, entry: str) -> str:
    """The hash of a row."""
    covered = f"{before}\n{seq}\n{entry}".encode()
    return hashlib.sha256(covered).hexdigest()


def entry_text(entry: Entry) -> str:
    """An entry as it is kept; half a surrogate pair, which no JSON reader takes, becomes U+FFFD."""
    text = canonical(entry).decode()
    if _HALF not in text:
        return text
    return canonical(_well_formed(msgspec.to_builtins(entry))).decode()


def read_entry(text: str) -> Entry:
    """Undo `entry_text`. Raises `LedgerError`."""
    try:
        entry: Entry = _decoder.decode(text)
    except msgspec.MsgspecError as error:
        raise LedgerError(f"an entry of the decision log is damaged: {error}") from error
    return entry


def columns_of(entry: Entry) -> tuple[Any, ...]:
    """The columns of an entry, see `COLUMNS`."""
    if isinstance(entry, Audit):
        return ("audit", storable(entry.id), entry.at, *[None] * 7, storable(entry.of))
    if isinstance(entry, Trip):
        route, policy = storable(entry.route), storable(entry.policy)
        return ("trip", storable(entry.id), entry.at, route, *[None] * 4, policy, None, None)
    return (
        "decision", storable(entry.id), entry.at, storable(entry.route), storable(entry.key),
        entry.criticality, entry.plan, entry.ending, entry.policy, entry.cost_usd, None,
    )  # fmt: skip


def follow(rows: Iterable[Row], heads: dict[int, list[tuple[str, str]]]) -> Iterator[Finding]:
    """Yield what is wrong with rows, which come in order of `seq`.

    After a finding the chain goes on from the row's own hash, so that what is sound behind it is
    not accused. `heads` maps a number to hashes that the chain is known to have had there, each
    with where that is known from; those beyond the last row are the caller's to miss.
    """
    before, last = START, 0
    for row in rows:
        if row.seq <= last:
            yield Finding(row.seq, "its number is none of the chain's")
        elif row.seq == last + 2:
            yield Finding(row.seq, f"row {last + 1} is missing before it")
        elif row.seq > last + 2:
            yield Finding(row.seq, f"rows {last + 1} to {row.seq - 1} are missing before it")
        if row.hash != link(before, row.seq, row.entry):
            yield Finding(row.seq, "its hash is not that of its text, number and the row before it")
        wrong = _columns_fault(row)
        if wrong:
            yield Finding(row.seq, wrong)
        for hash, source in heads.get(row.seq, ()):
            if hash != row.hash:
                yield Finding(row.seq, f"{source} has another hash for it")
        before, last = row.hash, row.seq


def _well_formed(value: Any) -> Any:
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, dict):
        return {key: _well_formed(item) for key, item in value.items()}
    return [_well_formed(item) for item in value] if isinstance(value, list | tuple) else value


def _columns_fault(row: Row) -> str:
    try:
        entry = read_entry(row.entry)
    except LedgerError:
        return "its text is no entry"
    for name, kept, told in zip(COLUMNS, row.columns, columns_of(entry), strict=True):
        if kept != told:
            return f"its column {name!r} is not what its text says"
    return ""
