"""The decision log: what is acknowledged is there, and what was changed is found."""

import asyncio
import hashlib
import random
import re
import sqlite3
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import create_engine, event, text

from ossay.core.decision import Audit, Called, Decision, digest
from ossay.core.errors import LedgerError
from ossay.core.types import Usage
from ossay.store.address import parse_address
from ossay.store.decisions import DecisionLog, open_decisions
from ossay.store.decisions_chain import START, Head
from ossay.store.decisions_engine import _postgresql, open_log_engine
from ossay.store.ledger import open_ledger

NOW = 2_000.0


def decision(number, **more):
    given = {
        "id": f"id-{number}",
        "at": 1_000.0 + number,
        "route": "support",
        "key": "team",
        "criticality": "low",
        "declared": "low",
        "declared_by": "route",
        "plan": "cheap",
        "plan_why": "low criticality",
        "ending": "draft",
        "request_hash": digest(b"question"),
        "cost_usd": 0.25,
        "calls": (Called("draft", "lab/one", "answered", usage=Usage(7, None, 3)),),
    }
    return Decision(**{**given, **more})


def append(log, *entries, durable=True):
    async def all_of_them():
        for entry in entries:
            await log.append(entry, {}, durable=durable)

    asyncio.run(all_of_them())


@pytest.fixture
def log(ledger_url):
    with open_decisions(ledger_url, create=True) as log:
        yield log


def findings(log, **more):
    return [(one.seq, one.text) for one in log.verify(now=NOW, **more).findings]


@pytest.fixture
def change(ledger_url):
    """Changes the log behind its back, in SQL."""

    def change(*statements):
        url = ledger_url.replace("postgresql://", "postgresql+psycopg://")
        engine = create_engine(url if "://" in url else f"sqlite:///{url}")
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    return change


def test_what_is_appended_is_read_again(log):
    audit = Audit("audit-1", "id-1", 1_500.0, 0.1, False, digest(b"answer"), ruling="approve")
    odd = decision(2, key="a\0b", why="“ü” 😀")
    append(log, decision(1), odd, audit)
    assert log.entries() == [
        (1, decision(1)),
        (2, odd),
        (3, audit),
    ]
    assert log.entries(after=1, limit=1)[0][0] == 2
    assert log.entry("audit-1") == audit
    assert log.entry("nobody") is None
    assert findings(log) == []


def test_half_a_surrogate_pair_is_replaced(log):
    append(log, decision(1, why="a\ud800b"))
    assert log.entries() == [(1, decision(1, why="a�b"))]
    assert findings(log) == []


def test_an_empty_log_is_sound(log):
    verified = log.verify(now=NOW)
    assert (verified.head, verified.entries, verified.findings) == (Head(0, START), 0, ())


def test_appends_share_commits_and_stay_in_order(log):
    async def many():
        await asyncio.gather(*[log.append(decision(n), {}, durable=n % 3 == 0) for n in range(900)])

    asyncio.run(many())
    while log.head().seq < 900:
        pass
    assert [entry.id for _, entry in log.entries()] == [f"id-{n}" for n in range(900)]
    assert findings(log) == []
    assert log.waiting == 0


def test_an_id_is_logged_once(log):
    append(log, decision(1))
    with pytest.raises(LedgerError):
        append(log, decision(1))
    append(log, decision(2))
    assert [seq for seq, _ in log.entries()] == [1, 2]
    assert findings(log) == []
    assert (log.lost, log.unwritten) == (0, 1)
    assert log.trouble


def test_what_could_not_be_written_and_was_not_awaited_is_counted(log):
    async def twice():
        await log.append(decision(1), {}, durable=False)
        await log.append(decision(1), {}, durable=False)
        await log.append(decision(2), {}, durable=True)

    asyncio.run(twice())
    assert (log.lost, log.unwritten, len(log.entries())) == (1, 1, 2)
    assert log.trouble


