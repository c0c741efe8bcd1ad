"""How often a tie is called where the true difference is the margin itself, at alpha 5 %.

`stats_errors` puts them into its table.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, xlogy

from ossay.stats import clustered, equivalence, paired
from stats_cover_clusters import shares_of
from stats_cover_counts import pmf


class Error(NamedTuple):
    """The share of false rejections of a test somewhere; `runs` is None where it is exact."""

    test: str
    where: str
    rate: float
    runs: int | None


def ties() -> Iterator[Error]:
    """TOST where the true difference is the margin itself: every table up to n = 200."""
    for n, margin, differ in itertools.product([50, 100, 200], [0.05, 0.1], [0.1, 0.2]):
        b, c = np.array([(b, c) for b in range(n + 1) for c in range(n + 1 - b)]).T
        up, down = (differ + margin) / 2, (differ - margin) / 2
        ways = gammaln(n + 1) - gammaln(b + 1) - gammaln(c + 1) - gammaln(n - b - c + 1)
        weight = np.exp(ways + xlogy(b, up) + xlogy(c, down) + xlogy(n - b - c, 1 - differ))
        likely = weight > 1e-7
        shown = np.array(
            [
                equivalence.tie_of_pairs(
                    paired.Pairs(0, int(x), int(y), n - int(x + y)), margin
                ).shown
                for x, y in zip(b[likely], c[likely], strict=True)
            ]
        )
        where = f"n={n} margin={margin} differ={differ}"
        yield Error("tie of pairs", where, float(weight[likely][shown].sum()), None)


def ties_of_counts() -> Iterator[Error]:
    """The same for rates on different items: every table, the worst of 81 pairs of rates."""
    for n, margin in [(25, 0.2), (50, 0.1), (50, 0.2)]:
        k = np.arange(n + 1)
        shown = np.zeros((n + 1, n + 1))
        for a, b in itertools.product(range(n + 1), repeat=2):
            if abs(a - b) < margin * n:
                shown[a, b] = equivalence.tie_of_counts(a, n, b, n, margin).shown
        rates = np.linspace(0.0, 1.0 - margin, 81)
        worst = max(
            float(pmf(k, n, min(1.0, rate + margin)) @ shown @ pmf(k, n, rate)) for rate in rates
        )
        yield Error("tie of counts", f"n={n},{n} margin={margin}, worst rates", worst, None)


def ties_in_clusters(runs: int, rng: np.random.Generator) -> Iterator[Error]:
    """Paired 0/1 results in clusters, by the interval at 90 %; the second mix has one winner."""
    for (count, size), icc, (a, b) in itertools.product(
        [(10, 5), (20, 10), (40, 10), (200, 5)], [0.0, 0.3], [(0.2, 0.1), (0.1, 1e-9)]
    ):
        labels, wrong = np.repeat(np.arange(count), size), 0
        for _ in range(runs):
            share = np.repeat(shares_of([a, b, 1 - a - b], icc, count, rng), size, axis=0)
            u = rng.random(labels.size)
            first, second = u < share[:, 0], (u >= share[:, 0]) & (u < share[:, :2].sum(axis=1))
            ends = clustered.clustered_difference(first * 1.0, second * 1.0, labels, 0.9)
            wrong += ends.inside(0.1)
        where = f"{count} x {size} icc={icc} only={a:g},{b:.1g}"
        yield Error("tie in clusters", where, wrong / runs, runs)


def ties_of_means(runs: int, rng: np.random.Generator) -> Iterator[Error]:
    """Differences of scores with the mean at the margin: a bell, and two skewed ones."""
    draws = {
        "bell": lambda n: rng.normal(0.5, 1, n),
        "exponential": lambda n: rng.exponential(1, n) - 0.5,
        "5 % are 10, else 0": lambda n: (rng.random(n) < 0.05) * 10.0,
    }
    for (name, draw), n in itertools.product(draws.items(), [5, 10, 30, 100, 300, 1000]):
        wrong = sum(
            equivalence.tie_of_means(clustered.clustered_mean(draw(n), range(n)), 0.5).shown
            for _ in range(runs)
        )
        yield Error("tie of means", f"{name} n={n}", wrong / runs, runs)
