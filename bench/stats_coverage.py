"""How often the intervals of `ossay.stats` hold the truth, over a grid of n, p and clustering.

Exact by enumeration where that is possible, else simulated. `python bench/stats_coverage.py` prints
the tables; `bench/stats.py` writes them into bench/results/stats.md.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.special import gammaln, xlogy

from ossay.stats import (
    agreement,
    bootstrap,
    calibration,
    clustered,
    paired,
    passk,
    rates,
    unpaired,
)
from ossay.stats import confseq as cs
from ossay.stats.icc import icc as correlation

LOW, HIGH = 0.935, 0.975
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


def shares_of(p: Any, icc: float, count: int, rng: np.random.Generator) -> Any:
    """Shares of each cluster, Dirichlet with mean p and intraclass correlation icc."""
    if icc == 0.0:
        return np.tile(p, (count, 1))
    return rng.dirichlet(np.asarray(p) * (1 / icc - 1), count)


SHAPES = [(5, 4), (10, 3), (10, 10), (20, 5), (50, 10), (200, 10), (500, 4)]  # clusters x size


def cluster_grid(runs: int, rng: np.random.Generator, quick: bool = False) -> Iterator[Cell]:
    shapes = [(10, 3), (50, 10)] if quick else SHAPES
    rates_ = [0.5, 0.8] if quick else [0.1, 0.3, 0.5, 0.8, 0.95]
    for (count, size), icc, p in itertools.product(shapes, [0.0, 0.1, 0.5], rates_):
        labels = np.repeat(np.arange(count), size)
        where = f"p={p} icc={icc} clusters={count}"
        held = np.zeros(3)
        for _ in range(runs):
            share = shares_of([p, 1 - p], icc, count, rng)[:, 0]
            values = np.repeat((rng.binomial(size, share)), size) > np.tile(np.arange(size), count)
            values = values.astype(float)
            held[0] += clustered.clustered_rate(values, labels).holds(p)
            held[1] += clustered.clustered_mean(values, labels).interval().holds(p)
            held[2] += bootstrap.bootstrap_mean(values, rng, labels, resamples=1000).holds(p)
        for name, hits in zip(["clustered_rate", "clustered_t", "bootstrap"], held, strict=True):
            yield Cell(name, count * size, where, hits / runs, runs)


def cluster_differences(runs: int, rng: np.random.Generator) -> Iterator[Cell]:
    mixes = [(0.1, 0.1), (0.2, 0.1), (0.35, 0.15), (0.04, 0.02)]
    for (count, size), icc, (a, b) in itertools.product(SHAPES, [0.0, 0.1, 0.5], mixes):
        labels = np.repeat(np.arange(count), size)
        held = 0
        for _ in range(runs):
            share = np.repeat(shares_of([a, b, 1 - a - b], icc, count, rng), size, axis=0)
            u = rng.random(count * size)
            first, second = u < share[:, 0], (u >= share[:, 0]) & (u < share[:, 0] + share[:, 1])
            found = clustered.clustered_difference(first * 1.0, second * 1.0, labels)
            held += found.holds(a - b)
        where = f"only={a},{b} icc={icc} clusters={count}"
        yield Cell("clustered_difference", count * size, where, held / runs, runs)


def bell_scores(runs: int, rng: np.random.Generator) -> Iterator[Cell]:
    """Scores in a bell shape: equal clusters, and sizes from 1 to 10."""
    for count, uneven, icc in itertools.product([5, 10, 30, 100], [False, True], [0.0, 0.3]):
        sizes = np.resize([1, 2, 4, 7, 10], count) if uneven else np.full(count, 5)
        labels = np.repeat(np.arange(count), sizes)
        held = 0
        for _ in range(runs):
            own = rng.normal(size=labels.size) * np.sqrt(1 - icc)
            values = own + (rng.normal(size=count) * np.sqrt(icc))[labels]
            held += clustered.clustered_mean(values, labels).interval().holds(0.0)
        where = f"bell icc={icc} clusters={count} {'1-10' if uneven else '5'} each"
        yield Cell("clustered_t", labels.size, where, held / runs, runs)


def pass_k(runs: int, rng: np.random.Generator) -> Iterator[Cell]:
    """Five trials an item, the items' rates from a Beta; k = 3."""
    for count, (a, b) in itertools.product(
        [5, 10, 30, 100, 500], [(1, 1), (4, 1), (8, 8), (0.3, 0.3)]
    ):
        truth = np.prod([(a + i) / (a + b + i) for i in range(3)])
        held = 0
        for _ in range(runs):
            passed = rng.binomial(5, rng.beta(a, b, count))
            held += passk.pass_interval([(5, int(c)) for c in passed], 3).holds(truth)
        yield Cell("pass_hat_3", count, f"items' rates Beta({a},{b})", held / runs, runs)


