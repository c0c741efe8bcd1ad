"""Any interleaving of claims, calls, finishes, deaths and late writes keeps the books right.

Each run is finished at most once and never changes afterwards; every call's cost is on the books of
its run; nothing is in two hands.
"""

import asyncio
import itertools
import random
import threading

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import update

from ossay.core.outcome import Outcome
from ossay.core.records import CallRecord, RunRecord
from ossay.core.types import Usage
from ossay.store.address import parse_address
from ossay.store.claim import ClaimLost
from ossay.store.engine import open_engine
from ossay.store.ledger import open_ledger
from ossay.store.presence import Presence
from ossay.store.schema import workers

RUNS = 5
CROWD = 3  # workers alive at once: more would only wait, and a ledger is slow to open


def call_of(claim, turn, cost):
    return CallRecord(claim.run_id, claim.try_, turn, "done", 1.0, Usage(10, None, 2), cost)


def run_of(claim, cost, reason=""):
    return RunRecord(
        claim.run_id, claim.key, "finished", Outcome.PASSED, reason=reason, cost_usd=cost
    )


class Hands:
    """A worker as the test sees it: what it believes to hold."""

    def __init__(self, ledger, worker):
        self.ledger = ledger
        self.worker = worker
        self.alive = True
        self.silent = False


class Held:
    """A claim as the test sees it."""

    def __init__(self, hands, claim):
        self.hands = hands
        self.claim = claim
        self.turn = 0
        self.open = False
        self.settled = 0.0
        self.over = False


class Books(RuleBasedStateMachine):
    """Workers on this host and on others, which may die or be thought dead."""

    url: str
    names = itertools.count()
    header = None
    planned = None

    hands = Bundle("hands")
    held = Bundle("held")

    def __init__(self):
        super().__init__()
        self.loop = asyncio.Runner()
        self.ledgers = []
        self.crew = []
        self.engine = open_engine(parse_address(self.url), create=True)
        self.reader = open_ledger(self.url, create=True)
        self.finished = {}  # run id -> reason
        self.costs = {}  # run id -> all that its calls cost
        self.all = []

    @initialize(target=hands)
    def enter(self):
        self.name = f"c{next(self.names)}"
        first = self._enlist(Presence("elsewhere", "boot", 1, 1))
        self.loop.run(
            first.ledger.plan(type(self).header(self.name), type(self).planned(self.name, RUNS))
        )
        return first

    @precondition(lambda self: sum(hands.alive for hands in self.crew) < CROWD)
    @rule(target=hands, host=st.sampled_from(["here", "elsewhere", "far"]))
    def enlist(self, host):
        return self._enlist(None if host == "here" else Presence(host, "boot", 1, 1))

    def _enlist(self, presence):
        ledger = open_ledger(self.url, create=True, presence=presence)
        self.ledgers.append(ledger)
        hands = Hands(ledger, self.loop.run(ledger.enlist(self.name)))
        self.crew.append(hands)
        return hands

    @rule(target=held, hands=hands)
    def claim(self, hands):
        if not hands.alive:
            return multiple()
        claim = self.loop.run(hands.worker.claim())
        if claim is None:
            return multiple()
        assert claim.run_id not in self.finished
        for other in self.all:
            if other.claim.run_id == claim.run_id:
                assert other.claim.try_ < claim.try_
        one = Held(hands, claim)
        self.all.append(one)
        return one

    @rule(held=held)
    def open_call(self, held):
        if not self._usable(held) or held.open:
            return
        if self._write(held, held.hands.worker.open_call(held.claim, held.turn + 1)):
            held.turn += 1
            held.open = True

    @rule(held=held, cost=st.sampled_from([0.25, 0.5, 2.0]))
    def settle_call(self, held, cost):
        if not self._usable(held) or not held.open:
            return
        call = call_of(held.claim, held.turn, cost)
        if self._write(held, held.hands.worker.settle_call(held.claim, call)):
            held.open = False
            held.settled += cost
            run = held.claim.run_id
            self.costs[run] = self.costs.get(run, 0.0) + cost

    @rule(held=held, reason=st.text("ab", max_size=3))
    def finish(self, held, reason):
        if not self._usable(held) or held.open:
            return
        record = run_of(held.claim, held.settled, reason)
        if self._write(held, held.hands.worker.finish(held.claim, record, None)):
            assert held.claim.run_id not in self.finished
            self.finished[held.claim.run_id] = reason
            held.over = True

    @rule(held=held)
    def finish_again(self, held):
        if not held.over or not held.hands.alive:
            return
        again = held.hands.worker.finish(held.claim, run_of(held.claim, 99.0, "again"), None)
        with pytest.raises(ClaimLost):
            self.loop.run(again)

    @rule(hands=hands)
    def beat(self, hands):
        if hands.alive:
            self.loop.run(hands.worker.beat())

    @rule(hands=hands)
    def fall_silent(self, hands):
        """A laptop is closed: others will think its worker dead; it will wake up and write."""
        with self.engine.begin() as connection:
            silent = update(workers).where(workers.c.id == hands.worker.id)
            connection.execute(silent.values(heartbeat=workers.c.heartbeat - 1_000))
        hands.silent = True

    @rule(hands=consumes(hands))
    def leave(self, hands):
        if hands.alive:
            self.loop.run(hands.worker.leave())
            hands.alive = False

    @rule(hands=consumes(hands))
    def die(self, hands):
        hands.ledger.close()
        hands.alive = False

    def _usable(self, held):
        return held.hands.alive and not held.over

    def _write(self, held, writing):
        """Return whether it was written; a claim can only be lost by who fell silent."""
        try:
            self.loop.run(writing)
        except ClaimLost:
            assert held.hands.silent
            held.over = True
            return False
        return True

    @invariant()
    def books_are_right(self):
        if not self.ledgers:  # before the first step
            return
        record = self.reader.campaign(self.name)
        assert {run.id: run.reason for run in record.runs if run.state == "finished"} == (
            self.finished
        )
        for run in record.runs:
            calls = [call for call in record.calls if call.run_id == run.id]
            assert sum(call.cost_usd or 0.0 for call in calls) == self.costs.get(run.id, 0.0)
            current = sum(
                call.cost_usd or 0.0
                for call in calls
                if call.try_ == run.tries and run.state == "running"
            )
            booked = (run.cost_usd or 0.0) + run.lost_cost_usd + current
            assert booked == self.costs.get(run.id, 0.0)
            assert run.lost_calls_unpriced == sum(call.state == "lost" for call in calls)
            if run.state != "running":
                assert not any(call.state == "open" for call in calls)
            assert (run.state == "running") == (run.started_at is not None and run.outcome is None)

    def teardown(self):
        for ledger in (*self.ledgers, self.reader):
            ledger.close()
        self.engine.dispose()
        self.loop.close()


