"""Writing runs: claimed by one worker, finished once, or given back.

A claim and a finish are conditional updates, so two processes can never hold or finish the same
run. Knows nothing of when a transaction ends.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import msgspec
from sqlalchemy import (
    Connection,
    Dialect,
    Double,
    Integer,
    LargeBinary,
    bindparam,
    func,
    insert,
    select,
)

from ossay.core.records import RunKey, RunRecord
from ossay.core.task import Transcript
from ossay.store.claim import Claim
from ossay.store.schema import calls, runs, transcripts, workers
from ossay.store.statement import Row, Statement
from ossay.store.text import storable
from ossay.store.transcripts import pack_transcript
from ossay.store.writer import Refused


class Wish(NamedTuple):
    """A worker that wants one run of a campaign."""

    campaign: str
    owner: str
    now: float


class ClaimRuns:
    """Hands out planned runs, first come first served, in the order of the plan."""

    rank = 4

    def __init__(self, dialect: Dialect) -> None:
        known = select(workers.c.id).where(workers.c.id == bindparam("p_owner"))
        lock = known.with_for_update(read=True, key_share=True)
        self._known = Statement(lock, dialect, ("p_owner",))
        free = (
            select(runs.c.id)
            .where(runs.c.campaign == bindparam("p_campaign"), runs.c.state == "planned")
            .order_by(runs.c.position)
            .limit(bindparam("p_count", type_=Integer))
            .with_for_update(skip_locked=True)
            # PostgreSQL may run a subquery once a row, and each time it finds other runs free.
            .cte("free")
        )
        claim = (
            runs.update()
            .where(runs.c.id.in_(select(free.c.id)))
            .values(
                state="running",
                owner=bindparam("p_owner"),
                started_at=bindparam("p_now", type_=Double),
                tries=runs.c.tries + 1,
            )
            .returning(
                runs.c.position, runs.c.id, runs.c.model, runs.c.suite, runs.c.task, runs.c.seed,
                runs.c.attempt, runs.c.tries,
            )
        )  # fmt: skip
        self._claim = Statement(claim, dialect, ("p_campaign", "p_owner", "p_now", "p_count"))

    def prepare(self, payload: Wish) -> Wish:
        """Nothing to prepare."""
        return payload

    def apply(self, connection: Connection, prepared: list[Wish]) -> list[Claim | None]:
        """Claim one run a wish; None for those that came when none was left."""
        wishes: dict[tuple[str, str], list[int]] = defaultdict(list)
        for index, wish in enumerate(prepared):
            wishes[wish.campaign, wish.owner].append(index)
        claims: list[Claim | None] = [None] * len(prepared)
        for (campaign, owner), indexes in wishes.items():
            if not self._known.fetch(connection, (owner,)):
                continue  # thought dead; its next heartbeat enlists it again
            now = prepared[indexes[0]].now
            rows = self._claim.fetch(connection, (campaign, owner, now, len(indexes)))
            for index, (_, run_id, *key, tries) in zip(indexes, sorted(map(tuple, rows))):  # noqa: B905  # fewer runs than wishes: the rest get None
                claims[index] = Claim(run_id, RunKey(*key), tries, now)
        return claims


class Ending(NamedTuple):
    """How a run ended in the hands of `owner`."""

    record: RunRecord
    try_: int
    owner: str
    transcript: Transcript | None
    lost_calls: int = 0


class _Ending(NamedTuple):
    row: Row
    transcript: Row | None


_RESULT = (
    "outcome", "flags", "reason", "error", "done", "of", "turns", "tool_calls", "seconds",
    "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "cost_usd",
)  # fmt: skip


class FinishRuns:
    """Books a run's outcome, totals and transcript together, once."""

    rank = 2

    def __init__(self, dialect: Dialect) -> None:
        names = [f"p_{column}" for column in _RESULT]
        keys = ("k_lost", "k_id", "k_owner", "k_try")
        update = (
            runs.update()
            .values({runs.c[c]: bindparam(n) for c, n in zip(_RESULT, names, strict=True)})
            .values(state="finished", owner=None)
            .values(lost_calls_unpriced=runs.c.lost_calls_unpriced + bindparam("k_lost"))
            .where(runs.c.id == bindparam("k_id"), runs.c.owner == bindparam("k_owner"))
            .where(runs.c.tries == bindparam("k_try"), runs.c.state == "running")
        )
        self._update = Statement(update, dialect, (*names, *keys))
        add = insert(transcripts).values(
            run_id=bindparam("p_run"), content=bindparam("p_content", type_=LargeBinary)
        )
        self._add = Statement(add, dialect, ("p_run", "p_content"))

    def prepare(self, payload: Ending) -> _Ending:
        """Lay the run out as a row and compress its transcript."""
        record, transcript = payload.record, payload.transcript
        usage = record.usage
        row = (
            None if record.outcome is None else record.outcome.value,
            msgspec.json.encode(record.flags).decode(),
            storable(record.reason),
            storable(record.error),
            record.done,
            record.of,
            record.turns,
            record.tool_calls,
            record.seconds,
            usage.input_tokens,
            usage.cached_input_tokens,
            usage.output_tokens,
            usage.reasoning_tokens,
            record.cost_usd,
            payload.lost_calls,
            record.id,
            payload.owner,
            payload.try_,
        )
        packed = None if transcript is None else (record.id, pack_transcript(transcript))
        return _Ending(row, packed)

    def apply(self, connection: Connection, prepared: list[_Ending]) -> list[None]:
        """Finish all; raises `Refused` when a run is not its worker's any more."""
        if self._update.many(connection, [ending.row for ending in prepared]) != len(prepared):
            raise Refused
        packed = [ending.transcript for ending in prepared if ending.transcript is not None]
        if packed:
            self._add.many(connection, packed)
        return [None] * len(prepared)


class GiveBack:
    """Returns the runs of a worker to the plan; what was spent on them stays on the books."""

    def __init__(self, dialect: Dialect) -> None:
        held = select(runs.c.id).where(runs.c.owner == bindparam("p_owner"))
        held = held.order_by(runs.c.id).with_for_update()
        self._held = Statement(held, dialect, ("p_owner",))
        lose = calls.update().values(state="lost")
        lose = lose.where(calls.c.run_id == bindparam("p_id"), calls.c.state == "open")
        self._lose = Statement(lose, dialect, ("p_id",))
        this_try = (calls.c.run_id == runs.c.id, calls.c["try"] == runs.c.tries)
        spent = select(func.coalesce(func.sum(calls.c.cost_usd), 0.0)).where(*this_try)
        lost = select(func.count()).where(*this_try, calls.c.state == "lost")
        release = (
            runs.update()
            .where(runs.c.id == bindparam("p_id"))
            .values(
                state="planned",
                owner=None,
                started_at=None,
                lost_cost_usd=runs.c.lost_cost_usd + spent.scalar_subquery(),
                lost_calls_unpriced=runs.c.lost_calls_unpriced + lost.scalar_subquery(),
            )
        )
        self._release = Statement(release, dialect, ("p_id",))

    def all_of(self, connection: Connection, owner: str) -> int:
        """Give back every run that `owner` holds; return how many.

        The order matters: once the runs are locked no call can be opened, and once open calls are
        lost none can be settled, so the sum that follows is final.
        """
        ids: list[Row] = [tuple(row) for row in self._held.fetch(connection, (owner,))]
        if ids:
            self._lose.many(connection, ids)
            self._release.many(connection, ids)
        return len(ids)
