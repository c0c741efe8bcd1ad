"""How many of how many passed, with both intervals: Rate; and which runs have a result.

Knows nothing of models or tasks.
"""

from __future__ import annotations

from msgspec import Struct

from ossay.core.records import RunRecord
from ossay.stats.rates import Interval, clopper_pearson, wilson

LEVEL = 0.95


class Rate(Struct, frozen=True):
    """`passed` of `n` runs. The rate and its intervals are None where n is 0."""

    passed: int
    n: int
    rate: float | None
    wilson: Interval | None
    clopper_pearson: Interval | None


def rate_of(passed: int, n: int) -> Rate:
    """Return the rate with its intervals at `LEVEL`."""
    if n == 0:
        return Rate(0, 0, None, None, None)
    return Rate(passed, n, passed / n, wilson(passed, n, LEVEL), clopper_pearson(passed, n, LEVEL))


def ended(run: RunRecord) -> bool:
    """Whether a run has a result: it is finished and has an outcome."""
    return run.state == "finished" and run.outcome is not None
