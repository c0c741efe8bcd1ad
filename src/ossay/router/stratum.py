"""One stratum, settled: which rung its calibration rows certify, and what that means for traffic.

Knows nothing of other strata: its delta is what it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from ossay.router.costs import break_even
from ossay.router.gate import Estimand
from ossay.router.ladder import Graph, Ladder, Target, failing, tally
from ossay.router.policy import NEVER, Beside, Expected, Stratum, Thresholds
from ossay.stats.risk import certify, conformal, naive, needed, p_values, upper_bound

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats

Method = Literal["naive", "conformal"]


class Tuned(Struct, frozen=True):
    """What a method without this promise would have set, and what the same rows say of it.

    `upper_bound` is what the rows don't refute at the stratum's delta; above alpha, the setting may
    break what it was tuned for. None where nothing was published.
    """

    method: Method
    stratum: str
    thresholds: Thresholds
    published: float
    saved: float
    failures: int
    of: int
    upper_bound: float | None


class Seen(Struct, frozen=True):
    """What thresholds do to rows; see `Stratum` for each."""

    failures: int
    of: int
    published: float
    validated: float
    redone: float | None
    expected: Expected


def settle(name: str, graph: Graph, ladder: Ladder, target: Target) -> Stratum:
    """Climb the ladder on rows that it was not built on, and describe where it ends."""
    import numpy as np

    failures, of = _along(graph, ladder, target.estimand)
    rung = certify(failures, of, target.alpha, target.delta) if failures.size else None
    thresholds = NEVER if rung is None else _thresholds(ladder, rung)
    why = _why(failures, of, target) if rung is None else ""
    seen = seen_under(graph, thresholds, target.estimand)
    if rung is not None and seen.published == 0.0:
        why = "only thresholds that let nothing through can be certified; more rows may help"
        rung, thresholds = None, NEVER
        seen = seen_under(graph, thresholds, target.estimand)
    cheap, strong = (
        Expected(_mean(money), _mean(right), wait)
        for money, right, wait in (
            (graph.costs.cheap, graph.cheap_right, _wait(graph, 0)),
            (graph.costs.strong, graph.strong_right, _wait(graph, 1)),
        )
    )
    best = min((cheap, strong), key=lambda one: (-one.right, one.cost))
    edge = None
    if graph.approved is not None and graph.score.size:
        prices = [float(np.mean(one)) for one in _money(graph)]
        edge = break_even(*prices)
    return Stratum(
        name=name,
        n=graph.score.size,
        delta=target.delta,
        thresholds=thresholds,
        infeasible=why,
        failures=seen.failures,
        of=seen.of,
        upper_bound=upper_bound(seen.failures, seen.of, target.delta) if rung is not None else None,
        published=seen.published,
        validated=seen.validated,
        expected=Beside(seen.expected, cheap, strong, best),
        saved=_saved(seen.expected, strong),
        break_even=edge,
        redone=seen.redone,
    )


def tuned(method: Method, name: str, graph: Graph, ladder: Ladder, target: Target) -> Tuned:
    """What another method would have picked on the same ladder, from the same rows."""
    failures, of = _along(graph, ladder, target.estimand)
    pick = naive if method == "naive" else conformal
    rung = pick(failures, of, target.alpha) if failures.size and graph.score.size else None
    thresholds = NEVER if rung is None else _thresholds(ladder, rung)
    seen = seen_under(graph, thresholds, target.estimand)
    strong = Expected(_mean(graph.costs.strong), _mean(graph.strong_right))
    bound = upper_bound(seen.failures, seen.of, target.delta) if rung is not None else None
    saved = _saved(seen.expected, strong)
    return Tuned(method, name, thresholds, seen.published, saved, seen.failures, seen.of, bound)


def _along(graph: Graph, ladder: Ladder, estimand: Estimand) -> tuple[Floats, Floats]:
    counted = tally(graph, ladder.thresholds, estimand)
    publish, validate = ladder.levels[:, 0], ladder.levels[:, 1]
    return counted.failures[publish, validate], counted.of[publish, validate]


def _thresholds(ladder: Ladder, rung: int) -> Thresholds:
    publish, validate = (int(level) for level in ladder.levels[rung])
    cuts = ladder.thresholds
    return Thresholds(
        float(cuts[publish]) if publish else None,
        float(cuts[validate]) if validate > publish else None,
    )


def seen_under(graph: Graph, thresholds: Thresholds, estimand: Estimand) -> Seen:
    """What happens to these rows under these thresholds."""
    import numpy as np

    publish, validate = (
        graph.score >= (np.inf if one is None else one)
        for one in (thresholds.publish, thresholds.validate)
    )
    checked = validate & ~publish
    approved = checked & (graph.approved == 1.0 if graph.approved is not None else False)
    out = publish | approved
    wrong = out & (failing(graph, estimand) == 1.0)
    of = out.size if estimand == "escape" else int(out.sum())
    strong = ~out
    drafted = publish | checked

    def total(calls: tuple[Floats, Floats, Floats]) -> float:
        return _mean(drafted * calls[0] + strong * calls[1] + checked * calls[2])

    wait = None if graph.costs.seconds is None else total(graph.costs.seconds)
    right = np.where(out, graph.cheap_right, graph.strong_right)
    redone = float((checked & ~approved).sum() / checked.sum()) if checked.any() else None
    expected = Expected(total(_money(graph)), _mean(right), wait)
    return Seen(int(wrong.sum()), of, _mean(out), _mean(checked), redone, expected)


def _money(graph: Graph) -> tuple[Floats, Floats, Floats]:
    return graph.costs.cheap, graph.costs.strong, graph.costs.validator


def _wait(graph: Graph, which: int) -> float | None:
    return None if graph.costs.seconds is None else _mean(graph.costs.seconds[which])


def _mean(values: Any) -> float:
    return float(values.mean()) if values.size else 0.0


def _saved(expected: Expected, strong: Expected) -> float:
    return 1.0 - expected.cost / strong.cost if strong.cost > 0.0 else 0.0


def _why(failures: Floats, of: Floats, target: Target) -> str:
    """Say why not even the first rung is certified, and what would help."""
    if not failures.size:
        return "no draft that is published saves anything against the strong model alone"
    n, least = int(of[0]), needed(target.alpha, target.delta)
    if n < least:
        return (
            f"{n:,} calibration rows reach the safest thresholds worth testing; even without a "
            f"failure it takes {least:,}"
        )
    p = float(p_values(failures[:1], of[:1], target.alpha)[0])
    return (
        f"the safest thresholds worth testing failed {int(failures[0]):,} times of {n:,}; where "
        f"the risk is alpha that happens with chance {p:.2g}, which must be at most "
        f"{target.delta:.2g}: more rows, a larger alpha or a better cheap model"
    )
