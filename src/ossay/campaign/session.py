"""One start of a campaign: so many runs at once, until none is left or something ends it early.

Knows nothing of how a run is carried out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from ossay.campaign.attempt import Attempts
from ossay.campaign.books import Books
from ossay.campaign.plan import Plan
from ossay.campaign.progress import Progress, Tally
from ossay.campaign.stopping import Follower
from ossay.core.types import Price
from ossay.store.claim import Claim, ClaimLost, Totals

if TYPE_CHECKING:
    from ossay.store.ledger import Ledger
    from ossay.store.worker import Worker

# A worker says that it lives, and looks for dead ones, so often. Seconds.
BEAT_S = 5.0

# While only other processes are at work, look whether one of them died. Seconds.
WAIT_S = 0.5

# Progress is shown at most so often. Seconds.
SHOW_S = 0.05


class Session:
    """Works on one campaign, as one worker of its ledger."""

    def __init__(
        self,
        plan: Plan,
        ledger: Ledger,
        attempts: Attempts,
        prices: Mapping[str, Price | None],
        follower: Follower | None,
        *,
        on_progress: Callable[[Progress], None] | None,
        clock: Callable[[], float],
    ) -> None:
        self._plan = plan
        self._ledger = ledger
        self._attempts = attempts
        self._prices = prices
        self._follower = follower
        self._on_progress = on_progress
        self._clock = clock
        self._tally = Tally(clock(), clock)
        self._stopped = ""
        self._halt = asyncio.Event()  # set once `_stopped` is
        self._shown = float("-inf")

    async def run(self, stop: asyncio.Event) -> Progress:
        """Work until the campaign is done or stops; return how it then stands."""
        worker = await self._ledger.enlist(self._plan.name)
        try:
            self._tally.take_over(await worker.beat())
            await self._beside(self._work(worker), self._beat(worker), stop)
        except asyncio.CancelledError:
            self._stop("interrupted")
            raise
        finally:
            totals = await worker.leave()
            self._tally.take_over(totals)
            await self._follow_others(totals)
            if self._follower is not None and self._follower.stopped:
                self._stopped = self._follower.stopped  # whatever came first, no more is needed
            if totals.finished == totals.total:
                self._stopped = ""  # whatever it was, it stopped nothing
            await self._ledger.amend(self._plan.name, stopped=self._stopped)
            self._show(at_once=True)
        return self._progress()

    async def _beside(
        self, work: Awaitable[None], beat: Awaitable[None], stop: asyncio.Event
    ) -> None:
        """Await `work`; end it early when told to, when time is up, or when `beat` fails."""
        working = asyncio.ensure_future(work)
        beating = asyncio.ensure_future(beat)
        told = asyncio.ensure_future(stop.wait())
        time_up = asyncio.ensure_future(self._time_up())
        everybody = {working, beating, told, time_up}
        try:
            await asyncio.wait(everybody, return_when=asyncio.FIRST_COMPLETED)
            if told.done():
                self._stop("interrupted")
        finally:
            for task in everybody:
                task.cancel()
            await asyncio.gather(*everybody, return_exceptions=True)
        for task in (working, beating):
            if not task.cancelled():
                task.result()

    async def _work(self, worker: Worker) -> None:
        """Carry out runs until none is left, here or in other processes that may yet die."""
        while not self._stopped:
            count = min(self._plan.concurrency, max(1, self._tally.total))
            slots = [asyncio.create_task(self._slot(worker)) for _ in range(count)]
            try:
                await asyncio.gather(*slots)
            finally:
                for slot in slots:
                    slot.cancel()
                await asyncio.gather(*slots, return_exceptions=True)
            totals = await worker.beat()
            self._tally.take_over(totals)
            if self._stopped or not (totals.planned or totals.elsewhere):
                return
            self._show()
            if not totals.planned:
                await self._pause(WAIT_S)

    async def _slot(self, worker: Worker) -> None:
        """Carry out one run after the other."""
        while not self._stopped:
            limit = self._told_apart() or self._tally.limit_reached(self._plan.limits)
            if limit:
                self._stop(limit)
                return
            claim = await worker.claim()
            if claim is None:
                return
            self._tally.running += 1
            try:
                await self._carry_out(worker, claim)
            except ClaimLost:
                continue  # somebody else has it, and its costs are on the books
            finally:
                self._tally.running -= 1
            self._show()

    async def _carry_out(self, worker: Worker, claim: Claim) -> None:
        books = Books(worker, claim, self._prices.get(claim.key.model), self._tally)
        record, transcript = await self._attempts.carry_out(claim, books)
        await worker.finish(claim, record, transcript, books.lost_calls)
        if record.outcome is not None:
            self._tally.count_run(record.outcome)
            if self._follower is not None:
                self._follower.note(claim.key, record.outcome)

    def _told_apart(self) -> str:
        return "" if self._follower is None else self._follower.stopped

    async def _beat(self, worker: Worker) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            totals = await worker.beat()
            self._tally.take_over(totals)
            await self._follow_others(totals)
            self._show()

    async def _follow_others(self, totals: Totals) -> None:
        """Follow what other processes finished, if there are any."""
        follower = self._follower
        if follower is None or follower.over:
            return
        # Runs of our own may be in the ledger and not taken yet.
        if totals.elsewhere or totals.finished > follower.taken + self._tally.running:
            record = await asyncio.to_thread(self._ledger.campaign, self._plan.name)
            for run in record.runs:
                if run.outcome is not None:
                    follower.note(run.key, run.outcome)

    async def _time_up(self) -> None:
        """Stop at the time limit; return when those at work had their grace."""
        limits = self._plan.limits
        if limits.max_minutes is None:
            await asyncio.Event().wait()
            return
        await asyncio.sleep(limits.max_minutes * 60)
        self._stop("max_minutes")
        await asyncio.sleep(limits.grace_seconds)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._halt.wait(), seconds)
        except TimeoutError:
            return

    def _stop(self, why: str) -> None:
        if not self._stopped:
            self._stopped = why
            self._halt.set()

    def _show(self, *, at_once: bool = False) -> None:
        if self._on_progress is None:
            return
        now = self._clock()
        if at_once or now - self._shown >= SHOW_S:
            self._shown = now
            self._on_progress(self._progress())

    def _progress(self) -> Progress:
        evidence = None if self._follower is None else self._follower.evidence
        return self._tally.progress(self._stopped, evidence)