# Whoever cuts an example off in the middle makes hypothesis call the machine flaky.
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("examples", [10, pytest.param(300, marks=pytest.mark.long)])
def test_any_interleaving_keeps_the_books_right(ledger_url, header, planned, examples):
    machine = type(
        "BooksHere",
        (Books,),
        {"url": ledger_url, "header": staticmethod(header), "planned": staticmethod(planned)},
    )
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_threads_that_race_finish_each_run_once(ledger_url, header, planned):
    """Six ledgers at once; some workers walk away in the middle of a run, again and again."""
    runs = 60
    finished: list[str] = []
    with open_ledger(ledger_url, create=True) as ledger:
        asyncio.run(ledger.plan(header("race"), planned("race", runs)))

    async def work(seed):
        rng = random.Random(seed)
        with open_ledger(ledger_url, create=False) as ledger:
            worker = await ledger.enlist("race")
            while True:
                claims = [c for c in await asyncio.gather(*[worker.claim() for _ in range(3)]) if c]
                for claim in claims:
                    await worker.open_call(claim, 1)
                    if rng.random() < 0.2:
                        continue
                    await worker.settle_call(claim, call_of(claim, 1, 1.0))
                    if rng.random() < 0.2:
                        continue
                    await worker.finish(claim, run_of(claim, 1.0), None)
                    finished.append(claim.run_id)
                totals = await worker.leave()
                if totals.finished == runs:
                    return
                worker = await ledger.enlist("race")

    threads = [threading.Thread(target=lambda s=s: asyncio.run(work(s))) for s in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(finished) == len(set(finished)) == runs
    with open_ledger(ledger_url, create=False) as ledger:
        record = ledger.campaign("race")
    spent = sum(call.cost_usd or 0.0 for call in record.calls)
    assert spent == sum((run.cost_usd or 0.0) + run.lost_cost_usd for run in record.runs)
    lost = [call for call in record.calls if call.state == "lost"]
    assert len(lost) == sum(run.lost_calls_unpriced for run in record.runs)
    assert {call.state for call in record.calls} <= {"done", "lost"}
    assert all(run.tries >= 1 for run in record.runs)
