"""The ledger: every campaign, run, call and transcript, in SQLite or PostgreSQL.

`open_ledger` opens one. Reading is plain, writing is awaited until it is durable, as `store.writer`
says. Knows nothing of plans, models or tasks.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

import msgspec
from sqlalchemy import Connection, Engine, insert, update

from ossay.core.records import CampaignRecord, RunKey
from ossay.core.task import Transcript
from ossay.store.address import Address, parse_address
from ossay.store.claim import Totals
from ossay.store.engine import open_engine, plain_errors, reading
from ossay.store.presence import Presence, own_presence
from ossay.store.reader import (
    CampaignRow,
    list_campaigns,
    read_campaign,
    read_header,
    read_totals,
    read_transcript,
)
from ossay.store.schema import campaigns, runs
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

    async def plan(
        self, header: CampaignRecord, keys: Sequence[tuple[str, RunKey]]
    ) -> CampaignRecord:
        """Enter a campaign and all its runs (id and key, in order); return its header.

        If one of that name is there already, nothing is written and the header is that one's.
        """

        def plan(connection: Connection) -> CampaignRecord:
            there = read_header(connection, header.name) or _enter(connection, header, keys)
            return there

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

    def _open_desk(self) -> Desk:
        if self._desk is None:
            writer = Writer(self._engine, self.address)
            self._desk = Desk(writer, self._engine.dialect, self._presence, self._clock)
        return self._desk


def _enter(
    connection: Connection, header: CampaignRecord, keys: Sequence[tuple[str, RunKey]]
) -> CampaignRecord:
    text = {
        name: msgspec.json.encode(getattr(header, name)).decode()
        for name in ("models", "suites", "environment")
    }
    connection.execute(
        insert(campaigns).values(
            name=header.name,
            created_at=header.created_at,
            command=header.command,
            plan_toml=header.plan_toml,
            stopped=header.stopped,
            **text,
        )
    )
    rows = [
        {
            **msgspec.structs.asdict(key),
            "id": run_id,
            "campaign": header.name,
            "position": position,
            "state": "planned",
            "tries": 0,
            "flags": "[]",
            "reason": "",
            "error": "",
            "done": 0,
            "of": 0,
            "turns": 0,
            "tool_calls": 0,
            "lost_cost_usd": 0.0,
            "lost_calls_unpriced": 0,
        }
        for position, (run_id, key) in enumerate(keys)
    ]
    if rows:
        connection.execute(insert(runs), rows)
    return header
