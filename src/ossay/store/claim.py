"""What a worker holds while it works: Claim; how a campaign stands: Totals.

Knows nothing of SQL.
"""

from __future__ import annotations

from msgspec import Struct, field

from ossay.core.errors import OssayError
from ossay.core.outcome import Outcome
from ossay.core.records import RunKey


class ClaimLost(OssayError):
    """The run was taken from this worker, which was thought dead: nothing more may be written."""


class Claim(Struct, frozen=True):
    """A run that this worker alone may carry out. `try_` counts from 1."""

    run_id: str
    key: RunKey
    try_: int
    started_at: float


class Totals(Struct, frozen=True):
    """A campaign in numbers, every try counted.

    `elsewhere` counts running runs of other workers. `tokens` are input and output together.
    `unpriced_calls` were answered but at no known price, `uncounted_calls` without a count of their
    tokens; `lost_calls` were cut off, or failed with part of their answer here, and may have cost
    money that nobody knows.
    """

    planned: int = 0
    running: int = 0
    elsewhere: int = 0
    outcomes: dict[Outcome, int] = field(default_factory=dict)
    spend_usd: float = 0.0
    tokens: int = 0
    calls: int = 0
    unpriced_calls: int = 0
    uncounted_calls: int = 0
    lost_calls: int = 0

    @property
    def finished(self) -> int:
        """How many runs have an outcome."""
        return sum(self.outcomes.values())

    @property
    def total(self) -> int:
        """How many runs were planned in all."""
        return self.planned + self.running + self.finished
