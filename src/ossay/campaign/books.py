"""The books of one run: each call in the ledger before it is sent and when it is answered.

Knows nothing of what is asked or of how a run is judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ossay.core.errors import ModelCallError
from ossay.core.records import CallRecord, CallState
from ossay.core.types import Price, Reply, Request, Usage

if TYPE_CHECKING:
    from ossay.campaign.progress import Tally
    from ossay.store.claim import Claim
    from ossay.store.worker import Worker


class Books:
    """The `Recorder` of one run. A call is durable in the ledger before the loop goes on."""

    def __init__(self, worker: Worker, claim: Claim, price: Price | None, tally: Tally) -> None:
        self._worker = worker
        self._claim = claim
        self._price = price
        self._free = price is not None and not (price.input or price.output)
        self._tally = tally
        self._open: tuple[int, float] | None = None  # turn, Unix time
        self.usage = Usage()
        self.lost_calls = 0
        self._cost_usd: float | None = None if price is None else 0.0

    @property
    def cost_usd(self) -> float | None:
        """What the answered calls cost; None if that of any is not known."""
        return self._cost_usd

    async def opened(self, turn: int, request: Request) -> None:
        """Book a call that is about to be sent."""
        del request  # the transcript holds what was said
        self._open = (turn, await self._worker.open_call(self._claim, turn))

    async def settled(self, turn: int, reply: Reply) -> None:
        """Book an answer and its cost."""
        cost = self._cost(reply.usage)
        timing = reply.timing
        call = CallRecord(
            self._claim.run_id,
            self._claim.try_,
            turn,
            "done",
            timing.started_at,
            reply.usage,
            cost,
            timing.first_token_s,
            timing.total_s,
            timing.waited_s,
            reply.attempts,
            finish=reply.finish,
            served_model=reply.model,
        )
        await self._worker.settle_call(self._claim, call)
        self._open = None
        self.usage = self.usage + reply.usage
        if cost is None or self._cost_usd is None:
            self._cost_usd = None
        else:
            self._cost_usd += cost
        self._tally.count_call(reply.usage, cost)

    async def failed(self, turn: int, error: ModelCallError) -> None:
        """Book a call that failed; one whose answer had begun may have cost money: it is lost."""
        if error.began and not self._free:
            await self._lose(turn, error.kind, error.attempts)
        else:
            await self._close(turn, "failed", error.kind, error.attempts)

    async def abandon(self, error: Exception) -> None:
        """Book the open call, if there is one, as lost: something broke before its answer came."""
        if self._open is not None:
            await self._lose(self._open[0], type(error).__name__, 1)

    def _cost(self, usage: Usage) -> float | None:
        if self._free:
            return 0.0  # however many tokens it took
        return None if self._price is None else self._price.cost(usage)

    async def _lose(self, turn: int, kind: str, attempts: int) -> None:
        await self._close(turn, "lost", kind, attempts)
        self.lost_calls += 1
        self._tally.lost_calls += 1

    async def _close(self, turn: int, state: CallState, kind: str, attempts: int) -> None:
        started = self._open[1] if self._open else 0.0
        call = CallRecord(
            self._claim.run_id,
            self._claim.try_,
            turn,
            state,
            started,
            attempts=attempts,
            error_kind=kind,
        )
        await self._worker.settle_call(self._claim, call)
        self._open = None
