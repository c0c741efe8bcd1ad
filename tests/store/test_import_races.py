"""Imports of several processes at once, cut off ones, and any order of them."""

import asyncio
import itertools
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ossay.core.errors import UnknownName, UsageError
from ossay.core.results import Records, Result, Source
from ossay.store.ledger import open_ledger

CROWD = 4


def import_of(name, sha256, rows=40):
    results = tuple(Result("m", f"{name}-{n}", n / 7, source=name) for n in range(rows))
    return Records((Source(name, "csv", f"{name}.csv", sha256),), results)


@pytest.fixture
def crowd(ledger_url):
    """Calls a function with a ledger of its own in each of some threads, all at once."""
    open_ledger(ledger_url, create=True).close()
    start = Barrier(CROWD)

    def one(use, number):
        with open_ledger(ledger_url, create=False) as ledger:
            start.wait()
            try:
                return use(ledger, number)
            except UsageError as error:
                return error

    def run(use):
        with ThreadPoolExecutor(CROWD) as pool:
            return list(pool.map(one, [use] * CROWD, range(CROWD)))

    return run


def test_the_same_file_comes_in_once(ledger_url, crowd):
    came = crowd(lambda ledger, _: ledger.keep(import_of("log", "ab"))[0].already)
    assert sorted(came) == [False, True, True, True]
    with open_ledger(ledger_url, create=False) as ledger:
        assert ledger.records("log") == import_of("log", "ab")


def test_a_name_is_given_once(ledger_url, crowd):
    came = crowd(lambda ledger, number: ledger.keep(import_of("log", f"{number}")))
    refused = [str(one) for one in came if isinstance(one, UsageError)]
    assert len(refused) == CROWD - 1
    assert all("are called 'log'" in text for text in refused)
    with open_ledger(ledger_url, create=False) as ledger:
        assert [row.rows for row in ledger.imports()] == [40]


def test_a_file_is_counted_once(ledger_url, crowd):
    came = crowd(lambda ledger, number: ledger.keep(import_of(f"log-{number}", "ab")))
    refused = [str(one) for one in came if isinstance(one, UsageError)]
    assert len(refused) == CROWD - 1
    assert all("was imported before" in text for text in refused)


def test_a_campaign_and_an_import_never_share_a_name(ledger_url, crowd, header, planned):
    def enter(ledger, number):
        if number % 2:
            return ledger.keep(import_of("night", "ab"))
        return asyncio.run(ledger.plan(header("night"), planned("night", 3)))

    came = crowd(enter)
    with open_ledger(ledger_url, create=False) as ledger:
        campaigns, imports = ledger.campaigns(), ledger.imports()
    assert len(campaigns) + len(imports) == 1
    assert sum(isinstance(one, UsageError) for one in came) == CROWD // 2


def test_a_campaign_that_several_enter_at_once_is_entered_once(ledger_url, crowd, header, planned):
    came = crowd(lambda ledger, _: asyncio.run(ledger.plan(header("night"), planned("night", 3))))
    assert [one.name for one in came] == ["night"] * CROWD
    with open_ledger(ledger_url, create=False) as ledger:
        assert len(ledger.campaign("night").runs) == 3


# Imports, or forgets, and kills itself before the statement of that kind.
CHANGE = """
import os, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from ossay.core.results import Count, Records, Result, Source
from ossay.store.ledger import open_ledger

url, what, moment = sys.argv[1:]
rows = tuple(Result("m", f"{n}", n / 7, source="log") for n in range(300))
records = Records((Source("log", "csv", "log.csv", "ab"),), rows, (Count("m", 1, 2, source="log"),))

def die(*_):
    os.kill(os.getpid(), 9)

with open_ledger(url, create=True) as ledger:
    if moment == "commit":
        event.listen(Engine, "commit", die)

    @event.listens_for(Engine, "before_cursor_execute")
    def before(connection, cursor, statement, *_):
        if statement.startswith(moment):
            die()

    ledger.keep(records) if what == "keep" else ledger.forget("log")
"""


@pytest.mark.parametrize(
    ("what", "moment"),
    [("keep", "INSERT INTO counts"), ("keep", "commit"), ("forget", "DELETE FROM counts")],
)
def test_killed_in_the_middle_it_is_whole_or_not_there(ledger_url, what, moment):
    mine = import_of("log", "cd", rows=300)
    with open_ledger(ledger_url, create=True) as ledger:
        if what == "forget":
            ledger.keep(mine)
        killed = subprocess.run(
            [sys.executable, "-c", CHANGE, ledger_url, what, moment], check=False
        )
        assert killed.returncode == -9
        if what == "forget":
            assert ledger.records("log") == mine
            ledger.forget("log")
        assert ledger.imports() == []
        assert not ledger.keep(mine)[0].already
        assert ledger.records("log") == mine


NAMES = st.sampled_from(["a", "b", "c"])
FILES = st.sampled_from(["", "x", "y"])


class Shelf(RuleBasedStateMachine):
    """Imports, forgetting and campaigns in any order, beside a dictionary that does the same."""

    url: str
    numbers = itertools.count()
    header = None

    def __init__(self):
        super().__init__()
        self.ledger = open_ledger(self.url, create=True)
        for row in self.ledger.imports():
            self.ledger.forget(row.name)
        self.mark = f"{next(self.numbers)}-"  # campaigns stay, so every example has its own names
        self.campaigns = set()
        self.there = {}  # name -> (file, number of rows)

    @rule(name=NAMES, file=FILES, rows=st.integers(0, 2), again=st.booleans())
    def keep(self, name, file, rows, again):
        name = self.mark + name
        same = self.there.get(name) == (file, rows) and file != ""
        twice = file != "" and any(other == file for other, _ in self.there.values())
        taken = name in self.there or name in self.campaigns
        records = import_of(name, file, rows)
        if not same and (taken or (twice and not again)):
            with pytest.raises(UsageError):
                self.ledger.keep(records, again=again)
            return
        assert self.ledger.keep(records, again=again)[0].already == same
        self.there[name] = (file, rows)

    @rule(name=NAMES)
    def forget(self, name):
        name = self.mark + name
        if name in self.there:
            self.ledger.forget(name)
            del self.there[name]
        else:
            with pytest.raises(UnknownName):
                self.ledger.forget(name)

    @rule(name=st.sampled_from(["c", "d"]))
    def enter_a_campaign(self, name):
        name = self.mark + name
        entering = self.ledger.plan(type(self).header(name), ())
        if name in self.there:
            with pytest.raises(UsageError, match="no campaign can be called"):
                asyncio.run(entering)
        else:
            asyncio.run(entering)
            self.campaigns.add(name)

    @invariant()
    def the_ledger_holds_the_same(self):
        rows = {row.name: row.rows for row in self.ledger.imports()}
        assert rows == {name: rows for name, (_, rows) in self.there.items()}
        for name, (file, rows) in self.there.items():
            assert self.ledger.records(name) == import_of(name, file, rows)

    def teardown(self):
        self.ledger.close()


@pytest.mark.parametrize("examples", [15, pytest.param(300, marks=pytest.mark.long)])
def test_any_order_leaves_what_was_asked_for(ledger_url, header, examples):
    machine = type("ShelfHere", (Shelf,), {"url": ledger_url, "header": staticmethod(header)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
