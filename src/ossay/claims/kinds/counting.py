"""Rates: k of n passed, or failed, and how many predictions came true. Each with two intervals.

Knows nothing of which runs they were.
"""

from __future__ import annotations

from ossay.claims.claim import Answer
from ossay.claims.evidence import Counts, Evidence
from ossay.claims.operand import Side
from ossay.claims.span import sure
from ossay.claims.stating import Stating
from ossay.claims.words import percent, rate_interval
from ossay.core.errors import ConfigError
from ossay.stats.rates import clopper_pearson, wilson

_RESAMPLES = 100_000
_MOST_DRAWN = 100_000  # runs
_WIDE = 0.5  # an interval wider than half of all rates hardly says anything


class Rate(Stating, frozen=True, kw_only=True):
    """'k of n is this rate.' `of` names the counts, `table` where they stand.

    `if_true` lists true rates for which the chance of k or fewer is shown. With `by_task` the rows
    are tasks whose runs resemble each other, and whole tasks are drawn for an interval besides.
    """

    of: str | Side
    table: str = ""
    level: float = 0.95
    if_true: tuple[float, ...] = ()
    by_task: bool = False

    def check(self, evidence: Evidence) -> Answer:
        """Recompute the rate; the interval is shown, the stated number decides."""
        counts = evidence.counts(self.of, self.table)
        return self.judged(counts, "passed", self.by_tasks(evidence))

    def by_tasks(self, evidence: Evidence, *, failed: bool = False) -> tuple[str, ...]:
        """The interval over whole tasks, of what passed or failed; nothing where none is asked."""
        if not self.by_task:
            return ()
        from ossay.stats.bootstrap import bootstrap_mean

        tasks = evidence.parts(self.of, self.table)
        if len(tasks) < 2 or sum(task.n for task in tasks) > _MOST_DRAWN:
            raise ConfigError(f"by_task: 2 tasks or more, of {_MOST_DRAWN:,} runs together at most")
        values = [float((i < task.passed) != failed) for task in tasks for i in range(task.n)]
        labels = [place for place, task in enumerate(tasks) for _ in range(task.n)]
        found = bootstrap_mean(
            values, evidence.make_rng(), labels, resamples=_RESAMPLES, level=self.level
        )
        low, high = 100 * found.low, 100 * found.high
        return (
            f"over {len(tasks)} tasks like these (whole tasks drawn): {low:.1f} to {high:.1f} %",
        )

    def judged(self, counts: Counts, done: str, more: tuple[str, ...] = ()) -> Answer:
        """Hold counts against what is stated; `done` is what k of n did."""
        by_score = wilson(counts.passed, counts.n, self.level)
        exact = clopper_pearson(counts.passed, counts.n, self.level)
        level = f"{100 * self.level:.3g} %"
        steps = [
            f"{counts.name}: {counts.passed} of {counts.n} {done} = "
            f"{percent(counts.rate)}; {level} {rate_interval(by_score)}, {rate_interval(exact)}"
        ]
        numbers: dict[str, float | None] = {
            "k": counts.passed,
            "n": counts.n,
            "wilson_low": by_score.low,
            "wilson_high": by_score.high,
            "clopper_pearson_low": exact.low,
            "clopper_pearson_high": exact.high,
        }
        width = by_score.high - by_score.low
        if width > _WIDE:
            steps.append(f"so few runs leave {100 * width:.0f} points open: any rate in there fits")
        steps += [*more, *self._chances(counts, numbers)]
        return self.judge(
            sure(counts.rate), tuple(steps), share=True, counted=True, numbers=numbers
        )

    def _chances(self, counts: Counts, numbers: dict[str, float | None]) -> list[str]:
        from ossay.stats.binomial import at_most

        lines = []
        for rate in self.if_true:
            if not 0.0 <= rate <= 1.0:
                raise ConfigError(f"if_true: {rate!r} is outside 0..1")
            chance = float(at_most(counts.passed, counts.n, rate))
            numbers[f"chance_if_{rate:g}"] = chance
            lines.append(
                f"a true rate of {percent(rate)} gives {counts.passed} or fewer of {counts.n} with "
                f"chance {chance:.3f}"
            )
        return lines


class FailureRate(Rate, frozen=True, kw_only=True):
    """'It fails at this rate': n less k, of n."""

    def check(self, evidence: Evidence) -> Answer:
        """As `Rate`, of the failures; `if_true` are true rates of failure."""
        counts = evidence.counts(self.of, self.table)
        failures = Counts(counts.name, counts.n - counts.passed, counts.n)
        return self.judged(failures, "failed", self.by_tasks(evidence, failed=True))


class Predictions(Stating, frozen=True, kw_only=True):
    """So many predictions came true.

    Either `hits` of `n` as the source scores them, and the share is stated; or a table with the
    columns low, high and actual, one row a prediction, and the number of hits is stated. A row with
    a hole can't be scored.
    """

    hits: int | None = None
    n: int | None = None
    table: str = ""

    def check(self, evidence: Evidence) -> Answer:
        """Score them again where their bounds are known."""
        if self.table:
            return self._scored(evidence)
        if self.hits is None or self.n is None:
            raise ConfigError("give `hits` and `n`, or a `table` of predictions")
        side = Side("predictions", self.hits, self.n)
        rate = Rate(
            id=self.id,
            says=self.says,
            source=self.source,
            kind="rate",
            of=side,
            states=self.states,
            between=self.between,
            at_least=self.at_least,
            at_most=self.at_most,
            digits=self.digits,
            unit=self.unit,
        )
        return rate.judged(evidence.counts(side), "came true")

    def _scored(self, evidence: Evidence) -> Answer:
        table = evidence.table(self.table)
        steps, hits, unknown = [], 0, 0
        for row in table.rows:
            ends = [table.cell(row, column) for column in ("low", "high", "actual")]
            low, high, actual = (None if end is None else end.value for end in ends)
            if low is None or high is None or actual is None:
                unknown += 1
                continue
            hit = low <= actual <= high
            hits += hit
            steps.append(
                f"{row}: {low:g} to {high:g} forecast, {actual:g} came: {'hit' if hit else 'miss'}"
            )
        if not unknown:
            return self.judge(sure(hits), tuple(steps), counted=True)
        floor, ceiling, stated = self.bounds()
        steps.append(f"{hits} of {len(table.rows) - unknown} hit; {unknown} are not quoted")
        numbers: dict[str, float | None] = {"hits": hits, "unknown": unknown}
        if hits > ceiling or hits + unknown < floor:
            return Answer(
                "contradicted", f"{stated} can't be reached.", tuple(steps), numbers=numbers
            )
        return Answer(
            "not_checkable",
            f"{hits} to {hits + unknown} came true; which, depends on what is not quoted.",
            tuple(steps),
            numbers=numbers,
        )
