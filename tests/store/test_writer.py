"""Group commit: everybody's jobs share transactions, and nobody suffers from another's."""

import asyncio

import pytest
from sqlalchemy import text

from ossay.core.errors import LedgerError
from ossay.store.address import parse_address
from ossay.store.engine import open_engine
from ossay.store.writer import Refused, Writer


class Insert:
    """Notes numbers down; refuses negative ones. Counts its transactions."""

    rank = 0

    def __init__(self):
        self.batches = []

    def prepare(self, payload):
        return payload

    def apply(self, connection, prepared):
        self.batches.append(len(prepared))
        connection.execute(
            text("INSERT INTO meta VALUES (:key, '')"), [{"key": str(n)} for n in prepared]
        )
        if any(number < 0 for number in prepared):
            raise Refused
        return [number * 2 for number in prepared]


@pytest.fixture
def engine(ledger_url):
    engine = open_engine(parse_address(ledger_url), create=True)
    yield engine
    engine.dispose()


@pytest.fixture
def writer(engine, ledger_url):
    writer = Writer(engine, parse_address(ledger_url))
    yield writer
    writer.close()


def noted(engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(text("SELECT key FROM meta")).scalars()) - {"schema_version"}


def test_jobs_that_wait_share_a_transaction(engine, writer):
    insert = Insert()

    async def submit_all():
        return await asyncio.gather(*[writer.submit(insert, n) for n in range(500)])

    assert asyncio.run(submit_all()) == [n * 2 for n in range(500)]
    assert noted(engine) == {str(n) for n in range(500)}
    assert len(insert.batches) < 250


def test_what_nobody_awaits_is_written_with_what_comes_soon(engine, writer):
    insert = Insert()
    told = []

    async def put_all():
        for n in range(200):
            writer.put_later(insert, n, lambda result, error: told.append((result, error)))
        await asyncio.sleep(0)
        assert await writer.submit(insert, 200) == 400

    asyncio.run(put_all())
    assert told == [(n * 2, None) for n in range(200)]
    assert noted(engine) == {str(n) for n in range(201)}
    assert len(insert.batches) < 10


def test_what_nobody_awaits_is_written_after_its_loop_is_gone(engine, writer):
    insert = Insert()

    async def put():
        writer.put_later(insert, 7, lambda result, error: None)

    asyncio.run(put())
    writer.close()
    assert noted(engine) == {"7"}


def test_what_nobody_awaits_tells_of_its_failure(writer):
    insert = Insert()
    told = []

    async def put():
        writer.put_later(insert, -1, lambda result, error: told.append((result, error)))
        assert await writer.submit(insert, 1) == 2

    asyncio.run(put())
    ((result, error),) = told
    assert result is None
    assert isinstance(error, Refused)


class InsertOrphans:
    """Notes down rows that nobody may commit: what they refer to is looked for at the commit."""

    rank = 0

    def prepare(self, payload):
        return payload

    def apply(self, connection, prepared):
        rows = [{"id": number} for number in prepared]
        connection.execute(text("INSERT INTO orphans VALUES (:id)"), rows)
        return prepared


def test_what_could_not_be_committed_has_no_result(engine, writer):
    told = []

    async def put():
        insert = InsertOrphans()
        writer.put_later(insert, 1, lambda result, error: told.append((result, error)))
        with pytest.raises(LedgerError):
            await writer.submit(insert, 2)

    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE parents (id INTEGER PRIMARY KEY)"))
        refers = "REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED"
        connection.execute(text(f"CREATE TABLE orphans (id INTEGER {refers})"))
    asyncio.run(put())
    ((result, error),) = told
    assert result is None
    assert isinstance(error, LedgerError)


def test_what_was_awaited_is_in_the_database(engine, writer):
    async def one_by_one():
        for number in range(20):
            await writer.submit(Insert(), number)
            assert str(number) in noted(engine)

    asyncio.run(one_by_one())


def test_one_bad_job_spoils_no_other(engine, writer):
    insert = Insert()

    async def submit_all():
        jobs = [writer.submit(insert, n) for n in (1, 2, -1, 3, 3)]
        return await asyncio.gather(*jobs, return_exceptions=True)

    one, two, refused, *three = asyncio.run(submit_all())
    assert (one, two) == (2, 4)
    assert isinstance(refused, Refused)
    # One of the two equal keys is in, the other is told why it is not.
    assert [isinstance(result, LedgerError) for result in three] == [False, True]
    assert noted(engine) == {"1", "2", "3"}


def test_a_failed_preparation_is_its_own_affair(engine, writer):
    class Unprepared(Insert):
        def prepare(self, payload):
            raise TypeError("no")

    async def submit_all():
        jobs = [writer.submit(Unprepared(), 1), writer.submit(Insert(), 2)]
        return await asyncio.gather(*jobs, return_exceptions=True)

    failed, two = asyncio.run(submit_all())
    assert isinstance(failed, TypeError)
    assert two == 4
    assert noted(engine) == {"2"}


def test_a_cancelled_caller_does_not_undo_the_job(engine, writer):
    async def submit_and_leave():
        job = asyncio.create_task(writer.submit(Insert(), 7))
        await asyncio.sleep(0)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

    asyncio.run(submit_and_leave())
    writer.close()
    assert noted(engine) == {"7"}


def test_closing_writes_what_waits_and_takes_no_more(engine, writer):
    async def submit_close_submit():
        jobs = [asyncio.ensure_future(writer.submit(Insert(), n)) for n in range(50)]
        await asyncio.sleep(0)
        writer.close()
        await asyncio.gather(*jobs)
        with pytest.raises(LedgerError, match="closed"):
            await writer.submit(Insert(), 99)

    asyncio.run(submit_close_submit())
    assert noted(engine) == {str(n) for n in range(50)}
