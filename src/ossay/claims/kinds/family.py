"""Claims about several pairs at once, declared together and corrected by Holm.

A leaderboard makes as many claims as it has pairs. Knows nothing of who picked the pairs.
"""

from __future__ import annotations

from itertools import combinations

from ossay.claims.claim import Answer, Claim
from ossay.claims.evidence import Evidence
from ossay.claims.kinds.versus import Versus
from ossay.claims.meeting import Meeting
from ossay.claims.table import Table
from ossay.claims.words import counted, listed, p_value
from ossay.core.errors import ConfigError, UnknownName
from ossay.stats.many import Family, correct

_MOST = 2_000  # pairs
_SHOWN = 10


class FamilyClaim(Claim, frozen=True, kw_only=True):
    """In these pairs the first is the better one.

    Attributes:
        table: Counts (columns `passed`, `n`) or records, one row a model.
        models: Which rows, best first; all in the order of the table by default.
        pairs: The pairs that the claim asserts, better one first. By default all pairs of `models`,
            which is what a ranking asserts.

    The family is all pairs of `models`, whichever are asserted.
    """

    table: str
    models: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    passed: str = "passed"
    n: str | int = "n"
    alpha: float = 0.05
    metric: str | None = None

    def check(self, evidence: Evidence) -> Answer:
        """Test every pair of the family, correct, and look at those that are asserted."""
        table = evidence.table(self.table)
        models = self.models or tuple(table.rows)
        every = list(combinations(models, 2))
        if not 1 <= len(every) <= _MOST:
            raise ConfigError(f"{len(models)} models make {len(every)} pairs: 1 to {_MOST:,}")
        asserted = [self._place(pair, models) for pair in self.pairs] or every
        family = Family(self.id, tuple(f"{a} > {b}" for a, b in every))
        met = {f"{a} > {b}": self._meet(table, a, b, evidence) for a, b in every}
        adjusted = {
            one.test: one.adjusted or 0.0
            for one in correct(family, {name: m.judged.p for name, m in met.items()}, "holm")
        }
        least = sorted(met, key=lambda name: met[name].judged.p)
        uncorrected = sum(m.judged.p <= self.alpha for m in met.values())
        steps = [
            f"{counted(len(every), 'pair')} in the family; before correction "
            f"{uncorrected} at {p_value(self.alpha)} or less"
        ]
        steps += [
            f"{name}: {p_value(met[name].judged.p)}, after Holm {p_value(adjusted[name])}"
            for name in least[:_SHOWN]
        ]
        if len(least) > _SHOWN:
            steps.append(f"… and {len(least) - _SHOWN} more, none smaller")
        notes = dict.fromkeys(note for m in met.values() for note in m.notes)
        steps += list(notes)[:_SHOWN]
        numbers: dict[str, float | None] = {
            "pairs": len(every),
            "least_p": met[least[0]].judged.p,
            "least_adjusted": adjusted[least[0]],
            "uncorrected": uncorrected,
            "corrected": sum(p <= self.alpha for p in adjusted.values()),
        }
        return self._judged(asserted, met, adjusted, steps, numbers)

    def _judged(
        self,
        asserted: list[tuple[str, str]],
        met: dict[str, Meeting],
        adjusted: dict[str, float],
        steps: list[str],
        numbers: dict[str, float | None],
    ) -> Answer:
        shown, against = list[str](), list[str]()
        open_, behind = list[str](), list[str]()
        for a, b in asserted:
            name = f"{a} > {b}"
            turned = name not in met
            name = f"{b} > {a}" if turned else name
            ahead = -met[name].ahead if turned else met[name].ahead
            if adjusted[name] > self.alpha or not ahead:
                open_.append(f"{a} > {b}")
            else:
                (shown if ahead > 0 else against).append(f"{a} > {b}")
            if ahead < 0:
                behind.append(f"{a} > {b}")
        numbers["shown"] = len(shown)
        if against:
            because = f"After the correction the second is the better one: {listed(against)}."
            return Answer("contradicted", because, tuple(steps), numbers=numbers)
        because = (
            f"{len(shown)} of {counted(len(asserted), 'asserted pair')} survive the correction"
        )
        if open_:
            because = f"{because}; not {listed(open_)}."
            if behind:
                because += (
                    " The figures have the second ahead, though not by more than chance: "
                    f"{listed(behind)}."
                )
            return Answer("not_distinguishable", because, tuple(steps), numbers=numbers)
        return Answer("supported", f"{because}.", tuple(steps), numbers=numbers)

    def _meet(self, table: Table, a: str, b: str, evidence: Evidence) -> Meeting:
        from ossay.claims.operand import Side

        sides = [Side(row=name, passed=self.passed, n=self.n) for name in (a, b)]
        return Versus(
            id=self.id,
            says=self.says,
            source=self.source,
            kind="better",
            table=table.name,
            a=sides[0],
            b=sides[1],
            alpha=self.alpha,
            metric=self.metric,
        ).meet(evidence)

    def _place(self, pair: tuple[str, str], models: tuple[str, ...]) -> tuple[str, str]:
        for name in pair:
            if name not in models:
                raise UnknownName.of("model of the family", name, models)
        if pair[0] == pair[1]:
            raise ConfigError(f"{pair[0]!r} can't be better than itself")
        return pair
