"""How often intervals of forecasts, raters and sequences hold the truth.

Simulated. `stats_coverage` makes tables of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ossay.stats import agreement, calibration
from ossay.stats import confseq as cs
from ossay.stats.icc import icc as correlation
from ossay.stats.interval import Interval
from stats_cover_counts import Cell


def forecasts(runs: int, rng: np.random.Generator) -> Iterator[Cell]:
    """Forecasts over the whole range, right or overconfident, and of rare events."""
    for n, kind in itertools.product([5, 10, 20, 50, 200, 1000], ["good", "overconfident", "rare"]):
        held = np.zeros(3)
        bins = {5: 1, 10: 2, 20: 4, 50: 5}.get(n, 10)
        loss, nats, error = forecast_truth(kind, bins)
        for _ in range(runs):
            said, outcome = forecast_draw(kind, n, rng)
            held[0] += holds(calibration.brier(said, outcome).interval, loss)
            held[1] += holds(calibration.log_score(said, outcome).interval, nats)
            found = calibration.calibration_error(said, outcome, rng, bins=bins, draws=400)
            held[2] += found.interval.holds(error)
        for name, hits in zip(["brier", "log_score", "calibration_error"], held, strict=True):
            where = f"{kind}, {bins} bins" if name == "calibration_error" else kind
            yield Cell(name, n, where, hits / runs, runs)


def holds(interval: Interval | None, truth: float) -> bool:
    return interval is not None and interval.holds(truth)


def ends_of(kind: str) -> tuple[float, float]:
    return (0.01, 0.1) if kind == "rare" else (0.05, 0.95)


def pulled(kind: str, said: Any) -> Any:
    return 0.5 + 0.6 * (said - 0.5) if kind == "overconfident" else said


def forecast_draw(kind: str, n: int, rng: np.random.Generator) -> tuple[Any, Any]:
    said = rng.uniform(*ends_of(kind), n)
    return said, (rng.random(n) < pulled(kind, said)) * 1.0


def forecast_truth(kind: str, bins: int) -> tuple[float, float, float]:
    low, high = ends_of(kind)
    said = low + (high - low) * (np.arange(180_000) + 0.5) / 180_000
    true = pulled(kind, said)
    loss = float((true * (1 - said) ** 2 + (1 - true) * said**2).mean())
    nats = float(-(true * np.log(said) + (1 - true) * np.log(1 - said)).mean())
    error = float(np.abs((true - said).reshape(bins, -1).mean(axis=1)).mean())
    return loss, nats, error


def raters(runs: int, rng: np.random.Generator) -> Iterator[Cell]:
    """Three categories, even or 90, 7 and 3 %. A rater sees the true one with chance r, else draws.

    Then alpha on every scale and kappa, weighed or not, are r^2.
    """
    shares = {"even": [1 / 3, 1 / 3, 1 / 3], "90 %": [0.9, 0.07, 0.03]}
    for units, r, (mix, p) in itertools.product(
        [5, 10, 20, 30, 50, 100, 300, 1000], [0.5, 0.7, 0.95], shares.items()
    ):
        held, some = np.zeros(4), runs if units <= 100 else runs // 2
        for _ in range(some):
            truth, guess = rng.choice(3, units, p=p), rng.choice(3, (3, units), p=p)
            said = np.where(rng.random((3, units)) < r, truth, guess)
            first, second = said[0].tolist(), said[1].tolist()
            if units <= 300:
                for place, scale in enumerate(("nominal", "interval")):
                    found = agreement.krippendorff_alpha(said, scale, rng, resamples=200)  # type: ignore[arg-type]
                    held[place] += found.value is None or holds(found.interval, r * r)
            for place, weights in enumerate(("none", "quadratic"), start=2):
                kappa = agreement.cohen_kappa(first, second, [0, 1, 2], weights)  # type: ignore[arg-type]
                held[place] += kappa.value is None or holds(kappa.interval, r * r)
        names = ["alpha nominal", "alpha interval", "kappa", "kappa weighed"]
        for place in range(0 if units <= 300 else 2, 4):
            where = f"truth {r * r:.2f}, {mix}"
            yield Cell(names[place], units, where, held[place] / some, some)


def correlations(runs: int, rng: np.random.Generator) -> Iterator[Cell]:
    """Targets and errors in a bell shape, the truth 1/2, and raters with a bias of their own."""
    for targets, judges in itertools.product([5, 10, 30, 100, 500], [2, 4, 10]):
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
