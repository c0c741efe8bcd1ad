"""What was measured, wherever it was: Result, Count, Stated, Source, and Records that hold them.

A campaign of ours, another harness's log and a table out of an article all become these. Unknown
stays None. Knows nothing of files, ledgers or statistics.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

SourceKind = Literal["campaign", "csv", "parquet", "inspect", "lm_eval", "counts", "16x"]

# The metric of a source that names none, and of our own campaigns: 1 passed, 0 did not.
SCORE = "score"
# The metric of ratings by people or judges: a scale of its own, mostly 0 to 10; never a share.
RATING = "rating"


class Source(Struct, frozen=True, omit_defaults=True):
    """Where results came from.

    Attributes:
        name: How the ledger and its user call it; unique beside the campaigns' names.
        kind: What it was read as.
        file: Base name of the file, '' for a campaign. Never a path: paths tell of a machine.
        sha256: Of the file's bytes, '' for a campaign.
        read_at: Unix seconds, when it was read here; None where nobody noted it.
        made_at: Unix seconds, when the results were made, as the source says.
        made_with: What the source says of how: harness, version, task, temperature, prompt, limit.
            What it doesn't say is not here, and is shown as unknown.
        columns: Our name of a field -> the source's, for tables.
        notes: What was skipped or assumed while reading, one plain sentence each.
    """

    name: str
    kind: SourceKind
    file: str = ""
    sha256: str = ""
    read_at: float | None = None
    made_at: float | None = None
    made_with: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Result(Struct, frozen=True, omit_defaults=True):
    """One attempt of one model at one item.

    Attributes:
        model: As the source names it.
        item: What was asked; the same for every model. Of our campaigns: suite/task/seed.
        score: In the metric's unit, 1.0 or 0.0 for right or wrong. None where there is no score.
        metric: What `score` measures.
        attempt: From 1.
        cluster: Items of one cluster resemble each other (a task, a document); None where unknown.
        missing: Why there is no score: 'infrastructure_error', 'unparsed', 'empty', 'not run', …;
            '' where there is one. A missing score is never a zero.
        cost_usd, input_tokens, output_tokens, seconds: Of this attempt; None where unknown.
        run_id: The run of the ledger behind it, '' where there is none.
        source: Name of the `Source`.
    """

    model: str
    item: str
    score: float | None
    metric: str = SCORE
    attempt: int = 1
    cluster: str | None = None
    missing: str = ""
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    seconds: float | None = None
    run_id: str = ""
    source: str = ""


class Count(Struct, frozen=True, omit_defaults=True):
    """How many of how many, as articles print it; which items they were is not known.

    `item` is the task that the count is of, '' for a whole benchmark. `cost_usd` is the total.
    """

    model: str
    passed: int
    n: int
    item: str = ""
    metric: str = SCORE
    cost_usd: float | None = None
    source: str = ""


class Stated(Struct, frozen=True, omit_defaults=True):
    """A summary that a source prints beside its rows, to hold the rows against.

    `value` is in the metric's unit (a rate lies in [0, 1]); `digits` are the decimals printed of
    it, None where unknown; `n` is the number of items that it says it covers.
    """

    model: str
    value: float
    metric: str = SCORE
    digits: int | None = None
    n: int | None = None
    source: str = ""


class Records(Struct, frozen=True, omit_defaults=True):
    """Everything that was read from some sources."""

    sources: tuple[Source, ...]
    results: tuple[Result, ...] = ()
    counts: tuple[Count, ...] = ()
    stated: tuple[Stated, ...] = ()
