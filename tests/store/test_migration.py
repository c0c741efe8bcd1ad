"""A ledger of version 1 can be read as it is, and is upgraded once by whoever may write it."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import create_engine, inspect, text

from ossay.core.errors import LedgerError, UnknownName
from ossay.core.outcome import Flag, Outcome
from ossay.core.predictions import Committed, Prediction
from ossay.core.records import CallRecord, RunKey, RunRecord
from ossay.core.results import Records, Result, Source
from ossay.core.task import Transcript
from ossay.core.types import ModelCard, Usage
from ossay.store.address import parse_address
from ossay.store.ledger import open_ledger
from ossay.store.transcripts import pack_transcript

TRANSCRIPT = Transcript("add", 0, "Answer.", "0 + 1?", "answered", seconds=0.5)
RESULTS = Records((Source("log", "csv"),), (Result("one", "a", 1.0, source="log"),))


def make_version_1(url):
    """Make a ledger as it was then, from the SQL that is kept beside this file."""
    script = (Path(__file__).parent / "version_1.sql").read_text()
    packed = pack_transcript(TRANSCRIPT)
    if "://" in url:
        import psycopg

        words = {"real": "DOUBLE PRECISION", "bytes": "BYTEA", "bare": ""}
        with psycopg.connect(url) as server:
            server.execute(spelt(script, words))
            server.execute("INSERT INTO transcripts VALUES ('night-0', %s)", [packed])
        return
    words = {"real": "DOUBLE", "bytes": "BLOB", "bare": " WITHOUT ROWID"}
    with closing(sqlite3.connect(url)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        file.executescript(spelt(script, words))
        file.execute("INSERT INTO transcripts VALUES ('night-0', ?)", [packed])
        file.commit()


def spelt(script, words):
    for ours, theirs in words.items():
        script = script.replace(f"%{ours}%", theirs)
    return script


@pytest.fixture
def old_url(ledger_url):
    """The address of a ledger of version 1, on each kind of database."""
    make_version_1(ledger_url)
    return ledger_url


def engine_of(url):
    address = parse_address(url)
    return create_engine(address.url or f"sqlite:///{address.path}")


def version_at(url):
    engine = engine_of(url)
    with engine.connect() as connection:
        version = connection.execute(text("SELECT value FROM meta")).scalar()
        tables = inspect(connection).get_table_names()
    engine.dispose()
    return version, len(tables)


OLD, NEW = ("1", 6), ("2", 11)


def check_what_was_in_it(ledger):
    record = ledger.campaign("night")
    assert (record.created_at, record.stopped, record.committed) == (1000.1, "interrupted", None)
    assert record.models == (ModelCard("lab/one"),)
    assert (record.suites, record.environment) == ({"sums": "1"}, {"ossay": "0.1.0"})
    usage = Usage(100, 40, 20, 5)
    finished, cut_off, planned = record.runs
    assert finished == RunRecord(
        "night-0", RunKey("lab/one", "sums", "add", 0, 1), "finished", Outcome.PASSED,
        (Flag.TOOL_ERROR,), "right", "", 1, 1, 1, 0, 1001.3, 0.1, usage, 0.1, 0.0, 0, 1,
    )  # fmt: skip
    assert (cut_off.state, cut_off.started_at, cut_off.cost_usd) == ("running", 1002.5, None)
    assert planned == RunRecord("night-2", RunKey("lab/one", "sums", "add", 2, 1))
    done, still_open = record.calls
    assert done == CallRecord(
        "night-0", 1, 1, "done", 1001.5, usage, 0.1, 0.1, 0.2, finish="stop", served_model="one-v2"
    )
    assert still_open == CallRecord("night-1", 1, 1, "open", 1002.7)
    assert ledger.transcript("night-0") == TRANSCRIPT
    assert [row.name for row in ledger.campaigns()] == ["night"]
    assert ledger.totals("night").total == 3


def test_it_is_readable_as_it_is_and_stays_so(old_url):
    with open_ledger(old_url, create=False) as ledger:
        check_what_was_in_it(ledger)
        assert ledger.imports() == []
        assert ledger.commitments() == []
        with pytest.raises(UnknownName, match="no import 'night'"):
            ledger.records("night")
        with pytest.raises(UnknownName, match="no import 'night'"):
            ledger.forget("night")
    assert version_at(old_url) == OLD


def test_not_a_byte_of_a_file_changes(tmp_path):
    path = tmp_path / "ledger.sqlite"
    make_version_1(str(path))
    before = path.read_bytes()
    with open_ledger(str(path), create=False) as ledger:
        check_what_was_in_it(ledger)
    assert path.read_bytes() == before


def test_what_it_cannot_hold_is_refused_until_it_is_upgraded(old_url, header, planned):
    committed = Committed("day", "ada", 1.0, (Prediction("x", "boolean", 0.5, "m", low=0.5),))
    foreseen = msgspec.structs.replace(header("day"), committed=committed)
    with open_ledger(old_url, create=False) as ledger:
        with pytest.raises(LedgerError, match="`ossay import` upgrade it"):
            ledger.keep(RESULTS)
        with pytest.raises(LedgerError, match="`ossay run` and"):
            asyncio.run(ledger.plan(foreseen, planned("day", 1)))
        # What version 1 could do, it still can.
        asyncio.run(ledger.plan(header("dusk"), planned("dusk", 1)))
        assert [row.name for row in ledger.campaigns()] == ["dusk", "night"]
    assert version_at(old_url) == OLD
    with open_ledger(old_url, create=True) as ledger:
        asyncio.run(ledger.plan(foreseen, planned("day", 1)))
        assert ledger.keep(RESULTS)[0].rows == 1
        assert len(ledger.commitments()) == 1


def test_opening_it_for_writing_upgrades_it_and_keeps_what_is_in_it(old_url):
    for _ in range(2):
        with open_ledger(old_url, create=True) as ledger:
            check_what_was_in_it(ledger)
        assert version_at(old_url) == NEW
    with open_ledger(old_url, create=True) as ledger:
        ledger.keep(RESULTS)
        assert ledger.records("log") == RESULTS

        async def bury_the_dead():
            return await (await ledger.enlist("night")).beat()

        assert asyncio.run(bury_the_dead()).planned == 2


def test_a_reader_that_was_there_before_reads_on(old_url):
    with open_ledger(old_url, create=False) as reader:
        assert reader.imports() == []
        with open_ledger(old_url, create=True) as ledger:
            ledger.keep(RESULTS)
        assert [row.name for row in reader.imports()] == ["log"]
        check_what_was_in_it(reader)


def test_an_upgraded_ledger_has_the_tables_of_a_new_one(old_url, second_url):
    open_ledger(old_url, create=True).close()
    open_ledger(second_url, create=True).close()
    assert shape(old_url) == shape(second_url)


def shape(url):
    """Table -> what a database tells of its columns, keys and indexes."""
    engine = engine_of(url)
    with closing(engine.connect()) as connection:
        told = inspect(connection)
        tables = {
            name: [
                [(c["name"], str(c["type"]), c["nullable"]) for c in told.get_columns(name)],
                told.get_pk_constraint(name)["constrained_columns"],
                sorted((k["constrained_columns"], k["referred_table"])
                       for k in told.get_foreign_keys(name)),
                sorted((i["name"], i["column_names"]) for i in told.get_indexes(name)),
            ]
            for name in told.get_table_names()
        }  # fmt: skip
    engine.dispose()
    return tables


# Opens the ledger and prints how many tables it made.
OPEN = """
import sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from ossay.store.ledger import open_ledger

