"""What a campaign leaves behind, as plain rows: CampaignRecord, RunRecord, CallRecord.

The store writes and reads these, reports show them, data packs carry them. Unknown stays None.
Knows nothing of SQL or HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from ossay.core.outcome import Flag, Outcome
from ossay.core.predictions import Committed
from ossay.core.rubric import Fact
from ossay.core.types import ModelCard, Usage

RunState = Literal["planned", "running", "finished"]
CallState = Literal["open", "done", "failed", "lost"]


class RunKey(Struct, frozen=True, order=True):
    """Which run: one attempt of one model at one instance."""

    model: str  # model reference
    suite: str
    task: str
    seed: int
    attempt: int  # from 1


class RunRecord(Struct, frozen=True, omit_defaults=True):
    """One run. Times are Unix seconds; money is USD.

    `usage` and `cost_usd` are those of the try that finished; `lost_cost_usd` is what earlier tries
    cost that were cut off, and `tries` counts all. `lost_calls_unpriced` counts calls that were
    open when a try was cut off, or failed with part of their answer here: they may have cost money
    that nobody knows. `facts` are what the grader found beside its verdict, for rubrics.
    """

    id: str
    key: RunKey
    state: RunState = "planned"
    outcome: Outcome | None = None
    flags: tuple[Flag, ...] = ()
    reason: str = ""
    error: str = ""
    done: int = 0
    of: int = 0
    turns: int = 0
    tool_calls: int = 0
    started_at: float | None = None
    seconds: float | None = None
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    lost_cost_usd: float = 0.0
    lost_calls_unpriced: int = 0
    tries: int = 0
    facts: Mapping[str, Fact] = field(default_factory=dict)


class CallRecord(Struct, frozen=True, omit_defaults=True):
    """One call of a model. `try_` counts from 1, so calls of a cut-off try can be told apart."""

    run_id: str
    try_: int
    turn: int  # from 1
    state: CallState
    started_at: float
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    first_token_s: float | None = None
    total_s: float | None = None
    waited_s: float = 0.0
    attempts: int = 1
    error_kind: str = ""
    finish: str = ""
    served_model: str = ""


class CampaignRecord(Struct, frozen=True, omit_defaults=True):
    """A whole campaign, as a report reads it.

    `command` is the line that made it. `suites` maps name to version. `environment` holds what
    helps to repeat it: ossay, python, platform, sandbox, package versions. `stopped` says why a
    campaign ended before its plan did ('max_usd', 'max_minutes', 'max_tokens', 'cost_unknown',
    'interrupted', 'decided', 'undecidable'). `committed` holds what was predicted before it ran.
    """

    name: str
    created_at: float
    command: str
    plan_toml: str
    models: tuple[ModelCard, ...]
    suites: dict[str, str]
    environment: dict[str, str]
    runs: tuple[RunRecord, ...]
    calls: tuple[CallRecord, ...] = ()
    stopped: str = ""
    committed: Committed | None = None
