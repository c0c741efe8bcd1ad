"""The ledger: campaigns, runs, calls, transcripts, predictions, imports; SQLite or PostgreSQL.

`open_ledger` opens one. Reading is plain, writing is awaited until it is durable, as `store.writer`
says. Knows nothing of plans, models or tasks.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

from sqlalchemy import Connection, Engine, update

from ossay.core.predictions import Committed
from ossay.core.records import CampaignRecord, RunKey
from ossay.core.results import Records
from ossay.core.task import Transcript
from ossay.store.address import Address, parse_address
from ossay.store.campaigns import enter_campaign
from ossay.store.claim import Totals
from ossay.store.commitments import list_commitments
from ossay.store.engine import open_engine, plain_errors, reading, writing
from ossay.store.imports import (
    ImportRow,
    Kept,
    forget_import,
    keep_records,
    list_imports,
    read_import,
)
from ossay.store.intake import ready_to_keep
from ossay.store.presence import Presence, own_presence
from ossay.store.reader import (
    CampaignRow,
    list_campaigns,
    read_campaign,
    read_totals,
    read_transcript,
)
from ossay.store.schema import campaigns
from ossay.store.worker import Desk, Worker
from ossay.store.writer import Writer


def open_ledger(
    url_or_path: str,
    *,
    create: bool,
    clock: Callable[[], float] = time.time,
    presence: Presence | None = None,
) -> Ledger:
    """Open the ledger at a path or database URL; make one if `create` and there is none.

    Args:
        url_or_path: A file, or postgresql://USER@HOST/DATABASE.
        create: Whether a new ledger may be made. Folders are never made.
        clock: Returns Unix seconds.
        presence: Who this process is to other workers; worked out if None.

    Raises:
        LedgerError: it cannot be opened, is no ledger, or is from a newer version.
    """
    address = parse_address(url_or_path)
    engine = open_engine(address, create=create)
    return Ledger(engine, address, clock, presence or own_presence())


class Ledger:
    """An open ledger. Use it in a `with`, or close it."""

    def __init__(
        self, engine: Engine, address: Address, clock: Callable[[], float], presence: Presence
    ) -> None:
        self.address = address
        self._engine = engine
        self._clock = clock
        self._presence = presence
        self._desk: Desk | None = None
        self._workers: list[str] = []

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish writing what was submitted and close the database."""
        if self._desk is not None:
            self._desk.writer.close()
            for worker in self._workers:
                self._desk.crew.disown(worker)
        self._engine.dispose()

    def now(self) -> float:
        """Unix seconds, by the ledger's clock."""
        return self._clock()

    def campaigns(self) -> list[CampaignRow]:
        """Return all campaigns, the oldest first."""
        with self._reading() as connection:
            return list_campaigns(connection)

    def campaign(self, name: str) -> CampaignRecord:
        """Return a campaign with its runs and calls; raises `UnknownName` with the nearest."""
        with self._reading() as connection:
            return read_campaign(connection, name)

    def transcript(self, run_id: str) -> Transcript | None:
        """Return what was said in the run of that id, or of an id that starts so."""
        with self._reading() as connection:
            return read_transcript(connection, run_id)

    def totals(self, campaign: str) -> Totals:
        """Add a campaign up."""
        with self._reading() as connection:
            return read_totals(connection, campaign)

    def commitments(self) -> list[Committed]:
        """Return what was predicted of every campaign, the oldest first.

        Raises `LedgerError` where one was changed since it was entered.
        """
        with self._reading() as connection:
            return list_commitments(connection)

    def imports(self) -> list[ImportRow]:
        """Return what was imported, the oldest import first."""
        with self._reading() as connection:
            return list_imports(connection)

    def records(self, name: str) -> Records:
        """Return the import of that name, rows in their order; raises `UnknownName`."""
        with self._reading() as connection:
            return read_import(connection, name)

    def keep(self, records: Records, *, again: bool = False) -> list[Kept]:
        """Import results: each source under its name, all in one transaction.

        Returns what became of each source: where the same file was imported under the same name
        before, nothing is written and `already` says so. Waits while another process writes.

        Args:
            records: As read; `store.imports` says how they are changed so that they can be stored.
            again: Whether a file may come in although another import is of the same file.

        Raises:
            UsageError: a name is taken or is none, a file is imported under another name, or the
                records hold what cannot be kept.
        """
        ready = ready_to_keep(records)
        with self._writing() as connection:
            return keep_records(connection, ready, now=self._clock(), again=again)

    def forget(self, name: str) -> None:
        """Take an import and its rows out of the ledger; raises `UnknownName`."""
        with self._writing() as connection:
            forget_import(connection, name)

    async def plan(
        self, header: CampaignRecord, keys: Sequence[tuple[str, RunKey]]
    ) -> CampaignRecord:
        """Enter a campaign, its predictions and all its runs (id and key, in order).

        Returns `header`. If a campaign of that name is there already, nothing is written and the
        header is that one's, with the predictions that were entered then. Raises `UsageError` where
        an import has the name, or the digest of `header.committed` is another's.
        """

        def plan(connection: Connection) -> CampaignRecord:
            return enter_campaign(connection, header, keys)

        return await self._open_desk().writer.do(plan)

    async def amend(self, campaign: str, *, plan_toml: str | None = None, stopped: str) -> None:
        """Change what may change in a campaign: limits within its plan, and why it stopped."""
        values = {"stopped": stopped} | ({} if plan_toml is None else {"plan_toml": plan_toml})

        def amend(connection: Connection) -> None:
            change = update(campaigns).where(campaigns.c.name == campaign).values(**values)
            connection.execute(change)

        await self._open_desk().writer.do(amend)

    async def enlist(self, campaign: str) -> Worker:
        """Return a new worker for a campaign, after giving back what dead workers held."""
        worker = Worker(self._open_desk(), campaign, uuid.uuid4().hex)
        self._workers.append(worker.id)
        await worker.beat()
        return worker

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with plain_errors(self.address), reading(self._engine) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with (
            plain_errors(self.address),
            self._engine.connect() as connection,
            writing(connection),
        ):
            yield connection

    def _open_desk(self) -> Desk:
        if self._desk is None:
            writer = Writer(self._engine, self.address)
            self._desk = Desk(writer, self._engine.dialect, self._presence, self._clock)
        return self._desk
