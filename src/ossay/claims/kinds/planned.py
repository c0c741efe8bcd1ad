"""Claims about designs: so many runs would be enough; this design could show something at all.

Knows nothing of results.
"""

from __future__ import annotations

from typing import Literal

from ossay.claims.claim import Answer, Claim
from ossay.claims.evidence import MOST_RUNS, Evidence
from ossay.claims.span import sure
from ossay.claims.stating import Stating
from ossay.claims.words import number, p_value, percent
from ossay.core.errors import ConfigError

_SEARCH = 1_000_000  # runs up to which one arm's need is looked for


class EnoughRuns(Claim, frozen=True, kw_only=True):
    """So many runs would tell these two rates apart.

    Attributes:
        n: Runs, of each model where two are compared.
        p1: One rate.
        p2: The other; several mean that it would have to hold for each.
        arms: 2 compares two models with n runs each; 1 holds one model's runs against a fixed rate.
        power: How often it must succeed to be called enough.
    """

    n: int
    p1: float
    p2: tuple[float, ...]
    arms: Literal[1, 2] = 2
    power: float = 0.8
    alpha: float = 0.05

    def check(self, evidence: Evidence) -> Answer:
        """Power with n, and the n that is needed; one arm and two, the latter with pooled z."""
        from ossay.stats.planning import needed_each
        from ossay.stats.power import unpaired_power

        if not 1 <= self.n <= MOST_RUNS or not self.p2:
            raise ConfigError(f"n = {self.n!r} runs and {len(self.p2)} rates in p2")
        steps, numbers, most, enough = [], dict[str, float | None](), 0, True
        for rate in self.p2:
            two = needed_each(self.p1, rate, self.power, self.alpha)
            power = unpaired_power(self.n, self.n, self.p1, rate, self.alpha)
            one, alone = _one_arm(self.n, self.p1, rate, self.power, self.alpha)
            steps.append(
                f"{percent(self.p1)} against {percent(rate)}, two models with {self.n:,} each: "
                f"shown with chance {percent(power)}; {percent(self.power)} takes "
                f"{'no number' if two is None else f'{two:,} each'}"
            )
            steps.append(
                f"one model with {self.n:,} against a fixed {percent(rate)}, one-sided: shown with "
                f"chance {percent(alone)}; {percent(self.power)} takes "
                f"{f'over {_SEARCH:,}' if one is None else f'{one:,}'}"
            )
            numbers |= {
                f"needed_each_{rate:g}": two,
                f"power_{rate:g}": power,
                f"needed_one_{rate:g}": one,
                f"power_one_{rate:g}": alone,
            }
            needed = two if self.arms == 2 else one
            enough = enough and (power if self.arms == 2 else alone) >= self.power
            most = max(most, needed or 0)
        if enough:
            return Answer("supported", "So many runs are enough.", tuple(steps), numbers=numbers)
        because = f"So many runs are not enough; {most:,} would be." if most else "No number would."
        return Answer("contradicted", because, tuple(steps), numbers=numbers)


class Floor(Stating, frozen=True, kw_only=True):
    """A design of this size can show a difference.

    The least p that any result could give: with `n` shared items (sign flips, McNemar) of which all
    differ the same way, or with `n` runs of each model (Barnard, Fisher) of which one passes all.
    """

    n: int
    test: Literal["sign-flip", "McNemar", "Barnard", "Fisher"] = "sign-flip"
    alpha: float = 0.05

    def check(self, evidence: Evidence) -> Answer:
        """Compute the floor; one above alpha contradicts the claim, whatever comes out."""
        p = self._floor()
        steps = [f"{self.test} with n = {self.n:,}, at the very best: {p_value(p)}"]
        numbers: dict[str, float | None] = {"floor": p}
        if any(x is not None for x in (self.states, self.between, self.at_least, self.at_most)):
            return self.judge(sure(p), tuple(steps), counted=True, numbers=numbers)
        if p <= self.alpha:
            because = f"It can get under {number(self.alpha)}."
            return Answer("supported", because, tuple(steps), sure(p), numbers=numbers)
        because = f"No result of this design can get under {number(self.alpha)}."
        return Answer("contradicted", because, tuple(steps), sure(p), numbers=numbers)

    def _floor(self) -> float:
        from ossay.stats.paired import mcnemar
        from ossay.stats.unpaired import TABLES, barnard, fisher

        if not 1 <= self.n <= MOST_RUNS:
            raise ConfigError(f"n = {self.n!r} must lie in 1..{MOST_RUNS:,}")
        if self.test in ("sign-flip", "McNemar"):
            return mcnemar(self.n, 0).p_exact  # both are 2^(1-n) where all differ one way
        if self.n**2 > TABLES:
            raise ConfigError(f"n = {self.n!r} is too many for an exact test: it can show anything")
        test = barnard if self.test == "Barnard" else fisher
        return test(self.n, self.n, 0, self.n)


def _one_arm(n: int, p1: float, p2: float, power: float, alpha: float) -> tuple[int | None, float]:
    """Runs of one model with rate p1 that show, by a one-sided exact test, that it isn't p2.

    Returns the least n with the wanted power (as if it never fell with n), and the power at n.
    """
    for rate in (p1, p2):
        if not 0.0 <= rate <= 1.0:
            raise ConfigError(f"{rate!r} is outside 0..1")
    if not 0.0 < power < 1.0 or not 0.0 < alpha < 0.5:
        raise ConfigError(f"power={power!r} or alpha={alpha!r} is no share of that kind")

    def reach(runs: int) -> float:
        import numpy as np

        from ossay.stats.binomial import at_most

        low, high = (p1, p2) if p1 <= p2 else (1.0 - p1, 1.0 - p2)
        below = at_most(np.arange(float(runs)), float(runs), high)
        cut = int((below <= alpha).sum()) - 1
        return float(at_most(cut, runs, low)) if cut >= 0 else 0.0

    now = reach(min(n, 1_000_000))
    if p1 == p2:
        return None, now
    high = 1
    while reach(high) < power:
        high *= 2
        if high > _SEARCH:
            return None, now
    low = high // 2 + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reach(middle) >= power else (middle + 1, high)
    return high, now