SPOIL = {
    "an edited text": (
        "UPDATE decision_entries SET entry = replace(entry, '0.25', '0.01') WHERE seq = 3"
    ),
    "an edited column": "UPDATE decision_entries SET cost_usd = 0.01 WHERE seq = 3",
    "an edited hash": f"UPDATE decision_entries SET hash = '{'0' * 64}' WHERE seq = 3",
    "an edited id": "UPDATE decision_entries SET id = 'id-99' WHERE seq = 3",
    "no entry at all": "UPDATE decision_entries SET entry = '{}' WHERE seq = 3",
    "a deleted row": "DELETE FROM decision_entries WHERE seq = 3",
    "two deleted rows": "DELETE FROM decision_entries WHERE seq IN (3, 4)",
    "a deleted first row": "DELETE FROM decision_entries WHERE seq = 1",
    "a deleted last row": "DELETE FROM decision_entries WHERE seq = 6",
    "everything deleted": "DELETE FROM decision_entries",
    "a head set back": "UPDATE decision_head SET seq = 5",
    "another head": f"UPDATE decision_head SET hash = '{'0' * 64}'",
    "an inserted row": (
        "INSERT INTO decision_entries SELECT 7, hash, kind, 'id-7', at, route, key, criticality,"
        " plan, ending, policy, cost_usd, audit_of, entry FROM decision_entries WHERE seq = 6"
    ),
    "a row before the first": (
        "INSERT INTO decision_entries SELECT 0, hash, kind, 'id-7', at, route, key, criticality,"
        " plan, ending, policy, cost_usd, audit_of, entry FROM decision_entries WHERE seq = 6"
    ),
}


@pytest.mark.parametrize("how", SPOIL)
def test_what_was_changed_is_found(log, change, how):
    append(log, *[decision(n) for n in range(1, 7)])
    assert findings(log) == []
    change(SPOIL[how])
    assert findings(log)


def test_moved_rows_are_found(log, change):
    append(log, *[decision(n) for n in range(1, 7)])
    swap = "UPDATE decision_entries SET seq = {} WHERE seq = {}"
    change(swap.format(99, 2), swap.format(2, 4), swap.format(4, 99))
    assert {seq for seq, _ in findings(log)} == {2, 3, 4, 5}


def test_a_row_that_is_sound_is_not_accused(log, change):
    append(log, *[decision(n) for n in range(1, 7)])
    change(SPOIL["an edited text"])
    assert {seq for seq, _ in findings(log)} == {3}


def rewritten(change, log, upto):
    """Cut the log at a row, head and all, as somebody would who may write the database."""
    hash = next(h for s, h in hashes(log) if s == upto)
    change(
        f"DELETE FROM decision_entries WHERE seq > {upto}",
        f"UPDATE decision_head SET seq = {upto}, hash = '{hash}'",
    )


def hashes(log):
    with log._engine.connect() as connection:
        return connection.execute(text("SELECT seq, hash FROM decision_entries")).all()


def test_a_log_cut_with_its_head_is_found_by_an_anchor(log, change):
    append(log, *[decision(n) for n in range(1, 7)])
    anchor = Head.parse(str(log.head()))
    rewritten(change, log, 4)
    assert (0, "the log ends at row 4, and the anchor knows of row 6") in findings(
        log, anchors=(anchor,)
    )
    append(log, decision(5, why="another"), decision(6))
    assert (6, "the anchor has another hash for it") in findings(log, anchors=(anchor,))


def test_a_file_cut_with_its_head_is_found_by_the_file_beside(tmp_path):
    path = tmp_path / "log.sqlite"
    with open_decisions(str(path), create=True) as log:
        append(log, *[decision(n) for n in range(1, 7)])
    with open_decisions(str(path), create=False) as log, closing(sqlite3.connect(path)) as plain:
        rewritten(lambda *all: [plain.execute(one) for one in all] and plain.commit(), log, 4)
        assert findings(log) == [
            (0, "the log ends at row 4, and the file beside the log knows of row 6")
        ]
    beside = tmp_path / "log.sqlite.head"
    assert re.fullmatch(r"\d{20}:[0-9a-f]{64}\n", beside.read_text())
    beside.write_text("torn")
    with open_decisions(str(path), create=False) as log:
        assert next(text for _, text in findings(log)).endswith("its log may be sound")
    beside.unlink()
    with open_decisions(str(path), create=False) as log:
        assert findings(log) == []  # nothing is left that knows better


