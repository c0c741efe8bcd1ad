"""Everything measured of one model of a campaign: ModelSummary.

Knows nothing of other models, or of how a number is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from ossay.core.outcome import Flag, Outcome
from ossay.core.records import CallRecord, RunRecord
from ossay.core.types import Dialect, ModelCard, Price
from ossay.reports.cost import Cost, Tokens, cost_of, tokens_of
from ossay.reports.score import Rate, ended, rate_of
from ossay.reports.speed import Speed, speed_of
from ossay.stats.passk import PassK, pass_curve


class ModelSummary(Struct, frozen=True):
    """Everything measured of one model.

    Attributes:
        mark: A short name for charts: 'A', 'B', and so on in the order of the plan.
        planned, finished: Runs; the rest has no result yet.
        infrastructure_errors: Finished runs that failed for no fault of the model.
        score: Passed of the finished runs without infrastructure errors.
        score_with_errors: Passed of all finished runs: infrastructure errors count as failures.
        pass_curve: pass^k and pass@k; an item is a task, its trials are the runs in `score`.
        outcomes, flags: How many finished runs have each; only those that occurred.
        commonest_error: What most of the infrastructure errors say, and how many do.
    """

    mark: str
    reference: str
    dialect: Dialect
    context_tokens: int | None
    details: dict[str, str]
    price: Price | None
    planned: int
    finished: int
    infrastructure_errors: int
    score: Rate
    score_with_errors: Rate
    pass_curve: tuple[PassK, ...]
    cost: Cost
    tokens: Tokens
    outcomes: dict[str, int]
    flags: dict[str, int]
    speed: Speed
    commonest_error: str = ""
    commonest_error_runs: int = 0


def model_summary(
    mark: str, card: ModelCard, runs: Sequence[RunRecord], calls: Sequence[CallRecord]
) -> ModelSummary:
    """Measure the runs and calls of the model of `card`, which charts call `mark`."""
    finished = [run for run in runs if ended(run)]
    outcomes = Counter(run.outcome for run in finished)
    flags = Counter(flag for run in finished for flag in set(run.flags))
    errors, passed = outcomes[Outcome.INFRASTRUCTURE_ERROR], outcomes[Outcome.PASSED]
    said = Counter(r.error for r in finished if r.outcome is Outcome.INFRASTRUCTURE_ERROR)
    commonest, often = said.most_common(1)[0] if said else ("", 0)
    return ModelSummary(
        mark=mark,
        reference=card.reference,
        dialect=card.dialect,
        context_tokens=card.context_tokens,
        details=dict(card.details),
        price=card.price,
        planned=len(runs),
        finished=len(finished),
        infrastructure_errors=errors,
        score=rate_of(passed, len(finished) - errors),
        score_with_errors=rate_of(passed, len(finished)),
        pass_curve=tuple(pass_curve(_trials(runs))),
        cost=cost_of(runs, card.price),
        tokens=tokens_of(runs),
        outcomes={str(o): outcomes[o] for o in Outcome if outcomes[o]},
        flags={str(f): flags[f] for f in Flag if flags[f]},
        speed=speed_of(calls),
        commonest_error=commonest,
        commonest_error_runs=often,
    )


def _trials(runs: Iterable[RunRecord]) -> list[tuple[int, int]]:
    """(n, c) of each task: runs that count, and those of them that passed."""
    tally: dict[tuple[str, str], tuple[int, int]] = {}
    for run in runs:
        task = (run.key.suite, run.key.task)
        n, c = tally.get(task, (0, 0))
        if ended(run) and run.outcome is not None and run.outcome.counts:
            n, c = n + 1, c + (run.outcome is Outcome.PASSED)
        tally[task] = (n, c)
    return list(tally.values())
