"""The power formulas of `ossay.stats` beside simulation, and what looking after every item saves.

`bench/stats.py` writes the tables into bench/results/stats.md.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ossay.stats import clustered, equivalence, futility, paired, scores, sequential
from ossay.stats import power as pw
from ossay.stats import unpaired as un
from ossay.stats.design import Clustering, Discordance
from ossay.stats.gap import gap_of
from ossay.stats.planning import needed_pairs
from stats_cover_clusters import shares_of


class Case(NamedTuple):
    """Power by formula and by simulation."""

    test: str
    where: str
    formula: float
    simulated: float
    runs: int


def pairs(runs: int, rng: np.random.Generator) -> Iterator[Case]:
    for n, (a, b) in itertools.product([20, 100, 500], [(0.2, 0.1), (0.3, 0.1), (0.12, 0.08)]):
        drawn, times = np.unique(
            rng.multinomial(n, [a, b, 1 - a - b], runs)[:, :2], axis=0, return_counts=True
        )
        found = [paired.mcnemar(int(x), int(y)) for x, y in drawn]
        for test in ("exact", "mid"):
            hit = np.array([getattr(one, f"p_{test}") <= 0.05 for one in found])
            power = pw.paired_power(n, Discordance(a, b), 0.05, test)  # type: ignore[arg-type]
            yield Case(
                f"McNemar {test}", f"n={n} only={a},{b}", power, times[hit].sum() / runs, runs
            )


def separate(runs: int, rng: np.random.Generator) -> Iterator[Case]:
    for n, (a, b) in itertools.product([30, 80, 300], [(0.5, 0.3), (0.767, 0.833), (0.9, 0.77)]):
        drawn = np.stack([rng.binomial(n, a, runs), rng.binomial(n, b, runs)], axis=1)
        kinds, times = np.unique(drawn, axis=0, return_counts=True)
        formula = pw.unpaired_power(n, n, a, b)
        tests = (un.z_test, un.barnard, un.fisher) if n <= 80 else (un.z_test, un.fisher)
        for test in tests:
            likely = times > runs / 20_000
            hit = [test(int(x), n, int(y), n) <= 0.05 for x, y in kinds[likely]]
            simulated = times[likely][np.array(hit)].sum() / times[likely].sum()
            name = test.__name__ if test is not un.fisher else "(fisher)"
            yield Case(name, f"n={n} p={a},{b}", formula, simulated, runs)


def clusters(runs: int, rng: np.random.Generator) -> Iterator[Case]:
    mix = [0.2, 0.1, 0.7]
    for (count, size), icc in itertools.product([(20, 5), (40, 10), (100, 5)], [0.0, 0.1, 0.4]):
        labels = np.repeat(np.arange(count), size)
        hits = np.zeros(3)
        for _ in range(runs):
            share = np.repeat(shares_of(mix, icc, count, rng), size, axis=0)
            u = rng.random(labels.size)
            gap = (u < share[:, 0]) * 1.0 - ((u >= share[:, 0]) & (u < share[:, :2].sum(axis=1)))
            hits[0] += not clustered.clustered_mean(gap, labels).interval().holds(0.0)
            hits[1] += scores.sign_flip(gap, rng, labels).p <= 0.05
            sides = [
                (
                    rng.random(labels.size)
                    < np.repeat(shares_of([p, 1 - p], icc, count, rng)[:, 0], size)
                )
                for p in (0.6, 0.45)
            ]
            first, second = (clustered.clustered_mean(side * 1.0, labels) for side in sides)
            hits[2] += gap_of(first, second).p <= 0.05
        groups, where = Clustering(size, icc), f"{count} x {size} icc={icc}"
        for name, test, some in [
            ("clustered t, pairs", "mid", hits[0]),
            ("sign flip by cluster", "exact", hits[1]),
        ]:
            formula = pw.paired_power(count * size, Discordance(0.2, 0.1), 0.05, test, groups)  # type: ignore[arg-type]
            yield Case(name, where, formula, some / runs, runs)
        formula = pw.unpaired_power(count * size, count * size, 0.6, 0.45, 0.05, groups)
        yield Case("clustered t, separate", where, formula, hits[2] / runs, runs)


def means_and_ties(runs: int, rng: np.random.Generator) -> Iterator[Case]:
    for n, gap in itertools.product([20, 60], [0.3, 0.6]):
        hits = sum(
            scores.sign_flip(rng.normal(gap, 1, n), rng, draws=399).p <= 0.05 for _ in range(runs)
        )
        yield Case(
            "sign flip, scores", f"n={n} d={gap} sd", pw.mean_power(n, gap, 1.0), hits / runs, runs
        )
    for n, (a, b), margin in [
        (200, (0.05, 0.05), 0.05),
        (300, (0.1, 0.1), 0.05),
        (600, (0.1, 0.08), 0.05),
        (200, (0.2, 0.2), 0.1),
        (1000, (0.15, 0.15), 0.05),
    ]:
        drawn, times = np.unique(
            rng.multinomial(n, [a, b, 1 - a - b], 2 * runs)[:, :2], axis=0, return_counts=True
        )
        hit = np.array(
            [
                equivalence.tie_of_pairs(
                    paired.Pairs(0, int(x), int(y), n - int(x + y)), margin
                ).shown
                for x, y in drawn
            ]
        )
        shares = Discordance(a, b)
        formula = pw.tie_power(n, shares, margin)
        where = f"n={n} only={a},{b} margin={margin}"
        yield Case("tie of pairs", where, formula, times[hit].sum() / times.sum(), 2 * runs)


def walks(runs: int, rng: np.random.Generator) -> Iterator[Case]:
    """The exact walk of the e-process beside simulated campaigns: chance to decide, mean items."""
    for (a, b), budget in [((0.2, 0.1), 300), ((0.15, 0.15), 500), ((0.3, 0.1), 100)]:
        step = rng.choice([1, -1, 0], p=[a, b, 1 - a - b], size=(runs, budget))
        up, down = np.cumsum(step == 1, axis=1), np.cumsum(step == -1, axis=1)
        bar = np.array(sequential.boundary(budget))[up + down]
        over = (up >= bar) | (down >= bar)
        first = np.where(over.any(axis=1), over.argmax(axis=1) + 1, budget)
        exact = futility.sequential_design(Discordance(a, b), budget)
        where = f"only={a},{b} budget={budget}"
        yield Case(
            "e-process decides", where, 1 - exact.undecided, float(over.any(axis=1).mean()), runs
        )
        share = exact.mean_items / budget
        yield Case("e-process, items / budget", where, share, float(first.mean()) / budget, runs)


def savings() -> Iterator[list[str]]:
    """Mean items of the sequential design over those of the fixed one, at equal power."""
    for gap, differ in ((0.05, 0.2), (0.1, 0.3), (0.2, 0.4)):
        shares = Discordance((differ + gap) / 2, (differ - gap) / 2)
        for power in (0.8, 0.9, 0.95, 0.99):
            fixed = needed_pairs(shares, power) or 0
            cells = []
            for bet in (sequential.Bet(), sequential.Bet(edge=shares.only_a / differ)):
                low, high = fixed // 2, fixed * 4
                while low < high:
                    middle = (low + high) // 2
                    if futility.sequential_design(shares, middle, 0.05, bet).named_a >= power:
                        high = middle
                    else:
                        low = middle + 1
                found = futility.sequential_design(shares, low, 0.05, bet)
                cells += [f"{low}", f"{found.mean_items:.0f}", f"{found.mean_items / fixed:.2f}"]
            yield [f"{100 * gap:.0f}", f"{100 * power:.0f}", f"{fixed}", *cells]


def one_design_for_all() -> Iterator[list[str]]:
    """Both designs sized for 5 points at 90 %, the truth being larger, or nothing."""
    fixed = needed_pairs(Discordance(0.125, 0.075), 0.9) or 0
    budget = next(
        n
        for n in range(fixed, 3 * fixed, 10)
        if futility.sequential_design(Discordance(0.125, 0.075), n).named_a >= 0.9
    )
    for gap in (0.0, 0.05, 0.1, 0.2):
        shares = Discordance((0.2 + gap) / 2, (0.2 - gap) / 2)
        found = futility.sequential_design(shares, budget)
        power = pw.paired_power(fixed, shares)
        yield [
            f"{100 * gap:.0f}",
            f"{fixed}",
            f"{100 * power:.1f}",
            f"{budget}",
            f"{100 * (found.named_a + found.named_b):.1f}",
            f"{found.mean_items:.0f}",
            f"{found.mean_items / fixed:.2f}",
        ]


def cases(runs: int, seed: int = 3) -> list[Case]:
    rng = np.random.default_rng(seed)
    return [
        *pairs(20 * runs, rng),
        *separate(20 * runs, rng),
        *clusters(runs, rng),
        *means_and_ties(runs, rng),
        *walks(5 * runs, rng),
    ]


def table(found: list[Case]) -> list[str]:
    lines = ["| test | where | formula % | simulated % | runs | |", "|---|---|---:|---:|---:|---|"]
    for test, where, formula, simulated, runs in found:
        off = abs(formula - simulated)
        noise = 2 * (simulated * (1 - simulated) / runs) ** 0.5
        mark = "" if off <= 0.02 + noise else f"off by {100 * (formula - simulated):+.1f}"
        shown = f"{100 * formula:.1f} | {100 * simulated:.1f} | {runs:,} | {mark}"
        lines.append(f"| {test} | {where} | {shown} |")
    return lines


def saving_tables() -> list[str]:
    lines = [
        "| points | power % | fixed n | budget, spread 4 | mean items | ratio "
        "| budget, right edge | mean items | ratio |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [f"| {' | '.join(row)} |" for row in savings()]
    lines += [
        "",
        "| true points | fixed n | its power % | budget | decided % | mean items | ratio |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    return lines + [f"| {' | '.join(row)} |" for row in one_design_for_all()]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    print("\n".join([*table(cases(parser.parse_args().runs)), "", *saving_tables()]))