def test_bodies_are_shared_kept_as_long_as_told_and_let_go(log, change):
    body, other = b"question", b"answer " * 1_000
    first = decision(1, answer_hash=digest(other), kept_until=3_000.0)
    again = decision(2, kept_until=5_000.0)

    async def both():
        await log.append(first, {digest(body): body, digest(other): other}, durable=True)
        await log.append(again, {digest(body): body}, durable=True)

    asyncio.run(both())
    assert log.body(digest(other)) == other
    assert log.verify(now=NOW).bodies == 2
    assert log.prune(4_000.0) == 1
    assert log.body(digest(other)) is None
    assert log.body(digest(body)) == body
    assert log.verify(now=4_000.0).findings == ()
    change("DELETE FROM decision_bodies")
    assert log.verify(now=4_000.0).findings[0].seq == 2
    assert log.verify(now=6_000.0).findings == ()


def test_whoever_reads_keeps_nobody_from_writing_while_bodies_are_deleted(tmp_path):
    """A checkpoint that waits for a reader holds off all who write."""
    path = tmp_path / "log.sqlite"
    secret = bytes(random.Random(1).choices(range(32, 127), k=200))

    async def prune_and_append(log):
        pruning = asyncio.create_task(asyncio.to_thread(log.prune, 9.0))
        async with asyncio.timeout(30.0):  # half of what a writer waits for others
            while not pruning.done():
                await log.append(decision(random.getrandbits(40)), {})
        await pruning

    with open_decisions(str(path), create=True) as log, closing(sqlite3.connect(path)) as reader:
        body = {digest(secret): secret}
        asyncio.run(log.append(decision(1, request_hash=digest(secret), kept_until=5.0), body))
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM decision_entries").fetchone()
        asyncio.run(prune_and_append(log))
        reader.rollback()
        beside = path.with_name(f"{path.name}-wal")
        assert beside.stat().st_size
        assert log.prune(9.0) == 0
        assert beside.stat().st_size == 0
        assert log.verify(now=10.0).findings == ()


def test_an_edited_body_is_found(log, change):
    asyncio.run(log.append(decision(1, kept_until=9e9), {digest(b"question"): b"question"}))
    change(f"UPDATE decision_bodies SET hash = '{hashlib.sha256(b'x').hexdigest()}'")
    assert any("is not what its hash says" in text for _, text in findings(log))


def test_what_a_key_has_spent(log):
    append(log, decision(1), decision(2, cost_usd=None), decision(3, key="other"), decision(4))
    assert log.spent_usd("team", 0.0) == 0.5
    assert log.spent_usd("team", 1_003.0) == 0.25
    assert log.spent_usd("nobody", 0.0) == 0.0


def test_a_log_and_a_ledger_may_share_a_database(ledger_url):
    open_ledger(ledger_url, create=True).close()
    with open_decisions(ledger_url, create=True) as log:
        append(log, decision(1))
    with open_ledger(ledger_url, create=False) as ledger:
        assert ledger.campaigns() == []


def test_what_is_no_log_is_refused(tmp_path, ledger_url):
    with pytest.raises(LedgerError, match="no decision log at"):
        open_decisions(str(tmp_path / "none.sqlite"), create=False)
    with pytest.raises(LedgerError, match="mkdir -p"):
        open_decisions(str(tmp_path / "no" / "log.sqlite"), create=True)
    with closing(sqlite3.connect(tmp_path / "notes.sqlite")) as plain:
        plain.execute("CREATE TABLE notes (text)")
    with pytest.raises(LedgerError, match="is a database, but no decision log"):
        open_decisions(str(tmp_path / "notes.sqlite"), create=True)
    (tmp_path / "notes.txt").write_text("Remember the milk. " * 100)
    with pytest.raises(LedgerError, match="not a database"):
        open_decisions(str(tmp_path / "notes.txt"), create=False)
    open_ledger(ledger_url, create=True).close()
    with pytest.raises(LedgerError, match="is no decision log"):
        open_decisions(ledger_url, create=False)


def test_a_newer_log_is_not_touched(ledger_url, change):
    open_decisions(ledger_url, create=True).close()
    change("UPDATE decision_head SET version = 2")
    with pytest.raises(LedgerError, match="newer ossay"):
        open_decisions(ledger_url, create=True)


