"""The ledger's tables. Times are Unix seconds, money is USD, unknown is NULL.

Knows nothing of how they are filled. Whoever changes a table raises SCHEMA_VERSION.
"""

from __future__ import annotations

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

SCHEMA_VERSION = 1

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
