"""Ratings in the ledger: added, never changed; the same form sent twice is one row.

Knows nothing of what a rubric's items mean, or of when a transaction ends.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from ossay.core.errors import LedgerError, UnknownName, UsageError
from ossay.core.rating import RaterKind, Rating, Shown
from ossay.core.rubric import Rubric
from ossay.store.migration import check_has_ratings, has_ratings
from ossay.store.schema import ratings, rubrics, runs
from ossay.store.text import is_storable, storable

MOST_NOTES = 20_000  # characters
_MOST_NAME = 200

# Fields that are kept as JSON, and what reads each.
_LIST = msgspec.json.Decoder(tuple[str, ...])
_JSON: dict[str, Any] = {
    "asked": _LIST.decode,
    "chosen": _LIST.decode,
    "filled": _LIST.decode,
    "shown": msgspec.json.Decoder(Shown).decode,
}


def keep_rubric(connection: Connection, rubric: Rubric) -> None:
    """Write a rubric's version, unless it is there."""
    check_has_ratings(connection)
    digest = rubric.digest
    there = select(rubrics.c.digest).where(rubrics.c.digest == digest)
    if connection.execute(there).first() is None:
        # Another process may be as fast.
        enter = _insert(connection, rubrics).on_conflict_do_nothing(index_elements=["digest"])
        connection.execute(
            enter.values(
                digest=digest,
                name=rubric.name,
                version=rubric.version,
                content=msgspec.json.encode(rubric, order="sorted").decode(),
            )
        )


def read_rubric(connection: Connection, digest: str) -> Rubric:
    """Return the rubric of that digest; raises `UnknownName`, or `LedgerError` where changed."""
    content = None
    if has_ratings(connection) and is_storable(digest):
        query = select(rubrics.c.content).where(rubrics.c.digest == digest)
        content = connection.execute(query).scalar()
    if content is None:
        raise UnknownName.of("rubric", digest, ())
    try:
        rubric = msgspec.json.decode(content, type=Rubric)
    except msgspec.MsgspecError as error:
        raise LedgerError(f"rubric {digest!r} is damaged in the ledger: {error}") from error
    if rubric.digest != digest:
        raise LedgerError(f"rubric {digest!r} was changed in the ledger; restore a copy")
    return rubric


def rubrics_of(connection: Connection, campaign: str) -> dict[str, Rubric]:
    """Digest -> rubric, of all that a campaign's ratings were made by."""
    if not (has_ratings(connection) and is_storable(campaign)):
        return {}
    query = select(ratings.c.rubric_digest).where(ratings.c.campaign == campaign).distinct()
    digests = list(connection.execute(query).scalars())
    return {digest: read_rubric(connection, digest) for digest in digests}


def enter_rating(connection: Connection, rating: Rating) -> Rating:
    """Write a rating and return it; where its token is there already, return that row.

    Raises:
        UsageError: no such run in that campaign, a token of another rating, a rating to replace
            that is not this rater's of this run, or values that no ledger can hold.
    """
    check_has_ratings(connection)
    rating = _ready(rating)
    stored = _stored(connection, rating)
    if stored is not None:
        return stored
    _check_run(connection, rating)
    _check_superseded(connection, rating)
    values = msgspec.structs.asdict(rating)
    packed = {name: msgspec.json.encode(values[name]).decode() for name in _JSON}
    enter = _insert(connection, ratings).values({**values, **packed})
    enter = enter.on_conflict_do_nothing(index_elements=["token"])
    # Not `rowcount`: on PostgreSQL SQLAlchemy asks for the key, and the count is -1 either way.
    if connection.execute(enter.returning(ratings.c.id)).first() is not None:
        return rating
    stored = _stored(connection, rating)  # another process was faster
    assert stored is not None
    return stored


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can leave a row alone which is there already."""
    postgres = connection.dialect.name == "postgresql"
    return postgresql.insert(table) if postgres else sqlite.insert(table)


def _stored(connection: Connection, rating: Rating) -> Rating | None:
    """The row of the same token; raises `UsageError` where that is another's."""
    row = connection.execute(select(ratings).where(ratings.c.token == rating.token)).first()
    if row is None:
        return None
    stored = _rating(row)
    if (stored.campaign, stored.subject) != (rating.campaign, rating.subject):
        raise UsageError(f"token {rating.token!r} is another rating's; load the page again")
    return stored


