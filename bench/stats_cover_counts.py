"""How often intervals on counts hold the truth: one rate, pairs, two rates, odds ratios.

Exact by enumeration where that is possible, else simulated. `stats_coverage` makes tables of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.special import betaincinv, gammaln, xlogy

from ossay.stats import bootstrap, paired, rates, unpaired

NS = [5, 10, 20, 50, 100, 300, 1000, 2000]
PS = [0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.98]


class Cell(NamedTuple):
    """One point of a grid: which method, where, the share of intervals that held the truth."""

    method: str
    n: int
    where: str
    cover: float
    runs: int | None  # None: exact


def pmf(k: Any, n: int, p: float) -> Any:
    return np.exp(
        gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + xlogy(k, p) + xlogy(n - k, 1 - p)
    )


def one_rate() -> Iterator[Cell]:
    """Exact: every count of every n."""
    for n in NS:
        k = np.arange(n + 1)
        for method in (rates.wilson, rates.clopper_pearson, rates.jeffreys):
            ends = np.array([(i.low, i.high) for i in (method(int(one), n) for one in k)])
            for p in PS:
                held = (ends[:, 0] <= p) & (p <= ends[:, 1])
                yield Cell(method.__name__, n, f"p={p}", float(pmf(k, n, p)[held].sum()), None)


def tango(runs: int, rng: np.random.Generator) -> Iterator[Cell]:
    """The true d lies inside iff |T(d)| <= z. Exact up to n = 50."""
    z = 1.959963984540054
    grid = [(0.02, 0.0), (0.1, 0.0), (0.1, 0.05), (0.3, 0.0), (0.3, 0.1), (0.5, 0.2), (0.6, 0.5)]
    for n, (differ, gap) in itertools.product(NS, grid):
        shares = np.array([(differ + gap) / 2, (differ - gap) / 2, 1 - differ])
        if n <= 50:
            counts = [(b, c) for b in range(n + 1) for c in range(n + 1 - b)]
            b, c = np.array(counts).T
            ways = gammaln(n + 1) - gammaln(b + 1) - gammaln(c + 1) - gammaln(n - b - c + 1)
            logs = xlogy(b, shares[0]) + xlogy(c, shares[1]) + xlogy(n - b - c, shares[2])
            weight = np.exp(ways + logs)
        else:
            counts, times = np.unique(
                rng.multinomial(n, shares, runs)[:, :2], axis=0, return_counts=True
            )
            weight = times / runs
        held = [abs(paired.score_statistic(int(b), int(c), n, gap)) <= z for b, c in counts]
        where = f"differ={differ} d={gap}"
        yield Cell("tango", n, where, float(weight[held].sum()), None if n <= 50 else runs)


def newcombe(runs: int, rng: np.random.Generator) -> Iterator[Cell]:
    pairs = [(0.1, 0.1), (0.3, 0.2), (0.5, 0.5), (0.8, 0.7), (0.95, 0.9), (0.9, 0.3)]
    for n, (a, b) in itertools.product(NS, pairs):
        if n <= 50:
            table = [(x, y) for x in range(n + 1) for y in range(n + 1)]
            x, y = np.array(table).T
            weight = pmf(x, n, a) * pmf(y, n, b)
        else:
            drawn = np.stack([rng.binomial(n, a, runs), rng.binomial(n, b, runs)], axis=1)
            table, times = np.unique(drawn, axis=0, return_counts=True)
            weight = times / runs
        held = [unpaired.newcombe(int(x), n, int(y), n).holds(a - b) for x, y in table]
        exact = None if n <= 50 else runs
        yield Cell("newcombe", n, f"p={a},{b}", float(weight[held].sum()), exact)


def odds_ratios() -> Iterator[Cell]:
    """Exact: every count of wins among every likely number of discordant pairs."""
    for n, (differ, odds) in itertools.product(NS, [(0.05, 1), (0.2, 1), (0.2, 3), (0.6, 10)]):
        share, cover = odds / (1 + odds), 0.0
        weights = pmf(np.arange(n + 1), n, differ)
        for d in np.flatnonzero(weights > 1e-7).tolist():
            k = np.arange(d + 1)
            low = betaincinv(np.maximum(k, 1e-9), d - k + 1, 0.025)
            high = betaincinv(k + 1, np.maximum(d - k, 1e-9), 0.975)
            held = ((k == 0) | (low <= share)) & ((k == d) | (share <= high))
            cover += weights[d] * float(pmf(k, d, share)[held].sum())
        cover += float(weights[weights <= 1e-7].sum())
        yield Cell("odds_ratio", n, f"differ={differ} odds={odds}", cover, None)


def bootstraps(runs: int, rng: np.random.Generator) -> Iterator[Cell]:
    """Items drawn one by one: 0/1 results, paired differences, bell and skewed scores."""
    draws = {
        "0/1 p=0.5": (lambda n: (rng.random(n) < 0.5) * 1.0, 0.5),
        "0/1 p=0.1": (lambda n: (rng.random(n) < 0.1) * 1.0, 0.1),
        "-1/0/1 0.2,0.1": (lambda n: rng.choice([1.0, -1.0, 0.0], n, p=[0.2, 0.1, 0.7]), 0.1),
        "bell": (lambda n: rng.normal(size=n), 0.0),
        "exponential": (lambda n: rng.exponential(size=n), 1.0),
    }
    for n, (name, (draw, truth)) in itertools.product([5, 10, 20, 50, 100, 500], draws.items()):
        some = runs if n <= 100 else runs // 2
        held = sum(
            bootstrap.bootstrap_mean(draw(n), rng, resamples=1000).holds(truth) for _ in range(some)
        )
        yield Cell("bootstrap, items", n, name, held / some, some)
