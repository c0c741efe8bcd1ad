"""A process that is killed with -9 in the middle of writing leaves sound books behind."""

import asyncio
import random
import subprocess
import sys

import pytest

from ossay.store.ledger import open_ledger

RUNS = 300

# Works on 'night'; killed a moment after so many calls, and a little later it would stand still.
WORK = """
import asyncio, itertools, os, sys, threading
from ossay.core.outcome import Outcome
from ossay.core.records import CallRecord, RunRecord
from ossay.core.task import Transcript
from ossay.core.types import Usage
from ossay.store.ledger import open_ledger

url, last, moment = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
calls = itertools.count()

async def one_after_the_other(worker):
    while (claim := await worker.claim()) is not None:
        call = next(calls)
        if call == last:
            threading.Timer(moment, os.kill, (os.getpid(), 9)).start()
        if call > last + 16:
            await asyncio.Event().wait()
        started = await worker.open_call(claim, 1)
        call = CallRecord(claim.run_id, claim.try_, 1, "done", started, Usage(1, None, 1), 1.0)
        await worker.settle_call(claim, call)
        record = RunRecord(claim.run_id, claim.key, "finished", Outcome.PASSED, cost_usd=1.0)
        await worker.finish(claim, record, Transcript("add", 1, "", "", "answered"))

async def main():
    with open_ledger(url, create=False) as ledger:
        worker = await ledger.enlist("night")
        await asyncio.gather(*[one_after_the_other(worker) for _ in range(8)])
        await worker.leave()

asyncio.run(main())
"""


def work(url, last="inf", moment=0.0):
    return subprocess.Popen([sys.executable, "-c", WORK, url, str(last), str(moment)])


@pytest.mark.parametrize("seed", [0, 1])
def test_killed_three_times_and_finished_by_two_at_once(ledger_url, header, planned, seed):
    rng = random.Random(seed)
    with open_ledger(ledger_url, create=True) as ledger:
        asyncio.run(ledger.plan(header("night"), planned("night", RUNS)))
        earlier = {}
        for _ in range(3):
            killed = work(ledger_url, rng.randrange(RUNS // 4), rng.uniform(0, 0.005))
            assert killed.wait() == -9
            now = {run.id: run for run in ledger.campaign("night").runs if run.state == "finished"}
            assert {run_id: now[run_id] for run_id in earlier} == earlier
            earlier = now

        pair = [work(ledger_url), work(ledger_url)]
        assert [process.wait() for process in pair] == [0, 0]

        record = ledger.campaign("night")
        assert len(earlier) < RUNS == len(record.runs)
        for run in record.runs:
            assert run.state == "finished"
            calls = [call for call in record.calls if call.run_id == run.id]
            assert [call.state for call in calls if call.try_ == run.tries] == ["done"]
            assert not any(call.state == "open" for call in calls)
            spent = sum(call.cost_usd or 0.0 for call in calls)
            assert run.cost_usd + run.lost_cost_usd == spent
            assert run.lost_calls_unpriced == sum(call.state == "lost" for call in calls)
            assert ledger.transcript(run.id) is not None
