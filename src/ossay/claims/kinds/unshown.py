"""Claims that the data of their source can't decide: why, and which comparison would.

Knows nothing of numbers.
"""

from __future__ import annotations

from typing import Literal

from ossay.claims.claim import Answer, Claim
from ossay.claims.evidence import Evidence
from ossay.core.errors import ConfigError


class Causal(Claim, frozen=True, kw_only=True):
    """This came out because of that.

    Attributes:
        cause: What is said to be the cause.
        needs: The comparison that would show it.
        differs: What differed besides the cause, so that it can't be told apart.
        design: 'observed' unless the cause alone was varied, by lot ('randomised') or with all else
            held fixed ('controlled').
        shown_by: Id of the claim whose comparison is of that design.
    """

    cause: str
    needs: str
    differs: tuple[str, ...] = ()
    design: Literal["observed", "controlled", "randomised"] = "observed"
    shown_by: str = ""

    def check(self, evidence: Evidence) -> Answer:
        """Only a bound comparison in which the cause alone was varied can support it."""
        steps = []
        if self.differs:
            steps.append(f"beside {self.cause}, these differed: {'; '.join(self.differs)}")
        if self.design == "observed":
            steps.append(f"it would take: {self.needs}")
            because = f"No design here varies {self.cause} alone."
            return Answer("not_checkable", because, tuple(steps))
        if not self.shown_by:
            raise ConfigError(f"a {self.design} comparison needs `shown_by`, the claim that has it")
        if self.differs:
            raise ConfigError(f"`differs` names {self.differs[0]!r}: the design is not controlled")
        found = evidence.answer(self.shown_by)
        steps.append(f"the {self.design} comparison {self.shown_by!r} came out {found.verdict!r}")
        because = f"The verdict is that of the {self.design} comparison."
        return Answer(found.verdict, because, tuple(steps), more=found.more)


class NoData(Claim, frozen=True, kw_only=True):
    """A claim for which the source gives nothing to check; `why`, and what it `needs`."""

    why: str
    needs: str = ""

    def check(self, evidence: Evidence) -> Answer:
        """Say why."""
        steps = (f"it would take: {self.needs}",) if self.needs else ()
        return Answer("not_checkable", self.why, steps)
