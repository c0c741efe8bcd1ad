"""The decision log: hash-chained rows that nobody can change unseen, and bodies that are let go.

SQLite in a file, or PostgreSQL by URL. Appending is by group commit. `verify` finds what was
edited, deleted, inserted or moved; it cannot find a log that was rewritten as a whole, with its
head and the file beside it, by somebody who may write them all: keep an anchor elsewhere for that.
Knows nothing of how decisions are made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType

from msgspec.structs import replace
from sqlalchemy import Engine, delete, func, select

from ossay.core.decision import Entry
from ossay.core.errors import LedgerError
from ossay.store.address import Address, parse_address
from ossay.store.decisions_append import Addition, Append
from ossay.store.decisions_chain import Head, read_entry
from ossay.store.decisions_engine import empty_write_ahead_log, open_log_engine
from ossay.store.decisions_find import ANY, Found, Wanted, find_id, find_last, find_next
from ossay.store.decisions_head import HeadFile
from ossay.store.decisions_schema import bodies, entries
from ossay.store.decisions_verify import Verified, read_head, unpacked, verify
from ossay.store.engine import plain_errors, reading
from ossay.store.writer import Writer

# Entries on their way to the disk, and how long whoever brings one more waits for room.
MOST_WAITING = 10_000
ROOM_S = 1.0
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

    Args:
        engine, address: The database.
        most: Entries on their way at once.
        room_s: Seconds for which one more waits for room, then it is not written.

    Attributes:
        lost: Entries that were not awaited and could not be written.
        unwritten: Those, and the awaited ones that could not be.
        trouble: Why the last of them could not be, '' where all could.
    """

    def __init__(
        self,
        engine: Engine,
        address: Address,
        *,
        most: int = MOST_WAITING,
        room_s: float = ROOM_S,
    ) -> None:
        self.address = address
        self._most = most
        self._room_s = room_s
        self.lost = 0
        self.unwritten = 0
        self.trouble = ""
        self._engine = engine
        self._writer: Writer | None = None
        self._action = Append()
        self._waiting = 0
        self._crowd: set[asyncio.Future[None]] = set()  # who waits until fewer are waiting
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
        An awaited one whose caller gives up is still written, if the database comes to it.
        Bodies must have their own SHA-256 as key. Raises `LedgerError`.
        """
        if self._writer is None:
            self._writer = Writer(self._engine, self.address)
        if self._waiting >= self._most:
            await self._room(durable=durable)
        addition = Addition(entry, bodies)
        self._waiting += 1
        if durable:
            written = self._writer.put(self._action, addition)
            written.add_done_callback(self._heard)
            await asyncio.shield(written)  # it is on its way all the same, and counted so
        else:
            self._writer.put_later(self._action, addition, self._heard_later)

    async def _room(self, *, durable: bool) -> None:
        """Wait until another entry may be on its way. Raises `LedgerError` if that takes long."""
        try:
            async with asyncio.timeout(self._room_s):
                while self._waiting >= self._most:
                    room = asyncio.get_running_loop().create_future()
                    self._crowd.add(room)
                    try:
                        await room
                    finally:
                        self._crowd.discard(room)
        except TimeoutError:
            self.unwritten += 1
            self.lost += not durable
            self.trouble = (
                f"{self._most:,} entries wait, and none was written for {self._room_s:g} s"
            )
            raise LedgerError(f"decision log {self.address}: {self.trouble}") from None

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

    def last(self, limit: int, wanted: Wanted = ANY) -> list[Found]:
        """The last entries of those that are wanted, in the order of the log."""
        with plain_errors(self.address), reading(self._engine) as connection:
            return find_last(connection, wanted, limit)

    def scan(self, wanted: Wanted = ANY) -> Iterator[Found]:
        """All that are wanted, in the order of the log; those appended meanwhile may come too."""
        while True:
            with plain_errors(self.address), reading(self._engine) as connection:
                part = find_next(connection, wanted, _AT_ONCE)
            yield from part
            if len(part) < _AT_ONCE:
                return
            wanted = replace(wanted, after=part[-1].head.seq)

    def find(self, start: str) -> Found | None:
        """The entry whose id starts so, None where none does.

        Raises `UsageError` where several do.
        """
        with plain_errors(self.address), reading(self._engine) as connection:
            return find_id(connection, start)

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
        """Delete the bodies that need not be kept any longer; returns how many.

        From a SQLite log's files as well, unless somebody reads it just then: the next time.
        """
        with plain_errors(self.address):
            with self._engine.begin() as connection:
                gone = connection.execute(delete(bodies).where(bodies.c.kept_until < now)).rowcount
            if self.address.path is not None:
                empty_write_ahead_log(self._engine)
        return gone

    def verify(
        self,
        *,
        now: float,
        anchors: tuple[Head, ...] = (),
        walked: Callable[[int], None] = lambda rows: None,
    ) -> Verified:
        """Follow the chain from its start, and look at every body that is there.

        Args:
            now: Unix seconds; a body that should still be kept at that time must be there.
            anchors: Heads noted earlier, elsewhere.
            walked: Told from time to time how many rows have been looked at.
        """
        beside: Head | LedgerError | None = None
        if self._file is not None:
            try:
                beside = self._file.read()  # before the snapshot, so that it cannot be ahead of it
            except LedgerError as error:
                beside = error
        with plain_errors(self.address), reading(self._engine) as connection:
            return verify(connection, now=now, anchors=anchors, beside=beside, walked=walked)

    def _heard(self, written: asyncio.Future[Head]) -> None:
        error = None if written.cancelled() else written.exception()
        if error is not None:
            self.unwritten += 1
            self.trouble = str(error)
        self._end(None if error is not None or written.cancelled() else written.result())

    def _heard_later(self, written: Head | None, error: BaseException | None) -> None:
        if error is not None:
            self.lost += 1
            self.unwritten += 1
            self.trouble = str(error)
        self._end(written)

    def _end(self, written: Head | None) -> None:
        """An entry is on the disk, or never will be."""
        self._waiting -= 1
        if self._crowd:
            crowd, self._crowd = self._crowd, set()
            for room in crowd:
                if not room.done():
                    room.set_result(None)
        if written is None or self._file is None:
            return
        try:
            self._file.note(written)
        except LedgerError as problem:
            self.trouble = str(problem)
