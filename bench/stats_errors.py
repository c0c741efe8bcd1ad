"""How often the tests of `ossay.stats` reject where there is nothing to find, at alpha 5 %.

Exact by enumeration where that is possible, else simulated; anytime-valid tests look after every
item. `bench/stats.py` writes the table into bench/results/stats.md.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ossay.stats import clustered, futility, many, paired, ranks, scores, sequential
from ossay.stats import unpaired as un
from ossay.stats.binomial import at_most
from ossay.stats.comparison import compare_pairs
from ossay.stats.design import Discordance
from ossay.stats.power import paired_power
from ossay.stats.verdict import verdict
from stats_cover_clusters import shares_of
from stats_cover_counts import pmf
from stats_error_ties import Error, ties, ties_in_clusters, ties_of_counts, ties_of_means

ALPHA = 0.05


def mcnemar() -> Iterator[Error]:
    for test in ("exact", "mid"):
        for n in [5, 10, 20, 50, 100, 300, 1000, 2000]:
            differ = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
            found = [paired_power(n, Discordance(d / 2, d / 2), ALPHA, test) for d in differ]  # type: ignore[arg-type]
            yield Error(f"McNemar {test}", f"n={n}, most over 13 shares", max(found), None)


def separate() -> Iterator[Error]:
    """Fisher, Barnard, z: every table, the worst of 60 common rates."""
    p = np.linspace(0.01, 0.99, 60)
    for n_a, n_b in [(5, 5), (10, 10), (20, 20), (30, 30), (10, 30), (3, 6)]:
        grid = list(itertools.product(range(n_a + 1), range(n_b + 1)))
        a, b = np.array(grid).T
        weight = np.array([pmf(a, n_a, one) * pmf(b, n_b, one) for one in p])
        for test in (un.fisher, un.barnard, un.z_test):
            rejects = np.array([test(int(x), n_a, int(y), n_b) <= ALPHA for x, y in grid])
            worst = float((weight @ rejects).max())
            yield Error(test.__name__, f"n={n_a},{n_b}, worst rate", worst, None)


def flips(runs: int, rng: np.random.Generator) -> Iterator[Error]:
    """Sign flips and Wilcoxon on differences even around 0, with ties and heavy tails."""
    kinds = {
        "bell": lambda n: rng.normal(size=n),
        "steps of 1/4": lambda n: rng.integers(-3, 4, n) / 4,
        "heavy tails": lambda n: rng.standard_t(2, n),
    }
    for (name, draw), n in itertools.product(kinds.items(), [5, 10, 16, 60]):
        hits = np.zeros(2)
        some = runs if n <= 16 else runs // 4
        for _ in range(some):
            drawn = draw(n)
            hits[0] += scores.sign_flip(drawn, rng, draws=199).p <= ALPHA
            hits[1] += scores.wilcoxon(drawn).p <= ALPHA
        yield Error("sign flip", f"{name} n={n}", hits[0] / some, some)
        yield Error("Wilcoxon", f"{name} n={n}", hits[1] / some, some)


def clusters(runs: int, rng: np.random.Generator) -> Iterator[Error]:
    """Paired 0/1 results in clusters, neither better: flips by cluster; McNemar ignores it."""
    for (count, size), icc in itertools.product([(10, 3), (12, 10), (40, 10)], [0.0, 0.3]):
        labels = np.repeat(np.arange(count), size)
        hits = np.zeros(3)
        for _ in range(runs):
            share = np.repeat(shares_of([0.15, 0.15, 0.7], icc, count, rng), size, axis=0)
            u = rng.random(count * size)
            gap = (u < share[:, 0]) * 1.0 - ((u >= share[:, 0]) & (u < share[:, :2].sum(axis=1)))
            hits[0] += scores.sign_flip(gap, rng, labels).p <= ALPHA
            found = clustered.clustered_mean(gap, labels)
            hits[1] += not found.interval().holds(0.0)
            plain = paired.mcnemar(int((gap > 0).sum()), int((gap < 0).sum()))
            hits[2] += plain.p_exact <= ALPHA
        where = f"{count} x {size} icc={icc}"
        for name, one in zip(
            ["sign flip, clusters", "clustered t", "(McNemar)"], hits, strict=True
        ):
            yield Error(name, where, one / runs, runs)


def peeking(runs: int, rng: np.random.Generator, n: int = 1000) -> Iterator[Error]:
    """The e-process after every discordant pair, simulated and exact; and peeking at McNemar."""
    wins = np.cumsum(rng.random((runs, n)) < 0.5, axis=1)
    t = np.arange(1, n + 1)
    for name, bet in [
        ("spread 4", sequential.Bet()),
        ("spread 1/2", sequential.Bet(spread=0.5)),
        ("edge 0.65", sequential.Bet(edge=0.65)),
    ]:
        bar = np.array(sequential.boundary(n, ALPHA, bet))[1:]
        hit = ((wins >= bar) | (t - wins >= bar)).any(axis=1).mean()
        yield Error(f"e-process, {name}", f"{n} discordant pairs, every one", float(hit), runs)
        exact = futility.sequential_design(Discordance(0.5, 0.5), n, ALPHA, bet)
        yield Error(f"e-process, {name}", f"{n} discordant pairs", 1 - exact.undecided, None)
    least = np.minimum(wins, t - wins)
    naive = (2 * at_most(least, t, 0.5) <= ALPHA).any(axis=1).mean()
    yield Error("(exact McNemar, peeking)", f"{n} discordant pairs, every one", float(naive), runs)
    share = 0.45  # B better: naming A is an error
    wins = np.cumsum(rng.random((runs, n)) < share, axis=1)
    bar = np.array(sequential.boundary(n, ALPHA))[1:]
    wrong = 0
    for row in wins:
        up, down = row >= bar, t - row >= bar
        first = np.argmax(up | down)
        wrong += bool(up[first])
    yield Error("e-process, wrong winner", "A wins 45 % of pairs", wrong / runs, runs)


def families(runs: int, rng: np.random.Generator) -> Iterator[Error]:
    for correlation in [0.0, 0.5, 0.9]:
        common = rng.normal(size=(runs, 1)) * np.sqrt(correlation)
        z = common + rng.normal(size=(runs, 15)) * np.sqrt(1 - correlation)
        from scipy.special import ndtr

        ps = 2 * ndtr(-np.abs(z))
        wrong = np.mean([min(many.holm(row)) <= ALPHA for row in ps.tolist()])
        yield Error("Holm, 15 tests", f"correlation {correlation}: any false", float(wrong), runs)
        bh = np.mean([min(many.benjamini_hochberg(row)) <= ALPHA for row in ps.tolist()])
        yield Error("Benjamini-Hochberg", f"correlation {correlation}: any false", float(bh), runs)


def leaderboards(runs: int, rng: np.random.Generator) -> Iterator[Error]:
    """Any rank interval that misses a true rank; items differ in how hard they are."""
    for models, items, gap in [(8, 100, 0.0), (8, 300, 0.03), (25, 500, 0.01)]:
        skill = np.arange(models)[::-1] * gap
        true_best = np.array([1 + int((skill > s).sum()) for s in skill])
        true_worst = np.array([models - int((skill < s).sum()) for s in skill])
        wrong, some = 0, max(200, runs // 20)
        for _ in range(some):
            hard = rng.normal(size=items) * 0.2
            rate = np.clip(0.5 + skill[:, None] - skill.mean() + hard, 0, 1)
            found = ranks.leaderboard((rng.random((models, items)) < rate) * 1.0)
            wrong += any(
                row.best > true_worst[row.row] or row.worst < true_best[row.row]
                for row in found.rows
            )
        yield Error(
            "rank intervals", f"{models} x {items}, steps {gap}: any miss", wrong / some, some
        )


def verdicts(runs: int, rng: np.random.Generator) -> Iterator[Error]:
    """A model called better where neither is; a tie called where the margin is the truth."""
    cache: dict[tuple[int, ...], str] = {}
    for n, (a, b), margin in [
        (100, (0.1, 0.1), 0.1),
        (300, (0.15, 0.15), 0.05),
        (300, (0.15, 0.10), 0.05),
        (1000, (0.12, 0.07), 0.05),
    ]:
        kinds = []
        for x, y, rest in rng.multinomial(n, [a, b, 1 - a - b], runs).tolist():
            key = (n, x, y, int(1000 * margin))
            if key not in cache:
                pairs = paired.Pairs(rest, x, y, 0)
                cache[key] = verdict(compare_pairs("A", "B", pairs), margin).kind
            kinds.append(cache[key])
        counts = {kind: kinds.count(kind) / runs for kind in set(kinds)}
        if a == b:
            false = counts.get("a_better", 0.0) + counts.get("b_better", 0.0)
            yield Error("verdict better", f"n={n}, no difference", false, runs)
        else:
            yield Error(
                "verdict tied", f"n={n}, 5 points apart, margin 5", counts.get("tied", 0.0), runs
            )


def errors(runs: int, seed: int = 2) -> list[Error]:
    rng = np.random.default_rng(seed)
    few = max(500, runs // 10)
    return [
        *mcnemar(),
        *separate(),
        *ties(),
        *ties_of_counts(),
        *ties_in_clusters(few, rng),
        *ties_of_means(few, rng),
        *flips(few, rng),
        *clusters(few, rng),
        *peeking(runs, rng),
        *families(few, rng),
        *leaderboards(runs, rng),
        *verdicts(runs, rng),
    ]


def table(found: list[Error]) -> list[str]:
    lines = ["| test | where | false % | runs | |", "|---|---|---:|---:|---|"]
    for test, where, rate, runs in found:
        noise = 0.0 if runs is None else 3 * (ALPHA * (1 - ALPHA) / runs) ** 0.5
        mark = (
            "" if rate <= ALPHA + 1e-9 else ("within noise" if rate <= ALPHA + noise else "ABOVE")
        )
        shown: Any = "exact" if runs is None else f"{runs:,}"
        lines.append(f"| {test} | {where} | {100 * rate:.2f} | {shown} | {mark} |")
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20_000)
    print("\n".join(table(errors(parser.parse_args().runs))))
