"""Ladder: pairs of thresholds in the order in which they are tested, from safe to cheap.

A request whose score reaches `publish` gets the cheap answer; one that reaches `validate` gets it
if the validator approves, else the strong model's; the rest goes to the strong model at once. Which
pairs are worth testing, and in what order, is read off the training rows: B. Laufer-Goldshtein, A.
Fisch, R. Barzilay, T. Jaakkola, "Efficiently controlling multiple risks with Pareto testing", ICLR
2023. Knows nothing of how a rung is tested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from ossay.router.costs import Costs
from ossay.router.gate import Estimand
from ossay.stats.binomial import at_most

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ossay.stats.arrays import Floats

# Thresholds a ladder is built of. Failures only grow along one threshold, so many cost nothing;
# among pairs, and shares that may fall again, each more is one more chance to stop by bad luck.
_ONE, _PAIRS = 200, 40


class Target(Struct, frozen=True):
    """What a stratum is held to: a risk of at most alpha, but for a chance of delta."""

    estimand: Estimand
    alpha: float
    delta: float


class Graph(Struct, frozen=True):
    """Rows as a ladder sees them, each of shape [n].

    `approved` is 1 where the validator lets the draft through; None where there is no validator.
    """

    score: Floats
    cheap_right: Floats
    strong_right: Floats
    approved: Floats | None
    costs: Costs

    def take(self, rows: NDArray[np.int64]) -> Graph:
        """The rows with these numbers."""
        costs, seconds = self.costs, self.costs.seconds
        return Graph(
            self.score[rows],
            self.cheap_right[rows],
            self.strong_right[rows],
            None if self.approved is None else self.approved[rows],
            Costs(
                costs.cheap[rows],
                costs.strong[rows],
                costs.validator[rows],
                seconds and (seconds[0][rows], seconds[1][rows], seconds[2][rows]),
                costs.unit,
            ),
        )


class Tally(Struct, frozen=True):
    """What each pair of levels would have done, shape [levels, levels] (publish, validate).

    Only validate >= publish is meant: level 0 lets nothing through, each further one more.
    """

    failures: Floats
    of: Floats
    cost: Floats


class Ladder(Struct, frozen=True):
    """`thresholds` falls from +inf; rung k is (publish, validate) = levels[k], shape [rungs, 2]."""

    thresholds: Floats
    levels: NDArray[np.int64]


def failing(graph: Graph, estimand: Estimand) -> Floats:
    """1 for each row whose cheap answer, if published, would be a failure; shape [n]."""
    wrong = 1.0 - graph.cheap_right
    return wrong * graph.strong_right if estimand == "escape" else wrong


def tally(graph: Graph, thresholds: Floats, estimand: Estimand) -> Tally:
    """Count failures under every pair of thresholds.

    escape: published, wrong, and the strong model would have been right; of all rows.
    selective: published and wrong; of the rows published.
    """
    import numpy as np

    level = np.searchsorted(-thresholds, -graph.score, side="left")
    steps = thresholds.size
    approved = np.zeros(graph.score.size) if graph.approved is None else graph.approved
    costs = graph.costs

    def up_to(values: Floats) -> Floats:
        """Sums over the rows let through at each level."""
        return np.asarray(
            np.cumsum(np.bincount(level, weights=values, minlength=steps + 1)[:steps])
        )

    def by_pair(at_once: Floats, checked: Floats, else_: Floats) -> Floats:
        once, check, rest = up_to(at_once), up_to(checked), up_to(else_)
        total: Floats = (once - check)[:, None] + (check - rest)[None, :] + else_.sum()
        return total

    wrong = failing(graph, estimand)
    if estimand == "escape":
        of = np.full((steps, steps), float(graph.score.size))
    else:
        of = by_pair(np.ones(wrong.size), approved, np.zeros(wrong.size))
    drafted = costs.cheap + costs.validator + (1.0 - approved) * costs.strong
    return Tally(
        by_pair(wrong, wrong * approved, np.zeros(wrong.size)),
        of,
        by_pair(costs.cheap, drafted, costs.strong),
    )


def build(train: Graph, target: Target, rows: int) -> Ladder:
    """Order what is worth testing by its risk on the training rows.

    `rows` is how many will be there to test with. Of two pairs where one fails more and costs no
    less, it is dropped, and so is what saves nothing against the strong model alone; no rung may be
    left. For shares of few rows the first rungs can't be certified for want of rows:
    the ladder starts at the rung whose p value is foreseen to be the least.
    """
    import numpy as np

    single = train.approved is None
    steps = _ONE if single and target.estimand == "escape" else _PAIRS
    thresholds = _thresholds(train.score, steps)
    counted = tally(train, thresholds, target.estimand)
    size = thresholds.size
    publish, validate = np.indices((size, size)).reshape(2, -1)
    meant = (publish == validate if single else publish <= validate) & (validate > 0)
    publish, validate = publish[meant], validate[meant]
    failures, of, cost = (
        one[publish, validate] for one in (counted.failures, counted.of, counted.cost)
    )
    risk = np.where(of > 0.0, failures / np.maximum(of, 1.0), 0.0)
    front, cheapest = [], float(train.costs.strong.sum())
    for place in np.lexsort((cost, risk)):
        if cost[place] < cheapest * (1.0 - 1e-9):
            front.append(place)
            cheapest = cost[place]
    kept = np.array(front, dtype=np.int64)
    if not kept.size:
        return Ladder(thresholds, np.empty((0, 2), dtype=np.int64))
    ahead = of[kept] * rows / max(train.score.size, 1)
    foreseen = at_most(risk[kept] * ahead, ahead, target.alpha)
    kept = kept[int(np.argmin(foreseen)) :]
    return Ladder(thresholds, np.stack([publish[kept], validate[kept]], axis=1))


def _thresholds(score: Floats, steps: int) -> Floats:
    import numpy as np

    shares = np.quantile(score, 1.0 - np.arange(1, steps + 1) / steps)
    return np.concatenate([[np.inf], np.unique(shares)[::-1]])
