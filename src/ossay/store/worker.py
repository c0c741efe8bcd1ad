"""One worker's access to the ledger: claim a run, book its calls, finish it, leave.

All its writes are durable when they return, as `store.writer` says. Knows nothing of how a run is
carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Dialect

from ossay.core.records import CallRecord, RunRecord
from ossay.core.task import Transcript
from ossay.store.calls import OpenCalls, Opening, SettleCalls
from ossay.store.claim import Claim, ClaimLost, Totals
from ossay.store.crew import Crew
from ossay.store.reader import read_totals
from ossay.store.runs import ClaimRuns, Ending, FinishRuns, Wish
from ossay.store.writer import Refused, Writer

if TYPE_CHECKING:
    from ossay.store.presence import Presence


class Desk:
    """The statements of one ledger, compiled once and shared by its workers."""

    def __init__(
        self, writer: Writer, dialect: Dialect, presence: Presence, clock: Callable[[], float]
    ) -> None:
        self.writer = writer
        self.clock = clock
        self.crew = Crew(dialect, presence, clock)
        self.claim = ClaimRuns(dialect)
        self.open = OpenCalls(dialect)
        self.settle = SettleCalls(dialect)
        self.finish = FinishRuns(dialect)


class Worker:
    """Somebody who carries out runs of one campaign.

    Must `beat` well within `presence.SILENCE_S` seconds: who is silent for longer counts as dead to
    workers on other machines, and loses its runs.
    """

    def __init__(self, desk: Desk, campaign: str, worker_id: str) -> None:
        self.id = worker_id
        self.campaign = campaign
        self._desk = desk

    async def beat(self) -> Totals:
        """Say that this worker lives, bury the dead, and return how the campaign stands."""

        def beat(connection: Connection) -> Totals:
            self._desk.crew.beat(connection, self.id)
            self._desk.crew.bury(connection)
            return read_totals(connection, self.campaign, self.id)

        return await self._desk.writer.do(beat)

    async def claim(self) -> Claim | None:
        """Take the next planned run; None when there is none just now."""
        wish = Wish(self.campaign, self.id, self._desk.clock())
        return await self._desk.writer.submit(self._desk.claim, wish)

    async def open_call(self, claim: Claim, turn: int) -> float:
        """Book a call before it is sent; return its start time. Raises `ClaimLost`."""
        now = self._desk.clock()
        opening = Opening(claim.run_id, claim.try_, turn, now, self.id)
        try:
            await self._desk.writer.submit(self._desk.open, opening)
        except Refused:
            raise _lost(claim) from None
        return now

    async def settle_call(self, claim: Claim, call: CallRecord) -> None:
        """Book how an open call went: done, failed or lost. Raises `ClaimLost`."""
        try:
            await self._desk.writer.submit(self._desk.settle, call)
        except Refused:
            raise _lost(claim) from None

    async def finish(
        self,
        claim: Claim,
        record: RunRecord,
        transcript: Transcript | None,
        lost_calls: int = 0,
        artefacts: Mapping[str, bytes] = {},
    ) -> None:
        """Book the outcome, totals and transcript of a run together. Raises `ClaimLost`.

        `lost_calls` counts calls of this try that were settled as lost. `artefacts` are files to
        keep, name -> content.
        """
        ending = Ending(record, claim.try_, self.id, transcript, lost_calls, artefacts)
        try:
            await self._desk.writer.submit(self._desk.finish, ending)
        except Refused:
            raise _lost(claim) from None

    async def leave(self) -> Totals:
        """Give back what is unfinished, strike this worker off, return how the campaign stands."""

        def leave(connection: Connection) -> Totals:
            self._desk.crew.leave(connection, self.id)
            return read_totals(connection, self.campaign, self.id)

        return await self._desk.writer.do(leave)


def _lost(claim: Claim) -> ClaimLost:
    return ClaimLost(f"run {claim.run_id} was given to another worker while this one was silent")