def forecasts(runs: int, rng: np.random.Generator) -> Iterator[Cell]:
    for n, kind in itertools.product([20, 50, 200, 1000], ["good", "overconfident"]):
        held = np.zeros(3)
        bins = 10 if n >= 200 else 5
        loss, nats, error = forecast_truth(kind, bins)
        for _ in range(runs):
            said, outcome = forecast_draw(kind, n, rng)
            held[0] += calibration.brier(said, outcome).interval.holds(loss)
            held[1] += calibration.log_score(said, outcome).interval.holds(nats)
            if n >= 200:
                found = calibration.calibration_error(said, outcome, rng, bins=bins, draws=400)
                held[2] += found.interval.holds(error)
        names = ["brier", "log_score", *(["calibration_error"] if n >= 200 else [])]
        for name, hits in zip(names, held, strict=False):
            yield Cell(name, n, kind, hits / runs, runs)


def forecast_draw(kind: str, n: int, rng: np.random.Generator) -> tuple[Any, Any]:
    said = rng.uniform(0.05, 0.95, n)
    true = said if kind == "good" else 0.5 + 0.6 * (said - 0.5)
    return said, (rng.random(n) < true) * 1.0


def forecast_truth(kind: str, bins: int) -> tuple[float, float, float]:
    said = 0.05 + 0.9 * (np.arange(180_000) + 0.5) / 180_000
    true = said if kind == "good" else 0.5 + 0.6 * (said - 0.5)
    loss = float((true * (1 - said) ** 2 + (1 - true) * said**2).mean())
    nats = float(-(true * np.log(said) + (1 - true) * np.log(1 - said)).mean())
    error = float(np.abs((true - said).reshape(bins, -1).mean(axis=1)).mean())
    return loss, nats, error


def raters(runs: int, rng: np.random.Generator) -> Iterator[Cell]:
    """Three categories; a rater sees the true one with chance r, else guesses: alpha = kappa = r^2.

    ICC: targets and errors in a bell shape, the truth 1/2, and raters with a bias of their own.
    """
    for units, r in itertools.product([10, 20, 30, 50, 100], [0.7, 0.95]):
        held = np.zeros(2)
        for _ in range(runs):
            truth = rng.integers(0, 3, units)
            said = np.where(rng.random((3, units)) < r, truth, rng.integers(0, 3, (3, units)))
            alpha = agreement.krippendorff_alpha(said, rng=rng, resamples=300).interval
            kappa = agreement.cohen_kappa(said[0].tolist(), said[1].tolist()).interval
            held += (
                alpha is not None and alpha.holds(r * r),
                kappa is not None and kappa.holds(r * r),
            )
        for name, hits in zip(["krippendorff_alpha", "cohen_kappa"], held, strict=True):
            yield Cell(name, units, f"truth {r * r:.2f}", hits / runs, runs)
    for targets, judges in itertools.product([10, 30, 100], [2, 4]):
        held = np.zeros(3)
        for _ in range(2 * runs):
            own = rng.normal(size=(targets, 1)) + rng.normal(size=(targets, judges))
            biased = own + 0.5 * rng.normal(size=judges)
            held[0] += correlation(own, "one_way").single_interval.holds(0.5)
            held[1] += correlation(biased, "two_way_random").single_interval.holds(1 / 2.25)
            held[2] += correlation(biased, "two_way_fixed").single_interval.holds(0.5)
        for name, hits in zip(["one_way", "two_way_random", "two_way_fixed"], held, strict=True):
            yield Cell(f"icc {name}", targets, f"{judges} raters", hits / runs / 2, 2 * runs)


