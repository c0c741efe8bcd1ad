"""What the runs of one model cost and how many tokens they took: Cost, Tokens.

The cost of a run is that of its answered calls. A call that failed before any of its answer came is
taken to cost nothing; one that failed with part of it here is a lost call, of unknown cost.

An unknown price or count stays unknown: a sum over it is said to be unknown, and what is known of
it is given beside. Knows nothing of prices; they were applied when the calls were made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from msgspec import Struct

from ossay.core.outcome import Outcome
from ossay.core.records import RunRecord
from ossay.core.types import Price
from ossay.reports.score import ended

Unknown = Literal["unknown"]


class Cost(Struct, frozen=True):
    """Money in USD, unrounded.

    Attributes:
        known_usd: Sum over the finished runs whose cost is known, whatever their outcome; None
            where runs finished and no cost is known.
        unknown_runs: Finished runs whose cost is not known.
        lost_usd: Cost of tries that were cut off and made again. In no other field but total_usd.
        lost_calls_unpriced: Calls open when a try was cut off, and calls that failed with part of
            their answer here: they may have cost money. 0 where the price is 0.
        total_usd: known_usd + lost_usd; 'unknown' where any part is not known.
        per_run_usd: Mean over finished runs; None where none finished.
        per_pass_usd: Cost of all finished runs over the runs that passed. None where none passed,
            'unknown' where a finished run's cost is.
    """

    known_usd: float | None
    unknown_runs: int
    lost_usd: float
    lost_calls_unpriced: int
    total_usd: float | Unknown
    per_run_usd: float | Unknown | None
    per_pass_usd: float | Unknown | None


class TokenCount(Struct, frozen=True):
    """A sum over finished runs. `known` is None where no run's count is known."""

    known: int | None
    unknown_runs: int


class Tokens(Struct, frozen=True):
    """Tokens of the finished runs; cached are part of input, reasoning part of output."""

    input: TokenCount
    cached_input: TokenCount
    output: TokenCount
    reasoning: TokenCount


def cost_of(runs: Sequence[RunRecord], price: Price | None = None) -> Cost:
    """Add up the runs of one model; unfinished ones count with what they lost only.

    `price` tells whether a lost call can have cost anything at all.
    """
    finished = [run for run in runs if ended(run)]
    passed = sum(run.outcome is Outcome.PASSED for run in finished)
    known = [run.cost_usd for run in finished if run.cost_usd is not None]
    sum_usd = _sum(known)
    unknown_runs = len(finished) - len(known)
    lost_usd = _sum(run.lost_cost_usd for run in runs)
    free = price is not None and not (price.input or price.output)
    unpriced = 0 if free else sum(run.lost_calls_unpriced for run in runs)

    def share(n: int) -> float | Unknown | None:
        if n == 0:
            return None
        return "unknown" if unknown_runs else sum_usd / n

    return Cost(
        known_usd=sum_usd if known or not finished else None,
        unknown_runs=unknown_runs,
        lost_usd=lost_usd,
        lost_calls_unpriced=unpriced,
        total_usd="unknown" if unknown_runs or unpriced else sum_usd + lost_usd,
        per_run_usd=share(len(finished)),
        per_pass_usd=share(passed),
    )


def tokens_of(runs: Sequence[RunRecord]) -> Tokens:
    """Add up the tokens of the finished runs of one model."""
    finished = [run for run in runs if ended(run)]

    def count(field: Callable[[RunRecord], int | None]) -> TokenCount:
        known = [value for run in finished if (value := field(run)) is not None]
        return TokenCount(sum(known) if known else None, len(finished) - len(known))

    return Tokens(
        input=count(lambda run: run.usage.input_tokens),
        cached_input=count(lambda run: run.usage.cached_input_tokens),
        output=count(lambda run: run.usage.output_tokens),
        reasoning=count(lambda run: run.usage.reasoning_tokens),
    )


def _sum(values: Iterable[float]) -> float:
    """The exact sum; the plain one of numbers that have none, as a pack from anyone may hold."""
    values = list(values)
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return sum(values)
