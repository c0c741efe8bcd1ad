"""Reading the ledger back as records. Knows nothing of who writes it, or how it is shown."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Select, and_, case, func, select

from ossay.core.errors import LedgerError, UnknownName, UsageError
from ossay.core.outcome import Flag, Outcome
from ossay.core.records import CallRecord, CampaignRecord, RunKey, RunRecord
from ossay.core.task import Transcript
from ossay.core.types import ModelCard, Usage
from ossay.store.claim import Totals
from ossay.store.commitments import read_commitment
from ossay.store.schema import calls, campaigns, runs, transcripts
from ossay.store.text import is_storable
from ossay.store.transcripts import unpack_transcript

# Run ids that are named where a start fits more than one.
_LISTED = 5


class CampaignRow(NamedTuple):
    """A campaign in a list. `created_at` is Unix seconds; `stopped` as in `CampaignRecord`."""

    name: str
    created_at: float
    total: int
    finished: int
    stopped: str


def list_campaigns(connection: Connection) -> list[CampaignRow]:
    """Return all campaigns, the oldest first."""
    done = func.count(case((runs.c.state == "finished", 1)))
    query = (
        select(campaigns.c.name, campaigns.c.created_at, func.count(runs.c.id), done)
        .add_columns(campaigns.c.stopped)
        .outerjoin(runs, runs.c.campaign == campaigns.c.name)
        .group_by(campaigns.c.name, campaigns.c.created_at, campaigns.c.stopped)
        .order_by(campaigns.c.created_at, campaigns.c.name)
    )
    return [CampaignRow(*row) for row in connection.execute(query)]


def read_header(connection: Connection, name: str) -> CampaignRecord | None:
    """Return the campaign without its runs and calls; None if there is none of that name.

    Raises `LedgerError` where it is damaged, or its predictions were changed.
    """
    if not is_storable(name):
        return None
    row = connection.execute(select(campaigns).where(campaigns.c.name == name)).first()
    if row is None:
        return None
    try:
        return CampaignRecord(
            row.name,
            row.created_at,
            row.command,
            row.plan_toml,
            msgspec.json.decode(row.models, type=tuple[ModelCard, ...]),
            msgspec.json.decode(row.suites, type=dict[str, str]),
            msgspec.json.decode(row.environment, type=dict[str, str]),
            (),
            stopped=row.stopped,
            committed=read_commitment(connection, name),
        )
    except msgspec.MsgspecError as error:
        raise LedgerError(f"campaign {name!r} is damaged in the ledger: {error}") from error


def read_campaign(connection: Connection, name: str) -> CampaignRecord:
    """Return a whole campaign, runs in the order of the plan; raises `UnknownName`."""
    header = read_header(connection, name)
    if header is None:
        known = connection.execute(select(campaigns.c.name)).scalars()
        raise UnknownName.of("campaign", name, known, hint="`ossay campaigns` lists them")
    run_rows = connection.execute(_runs_of(name).order_by(runs.c.position))
    call_rows = connection.execute(
        select(calls)
        .join(runs, calls.c.run_id == runs.c.id)
        .where(runs.c.campaign == name)
        .order_by(runs.c.position, calls.c["try"], calls.c.turn)
    )
    try:
        return msgspec.structs.replace(
            header,
            runs=tuple(_run(row) for row in run_rows),
            calls=tuple(_call(row) for row in call_rows),
        )
    except ValueError as error:  # an outcome or flag that this version does not know
        raise LedgerError(f"campaign {name!r} is damaged in the ledger: {error}") from error


def read_transcript(connection: Connection, run_id: str) -> Transcript | None:
    """Return what was said in a run; the start of its id is enough if no other starts so.

    None where no such run has a transcript. Raises `UsageError` when the start is not enough.
    """
    if not run_id or not is_storable(run_id):
        return None
    content = _content(connection, run_id)
    if content is None:
        ids = _ids_from(connection, run_id)
        if len(ids) > 1:
            listed = ", ".join(map(repr, ids[:_LISTED])) + (", …" if len(ids) > _LISTED else "")
            raise UsageError(
                f"more than one run starts with {run_id!r} ({listed}); give more of its id"
            )
        content = _content(connection, ids[0]) if ids else None
    return None if content is None else unpack_transcript(content)


def _content(connection: Connection, run_id: str) -> bytes | None:
    query = select(transcripts.c.content).where(transcripts.c.run_id == run_id)
    return connection.execute(query).scalar()


def _ids_from(connection: Connection, start: str) -> list[str]:
    """The first ids, of runs with a transcript, that begin with `start`."""
    key = transcripts.c.run_id
    if connection.dialect.name == "sqlite":
        # SQLite orders text by code point, and uses no index for LIKE.
        begins = and_(key >= start, key < start + "\U0010ffff")
    else:
        begins = key.startswith(start, autoescape=True)  # whatever its collation's order
    query = select(key).where(begins).order_by(key).limit(_LISTED + 1)
    return list(connection.execute(query).scalars())


def read_totals(connection: Connection, campaign: str, worker: str = "") -> Totals:
    """Add a campaign up; running runs that are not `worker`'s count as elsewhere."""
    states = (
        select(runs.c.state, runs.c.outcome, runs.c.owner, func.count())
        .where(runs.c.campaign == campaign)
        .group_by(runs.c.state, runs.c.outcome, runs.c.owner)
    )
    counts = {"planned": 0, "running": 0, "elsewhere": 0}
    outcomes: dict[Outcome, int] = {}
    for state, outcome, owner, count in connection.execute(states):
        if state == "finished":
            outcomes[Outcome(outcome)] = count
        else:
            counts[state] += count
            counts["elsewhere"] += count if state == "running" and owner != worker else 0
    return Totals(outcomes=outcomes, **counts, **_spending(connection, campaign))