def sequences(runs: int, rng: np.random.Generator, n: int = 500) -> Iterator[Cell]:
    """The share of runs in which the truth stays inside at every n: at least 95 % is promised."""
    limit = -np.log(0.05)
    for p in [0.05, 0.3, 0.5]:
        total = np.cumsum(rng.random((runs, n)) < p, axis=1)
        worst = np.zeros(runs)
        for i in range(n):
            kinds, place = np.unique(total[:, i], return_inverse=True)
            found = np.array([cs.rate_evidence(int(k), i + 1, p) for k in kinds])
            worst = np.maximum(worst, found[place])
        yield Cell("rate_sequence", n, f"p={p}, at every n", float((worst < limit).mean()), runs)
    for a, b in [(0.1, 0.1), (0.2, 0.1), (0.02, 0.01)]:
        u = rng.random((runs, n))
        up, down = np.cumsum(u < a, axis=1), np.cumsum((u >= a) & (u < a + b), axis=1)
        worst = np.zeros(runs)
        for i in range(n):
            kinds, place = np.unique(up[:, i] * (n + 1) + down[:, i], return_inverse=True)
            found = np.array(
                [
                    cs.difference_evidence(int(k) // (n + 1), int(k) % (n + 1), i + 1, a - b)
                    for k in kinds
                ]
            )
            worst = np.maximum(worst, found[place])
        inside = float((worst < limit).mean())
        yield Cell("difference_sequence", n, f"only={a},{b}, at every n", inside, runs)
    draws: dict[str, Callable[[], Any]] = {
        "uniform": lambda: rng.random((n, runs)),
        "0/1 p=0.1": lambda: (rng.random((n, runs)) < 0.1) * 1.0,
        "Beta(1,9)": lambda: rng.beta(1, 9, (n, runs)),
    }
    for name, mean in [("uniform", 0.5), ("0/1 p=0.1", 0.1), ("Beta(1,9)", 0.1)]:
        peak = cs.mean_wealth(draws[name](), np.full(runs, mean))
        yield Cell("mean_sequence", n, f"{name}, at every n", float((peak < limit).mean()), runs)


def cells(runs: int, seed: int = 1) -> list[Cell]:
    rng = np.random.default_rng(seed)
    return [
        *one_rate(),
        *tango(10 * runs, rng),
        *newcombe(10 * runs, rng),
        *cluster_grid(runs, rng),
        *cluster_differences(runs, rng),
        *bell_scores(runs, rng),
        *pass_k(runs, rng),
        *forecasts(max(500, runs // 4), rng),
        *raters(max(500, runs // 4), rng),
        *sequences(20_000 if runs >= 1000 else 2_000, rng),
    ]


def table(found: list[Cell]) -> list[str]:
    """One line a method and n: least, mean and most cover, and how many cells lie outside."""
    lines = ["| interval | n | cells | least | mean | most | below 93.5 % | above 97.5 % |"]
    lines += ["|---|---:|---:|---:|---:|---:|---:|---:|"]
    key = lambda cell: (cell.method, cell.n)  # noqa: E731
    order = {cell.method: index for index, cell in reversed(list(enumerate(found)))}
    for (method, n), group in itertools.groupby(
        sorted(found, key=lambda c: (order[c.method], c.n)), key=key
    ):
        cover = [cell.cover for cell in group]
        below, above = sum(c < LOW for c in cover), sum(c > HIGH for c in cover)
        mean = sum(cover) / len(cover)
        lines.append(
            f"| {method} | {n} | {len(cover)} | {100 * min(cover):.1f} | {100 * mean:.1f} | "
            f"{100 * max(cover):.1f} | {below} | {above} |"
        )
    return lines


def outside(found: list[Cell]) -> list[str]:
    """Every cell below the range, worst first in each method."""
    lines = ["| interval | n | where | cover |", "|---|---:|---|---:|"]
    low = sorted((c for c in found if c.cover < LOW), key=lambda c: (c.method, c.cover))
    return lines + [f"| {c.method} | {c.n} | {c.where} | {100 * c.cover:.1f} |" for c in low]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--only", help="one part, such as raters or cluster_grid")
    args = parser.parse_args()
    part = globals()[args.only](args.runs, np.random.default_rng(1)) if args.only else None
    found = cells(args.runs) if part is None else list(part)
    print("\n".join([*table(found), "", *outside(found)]))
