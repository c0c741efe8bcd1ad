"""What is read of an Inspect log, in Inspect's own words. Everything else in it is skipped.

Field names are those of `inspect_ai.log`, versions 1 and 2 of the format. Knows nothing of zip
files or of what becomes of the fields.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Raw, Struct

Tokens = Annotated[int, Meta(ge=0, le=10**15)]
Amount = Annotated[float, Meta(ge=0)]
Settings = dict[str, Any]


class Usage(Struct, frozen=True):
    """Tokens of a model in a sample. `input_tokens` leaves out those that a cache took part in."""

    input_tokens: Tokens = 0
    output_tokens: Tokens = 0
    total_tokens: Tokens = 0
    input_tokens_cache_write: Tokens | None = None
    input_tokens_cache_read: Tokens | None = None
    total_cost: Amount | None = None

    @property
    def all_input_tokens(self) -> int:
        """Input with what was read from and written to a cache.

        Older logs count cached tokens as input already; their total says so.
        """
        cached = (self.input_tokens_cache_read or 0) + (self.input_tokens_cache_write or 0)
        counted = cached and self.input_tokens + self.output_tokens == self.total_tokens
        return self.input_tokens + (0 if counted else cached)


class Score(Struct, frozen=True):
    """What a scorer said. `value` is 'C', 'I', 'P', 'N', a number, a boolean, or several."""

    value: Any = None
    reason: Any = None


class SampleError(Struct, frozen=True):
    """Why a sample broke off."""

    message: str = ""


class Sample(Struct, frozen=True):
    """A sample or its summary: one attempt at one item."""

    id: int | str
    epoch: Annotated[int, Meta(ge=1, le=10**6)] = 1
    input: Raw = Raw(b'""')
    target: Raw = Raw(b'""')
    metadata: Raw = Raw(b"{}")
    scores: dict[str, Score] | None = None
    model_usage: dict[str, Usage] | None = None
    total_time: Amount | None = None
    working_time: Amount | None = None
    error: str | SampleError | None = None
    invalidation: Settings | None = None

    @property
    def error_text(self) -> str:
        """Why it broke off, '' where it did not."""
        if isinstance(self.error, SampleError):
            return self.error.message or "error"
        return self.error or ""


class Dataset(Struct, frozen=True):
    """`sample_ids` are those that were to be run."""

    name: str | None = None
    samples: int | None = None
    sample_ids: list[int | str] | None = None


class Spec(Struct, frozen=True):
    """What was evaluated, and how."""

    task: str
    model: str
    created: str = ""
    task_version: int | str = 0
    task_args: Settings = {}
    solver: str | None = None
    dataset: Dataset = Dataset()
    config: Settings = {}
    model_generate_config: Settings = {}
    packages: dict[str, str] = {}
    revision: Settings | None = None
    scorers: list[Settings] | None = None


class Plan(Struct, frozen=True):
    """How samples were solved; its settings stand in for those that the model has not."""

    config: Settings = {}


class ScoreSummary(Struct, frozen=True):
    """Metrics of a scorer over all samples. `reducer` is how epochs became one score."""

    name: str = ""
    scorer: str = ""
    reducer: str | None = None
    scored_samples: int | None = None
    metrics: dict[str, Settings] = {}


class Outcome(Struct, frozen=True):
    """The log's own summary of its samples."""

    scores: list[ScoreSummary] | None = None


class Header(Struct, frozen=True):
    """A log without its samples. `status` is 'started' where it was never finished."""

    eval: Spec
    version: int = 0
    status: str = "started"
    plan: Plan | None = None
    results: Outcome | None = None
    invalidated: bool = False


class WholeLog(Header, frozen=True):
    """A log in one JSON file."""

    samples: list[Sample] | None = None
