"""Group commit: one thread writes for everybody, many jobs in one transaction.

A job is awaited until it is durable: its transaction is committed. In SQLite (synchronous = NORMAL)
that survives the death of every process at any moment; a power cut or a crash of the system can
undo the last transactions, whole ones, and never damages the file. PostgreSQL keeps them even then,
unless it is set up otherwise. Jobs that arrive while a transaction is being written share the next
one, so the cost of a commit is spread over as many as are waiting. Knows nothing of what is
written: an `Action` does that.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from ossay.core.errors import LedgerError, OssayError
from ossay.store.address import Address
from ossay.store.engine import plain_error, writing

P = TypeVar("P", contravariant=True)
R = TypeVar("R")
T = TypeVar("T")

# Jobs of one transaction: bounds how long other processes wait for theirs.
MAX_JOBS = 1_000
# How long jobs that nobody awaits are held, so that many share a transaction.
_LINGER_S = 0.05

# Serialisation failure and deadlock of PostgreSQL: trying again is the cure.
_RETRYABLE = ("40001", "40P01")
_TRIES = 5


class Refused(OssayError):
    """A batch holds a job that cannot be done; which one shows when each is done alone."""


class Action(Protocol[P, R]):
    """Something that is written, many at once.

    `rank` orders the actions of one transaction: a run's call is opened before it is settled,
    settled before the run is finished.
    """

    @property
    def rank(self) -> int:
        """Lower comes first."""
        ...

    def prepare(self, payload: P) -> Any:
        """Do what needs no database, before the transaction begins."""
        ...

    def apply(self, connection: Connection, prepared: list[Any]) -> list[R]:
        """Write all; one result each. Raises `Refused` when not all of them can be written."""
        ...


Tell = Callable[[R | None, BaseException | None], None]


class Once:
    """The action of rare jobs: each payload is a function of the connection."""

    rank = 3

    def prepare(self, payload: Callable[[Connection], T]) -> Callable[[Connection], T]:
        """Nothing to prepare."""
        return payload

    def apply(self, connection: Connection, prepared: list[Callable[[Connection], T]]) -> list[T]:
        """Call one after the other."""
        return [job(connection) for job in prepared]


class _Job(Generic[P, R]):
    """One piece of work, and whom to tell: called in `loop`, with the result or what went wrong."""

    __slots__ = ("action", "error", "loop", "payload", "prepared", "result", "tell")

    def __init__(
        self, action: Action[P, R], payload: P, loop: asyncio.AbstractEventLoop, tell: Tell[R]
    ) -> None:
        self.action = action
        self.payload = payload
        self.loop = loop
        self.tell = tell
        self.prepared: Any = None
        self.result: Any = None
        self.error: BaseException | None = None


class Writer:
    """The thread that writes. Close it: what was submitted before is still written."""

    def __init__(self, engine: Engine, address: Address) -> None:
        self._engine = engine
        self._address = address
        self._connection: Connection | None = None
        self._queue: SimpleQueue[_Job[Any, Any] | None] = SimpleQueue()
        self._closed = False
        self._awaited = threading.Event()  # somebody waits: no time to collect more
        self._once = Once()
        self._thread = threading.Thread(target=self._serve, name="ossay-ledger", daemon=True)
        self._thread.start()

    async def submit(self, action: Action[P, R], payload: P) -> R:
        """Return the action's result once it is durable.

        A caller that is cancelled does not undo the job.
        """
        return await self.put(action, payload)

    def put(self, action: Action[P, R], payload: P) -> asyncio.Future[R]:
        """Submit, and return at once; the future is done when `submit` would return."""
        self._check_open()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()

        def tell(result: Any, error: BaseException | None) -> None:
            if not future.done():
                if error is not None:
                    future.set_exception(error)
                else:
                    future.set_result(result)

        self._queue.put(_Job(action, payload, loop, tell))
        self._awaited.set()
        return future

    def put_later(self, action: Action[P, R], payload: P, tell: Tell[R]) -> None:
        """Submit what nobody awaits: it shares a transaction with others that come soon.

        What is put after it is written after it, or with it. `tell` is called once it is written,
        or cannot be.
        """
        self._check_open()
        self._queue.put(_Job(action, payload, asyncio.get_running_loop(), tell))

    def _check_open(self) -> None:
        if self._closed:
            raise LedgerError(f"ledger {self._address} is closed")

    async def do(self, job: Callable[[Connection], T]) -> T:
        """Return what `job` returns, once what it wrote is durable."""
        return await self.submit(self._once, job)

    def close(self) -> None:
        """Write what is waiting, then stop."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._awaited.set()
            self._thread.join()

    def _serve(self) -> None:
        more = True
        while more:
            jobs, more = self._next()
            ready = [job for job in jobs if _prepared(job)]
            self._write(ready)
            # Whoever counts along hears of a call before it hears of totals with that call in it.
            _answer(sorted(jobs, key=lambda job: job.action.rank))
        self._disconnect()

    def _next(self) -> tuple[list[_Job[Any, Any]], bool]:
        """Wait for a job and take what else is there; False when there will be no more.

        Where nobody awaits any of it, what comes a little later is taken too.
        """
        first = self._queue.get()
        if first is None:
            return [], False
        jobs = [first]
        more = self._take(jobs)
        if more and len(jobs) < MAX_JOBS:
            self._awaited.wait(_LINGER_S)
            more = self._take(jobs)
        self._awaited.clear()
        return jobs, more

    def _take(self, jobs: list[_Job[Any, Any]]) -> bool:
        """Take what is there; False when there will be no more."""
        try:
            while len(jobs) < MAX_JOBS:
                job = self._queue.get_nowait()
                if job is None:
                    return False
                jobs.append(job)
        except Empty:
            pass
        return True

    def _write(self, jobs: list[_Job[Any, Any]]) -> None:
        """Write all in one transaction; if one spoils it, each in its own."""
        if not jobs:
            return
        try:
            self._transact(jobs)
        except Exception as error:  # noqa: BLE001  # handed to whoever awaits the job
            if _is_of_one_job(error):
                for job in jobs:
                    self._write_alone(job)
                return
            for job in jobs:
                job.error = self._told(error)

    def _write_alone(self, job: _Job[Any, Any]) -> None:
        for left in reversed(range(_TRIES)):
            try:
                self._transact([job])
            except Exception as error:  # noqa: BLE001  # handed to whoever awaits the job
                if not (left and _is_retryable(error)):
                    job.error = self._told(error)
                    return
            else:
                return

    def _transact(self, jobs: list[_Job[Any, Any]]) -> None:
        groups: dict[Action[Any, Any], list[_Job[Any, Any]]] = defaultdict(list)
        for job in jobs:
            groups[job.action].append(job)
        with writing(self._connected()) as connection:
            for action in sorted(groups, key=lambda action: action.rank):
                group = groups[action]
                results = action.apply(connection, [job.prepared for job in group])
                for job, result in zip(group, results, strict=True):
                    job.result = result

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _told(self, error: Exception) -> Exception:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            self._disconnect()
        if isinstance(error, SQLAlchemyError):
            return plain_error(error, self._address)
        return error


def _prepared(job: _Job[Any, Any]) -> bool:
    try:
        job.prepared = job.action.prepare(job.payload)
    except Exception as error:  # noqa: BLE001  # handed to whoever awaits the job
        job.error = error
        return False
    return True


def _is_of_one_job(error: Exception) -> bool:
    """Whether the others may well succeed without the one that caused it."""
    return isinstance(error, OssayError | IntegrityError) or _is_retryable(error)


def _is_retryable(error: Exception) -> bool:
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") in _RETRYABLE


def _answer(jobs: list[_Job[Any, Any]]) -> None:
    """Wake whoever awaits, in this order, with one call a loop."""
    loops: dict[asyncio.AbstractEventLoop, list[_Job[Any, Any]]] = defaultdict(list)
    for job in jobs:
        loops[job.loop].append(job)
    for loop, group in loops.items():
        try:
            loop.call_soon_threadsafe(_settle, group)
        except RuntimeError:  # the loop is closed: nobody is left to hear it
            continue


def _settle(jobs: list[_Job[Any, Any]]) -> None:
    for job in jobs:
        # An action has its results before the commit, which may fail: on a full disk, for one.
        job.tell(None if job.error is not None else job.result, job.error)
