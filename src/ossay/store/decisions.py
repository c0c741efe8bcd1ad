"""The decision log: hash-chained rows that nobody can change unseen, and bodies that are let go.

SQLite in a file, or PostgreSQL by URL. Appending is by group commit. `verify` finds what was
edited, deleted, inserted or moved; it cannot find a log that was rewritten as a whole, with its
head and the file beside it, by somebody who may write them all: keep an anchor elsewhere for that.
Knows nothing of how decisions are made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType

from sqlalchemy import Engine, delete, func, select

from ossay.core.decision import Entry
from ossay.core.errors import LedgerError
from ossay.store.address import Address, parse_address
from ossay.store.decisions_append import Addition, Append
from ossay.store.decisions_chain import Head, read_entry
from ossay.store.decisions_engine import open_log_engine
from ossay.store.decisions_head import HeadFile
from ossay.store.decisions_schema import bodies, entries
from ossay.store.decisions_verify import Verified, read_head, unpacked, verify
from ossay.store.engine import plain_errors, reading
from ossay.store.writer import Writer

# Entries on their way to the disk; whoever brings one more waits for it.
MOST_WAITING = 10_000
_AT_ONCE = 1_000  # rows that are read at once


def open_decisions(url_or_path: str, *, create: bool) -> DecisionLog:
    """Open the decision log at a path or database URL; make one if `create` and there is none.

    Raises:
        LedgerError: it cannot be opened, is no decision log, or is from a newer version.
    """
    address = parse_address(url_or_path)
    return DecisionLog(open_log_engine(address, create=create), address)


class DecisionLog:
    """An open decision log; satisfies `core.decision.Log`. Use it in a `with`, or close it.

    Attributes:
        lost: Entries that were not awaited and could not be written.
        trouble: Why the last of them could not be, '' where none was lost.
    """

    def __init__(self, engine: Engine, address: Address) -> None:
        self.address = address
        self.lost = 0
        self.trouble = ""
        self._engine = engine
        self._writer: Writer | None = None
        self._action = Append()
        self._waiting = 0
        self._file = HeadFile(address.path) if address.path is not None else None

    def __enter__(self) -> DecisionLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def waiting(self) -> int:
        """Entries on their way to the disk."""
        return self._waiting

    def close(self) -> None:
        """Write what is waiting, then close the database."""
        try:
            if self._writer is not None:
                self._writer.close()
                if self._file is not None:
                    self._file.note(self.head())
                    self._file.write()
        finally:
            self._engine.dispose()

    async def append(
        self, entry: Entry, bodies: Mapping[str, bytes], *, durable: bool = True
    ) -> None:
        """Add an entry; `durable`: return once it would survive a power cut.

        Otherwise it shares a later transaction; what cannot be written then is counted in `lost`.
        Bodies must have their own SHA-256 as key. Raises `LedgerError`.
        """
        if self._writer is None:
            self._writer = Writer(self._engine, self.address)
        written = self._writer.put(self._action, Addition(entry, bodies))
        self._waiting += 1
        written.add_done_callback(self._heard if durable else self._heard_later)
        if durable:
            await written
        elif self._waiting > MOST_WAITING:
            await asyncio.wait((written,))

    def head(self) -> Head:
        """Where the chain ends: an anchor to note elsewhere."""
        with plain_errors(self.address), reading(self._engine) as connection:
            return read_head(connection)

    def entries(self, *, after: int = 0, limit: int = _AT_ONCE) -> list[tuple[int, Entry]]:
        """Entries with their numbers, those after a number; `limit` of them at most."""
        query = select(entries.c.seq, entries.c.entry).where(entries.c.seq > after)
        with plain_errors(self.address), reading(self._engine) as connection:
            found = connection.execute(query.order_by(entries.c.seq).limit(limit)).all()
        return [(seq, read_entry(text)) for seq, text in found]

    def entry(self, id: str) -> Entry | None:
        """The entry of that id, None where there is none."""
        query = select(entries.c.entry).where(entries.c.id == id)
        with plain_errors(self.address), reading(self._engine) as connection:
            found = connection.execute(query).scalar()
        return None if found is None else read_entry(found)

    def body(self, hash: str) -> bytes | None:
        """A body, None where it was not kept or is kept no longer."""
        query = select(bodies.c.content).where(bodies.c.hash == hash)
        with plain_errors(self.address), reading(self._engine) as connection:
            content = connection.execute(query).scalar()
        return None if content is None else unpacked(content)

    def spent_usd(self, key: str, since: float) -> float:
        """What a key's requests have cost since a time, as far as that is known."""
        query = select(func.sum(entries.c.cost_usd))
        query = query.where(entries.c.key == key, entries.c.at >= since)
        with plain_errors(self.address), reading(self._engine) as connection:
            return float(connection.execute(query).scalar() or 0.0)

    def prune(self, now: float) -> int:
        """Delete the bodies that need not be kept any longer; returns how many."""
        with plain_errors(self.address), self._engine.begin() as connection:
            return connection.execute(delete(bodies).where(bodies.c.kept_until < now)).rowcount

    def verify(self, *, now: float, anchors: tuple[Head, ...] = ()) -> Verified:
        """Follow the chain from its start, and look at every body that is there.

        Args:
            now: Unix seconds; a body that should still be kept at that time must be there.
            anchors: Heads noted earlier, elsewhere.
        """
        beside: Head | LedgerError | None = None
        if self._file is not None:
            try:
                beside = self._file.read()  # before the snapshot, so that it cannot be ahead of it
            except LedgerError as error:
                beside = error
        with plain_errors(self.address), reading(self._engine) as connection:
            return verify(connection, now=now, anchors=anchors, beside=beside)

    def _heard(self, written: asyncio.Future[Head]) -> None:
        self._waiting -= 1
        if written.cancelled() or written.exception() is not None or self._file is None:
            return
        try:
            self._file.note(written.result())
        except LedgerError as error:
            self.trouble = str(error)

    def _heard_later(self, written: asyncio.Future[Head]) -> None:
        if not written.cancelled() and written.exception() is not None:
            self.lost += 1
            self.trouble = str(written.exception())
        self._heard(written)
