"""Opening the database of a decision log, and making one. Its own file or database, or a ledger's.

A SQLite log is written with synchronous = FULL: what is committed survives a power cut. Knows
nothing of what an entry is.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from ossay.core.errors import LedgerError
from ossay.store.address import Address
from ossay.store.decisions_chain import START
from ossay.store.decisions_schema import VERSION, head, metadata
from ossay.store.engine import (
    BUSY_S,
    plain_errors,
    reading,
    use_write_ahead_log,
    writing,
)
from ossay.store.schema import meta

# Any number, the same in every ossay: only one process makes the tables.
_CREATION_LOCK = 0x055A9
# Of libpq, unless the URL says otherwise: a server that is gone is an error soon, not a log that
# hangs. Seconds for a connection, milliseconds for what was sent to be acknowledged, and seconds
# of silence after which it is asked whether it is there.
_PATIENCE = {"connect_timeout": 10, "tcp_user_timeout": 15_000, "keepalives_idle": 15}
# How long a checkpoint may wait for readers, and writers for it.
_CHECKPOINT_MS = 100


def open_log_engine(address: Address, *, create: bool) -> Engine:
    """Connect, check that this is a decision log of a known version, make one if `create`.

    Raises:
        LedgerError: it cannot be opened, is no decision log, or is of a newer version.
    """
    engine = _postgresql(address) if address.path is None else _sqlite(address, create=create)
    try:
        with plain_errors(address):
            if create:
                if address.path is not None:
                    use_write_ahead_log(engine)
                with engine.connect() as connection, writing(connection):
                    _create(connection, address)
            with reading(engine) as connection:
                _check_version(connection, address)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _sqlite(address: Address, *, create: bool) -> Engine:
    path = address.path
    assert path is not None
    if not create and not path.is_file():
        raise LedgerError(f"no decision log at {address}; `ossay gateway` makes one")
    if not path.parent.is_dir():
        folder = str(path.parent)
        raise LedgerError(f"decision log {address}: no folder {folder!r}; make it first (mkdir -p)")
    url = make_url("sqlite://").set(database=str(path))
    engine = create_engine(url, connect_args={"timeout": BUSY_S}, paramstyle="qmark")

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten

    @event.listens_for(engine, "begin")
    def began(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("ossay_begin", "BEGIN"))

    return engine


def empty_write_ahead_log(engine: Engine) -> None:
    """Write all of it to the database and cut the file, which else holds what was deleted.

    Not while somebody reads: as long as this waits for a reader, nobody can write.
    """
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        raw.execute(f"PRAGMA busy_timeout = {_CHECKPOINT_MS}").close()
        try:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        finally:
            raw.execute(f"PRAGMA busy_timeout = {1000 * BUSY_S:.0f}").close()


def _postgresql(address: Address) -> Engine:
    try:
        url = make_url(address.url)
        given = {name: value for name, value in _PATIENCE.items() if name not in url.query}
        return create_engine(url, paramstyle="format", pool_pre_ping=True, connect_args=given)
    except ImportError as error:
        raise LedgerError(
            f"decision log {address} needs psycopg; install it: pip install 'ossay[postgres]'"
        ) from error
    except (ArgumentError, ValueError):
        raise LedgerError(
            f"decision log {address} is no URL; write postgresql://USER@HOST:PORT/DATABASE"
        ) from None


def _create(connection: Connection, address: Address) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CREATION_LOCK})
    there = set(inspect(connection).get_table_names())
    if head.name in there:
        return
    if there and address.path is not None and meta.name not in there:
        raise LedgerError(f"{address} is a database, but no decision log; give another place")
    metadata.create_all(connection)
    connection.execute(head.insert().values(id=1, version=VERSION, seq=0, hash=START))


def _check_version(connection: Connection, address: Address) -> None:
    version = None
    if head.name in inspect(connection).get_table_names():
        version = connection.execute(select(head.c.version)).scalar()
    if version is None:
        raise LedgerError(f"{address} is no decision log of ossay; give another place")
    if version > VERSION:
        raise LedgerError(
            f"decision log {address} was written by a newer ossay (its version is {version}, this "
            f"one knows {VERSION}); upgrade: pip install --upgrade ossay"
        )
