"""Entering a campaign: its header, its predictions and all its runs, before the first one starts.

Knows nothing of when a transaction ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, insert, select

from ossay.core.errors import UsageError
from ossay.core.records import CampaignRecord, RunKey
from ossay.store.commitments import enter_commitment
from ossay.store.engine import alone
from ossay.store.migration import has_imports
from ossay.store.reader import read_header
from ossay.store.schema import campaigns, runs, sources


def enter_campaign(
    connection: Connection, header: CampaignRecord, keys: Sequence[tuple[str, RunKey]]
) -> CampaignRecord:
    """Write a campaign and return `header`; where one of that name is, return its header instead.

    Raises `UsageError` where an import has the name, or `header.committed` is another campaign's.
    """
    alone(connection)
    there = read_header(connection, header.name)
    if there is not None:
        return there
    _check_name(connection, header.name)
    _write_header(connection, header)
    if header.committed is not None:
        if header.committed.campaign != header.name:
            raise UsageError(
                f"predictions of campaign {header.committed.campaign!r} cannot be entered with "
                f"campaign {header.name!r}"
            )
        enter_commitment(connection, header.committed)
    rows = [
        {
            **msgspec.structs.asdict(key),
            "id": run_id,
            "campaign": header.name,
            "position": position,
            "state": "planned",
            "tries": 0,
            "flags": "[]",
            "reason": "",
            "error": "",
            "done": 0,
            "of": 0,
            "turns": 0,
            "tool_calls": 0,
            "lost_cost_usd": 0.0,
            "lost_calls_unpriced": 0,
        }
        for position, (run_id, key) in enumerate(keys)
    ]
    if rows:
        connection.execute(insert(runs), rows)
    return header


def _check_name(connection: Connection, name: str) -> None:
    """Raise where results of that name were imported: nobody could tell the two apart."""
    if not has_imports(connection):
        return
    file = connection.execute(select(sources.c.file).where(sources.c.name == name)).scalar()
    if file is not None:
        raise UsageError(
            f"no campaign can be called {name!r}: results imported from {file!r} are; give it "
            "another name"
        )


def _write_header(connection: Connection, header: CampaignRecord) -> None:
    text = {
        name: msgspec.json.encode(getattr(header, name)).decode()
        for name in ("models", "suites", "environment")
    }
    connection.execute(
        insert(campaigns).values(
            name=header.name,
            created_at=header.created_at,
            command=header.command,
            plan_toml=header.plan_toml,
            stopped=header.stopped,
            **text,
        )
    )
