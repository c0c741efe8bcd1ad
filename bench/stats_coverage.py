"""How often the intervals of `ossay.stats` hold the truth, over a grid of n, p and clustering.

Exact by enumeration where that is possible, else simulated. `python bench/stats_coverage.py` prints
the tables; `bench/stats.py` writes them into bench/results/stats.md.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np

import stats_cover_clusters as clusters
import stats_cover_counts as counts
import stats_cover_ratings as ratings
from stats_cover_counts import Cell

LOW, HIGH = 0.935, 0.975
PARTS = [
    counts.tango,
    counts.newcombe,
    counts.bootstraps,
    clusters.cluster_grid,
    clusters.uneven_clusters,
    clusters.cluster_differences,
    clusters.bell_scores,
    clusters.separate_clusters,
    clusters.pass_k,
    ratings.forecasts,
    ratings.raters,
    ratings.correlations,
    ratings.sequences,
]
MORE = {"tango": 10.0, "newcombe": 10.0, "forecasts": 0.4, "raters": 0.25, "sequences": 10.0}


def cells(runs: int, seed: int = 1) -> list[Cell]:
    """Every part, each with a stream of its own, `runs` a cell and more or fewer by its cost."""
    found = [*counts.one_rate(), *counts.odds_ratios()]
    for place, part in enumerate(PARTS):
        rng = np.random.default_rng([seed, place])
        found += part(max(200, int(runs * MORE.get(part.__name__, 1.0))), rng)
    return found


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
    parser.add_argument("--only", choices=[part.__name__ for part in PARTS])
    args = parser.parse_args()
    chosen = [part for part in PARTS if part.__name__ == args.only]
    rng = np.random.default_rng(1)
    shown = [*chosen[0](args.runs, rng)] if chosen else cells(args.runs)
    print("\n".join([*table(shown), "", *outside(shown)]))