made = []

@event.listens_for(Engine, "before_cursor_execute")
def note(connection, cursor, statement, *_):
    made.append("CREATE TABLE" in statement)

input()
with open_ledger(sys.argv[1], create=True) as ledger:
    assert [row.name for row in ledger.campaigns()] == ["night"]
    assert ledger.imports() == []
print(sum(made))
"""


def test_of_several_processes_one_upgrades(old_url):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    crowd = [subprocess.Popen([sys.executable, "-c", OPEN, old_url], **pipes) for _ in range(4)]
    for process in crowd:
        process.stdin.write("go\n")
        process.stdin.flush()
    made = sorted(int(process.communicate()[0]) for process in crowd)
    assert made == [0, 0, 0, 5]
    assert [process.returncode for process in crowd] == [0] * 4
    assert version_at(old_url) == NEW


# Upgrades the ledger and kills itself before the statement, or the commit, of that number.
UPGRADE = """
import itertools, os, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from ossay.store.ledger import open_ledger

left = itertools.count(int(sys.argv[2]), -1)

def step(*_):
    if next(left) == 0:
        os.kill(os.getpid(), 9)

@event.listens_for(Engine, "before_cursor_execute")
def before(connection, cursor, statement, *_):
    if statement.lstrip().startswith(("CREATE", "UPDATE")):
        step()

event.listen(Engine, "commit", step)
open_ledger(sys.argv[1], create=True).close()
"""

# Five tables, an index, the version, the commit.
STEPS = 8


@pytest.mark.parametrize("step", [3, STEPS - 1, STEPS])
def test_killed_in_the_middle_it_is_what_it_was(old_url, step):
    killed = subprocess.run([sys.executable, "-c", UPGRADE, old_url, str(step)], check=False)
    if step == STEPS:  # nothing was left to do
        assert killed.returncode == 0
        assert version_at(old_url) == NEW
        return
    assert killed.returncode == -9
    assert version_at(old_url) == OLD
    with open_ledger(old_url, create=False) as ledger:
        check_what_was_in_it(ledger)
    with open_ledger(old_url, create=True) as ledger:
        check_what_was_in_it(ledger)
        ledger.keep(RESULTS)
    assert version_at(old_url) == NEW


def test_tables_of_something_else_are_left_alone(old_url):
    engine = engine_of(old_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE results (score INTEGER)"))
    with pytest.raises(LedgerError, match="tables 'results' of something else are there"):
        open_ledger(old_url, create=True)
    assert version_at(old_url) == ("1", 7)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE results"))
    engine.dispose()
    open_ledger(old_url, create=True).close()
    assert version_at(old_url) == NEW


@pytest.mark.parametrize("version", ["", "two", "²", "-1"])
@pytest.mark.parametrize("create", [True, False])
def test_a_version_that_is_none_is_no_ledger(tmp_path, version, create):
    path = str(tmp_path / "ledger.sqlite")
    make_version_1(path)
    engine = engine_of(path)
    with engine.begin() as connection:
        connection.execute(text("UPDATE meta SET value = :version"), {"version": version})
    engine.dispose()
    with pytest.raises(LedgerError, match="is no ledger"):
        open_ledger(path, create=create)
