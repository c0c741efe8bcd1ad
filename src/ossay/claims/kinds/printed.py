"""Printed percentages against each other: what the n behind them would have to be.

The items are mostly the same for both models, but which of them differ is not printed; so there is
a best case (all that differ go one way) and the test for separate items. Knows nothing of tables.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ossay.claims.claim import Answer, Verdict
from ossay.claims.evidence import MOST_RUNS, Counts, Evidence
from ossay.claims.words import p_value, percent, points
from ossay.core.errors import ConfigError
from ossay.stats.effects import cohens_h
from ossay.stats.paired import mcnemar
from ossay.stats.planning import needed_each

if TYPE_CHECKING:
    from ossay.claims.kinds.versus import Versus


def judge_printed(claim: Versus, evidence: Evidence, *, tied: bool = False) -> Answer:
    """Judge two printed percentages at the n that is given, or at each that is assumed.

    Raises:
        UsageError: no such cells, or an n that can't be.
    """
    first, second = claim.printed(evidence)
    a, b = first.value, second.value
    gap = a - b
    ahead = -gap if claim.less else gap
    names = claim.names()
    steps = [
        f"{names[0]} {percent(a)}, {names[1]} {percent(b)}: {points(gap)}, Cohen's h "
        f"{cohens_h(a, b):+.3f}"
    ]
    numbers: dict[str, float | None] = {"difference": gap, "cohens_h": cohens_h(a, b)}
    wins = _wins(claim.alpha)
    each = needed_each(a, b, alpha=claim.alpha)
    if gap:
        best = math.ceil(round(wins / abs(gap), 9))
        numbers |= {"needed_shared": best, "needed_each": each}
        steps.append(
            f"at the very best (all that differ go one way) {best:,} shared items could show it; "
            f"separate ones: {'none would do' if each is None else f'about {each:,} each'}"
        )
    sizes = (claim.n,) if claim.n is not None else claim.if_n
    if claim.n is not None and not all(
        span.exact or span.meets(*2 * [round(span.value * claim.n) / claim.n])
        for span in (first, second)
    ):
        steps.append(f"no whole count of {claim.n:,} prints like this: means of repeats, probably")
    verdicts = [_at(claim, (a, b), n, tied, steps, numbers) for n in sizes]
    own = f"The source's own figures have {names[1]} ahead. " if ahead < 0 and not tied else ""
    if len(set(verdicts)) != 1:
        because = (
            "How many items is not said; of those assumed, some show it and some don't."
            if verdicts
            else "How many items is not said, and it decides."
        )
        return Answer("not_checkable", own + because, tuple(steps), numbers=numbers)
    because = own + _because(verdicts[0], tied) + ("." if claim.n else " at each n assumed.")
    more = None
    if verdicts[0] == "not_distinguishable" and each is not None and each > max(sizes):
        more = each - max(sizes)
    return Answer(verdicts[0], because, tuple(steps), more=more, numbers=numbers)


def _because(verdict: Verdict, tied: bool) -> str:
    if verdict == "not_distinguishable":
        return (
            "Neither a difference nor a tie within the margin is shown"
            if tied
            else "The difference is no more than chance explains"
        )
    if tied and verdict == "supported":
        return "The difference is shown to lie within the margin"
    return "The difference is more than chance explains"


def _at(
    claim: Versus,
    rates: tuple[float, float],
    n: int,
    tied: bool,
    steps: list[str],
    numbers: dict[str, float | None],
) -> Verdict:
    """The verdict if the percentages are of n items."""
    from ossay.stats.unpaired import z_test

    if not 1 <= n <= MOST_RUNS:
        raise ConfigError(f"n = {n!r} must lie in 1..{MOST_RUNS:,}")
    a, b = (round(rate * n) for rate in rates)
    best = mcnemar(max(0, a - b), max(0, b - a)).p_exact
    by_z = z_test(a, n, b, n)
    names = claim.names()
    met = claim.by_counts(Counts(names[0], a, n), Counts(names[1], b, n))
    if claim.n is not None:
        numbers["p"] = met.found.p
    numbers |= {f"best_p_{n}": best, f"z_p_{n}": by_z, f"p_{n}": met.found.p}
    steps.append(
        f"if n = {n:,}: net {abs(a - b)} items; best paired case {p_value(best)}; as separate "
        f"items {met.found.test} {p_value(met.found.p)}, z {p_value(by_z)}"
    )
    if tied:
        if met.judged.within:
            return "supported"
        return "not_distinguishable" if met.judged.kind == "not_enough_data" else "contradicted"
    if best > claim.alpha or met.judged.kind not in ("a_better", "b_better"):
        return "not_distinguishable"
    return "supported" if met.judged.kind == "a_better" else "contradicted"


def _wins(alpha: float) -> int:
    """The least number of discordant items, all one way, at which McNemar's exact test rejects."""
    if not 0.0 < alpha < 0.5:
        raise ConfigError(f"alpha={alpha!r} is outside (0, 0.5)")
    return next(wins for wins in range(1, 2000) if mcnemar(wins, 0).p_exact <= alpha)
