"""The life of a campaign in the ledger, on each kind of database."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from sqlalchemy import event, update

from ossay.core.errors import UnknownName, UsageError
from ossay.core.outcome import Flag, Outcome
from ossay.core.records import CallRecord, RunRecord
from ossay.core.task import Transcript
from ossay.core.types import Usage
from ossay.store.address import parse_address
from ossay.store.claim import ClaimLost
from ossay.store.engine import open_engine
from ossay.store.ledger import open_ledger
from ossay.store.presence import SILENCE_S, Presence
from ossay.store.reader import read_transcript
from ossay.store.schema import workers

USAGE = Usage(100, 40, 20, 5)
TRANSCRIPT = Transcript("add", 0, "Answer.", "0 + 1?", "answered", seconds=0.5)


def settled(claim, turn=1, cost=0.25, **changes):
    call = CallRecord(
        claim.run_id, claim.try_, turn, "done", 1_001.5, USAGE, cost, 0.1, 0.2, 0.0, 1,
        finish="stop", served_model="one-v2",
    )  # fmt: skip
    return msgspec.structs.replace(call, **changes)


def finished(claim, **changes):
    record = RunRecord(
        claim.run_id, claim.key, "finished", Outcome.PASSED, (Flag.TOOL_ERROR,), "right", "", 1, 1,
        1, 0, claim.started_at, 0.5, USAGE, 0.25, tries=claim.try_,
    )  # fmt: skip
    return msgspec.structs.replace(record, **changes)


@pytest.fixture
def ledger(ledger_url):
    with open_ledger(ledger_url, create=True, clock=lambda: 1_001.0) as ledger:
        yield ledger


@pytest.fixture
def work(ledger, header, planned) -> Callable[[Callable[..., Awaitable[None]], int], None]:
    """Runs an async function with a worker of a new campaign 'night' of so many runs."""

    def work(use, runs=3):
        async def enter_and_use():
            await ledger.plan(header("night"), planned("night", runs))
            await use(await ledger.enlist("night"))

        asyncio.run(enter_and_use())

    return work


def test_a_finished_run_comes_back_as_it_was_written(ledger, work):
    async def one_run(worker):
        claim = await worker.claim()
        assert await worker.open_call(claim, 1) == 1_001.0
        await worker.settle_call(claim, settled(claim))
        await worker.finish(claim, finished(claim), TRANSCRIPT)

    work(one_run)
    record = ledger.campaign("night")
    assert record.name == "night"
    assert record.suites == {"sums": "1"}
    first, second, _ = record.runs
    assert first == RunRecord(
        "night-0000", first.key, "finished", Outcome.PASSED, (Flag.TOOL_ERROR,), "right", "",
        1, 1, 1, 0, 1_001.0, 0.5, USAGE, 0.25, 0.0, 0, 1,
    )  # fmt: skip
    assert second == RunRecord("night-0001", second.key)
    (call,) = record.calls
    assert call.state == "done"
    assert call.usage == USAGE
    assert call.served_model == "one-v2"
    assert ledger.transcript("night-0000") == TRANSCRIPT
    assert ledger.transcript("night-0001") is None


def test_runs_are_handed_out_once_in_the_order_of_the_plan(work):
    async def claim_all(worker):
        claims = await asyncio.gather(*[worker.claim() for _ in range(5)])
        ids = [claim.run_id if claim else None for claim in claims]
        assert ids == ["night-0000", "night-0001", "night-0002", None, None]

    work(claim_all)


def test_leaving_gives_runs_back_and_keeps_their_costs(ledger, work):
    async def leave_in_the_middle(worker):
        claim = await worker.claim()
        await worker.open_call(claim, 1)
        await worker.settle_call(claim, settled(claim))
        await worker.open_call(claim, 2)
        totals = await worker.leave()
        assert totals.planned == 3
        assert totals.spend_usd == 0.25
        assert totals.tokens == 120
        assert totals.lost_calls == 1

    work(leave_in_the_middle)
    run = ledger.campaign("night").runs[0]
    assert (run.state, run.tries, run.started_at) == ("planned", 1, None)
    assert (run.lost_cost_usd, run.lost_calls_unpriced) == (0.25, 1)
    assert [call.state for call in ledger.campaign("night").calls] == ["done", "lost"]


def test_a_second_try_adds_to_the_first(ledger, work):
    async def two_tries(worker):
        claim = await worker.claim()
        await worker.open_call(claim, 1)
        await worker.settle_call(claim, settled(claim))
        await worker.leave()
        again = await ledger.enlist("night")
        claim = await again.claim()
        assert (claim.run_id, claim.try_) == ("night-0000", 2)
        await again.open_call(claim, 1)
        await again.settle_call(claim, settled(claim, cost=0.5))
        await again.finish(claim, finished(claim, cost_usd=0.5), None)

    work(two_tries)
    run = ledger.campaign("night").runs[0]
    assert (run.tries, run.cost_usd, run.lost_cost_usd) == (2, 0.5, 0.25)
    assert ledger.totals("night").spend_usd == 0.75


def test_who_lost_a_claim_writes_nothing_more(ledger, work):
    async def lose_it(worker):
        claim = await worker.claim()
        await worker.open_call(claim, 1)
        await worker.leave()
        other = await ledger.enlist("night")
        theirs = await other.claim()
        assert theirs.run_id == claim.run_id
        for late in (
            worker.open_call(claim, 2),
            worker.settle_call(claim, settled(claim)),
            worker.finish(claim, finished(claim, reason="late"), TRANSCRIPT),
        ):
            with pytest.raises(ClaimLost):
                await late
        await other.finish(theirs, finished(theirs), None)
        with pytest.raises(ClaimLost):
            await other.finish(theirs, finished(theirs, reason="twice"), TRANSCRIPT)

    work(lose_it)
    assert ledger.campaign("night").runs[0].reason == "right"
    assert ledger.transcript("night-0000") is None
    assert [call.state for call in ledger.campaign("night").calls] == ["lost"]


def test_a_closed_ledger_leaves_dead_workers_whose_runs_go_back(ledger_url, header, planned):
    async def claim_two(ledger):
        await ledger.plan(header("night"), planned("night", 3))
        worker = await ledger.enlist("night")
        await worker.open_call(await worker.claim(), 1)
        await worker.claim()

    async def look(ledger):
        totals = await (await ledger.enlist("night")).beat()
        assert (totals.planned, totals.running, totals.lost_calls) == (3, 0, 1)

    with open_ledger(ledger_url, create=True) as ledger:
        asyncio.run(claim_two(ledger))
    with open_ledger(ledger_url, create=True) as ledger:
        assert ledger.totals("night").running == 2
        asyncio.run(look(ledger))
        assert [run.tries for run in ledger.campaign("night").runs] == [1, 1, 0]


def test_runs_of_a_living_worker_are_left_alone(ledger, work):
    async def look(worker):
        await worker.claim()
        totals = await (await ledger.enlist("night")).beat()
        assert (totals.running, totals.elsewhere) == (1, 1)

    work(look)


def test_runs_of_a_worker_elsewhere_go_back_when_it_is_silent(ledger_url, header, planned):
    elsewhere = Presence("elsewhere", "boot", 1, 1)

    async def look(ledger, other):
        await ledger.plan(header("night"), planned("night", 3))
        far = await other.enlist("night")
        claim = await far.claim()
        near = await ledger.enlist("night")
        assert (await near.beat()).elsewhere == 1
        silence(ledger_url, far.id, SILENCE_S - 1)
        assert (await near.beat()).elsewhere == 1
        await far.beat()
        silence(ledger_url, far.id, SILENCE_S + 1)
        assert (await near.beat()).planned == 3
        # It was only asleep: it cannot go on with that run, but with others.
        with pytest.raises(ClaimLost):
            await far.open_call(claim, 1)
        assert await far.claim() is None
        await far.beat()
        assert (await far.claim()).try_ == 2

    with (
        open_ledger(ledger_url, create=True, clock=lambda: 1_000.0) as ledger,
        open_ledger(ledger_url, create=True, clock=lambda: 1_000.0, presence=elsewhere) as other,
    ):
        asyncio.run(look(ledger, other))


def silence(url, worker, seconds):
    """Make the last heartbeat of a worker so many seconds older."""
    engine = open_engine(parse_address(url), create=False)
    with engine.begin() as connection:
        older = update(workers).where(workers.c.id == worker)
        connection.execute(older.values(heartbeat=workers.c.heartbeat - seconds))
    engine.dispose()


def test_a_campaign_is_entered_once(ledger, header, planned):
    async def enter_twice():
        first = header("night")
        assert await ledger.plan(first, planned("night", 3)) is first
        again = msgspec.structs.replace(first, command="another")
        there = await ledger.plan(again, planned("night", 5))
        assert there.command == first.command
        await ledger.amend("night", plan_toml="name = 'night'", stopped="max_usd")

    asyncio.run(enter_twice())
    record = ledger.campaign("night")
    assert len(record.runs) == 3
    assert (record.plan_toml, record.stopped) == ("name = 'night'", "max_usd")


def test_campaigns_are_listed_with_how_far_they_are(ledger, work):
    async def one_run(worker):
        claim = await worker.claim()
        await worker.finish(claim, finished(claim), None)

    work(one_run)
    (row,) = ledger.campaigns()
    assert row._asdict() == {
        "name": "night", "created_at": 1_000.0, "total": 3, "finished": 1, "stopped": "",
    }  # fmt: skip


def test_an_unknown_campaign_is_told_the_nearest(ledger, work):
    async def nothing(_):
        return

    work(nothing)
    with pytest.raises(UnknownName, match="did you mean 'night'"):
        ledger.campaign("nigth")


def test_the_start_of_a_run_id_is_enough(ledger, work):
    async def two_runs(worker):
        for _ in range(2):
            claim = await worker.claim()
            await worker.finish(claim, finished(claim), TRANSCRIPT)

    work(two_runs, 2)
    assert ledger.transcript("night-0001") == TRANSCRIPT
    with pytest.raises(UsageError, match=r"\('night-0000', 'night-0001'\); give more of its id"):
        ledger.transcript("night-")
    for nothing in ("", "%", "night-00_1", "NIGHT-0001", "night-0001x", "x", "\ud800", "\0", "😀"):
        assert ledger.transcript(nothing) is None


def test_an_id_that_begins_another_is_itself(ledger, header, planned):
    async def two_runs():
        keys = [key for _, key in planned("night", 2)]
        await ledger.plan(header("night"), list(zip(["run-1", "run-1a"], keys, strict=True)))
        worker = await ledger.enlist("night")
        for text in ("the first", "the second"):
            claim = await worker.claim()
            said = msgspec.structs.replace(TRANSCRIPT, error=text)
            await worker.finish(claim, finished(claim), said)

    asyncio.run(two_runs())
    assert ledger.transcript("run-1").error == "the first"
    assert ledger.transcript("run-1a").error == "the second"
    with pytest.raises(UsageError, match="give more"):
        ledger.transcript("run")


def test_many_runs_of_one_start_are_not_all_listed(ledger, work):
    async def all_runs(worker):
        while claim := await worker.claim():
            await worker.finish(claim, finished(claim), TRANSCRIPT)

    work(all_runs, 9)
    with pytest.raises(UsageError, match=r"'night-0004', …\)"):
        ledger.transcript("night")


def test_a_transcript_is_found_by_the_index(tmp_path):
    engine = open_engine(parse_address(str(tmp_path / "ledger.sqlite")), create=True)
    asked = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, parameters, *_):
        asked.append((statement, parameters))

    with engine.connect() as connection:
        assert read_transcript(connection, "night") is None
        queries = [query for query in asked if query[0].startswith("SELECT")]
        assert len(queries) == 2
        for statement, parameters in queries:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            assert all(row.detail.startswith("SEARCH transcripts USING") for row in plan)
    engine.dispose()


def test_a_name_that_no_database_can_hold_is_unknown(ledger, work):
    async def nothing(_):
        return

    work(nothing)
    for name in ("\ud800", "night\0"):
        with pytest.raises(UnknownName):
            ledger.campaign(name)


def test_hostile_text_is_stored_on_every_database(ledger, work):
    hostile = "\0 \ud800 \x1b[31m '; DROP TABLE runs; -- \u202e " + "x" * 100_000

    async def one_run(worker):
        claim = await worker.claim()
        await worker.open_call(claim, 1)
        await worker.settle_call(claim, settled(claim, served_model=hostile))
        record = finished(claim, reason=hostile, error=hostile)
        spoken = msgspec.structs.replace(TRANSCRIPT, error=hostile)
        await worker.finish(claim, record, spoken)

    work(one_run)
    run = ledger.campaign("night").runs[0]
    assert run.reason.startswith("␀ � \x1b[31m '; DROP TABLE runs; -- \u202e xxx")
    assert len(run.reason) < 5_000
    assert ledger.transcript("night-0000").error.endswith("xxx")


def test_unknown_stays_unknown(ledger, work):
    async def one_run(worker):
        claim = await worker.claim()
        await worker.open_call(claim, 1)
        await worker.settle_call(claim, settled(claim, usage=Usage(), cost_usd=None))
        await worker.finish(claim, finished(claim, usage=Usage(), cost_usd=None), None)

    work(one_run)
    record = ledger.campaign("night")
    assert record.runs[0].usage == Usage(None, None, None, None)
    assert record.runs[0].cost_usd is None
    assert record.calls[0].cost_usd is None
    assert ledger.totals("night").unpriced_calls == 1