def _spending(connection: Connection, campaign: str) -> dict[str, Any]:
    answered = calls.c.state == "done"
    uncounted = answered & (calls.c.input_tokens.is_(None) | calls.c.output_tokens.is_(None))
    tokens = func.coalesce(calls.c.input_tokens, 0) + func.coalesce(calls.c.output_tokens, 0)
    query = (
        select(
            func.coalesce(func.sum(calls.c.cost_usd), 0.0).label("spend_usd"),
            func.coalesce(func.sum(tokens), 0).label("tokens"),
            func.count().label("calls"),
            func.count(case((answered & calls.c.cost_usd.is_(None), 1))).label("unpriced_calls"),
            func.count(case((uncounted, 1))).label("uncounted_calls"),
            func.count(case((calls.c.state == "lost", 1))).label("lost_calls"),
        )
        .join(runs, calls.c.run_id == runs.c.id)
        .where(runs.c.campaign == campaign)
    )
    row = connection.execute(query).one()._asdict()
    return {**row, "tokens": int(row["tokens"])}  # PostgreSQL adds integers up as NUMERIC


def _runs_of(campaign: str) -> Select[Any]:
    return select(runs).where(runs.c.campaign == campaign)


def _usage(row: Row[Any]) -> Usage:
    return Usage(row.input_tokens, row.cached_input_tokens, row.output_tokens, row.reasoning_tokens)


def _run(row: Row[Any]) -> RunRecord:
    return RunRecord(
        row.id,
        RunKey(row.model, row.suite, row.task, row.seed, row.attempt),
        row.state,
        None if row.outcome is None else Outcome(row.outcome),
        msgspec.json.decode(row.flags, type=tuple[Flag, ...]),
        row.reason,
        row.error,
        row.done,
        row.of,
        row.turns,
        row.tool_calls,
        row.started_at,
        row.seconds,
        _usage(row),
        row.cost_usd,
        row.lost_cost_usd,
        row.lost_calls_unpriced,
        row.tries,
    )


def _call(row: Row[Any]) -> CallRecord:
    return CallRecord(
        row.run_id,
        row._mapping["try"],
        row.turn,
        row.state,
        row.started_at,
        _usage(row),
        row.cost_usd,
        row.first_token_s,
        row.total_s,
        row.waited_s,
        row.attempts,
        row.error_kind,
        row.finish,
        row.served_model,
    )
