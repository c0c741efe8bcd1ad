"""How often intervals on clustered items hold the truth: rates, differences, means, pass^k.

Simulated. `stats_coverage` makes tables of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ossay.stats import bootstrap, clustered, passk
from ossay.stats.gap import gap_of
from stats_cover_counts import Cell

SHAPES = [(5, 4), (10, 3), (10, 10), (20, 5), (50, 10), (200, 10), (500, 4)]  # clusters x size


def shares_of(p: Any, icc: float, count: int, rng: np.random.Generator) -> Any:
    """Shares of each cluster, Dirichlet with mean p and intraclass correlation icc."""
    if icc == 0.0:
        return np.tile(p, (count, 1))
    return rng.dirichlet(np.asarray(p) * (1 / icc - 1), count)


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


def uneven_clusters(runs: int, rng: np.random.Generator) -> Iterator[Cell]:
    """Rates and paired differences where clusters hold 1 to 20 items."""
    for count, icc, p in itertools.product([10, 30, 100, 300], [0.0, 0.2], [0.3, 0.8]):
        sizes = np.resize([1, 2, 4, 8, 20], count)
        labels = np.repeat(np.arange(count), sizes)
        held = np.zeros(2)
        for _ in range(runs):
            share = np.repeat(shares_of([p, 1 - p], icc, count, rng)[:, 0], sizes)
            a = (rng.random(labels.size) < share) * 1.0
            b = (rng.random(labels.size) < share) * 1.0
            held[0] += clustered.clustered_rate(a, labels).holds(p)
            held[1] += clustered.clustered_difference(a, b, labels).holds(0.0)
        where = f"p={p} icc={icc} clusters={count}"
        for name, hits in zip(["clustered_rate", "clustered_difference"], held, strict=True):
            yield Cell(f"{name}, 1-20 each", labels.size, where, hits / runs, runs)


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


def separate_clusters(runs: int, rng: np.random.Generator) -> Iterator[Cell]:
    """Welch's t on two clustered means of different items, scores in a bell shape and 0/1."""
    for (first, second), size, kind in itertools.product(
        [(5, 5), (5, 20), (20, 20), (50, 100), (400, 400)], [1, 5], ["bell", "0/1"]
    ):
        held = 0
        for _ in range(runs):
            found = []
            for count, scale in ((first, 1.0), (second, 3.0)):
                labels = np.repeat(np.arange(count), size)
                if kind == "bell":
                    values = scale * (
                        rng.normal(size=labels.size) + 0.5 * rng.normal(size=count)[labels]
                    )
                else:
                    share = shares_of([0.6, 0.4], 0.2, count, rng)[:, 0][labels]
                    values = (rng.random(labels.size) < share) * 1.0
                found.append(clustered.clustered_mean(values, labels))
            held += gap_of(*found).interval.holds(0.0)
        where = f"{kind} clusters={first},{second} size={size}"
        yield Cell("gap of means", (first + second) * size, where, held / runs, runs)


def pass_k(runs: int, rng: np.random.Generator) -> Iterator[Cell]:
    """Five trials an item, the items' rates from a Beta; k = 3."""
    for count, (a, b) in itertools.product(
        [5, 10, 30, 100, 500, 2000], [(1, 1), (4, 1), (8, 8), (0.3, 0.3)]
    ):
        truth = np.prod([(a + i) / (a + b + i) for i in range(3)])
        none = np.prod([(b + i) / (a + b + i) for i in range(3)])
        held = np.zeros(2)
        for _ in range(runs):
            passed = rng.binomial(5, rng.beta(a, b, count))
            items = [(5, c) for c in passed.tolist()]
            held[0] += passk.pass_interval(items, 3).holds(truth)
            held[1] += passk.pass_interval(items, 3, "pass_at").holds(1 - none)
        for name, hits in zip(["pass_hat_3", "pass_at_3"], held, strict=True):
            yield Cell(name, count, f"items' rates Beta({a},{b})", hits / runs, runs)
