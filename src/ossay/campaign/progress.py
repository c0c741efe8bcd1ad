"""How a campaign stands: Progress, and the Tally that it is read off.

Knows nothing of runs or terminals.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field

from ossay.campaign.plan import Limits
from ossay.core.outcome import Outcome
from ossay.core.types import Usage
from ossay.store.claim import Totals


class Evidence(Struct, frozen=True):
    """How far the models of a `[stop]` are told apart: the e-value, and the bar where it decides.

    `items` of `planned` count so far; on `only_a` and `only_b` of them one model alone passed.
    """

    items: int
    planned: int
    only_a: int
    only_b: int
    e_value: float
    bar: float


class Progress(Struct, frozen=True):
    """A campaign at one moment, earlier starts and other processes included.

    `spend_usd` and `tokens` (input and output) count every try, cut-off ones too.
    `unpriced_calls` were answered at no known price; `lost_calls` were cut off, or failed with part
    of their answer here, and may have cost money that nobody knows. `elsewhere` runs are at work in
    other processes. `eta_s` is None until a run has finished. `stopped` is as in `CampaignRecord`.
    """

    total: int
    finished: int
    running: int
    outcomes: dict[Outcome, int]
    spend_usd: float
    tokens: int
    unpriced_calls: int = 0
    lost_calls: int = 0
    elsewhere: int = 0
    eta_s: float | None = None
    stopped: str = ""
    evidence: Evidence | None = None

    @property
    def passed(self) -> int:
        """Runs that passed."""
        return self.outcomes.get(Outcome.PASSED, 0)

    @property
    def errors(self) -> int:
        """Runs that say nothing of the model."""
        return self.outcomes.get(Outcome.INFRASTRUCTURE_ERROR, 0)

    @property
    def failed(self) -> int:
        """Runs that the model did not pass."""
        return self.finished - self.passed - self.errors


class Tally(Struct):
    """Running totals of a session; the ledger's own are taken over now and then."""

    started: float  # of this session, by `clock`
    clock: Callable[[], float]
    total: int = 0
    running: int = 0
    elsewhere: int = 0
    here: int = 0  # runs finished in this session
    outcomes: dict[Outcome, int] = field(default_factory=dict)
    spend_usd: float = 0.0
    tokens: int = 0
    unpriced_calls: int = 0
    uncounted_calls: int = 0  # answered, and the provider did not count the tokens
    lost_calls: int = 0

    def take_over(self, totals: Totals) -> None:
        """Believe the ledger: others may have worked as well."""
        self.total = totals.total
        self.elsewhere = totals.elsewhere
        self.outcomes = dict(totals.outcomes)
        self.spend_usd = totals.spend_usd
        self.tokens = totals.tokens
        self.unpriced_calls = totals.unpriced_calls
        self.uncounted_calls = totals.uncounted_calls
        self.lost_calls = totals.lost_calls

    def count_call(self, usage: Usage, cost_usd: float | None) -> None:
        """Count a call that was answered."""
        self.tokens += (usage.input_tokens or 0) + (usage.output_tokens or 0)
        self.spend_usd += cost_usd or 0.0
        self.unpriced_calls += cost_usd is None
        self.uncounted_calls += usage.input_tokens is None or usage.output_tokens is None

    def count_run(self, outcome: Outcome) -> None:
        """Count a run that finished."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self.here += 1

    def limit_reached(self, limits: Limits) -> str:
        """Name the limit on money or tokens that is reached, '' if none.

        'cost_unknown': a limit is set that can no longer be kept, as a call was answered without
        the number that it is kept by.
        """
        if limits.max_usd is not None and self.spend_usd >= limits.max_usd:
            return "max_usd"
        if limits.max_tokens is not None and self.tokens >= limits.max_tokens:
            return "max_tokens"
        if limits.max_usd is not None and self.unpriced_calls:
            return "cost_unknown"
        if limits.max_tokens is not None and self.uncounted_calls:
            return "cost_unknown"
        return ""

    def progress(self, stopped: str = "", evidence: Evidence | None = None) -> Progress:
        """Return the state as others may keep it."""
        finished = sum(self.outcomes.values())
        left = self.total - finished
        pace = (self.clock() - self.started) / self.here if self.here else None
        return Progress(
            self.total,
            finished,
            self.running,
            dict(self.outcomes),
            self.spend_usd,
            self.tokens,
            self.unpriced_calls,
            self.lost_calls,
            self.elsewhere,
            None if pace is None else pace * left,
            stopped,
            evidence,
        )
