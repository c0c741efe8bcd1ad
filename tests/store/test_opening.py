"""Opening what is, and what is not, a ledger."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from ossay.core.errors import LedgerError
from ossay.store.ledger import open_ledger


def test_a_ledger_is_made_once_and_opened_again(ledger_url):
    with open_ledger(ledger_url, create=True) as ledger:
        assert ledger.campaigns() == []
    with open_ledger(ledger_url, create=True) as ledger:
        assert ledger.campaigns() == []
    with open_ledger(ledger_url, create=False) as ledger:
        assert ledger.campaigns() == []


def test_many_may_make_it_at_once(ledger_url):
    def open_and_close(_: int) -> int:
        with open_ledger(ledger_url, create=True) as ledger:
            return len(ledger.campaigns())

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(open_and_close, range(4))) == [0] * 4


def test_a_file_ledger_lets_readers_and_the_writer_work_at_once(tmp_path):
    open_ledger(str(tmp_path / "ledger.sqlite"), create=True).close()
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as plain:
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def told_by(place, *, create: bool = False) -> str:
    with pytest.raises(LedgerError) as caught:
        open_ledger(str(place), create=create)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_what_is_not_there(tmp_path):
    assert "`ossay run` makes one" in told_by(tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()


def test_no_such_folder(tmp_path):
    assert "mkdir -p" in told_by(tmp_path / "no" / "ledger.sqlite", create=True)


def test_a_folder(tmp_path):
    assert "is a folder" in told_by(tmp_path, create=True)


def test_a_file_of_something_else(tmp_path):
    other = tmp_path / "notes.txt"
    other.write_text("Remember the milk. " * 100)
    assert "it is no ledger" in told_by(other)
    assert "it is no ledger" in told_by(other, create=True)
    assert other.read_text().startswith("Remember the milk.")


@pytest.mark.parametrize("create", [True, False])
def test_a_database_of_something_else_is_left_alone(tmp_path, create):
    other = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(other)) as shop:
        shop.execute("CREATE TABLE orders (id INTEGER)")
        shop.commit()
    before = other.read_bytes()
    assert "no ledger" in told_by(other, create=create)
    assert other.read_bytes() == before


def test_an_empty_file(tmp_path):
    empty = tmp_path / "ledger.sqlite"
    empty.touch()
    assert "no ledger" in told_by(empty)
    open_ledger(str(empty), create=True).close()


def test_a_truncated_ledger(tmp_path):
    path = tmp_path / "ledger.sqlite"
    open_ledger(str(path), create=True).close()
    path.write_bytes(path.read_bytes()[:9_000])
    assert "restore a copy" in told_by(path)


def test_a_name_that_cannot_be(tmp_path):
    assert "give another path" in told_by(tmp_path / "a\0b", create=True)
    assert "check the path" in told_by(tmp_path / ("x" * 300), create=True)


@pytest.mark.parametrize("create", [True, False])
def test_a_newer_version(tmp_path, create):
    path = tmp_path / "ledger.sqlite"
    open_ledger(str(path), create=True).close()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
        newer.commit()
    text = told_by(path, create=create)
    assert "newer ossay" in text
    assert "upgrade" in text


def test_no_server(tmp_path):
    url = f"postgresql://me:hunter2secret@/runs?host={tmp_path}&connect_timeout=2"
    text = told_by(url)
    assert "check that the server runs" in text
    assert "hunter2secret" not in text


def test_a_broken_url():
    text = told_by("postgresql://me:hunter2secret@db:port/runs")
    assert "is no URL" in text
    assert "hunter2secret" not in text


def test_a_database_without_tables_is_no_ledger_until_it_is_made_one(ledger_url):
    if "://" in ledger_url:
        assert "no ledger" in told_by(ledger_url)
    open_ledger(ledger_url, create=True).close()
    open_ledger(ledger_url, create=False).close()


@pytest.mark.postgres
def test_no_such_database(postgres):
    assert "create it first" in told_by(f"postgresql://ossay@/nothing?host={postgres}")
