"""Claims over tasks with k of n each: how many reach a share, and how reliable they are together.

Knows nothing of single runs.
"""

from __future__ import annotations

from typing import Literal

from ossay.claims.claim import Answer
from ossay.claims.evidence import Counts, Evidence, checked_counts, whole
from ossay.claims.span import sure
from ossay.claims.stating import Stating
from ossay.claims.words import listed, number, rate_interval
from ossay.core.errors import ConfigError

_MOST_TRIALS = 100_000  # of a task; pass^k counts in whole numbers as long as these


class CountAtLeast(Stating, frozen=True, kw_only=True):
    """So many rows reach this.

    With `share = [2, 3]` a row reaches it where k of n is 2/3 or more, in whole numbers; with
    `threshold` where the number in `column` is that or more.
    """

    table: str
    share: tuple[int, int] | None = None
    passed: str = "passed"
    n: str | int = "n"
    column: str = ""
    threshold: float | None = None

    def check(self, evidence: Evidence) -> Answer:
        """Count the rows again; a row with a hole leaves the count open."""
        table = evidence.table(self.table)
        if (self.share is None) == (self.threshold is None):
            raise ConfigError("give `share` with counts, or `column` and `threshold`")
        if self.threshold is not None and any(
            table.cell(row, self.column) is None for row in table.rows
        ):
            return _holed(self.column)
        reached = [row for row in table.rows if self._reaches(evidence, row)]
        below = [row for row in table.rows if row not in reached]
        steps = (
            f"{len(reached)} of {len(table.rows)} reach it: {listed(reached, 12)}",
            f"{len(below)} do not: {listed(below, 12)}",
        )
        exact = self.share is not None or not table.digits.get(self.column)
        return self.judge(sure(len(reached)), steps, counted=exact)

    def _reaches(self, evidence: Evidence, row: str) -> bool:
        table = evidence.table(self.table)
        if self.share is None:
            return table.number(row, self.column).value >= (self.threshold or 0.0)
        over, under = self.share
        if under < 1:
            raise ConfigError(f"share={self.share!r}: the second number must be above 0")
        counts = checked_counts(row, whole(table, row, self.passed), whole(table, row, self.n))
        return counts.passed * under >= over * counts.n


class PassK(Stating, frozen=True, kw_only=True):
    """'All k tries of a task pass' (`form` pass^k), or 'one of k does' (pass@k), over the tasks.

    `passed` may name several columns: their runs are pooled, n of each.
    """

    table: str
    k: int
    passed: str | tuple[str, ...] = "passed"
    n: str | int = "n"
    form: Literal["pass^k", "pass@k"] = "pass^k"

    def check(self, evidence: Evidence) -> Answer:
        """Average the unbiased estimates over the tasks."""
        from ossay.stats.passk import pass_at_k, pass_curve, pass_hat_k, pass_interval

        table = evidence.table(self.table)
        columns = (self.passed,) if isinstance(self.passed, str) else self.passed
        tasks = []
        for row in table.rows:
            parts = [
                checked_counts(row, whole(table, row, one), whole(table, row, self.n))
                for one in columns
            ]
            tasks.append(Counts(row, sum(p.passed for p in parts), sum(p.n for p in parts)))
        if max(task.n for task in tasks) > _MOST_TRIALS:
            raise ConfigError(f"a task has over {_MOST_TRIALS:,} tries")
        items = [(task.n, task.passed) for task in tasks]
        hat = self.form == "pass^k"
        if not all(1 <= self.k <= n for n, _ in items):
            raise ConfigError(f"k={self.k!r}: a task has fewer tries, so nothing is known of k")
        one = pass_hat_k if hat else pass_at_k
        point = pass_curve(items, [self.k])[0]
        value = point.pass_hat if hat else point.pass_at
        terms = " + ".join(number(one(n, c, self.k)) for n, c in items[:12])
        more = " + …" if len(items) > 12 else ""
        steps = [
            f"pass^{self.k} of each task, C(c, k) / C(n, k) of its c passes of n"
            if hat
            else f"pass@{self.k} of each task, 1 - C(n - c, k) / C(n, k)",
            f"({terms}{more}) / {len(items)} = {number(value or 0.0)}",
        ]
        if len(items) > 1:
            interval = pass_interval(items, self.k, "pass_hat" if hat else "pass_at")
            steps.append(f"over tasks like these: 95 % {rate_interval(interval)}")
        return self.judge(
            sure(value or 0.0), tuple(steps), share=True, counted=True, numbers={"k": self.k}
        )


def _holed(column: str) -> Answer:
    return Answer("not_checkable", f"Column {column!r} has holes, so the count is open.")