def test_a_file_log_is_written_through_to_the_disk(tmp_path):
    path = str(tmp_path / "log.sqlite")
    with open_decisions(path, create=True) as log, log._engine.connect() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


@pytest.mark.parametrize("seed", range(3))
def test_any_one_changed_bit_of_any_row_is_found(tmp_path, seed):
    rng = random.Random(seed)
    path = tmp_path / "log.sqlite"
    with open_decisions(str(path), create=True) as log:
        append(log, *[decision(n) for n in range(1, 40)])
    with open_decisions(str(path), create=False) as log, closing(sqlite3.connect(path)) as plain:
        for _ in range(20):
            seq = rng.randrange(1, 40)
            (entry,) = plain.execute(
                "SELECT entry FROM decision_entries WHERE seq = ?", (seq,)
            ).fetchone()
            at = rng.randrange(len(entry))
            bent = entry[:at] + chr(ord(entry[at]) ^ 1) + entry[at + 1 :]
            update = "UPDATE decision_entries SET entry = ? WHERE seq = ?"
            plain.execute(update, (bent, seq))
            plain.commit()
            assert seq in {one for one, _ in findings(log)}
            plain.execute(update, (entry, seq))
            plain.commit()
        assert findings(log) == []


@contextmanager
def hung(tmp_path, most=3):
    """A log that does not answer until `let_go` is called, with room for so many entries."""
    path = str(tmp_path / "log.sqlite")
    open_decisions(path, create=True).close()
    address = parse_address(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        log = DecisionLog(open_log_engine(address, create=False), address, most=most, room_s=0.0)
        with log:
            yield log, lambda: other.execute("ROLLBACK")


def test_a_log_that_hangs_takes_so_many_entries_and_loses_the_rest_at_once(tmp_path):
    async def run(log, let_go):
        for number in range(3):
            await log.append(decision(number), {}, durable=False)
        for durable in (False, True):
            with pytest.raises(LedgerError, match="3 entries wait"):
                await log.append(decision(9), {}, durable=durable)
        found = log.waiting, log.lost, log.unwritten
        let_go()
        while log.waiting:
            await asyncio.sleep(0)
        await log.append(decision(4), {}, durable=True)
        return found

    with hung(tmp_path) as (log, let_go):
        assert asyncio.run(run(log, let_go)) == (3, 1, 2)
        assert [entry.id for _, entry in log.entries()] == ["id-0", "id-1", "id-2", "id-4"]


def test_whoever_waits_for_room_gets_it(tmp_path):
    async def run(log, let_go):
        log._room_s = 60.0
        await log.append(decision(0), {}, durable=False)
        later = asyncio.create_task(log.append(decision(1), {}, durable=False))
        await asyncio.sleep(0)
        assert log.waiting == 1
        let_go()
        await later

    with hung(tmp_path, most=1) as (log, let_go):
        asyncio.run(run(log, let_go))
        assert log.lost == 0


def test_a_caller_who_gives_up_leaves_its_entry_on_its_way(tmp_path):
    async def run(log, let_go):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await log.append(decision(1), {}, durable=True)
        waiting = log.waiting
        let_go()
        while log.waiting:
            await asyncio.sleep(0)
        return waiting

    with hung(tmp_path) as (log, let_go):
        assert asyncio.run(run(log, let_go)) == 1
        assert [entry.id for _, entry in log.entries()] == ["id-1"]


@pytest.mark.parametrize(
    ("query", "patience"),
    [("", ("10", "15000", "15")), ("?connect_timeout=3&tcp_user_timeout=7", ("3", "7", "15"))],
)
def test_a_server_that_is_gone_is_not_waited_for(query, patience):
    pytest.importorskip("psycopg")
    given = {}
    engine = _postgresql(parse_address(f"postgresql://me@127.0.0.1:1/log{query}"))

    @event.listens_for(engine, "do_connect")
    def connecting(_dialect, _record, _args, named):
        given.update(named)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        engine.connect()
    names = ("connect_timeout", "tcp_user_timeout", "keepalives_idle")
    assert tuple(str(given[name]) for name in names) == patience
