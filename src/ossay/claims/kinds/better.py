"""Claims that one model is better than another, or as good.

`stats.verdict` decides; what the source printed can contradict itself besides. Knows nothing of
families: a claim picked out of many belongs into one (`family`).
"""

from __future__ import annotations

from ossay.claims.claim import Answer, Verdict
from ossay.claims.evidence import Evidence
from ossay.claims.kinds.printed import judge_printed
from ossay.claims.kinds.versus import Versus
from ossay.claims.meeting import Meeting
from ossay.core.errors import ConfigError


class Better(Versus, frozen=True, kw_only=True):
    """A is better than B."""

    def check(self, evidence: Evidence) -> Answer:
        """Compare; B ahead by no more than chance explains contradicts nothing, and is said."""
        if self.design == "printed":
            return judge_printed(self, evidence)
        met = self.meet(evidence)
        ahead = met.found.ahead
        if met.judged.kind == "a_better":
            verdict: Verdict = "supported"
            because = "The test tells the two apart, and the first is the better one."
        elif met.judged.kind == "b_better":
            verdict = "contradicted"
            because = "The second is the better one, and the test tells them apart."
        elif met.judged.kind == "tied":
            verdict, because = "contradicted", "The two are tied within the margin."
        else:
            verdict = "not_distinguishable"
            because = "The first is ahead by no more than chance explains."
            if ahead < 0:
                because = "The figures have the second ahead, though not by more than chance."
            elif not ahead:
                because = "The two came out equal."
        return _answer(met, verdict, because)


class Tied(Versus, frozen=True, kw_only=True):
    """'A is as good as B': within `margin`, which has to be named."""

    def check(self, evidence: Evidence) -> Answer:
        """Compare; only a test of the tie supports the claim, never a missing difference."""
        if self.margin is None:
            raise ConfigError("a tie needs `margin`, the largest difference that doesn't matter")
        if self.design == "printed":
            return judge_printed(self, evidence, tied=True)
        met = self.meet(evidence)
        if met.judged.within:
            return _answer(met, "supported", "The difference is shown to lie within the margin.")
        if met.judged.kind == "not_enough_data":
            because = "Neither a difference nor a tie within the margin is shown."
            return _answer(met, "not_distinguishable", because)
        return _answer(met, "contradicted", "The test tells the two apart.")


def _answer(met: Meeting, verdict: Verdict, because: str) -> Answer:
    more = met.judged.more if verdict == "not_distinguishable" else None
    return Answer(verdict, because, met.steps, more=more, numbers=met.numbers)
