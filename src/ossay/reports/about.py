"""What the page knows of each run beside its transcript: its facts, checks and ratings.

All text that comes out is visible. Knows nothing of HTML.
"""

from __future__ import annotations

import shlex
from typing import Any

from ossay.core.display import visible
from ossay.core.records import CampaignRecord, RunRecord
from ossay.reports import beside, figures, words
from ossay.reports.judgements import Judgements

# What a person reads of a grader's reason or an error.
_REASON_CHARS = 2000


def abouts(record: CampaignRecord, judgements: Judgements) -> dict[str, Any]:
    """What the page knows of each run: its facts, checks and ratings."""
    judged = beside.judged(record.runs, judgements)
    found = {}
    for run in record.runs:
        checks, ratings = judged.get(run.id, ([], []))
        found[visible(run.id)] = _about(run) | {"checks": checks, "ratings": ratings}
    return found


def _about(run: RunRecord) -> dict[str, Any]:
    """What stands above a transcript: the run's facts, and the command that shows it."""
    facts = [
        ("Model", run.key.model),
        ("Task", f"{run.key.suite} / {run.key.task}"),
        ("Seed and attempt", f"seed {run.key.seed}, attempt {run.key.attempt}"),
        ("Outcome", words.plain(run.outcome) if run.outcome else f"no result yet: {run.state}"),
        ("Grader", run.reason),
        ("Error", run.error),
        ("Parts done", f"{run.done} of {run.of}" if run.of else ""),
        ("Flags", ", ".join(map(words.plain, run.flags))),
        ("Turns and tool calls", f"{run.turns} turns, {run.tool_calls} tool calls"),
        ("Time", figures.seconds(run.seconds)),
        ("Started", figures.moment(run.started_at)),
        ("Cost", figures.usd(run.cost_usd)),
        ("Tries", f"{run.tries}: earlier ones were cut off" if run.tries > 1 else ""),
    ]
    dashes = ["--"] if run.id.startswith("-") else []
    return {
        "facts": [(name, visible(value, _REASON_CHARS)) for name, value in facts if value],
        # Nobody's run id becomes an option of a command that is pasted.
        "command": visible(shlex.join(["ossay", "transcript", *dashes, run.id])),
    }
