"""What can be rated of a campaign: its finished runs that have a last reply, page by page.

Runs that the machine spoiled are none: nothing was answered. Knows nothing of ratings.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from ossay.core.answer import Answer, Reading
from ossay.core.errors import UnknownName
from ossay.core.outcome import Outcome
from ossay.core.records import RunKey
from ossay.core.rubric import Fact
from ossay.store.facts import unpack_facts
from ossay.store.migration import has_ratings
from ossay.store.reader import read_header, run_columns
from ossay.store.schema import artefacts, campaigns, runs, transcripts
from ossay.store.text import is_storable
from ossay.store.transcripts import unpack_transcript


def list_answers(
    connection: Connection, campaign: str, *, after: int, limit: int | None
) -> list[Answer]:
    """Return answers in the order of the plan, from the one behind position `after` on.

    Raises `UnknownName` where there is no such campaign.
    """
    if read_header(connection, campaign) is None:
        known = connection.execute(select(campaigns.c.name)).scalars()
        raise UnknownName.of("campaign", campaign, known, hint="`ossay campaigns` lists them")
    query = _answers(connection).where(runs.c.campaign == campaign, runs.c.position > after)
    query = query.order_by(runs.c.position).limit(limit)
    return [_answer(row) for row in connection.execute(query)]


def read_answer(connection: Connection, run: str) -> Reading:
    """Return an answer with its text; raises `UnknownName` where the run has none."""
    row = None
    if is_storable(run):
        row = connection.execute(_answers(connection).where(runs.c.id == run)).first()
    if row is None:
        raise UnknownName.of("answer", run, ())
    content = connection.execute(
        select(transcripts.c.content).where(transcripts.c.run_id == run)
    ).scalar_one()
    transcript = unpack_transcript(content)
    names: tuple[str, ...] = ()
    if has_ratings(connection):
        listed = select(artefacts.c.name).where(artefacts.c.run_id == run)
        names = tuple(sorted(connection.execute(listed).scalars()))
    return Reading(_answer(row), transcript.prompt, transcript.final_text, names)


def read_artefact(connection: Connection, run: str, name: str) -> bytes:
    """Return what a grader kept of a run under that name; raises `UnknownName`."""
    content = None
    if has_ratings(connection) and is_storable(run) and is_storable(name):
        query = select(artefacts.c.content)
        query = query.where(artefacts.c.run_id == run, artefacts.c.name == name)
        content = connection.execute(query).scalar()
    if content is None:
        raise UnknownName.of("artefact", name, ())
    return bytes(content)


def facts_of(row: Row[Any]) -> dict[str, Fact]:
    """The facts of a run's row: the grader's, its verdict and its counts among them."""
    return {
        **unpack_facts(row.facts),
        "passed": row.outcome == Outcome.PASSED.value,
        "done": row.done,
        "of": row.of,
    }


def _answers(connection: Connection) -> Any:
    said = select(transcripts.c.run_id).where(transcripts.c.run_id == runs.c.id).exists()
    return select(*run_columns(connection)).where(
        runs.c.state == "finished",
        runs.c.outcome != Outcome.INFRASTRUCTURE_ERROR.value,
        said,
    )


def _answer(row: Row[Any]) -> Answer:
    return Answer(
        row.id,
        row.position,
        RunKey(row.model, row.suite, row.task, row.seed, row.attempt),
        Outcome(row.outcome),
        row.reason,
        row.done,
        row.of,
        facts_of(row),
        row.seconds,
        row.output_tokens,
    )
