"""How long the heavy functions of `ossay.stats` take. Prints and returns the best of three rounds.

`bench/stats.py` writes the table into bench/results/stats.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ossay.stats import bootstrap, futility, paired, planning, ranks, scores, unpaired
from ossay.stats import confseq as cs
from ossay.stats.comparison import compare_pairs
from ossay.stats.design import Discordance
from ossay.stats.verdict import verdict

N = 14_042  # the records of RouteLLM's MMLU


def rounds(call: Callable[[], Any], times: int = 3) -> list[float]:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return taken


def timings() -> list[tuple[str, list[float]]]:
    rng = np.random.default_rng(4)
    a, b = (rng.random(N) < 0.81) * 1.0, (rng.random(N) < 0.68) * 1.0
    x, y = rng.random(N), rng.random(N)
    by_subject, twos = rng.integers(0, 57, N), np.arange(N) // 2
    board = (rng.random((25, 500)) < np.linspace(0.2, 0.75, 25)[:, None]) * 1.0
    diff = bootstrap.bootstrap_difference

    def all_pairs() -> None:
        found = ranks.leaderboard(board)
        for pair in found.pairs:
            both = int((board[pair.a] * board[pair.b]).sum())
            rest = 500 - both - pair.only_a - pair.only_b
            pairs = paired.Pairs(both, pair.only_a, pair.only_b, rest)
            verdict(compare_pairs("A", "B", pairs), 0.05, adjusted=pair.adjusted, family=300)

    calls: dict[str, Callable[[], Any]] = {
        "10,000 resamples, 14,042 x 2 results, 57 clusters": lambda: diff(a, b, rng, by_subject),
        "10,000 resamples, 14,042 x 2 results, 7,021 clusters": lambda: diff(a, b, rng, twos),
        "10,000 resamples, 14,042 x 2 results, each its own": lambda: diff(a, b, rng),
        "10,000 resamples, 14,042 x 2 scores, 57 clusters": lambda: diff(x, y, rng, by_subject),
        "10,000 resamples, 14,042 x 2 scores, 7,021 clusters": lambda: diff(x, y, rng, twos),
        "10,000 resamples, 14,042 x 2 scores, each its own": lambda: diff(x, y, rng),
        "9,999 sign flips of 14,042 scores": lambda: scores.sign_flip(x - y, rng),
        "leaderboard, 25 models x 500 items": lambda: ranks.leaderboard(board),
        "leaderboard and 300 verdicts with intervals and needed n": all_pairs,
        "needed n, 1 point apart": lambda: planning.needed_pairs(Discordance(0.105, 0.095)),
        "sequential design, budget 2,000": lambda: futility.sequential_design(
            Discordance(0.15, 0.1), 2000
        ),
        "outlook at 500 of 2,000": lambda: futility.outlook(60, 50, 500, 2000),
        "Barnard, 500 and 500": lambda: unpaired.barnard(300, 500, 280, 500),
        "mean sequence, 2,000 scores": lambda: cs.mean_sequence(x[:2000]),
        "Wilcoxon exact, 200 differences": lambda: scores.wilcoxon(x[:200] - y[:200]),
    }
    return [(name, rounds(call)) for name, call in calls.items()]


def table(found: list[tuple[str, list[float]]]) -> list[str]:
    lines = ["| what | least s | each round |", "|---|---:|---|"]
    for name, taken in found:
        each = ", ".join(f"{one:.3f}" for one in taken)
        lines.append(f"| {name} | {min(taken):.3f} | {each} |")
    return lines


if __name__ == "__main__":
    print("\n".join(table(timings())))
