"""Opening the database of a ledger: connections, transactions, version, and errors in plain words.

Knows nothing of runs.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from ossay.core.errors import LedgerError
from ossay.store.address import Address
from ossay.store.migration import upgrade, version_of
from ossay.store.schema import SCHEMA_VERSION, meta, metadata

# How long a statement waits for another process's transaction.
BUSY_S = 60.0

# Any numbers, the same in every ossay: only one process makes the tables, only one at a time gives
# a campaign or an import its name.
_CREATION_LOCK = 0x055A7
_NAMES_LOCK = 0x055A8

# What a database says -> what the user can do.
_NEXT_STEPS = (
    ("unable to open", "check that the path is a file and that you may read and write it"),
    ("readonly", "check that you may write the file and its folder"),
    ("not a database", "it is no ledger: give another path"),
    ("malformed", "it is damaged: restore a copy, or try `sqlite3 PATH .recover`"),
    ("locked", f"another process held it for {BUSY_S:g} s: see who uses it, then resume"),
    ("full", "make room, then resume: nothing that was written is lost"),
    ("password", "check the user and password in the URL"),
    ("does not exist", "create it first (createdb), or check the URL"),
    ("connect", "check that the server runs and the URL is right"),
)


def open_engine(address: Address, *, create: bool) -> Engine:
    """Connect, check that this is a ledger of a known version; if `create`, make or upgrade one.

    Raises:
        LedgerError: it cannot be opened, is no ledger, or is of a newer version.
    """
    if address.path is not None:
        _check_file(address, create=create)
        engine = _sqlite(address)
    else:
        engine = _postgresql(address)
    try:
        with plain_errors(address):
            if create:
                with engine.connect() as connection, writing(connection):
                    _create(connection, address)
                    _check_version(connection, address)
                    upgrade(connection, address)
                if address.path is not None:
                    use_write_ahead_log(engine)
            else:
                with reading(engine) as connection:
                    _check_version(connection, address)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def writing(connection: Connection) -> Iterator[Connection]:
    """Run a transaction that writes; it takes SQLite's write lock at its start, so it can wait."""
    connection.execution_options(ossay_begin="BEGIN IMMEDIATE")
    with connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Run a transaction that reads, all of it from one moment."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":  # SQLite's are always so
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


def alone(connection: Connection) -> None:
    """Keep other processes from entering campaigns and imports until this transaction ends."""
    _lock(connection, _NAMES_LOCK)


def _lock(connection: Connection, key: int) -> None:
    """Wait for a lock of PostgreSQL; in SQLite one transaction writes at a time anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


@contextmanager
def plain_errors(address: Address) -> Iterator[None]:
    """Turn database errors into `LedgerError`s that name the ledger and the next step."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise plain_error(error, address) from None


def plain_error(error: SQLAlchemyError | sqlite3.Error, address: Address) -> LedgerError:
    """Say a database error in one line, without the password."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    lines = str(cause).strip().splitlines() or [type(error).__name__]
    said = address.scrub(lines[0])
    step = next((step for word, step in _NEXT_STEPS if word in said.lower()), "")
    return LedgerError(f"ledger {address}: {said}{'; ' + step if step else ''}")


def _check_file(address: Address, *, create: bool) -> None:
    path = address.path
    assert path is not None
    try:
        if path.is_dir():
            raise LedgerError(f"ledger {address} is a folder; give the path of a file in it")
        if not path.parent.is_dir():
            raise LedgerError(
                f"ledger {address}: no folder {str(path.parent)!r}; make it first (mkdir -p)"
            )
        if not create and not path.exists():
            raise LedgerError(f"no ledger at {address}; `ossay run` makes one, --ledger names one")
    except OSError as error:
        raise LedgerError(f"ledger {address}: {error.strerror}; check the path") from error


def _sqlite(address: Address) -> Engine:
    url = make_url("sqlite://").set(database=str(address.path))
    engine = create_engine(url, connect_args={"timeout": BUSY_S}, paramstyle="qmark")

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def began(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("ossay_begin", "BEGIN"))

    return engine


def _postgresql(address: Address) -> Engine:
    try:
        return create_engine(make_url(address.url), paramstyle="format", pool_pre_ping=True)
    except ImportError as error:
        raise LedgerError(
            f"ledger {address} needs psycopg; install it: pip install 'ossay[postgres]'"
        ) from error
    except (ArgumentError, ValueError):
        raise LedgerError(
            f"ledger {address} is no URL; write postgresql://USER@HOST:PORT/DATABASE"
        ) from None


def _create(connection: Connection, address: Address) -> None:
    _lock(connection, _CREATION_LOCK)
    there = set(inspect(connection).get_table_names())
    if meta.name in there:
        return
    if there and (address.path is not None or there & set(metadata.tables)):
        raise LedgerError(f"{address} is a database, but no ledger; give another place")
    metadata.create_all(connection)
    connection.execute(meta.insert().values(key="schema_version", value=str(SCHEMA_VERSION)))


def use_write_ahead_log(engine: Engine) -> None:
    """Let readers and the writer work at once; the file remembers it.

    The switch needs the file for itself, and SQLite does not always wait for that.
    """
    for _ in range(100):
        try:
            with engine.connect() as connection:
                raw = connection.connection.dbapi_connection
                assert raw is not None
                raw.execute("PRAGMA journal_mode = WAL")
                return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(0.05)


def _check_version(connection: Connection, address: Address) -> None:
    version = version_of(connection)
    if version is None:
        raise LedgerError(f"{address} is no ledger of ossay; give another place")
    if version > SCHEMA_VERSION:
        raise LedgerError(
            f"ledger {address} was written by a newer ossay (its version is {version}, this one "
            f"knows {SCHEMA_VERSION}); upgrade: pip install --upgrade ossay"
        )