def list_ratings(
    connection: Connection, campaign: str, *, rater: str | None, kind: RaterKind | None
) -> list[Rating]:
    """Return a campaign's rows in the order in which they were entered, undone ones too."""
    if not has_ratings(connection):
        return []
    if not (is_storable(campaign) and is_storable(rater or "")):
        return []
    query = select(ratings).where(ratings.c.campaign == campaign).order_by(ratings.c.position)
    if rater is not None:
        query = query.where(ratings.c.rater == rater)
    if kind is not None:
        query = query.where(ratings.c.kind == kind)
    return [_rating(row) for row in connection.execute(query)]


def count_rated(connection: Connection, campaign: str, kind: RaterKind | None) -> tuple[int, int]:
    """Count a campaign's finished runs, and its rows of ratings."""
    if not (has_ratings(connection) and is_storable(campaign)):
        return (0, 0)
    finished = select(func.count()).select_from(runs)
    finished = finished.where(runs.c.campaign == campaign, runs.c.state == "finished")
    rows = select(func.count()).select_from(ratings).where(ratings.c.campaign == campaign)
    if kind is not None:
        rows = rows.where(ratings.c.kind == kind)
    return connection.execute(finished).scalar_one(), connection.execute(rows).scalar_one()


def _ready(rating: Rating) -> Rating:
    for name in ("id", "token", "rater", "run", "campaign"):
        text = getattr(rating, name)
        if not text or len(text) > _MOST_NAME or not is_storable(text):
            raise UsageError(f"{name} {text[:_MOST_NAME]!r} of a rating is empty, or too long")
    for name in ("score", "at", "seconds"):
        number = getattr(rating, name)
        if number is not None and not math.isfinite(number):
            raise UsageError(f"{name} of a rating is {number!r}, which no ledger can hold")
    return msgspec.structs.replace(rating, notes=storable(rating.notes, MOST_NOTES))


def _check_run(connection: Connection, rating: Rating) -> None:
    query = select(runs.c.campaign, runs.c.state).where(runs.c.id == rating.run)
    row = connection.execute(query).first()
    if row is None or row.campaign != rating.campaign:
        raise UsageError(f"campaign {rating.campaign!r} has no run {rating.run!r}")
    if row.state != "finished":
        raise UsageError(f"run {rating.run!r} is not finished; rate it when it is")
    known = select(rubrics.c.digest).where(rubrics.c.digest == rating.rubric_digest)
    if connection.execute(known).first() is None:
        raise UsageError(f"rubric {rating.rubric!r} was not entered; enter it before ratings")


def _check_superseded(connection: Connection, rating: Rating) -> None:
    if rating.supersedes is None:
        if rating.undone:
            raise UsageError("an undo names the rating that it takes back")
        return
    row = connection.execute(select(ratings).where(ratings.c.id == rating.supersedes)).first()
    if row is None or _rating(row).subject != rating.subject:
        raise UsageError(
            f"rating {rating.supersedes!r} is not of rater {rating.rater!r} and run {rating.run!r}"
        )


def _rating(row: Row[Any]) -> Rating:
    fields = row._asdict()
    del fields["position"]
    try:
        for name, read in _JSON.items():
            fields[name] = read(fields[name])
    except msgspec.MsgspecError as error:
        raise LedgerError(f"rating {row.id!r} is damaged in the ledger: {error}") from error
    return Rating(**fields)
