"""The claim that a result is stable since two runs of it agree.

Two runs of one model agree by chance often enough; what shows stability is a tie within a margin.
Knows nothing of which tasks moved, unless a table of tasks is named.
"""

from __future__ import annotations

import math

from ossay.claims.claim import Answer, Verdict
from ossay.claims.evidence import Counts, Evidence, checked_counts, whole
from ossay.claims.kinds.versus import Versus
from ossay.claims.words import listed, percent
from ossay.core.errors import ConfigError


class Stable(Versus, frozen=True, kw_only=True):
    """Run a and run b came out alike, so the result is stable.

    `margin` is by how much two runs may differ and still count as stable, ours to choose where the
    source names none. With `tasks` a table of tasks is compared too, columns `run_a` and `run_b`.
    """

    margin: float | None = 0.1
    tasks: str = ""
    run_a: str = ""
    run_b: str = ""

    def check(self, evidence: Evidence) -> Answer:
        """Compute how often two such runs agree so well, then test the tie."""
        first, second = (evidence.counts(one, self.table) for one in (self.a, self.b))
        self.only_keys("counts")
        if self.design != "counts":
            raise ConfigError("two runs are compared by their counts")
        met = self.by_counts(first, second)
        steps, numbers = _coincidence(first, second)
        if self.tasks:
            steps.append(self._moved(evidence, numbers))
        steps += met.steps
        numbers |= met.numbers
        margin = percent(self.margin or 0.0).replace(" %", " points")
        if met.judged.within:
            verdict: Verdict = "supported"
            because = f"The runs are shown to lie within {margin} of each other."
        elif met.judged.kind == "not_enough_data":
            verdict = "not_distinguishable"
            because = f"Two runs that agree are too few to show stability within {margin}."
        else:
            verdict, because = "contradicted", "The test tells the two runs apart."
        more = met.judged.more if verdict == "not_distinguishable" else None
        return Answer(verdict, because, tuple(steps), more=more, numbers=numbers)

    def _moved(self, evidence: Evidence, numbers: dict[str, float | None]) -> str:
        table = evidence.table(self.tasks)
        gaps = {
            row: whole(table, row, self.run_b) - whole(table, row, self.run_a) for row in table.rows
        }
        moved = [f"{row} {gap:+d}" for row, gap in gaps.items() if gap]
        numbers |= {"moved_tasks": len(moved), "moved_sum": sum(gaps.values())}
        return f"{len(moved)} of {len(gaps)} tasks moved: {listed(moved, 12)}"


def _coincidence(first: Counts, second: Counts) -> tuple[list[str], dict[str, float | None]]:
    """How often two runs of one model agree this well, if it always has their common rate."""
    import numpy as np

    from ossay.stats.binomial import pmf

    rate = (first.passed + second.passed) / (first.n + second.n)
    checked_counts("both runs", first.passed + second.passed, first.n + second.n)
    steps = [f"both runs together: {first.passed + second.passed}/{first.n + second.n}"]
    spread = math.sqrt(first.n * rate * (1.0 - rate))
    numbers: dict[str, float | None] = {"rate": rate, "sd": spread}
    steps[0] += f" = {percent(rate)}; a score of {first.n} runs has a standard deviation of "
    steps[0] += f"{spread:.1f}"
    if first.n != second.n or first.n > 20_000:
        return steps, numbers
    chances = pmf(np.arange(first.n + 1.0), first.n, rate)
    gap = abs(first.passed - second.passed)
    alike = sum(
        float((chances[: chances.size - shift] * chances[shift:]).sum()) * (1 if shift == 0 else 2)
        for shift in range(min(gap, first.n) + 1)
    )
    both = float(chances[first.passed] * chances[second.passed])
    numbers |= {"chance_alike": alike, "chance_exactly_these": both}
    what = "equal scores" if gap == 0 else f"scores within {gap}"
    steps.append(
        f"two runs of a model with that very rate have {what} with chance {percent(alike)} "
        f"({first.passed} and {second.passed} exactly: {percent(both)})"
    )
    return steps, numbers
