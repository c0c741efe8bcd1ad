"""Writing calls of models: opened before they are sent, settled when they are answered or failed.

Only the worker that holds a run may open a call for it; only an open call can be settled. Knows
nothing of when a transaction ends.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, Dialect, Double, Integer, Text, bindparam, literal, select

from ossay.core.records import CallRecord
from ossay.store.schema import calls, runs
from ossay.store.statement import Row, Statement
from ossay.store.text import storable
from ossay.store.writer import Refused


class Opening(NamedTuple):
    """A call that is about to be sent by `owner`."""

    run_id: str
    try_: int
    turn: int
    started_at: float
    owner: str


class OpenCalls:
    """Books calls before they are sent, so that a call cut off by a crash is known of."""

    rank = 0

    def __init__(self, dialect: Dialect) -> None:
        names = ("p_run", "p_try", "p_turn", "p_started", "p_owner")
        run, try_, turn, started, owner = names
        held = (
            select(
                runs.c.id,
                bindparam(try_, type_=Integer),
                bindparam(turn, type_=Integer),
                literal("open", Text),
                bindparam(started, type_=Double),
                literal(0.0, Double),
                literal(1, Integer),
                *[literal("", Text)] * 3,
            )
            .where(runs.c.id == bindparam(run), runs.c.owner == bindparam(owner))
            .where(runs.c.tries == bindparam(try_, type_=Integer))
            .with_for_update(read=True)  # or a recovery at the same moment would miss the call
        )
        columns = (
            "run_id", "try", "turn", "state", "started_at", "waited_s", "attempts", "error_kind",
            "finish", "served_model",
        )  # fmt: skip
        self._insert = Statement(calls.insert().from_select(columns, held), dialect, names)

    def prepare(self, payload: Opening) -> Row:
        """An opening is a row."""
        return payload

    def apply(self, connection: Connection, prepared: list[Row]) -> list[None]:
        """Insert all; raises `Refused` when a run is not its worker's any more."""
        if self._insert.many(connection, prepared) != len(prepared):
            raise Refused
        return [None] * len(prepared)


_SETTLED = (
    "state", "started_at", "input_tokens", "cached_input_tokens", "output_tokens",
    "reasoning_tokens", "cost_usd", "first_token_s", "total_s", "waited_s", "attempts",
    "error_kind", "finish", "served_model",
)  # fmt: skip


class SettleCalls:
    """Books how calls went."""

    rank = 1

    def __init__(self, dialect: Dialect) -> None:
        keys = ("k_run", "k_try", "k_turn")
        names = [f"p_{column}" for column in _SETTLED]
        update = (
            calls.update()
            .values({calls.c[c]: bindparam(n) for c, n in zip(_SETTLED, names, strict=True)})
            .where(calls.c.run_id == bindparam(keys[0]), calls.c["try"] == bindparam(keys[1]))
            .where(calls.c.turn == bindparam(keys[2]), calls.c.state == "open")
        )
        self._update = Statement(update, dialect, (*names, *keys))

    def prepare(self, payload: CallRecord) -> Row:
        """Lay a call out as a row."""
        usage = payload.usage
        return (
            payload.state,
            payload.started_at,
            usage.input_tokens,
            usage.cached_input_tokens,
            usage.output_tokens,
            usage.reasoning_tokens,
            payload.cost_usd,
            payload.first_token_s,
            payload.total_s,
            payload.waited_s,
            payload.attempts,
            payload.error_kind,
            payload.finish,
            storable(payload.served_model, 200),
            payload.run_id,
            payload.try_,
            payload.turn,
        )

    def apply(self, connection: Connection, prepared: list[Row]) -> list[None]:
        """Update all; raises `Refused` when one is not open, since its run was taken away."""
        if self._update.many(connection, prepared) != len(prepared):
            raise Refused
        return [None] * len(prepared)
