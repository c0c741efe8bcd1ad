"""The ledger's tables. Times are Unix seconds, money is USD, unknown is NULL.

Knows nothing of how they are filled. Whoever changes a table raises SCHEMA_VERSION and adds a step
to `store.migration`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA_VERSION = 2

metadata = MetaData()

# One row: key 'schema_version'.
meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("name", Text, primary_key=True),
    Column("created_at", Double, nullable=False),
    Column("command", Text, nullable=False),
    Column("plan_toml", Text, nullable=False),
    Column("models", Text, nullable=False),  # JSON list of ModelCard
    Column("suites", Text, nullable=False),  # JSON object, name -> version
    Column("environment", Text, nullable=False),  # JSON object
    Column("stopped", Text, nullable=False),
)

# Who is at work now. A row goes when its worker leaves or is found dead.
workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("boot", Text, nullable=False),  # boot id and process namespace
    Column("pid", Integer, nullable=False),
    Column("born", BigInteger, nullable=False),  # process start, clock ticks since boot
    Column("heartbeat", Double, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("campaign", Text, ForeignKey("campaigns.name"), nullable=False),
    Column("position", Integer, nullable=False),  # place in the plan, from 0
    Column("model", Text, nullable=False),
    Column("suite", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", Text, nullable=False),  # planned, running, finished
    Column("owner", Text, ForeignKey("workers.id")),  # set while running, only then
    Column("tries", Integer, nullable=False),
    Column("started_at", Double),
    Column("seconds", Double),
    Column("outcome", Text),
    Column("flags", Text, nullable=False),  # JSON list
    Column("reason", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("done", Integer, nullable=False),
    Column("of", Integer, nullable=False),
    Column("turns", Integer, nullable=False),
    Column("tool_calls", Integer, nullable=False),
    Column("input_tokens", BigInteger),
    Column("cached_input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("cost_usd", Double),
    Column("lost_cost_usd", Double, nullable=False),
    Column("lost_calls_unpriced", Integer, nullable=False),
    UniqueConstraint("campaign", "position"),
    Index("runs_by_state", "campaign", "state", "position"),
)
# Small: only running runs have an owner.
Index(
    "runs_by_owner",
    runs.c.owner,
    sqlite_where=runs.c.owner.is_not(None),
    postgresql_where=runs.c.owner.is_not(None),
)

calls = Table(
    "calls",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id"), primary_key=True),
    Column("try", Integer, primary_key=True),  # from 1; those of a cut-off try are kept
    Column("turn", Integer, primary_key=True),  # from 1
    Column("state", Text, nullable=False),  # open, done, failed, lost
    Column("started_at", Double, nullable=False),
    Column("input_tokens", BigInteger),
    Column("cached_input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("cost_usd", Double),
    Column("first_token_s", Double),
    Column("total_s", Double),
    Column("waited_s", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error_kind", Text, nullable=False),
    Column("finish", Text, nullable=False),
    Column("served_model", Text, nullable=False),
    sqlite_with_rowid=False,
)

# What was said and done in a finished run: zstandard-compressed JSON of a Transcript.
transcripts = Table(
    "transcripts",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id"), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# What was predicted of a campaign, entered together with it. Never changed. Since version 2.
commitments = Table(
    "commitments",
    metadata,
    Column("campaign", Text, ForeignKey("campaigns.name"), primary_key=True),
    Column("forecaster", Text, nullable=False),
    Column("committed_at", Double, nullable=False),
    Column("predictions", Text, nullable=False),  # canonical JSON, list of Prediction
    Column("digest", Text, nullable=False),  # SHA-256, hexadecimal
)

# The four tables of imports hold the fields of `core.results` under their names. Since version 2.
sources = Table(
    "sources",
    metadata,
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("sha256", Text, nullable=False, index=True),
    Column("read_at", Double),
    Column("made_at", Double),
    Column("made_with", Text, nullable=False),  # JSON object
    Column("columns", Text, nullable=False),  # JSON object
    Column("notes", Text, nullable=False),  # JSON list
    Column("kept_at", Double, nullable=False),  # when it was entered here
)


def _rows_of_sources(name: str, *columns: Column[Any]) -> Table:
    """A table of rows of sources, each at its place there, counted from 0."""
    return Table(
        name,
        metadata,
        Column("source", Text, ForeignKey("sources.name"), primary_key=True),
        Column("position", Integer, primary_key=True),
        *columns,
        sqlite_with_rowid=False,
    )


results = _rows_of_sources(
    "results",
    Column("model", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("score", Double),
    Column("metric", Text, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("cluster", Text),
    Column("missing", Text, nullable=False),
    Column("cost_usd", Double),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("seconds", Double),
    Column("run_id", Text, nullable=False),
)

counts = _rows_of_sources(
    "counts",
    Column("model", Text, nullable=False),
    Column("passed", BigInteger, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("item", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("cost_usd", Double),
)

stated = _rows_of_sources(
    "stated",
    Column("model", Text, nullable=False),
    Column("value", Double, nullable=False),
    Column("metric", Text, nullable=False),
    Column("digits", BigInteger),
    Column("n", BigInteger),
)
