"""Who works on the ledger now: enlisting, heartbeats, and burying the dead.

The runs of a dead worker go back to the plan. Knows nothing of campaigns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Dialect, Row, bindparam, delete, func, insert, select, update

from ossay.store.presence import Presence, is_gone
from ossay.store.runs import GiveBack
from ossay.store.schema import workers

# Ids of the workers of this process. One that is not here although its process is this one died
# without leaving.
_here: set[str] = set()


class Crew:
    """The workers of one ledger, as one process sees them."""

    def __init__(self, dialect: Dialect, presence: Presence, clock: Callable[[], float]) -> None:
        self._presence = presence
        self._clock = clock
        self._give_back = GiveBack(dialect)

    def beat(self, connection: Connection, worker: str) -> None:
        """Say that `worker` lives; enlists it if it is not in the list (any more)."""
        _here.add(worker)
        now = self._now(connection)
        beat = update(workers).where(workers.c.id == bindparam("p_id")).values(heartbeat=now)
        if connection.execute(beat, {"p_id": worker}).rowcount:
            return
        mine = self._presence
        connection.execute(
            insert(workers).values(
                id=worker, host=mine.host, boot=mine.boot, pid=mine.pid, born=mine.born,
                heartbeat=now,
            )
        )  # fmt: skip

    def leave(self, connection: Connection, worker: str) -> int:
        """Give back what `worker` still holds and strike it off; returns how many runs."""
        given = self._strike_off(connection, worker)
        _here.discard(worker)
        return given

    def bury(self, connection: Connection) -> int:
        """Give back what dead workers held and strike them off; returns how many runs."""
        now = self._now(connection)
        rows = connection.execute(select(workers)).all()
        dead = [row.id for row in rows if self._is_dead(row, now)]
        return sum(self._strike_off(connection, worker) for worker in dead)

    def disown(self, worker: str) -> None:
        """Forget a worker that can write no more, so that it counts as dead."""
        _here.discard(worker)

    def _is_dead(self, row: Row[Any], now: float) -> bool:
        presence = Presence(row.host, row.boot, row.pid, row.born)
        if presence == self._presence:
            return row.id not in _here
        return is_gone(presence, self._presence, now - row.heartbeat)

    def _strike_off(self, connection: Connection, worker: str) -> int:
        """Do it once, even when several processes find the same worker dead."""
        row = select(workers.c.id).where(workers.c.id == worker).with_for_update()
        if connection.execute(row).first() is None:
            return 0
        given = self._give_back.all_of(connection, worker)
        connection.execute(delete(workers).where(workers.c.id == worker))
        return given

    def _now(self, connection: Connection) -> float:
        """Unix seconds, by the one clock that all workers share."""
        if connection.dialect.name == "postgresql":
            now = select(func.extract("epoch", func.clock_timestamp()))
            return float(connection.execute(now).scalar_one())
        return self._clock()
