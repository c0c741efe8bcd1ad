"""What adaptive campaigns promise and save, into results/adaptive.md.

`python bench/adaptive.py` takes about 10 minutes on one core.
"""

from __future__ import annotations

import argparse
import math
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from adaptive_worlds import (
    Drawn,
    Tasks,
    crossed,
    drawn_worlds,
    level_worlds,
    wrong_worlds,
)
from ossay.campaign.stop import Stop
from ossay.campaign.watch import Watch
from ossay.stats.design import Discordance
from ossay.stats.futility import sequential_design
from ossay.stats.planning import needed_pairs
from ossay.stats.power import paired_power
from ossay.stats.prospect import tie_shown
from ossay.stats.sequential import SPREAD, Bet

RESULTS = Path(__file__).parent / "results" / "adaptive.md"
BETS = (SPREAD, Bet(spread=1.0), Bet(edge=0.7))

# Points of true difference, and the share of items on which the models differ.
TRUTHS = ((0.05, 0.2), (0.1, 0.3), (0.2, 0.4))
POWERS = (0.8, 0.9, 0.99)

# What giving up below 5 % costs in power, a budget larger by this makes up for.
SPARE = 1.2


class Level(NamedTuple):
    """The share of runs that named a better model where none is."""

    name: str
    bet: str
    share: float
    runs: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20_000, help="simulated runs a world")
    parser.add_argument("--campaigns", type=int, default=2_000, help="followed item by item")
    args = parser.parse_args()
    made_by = f"numpy {version('numpy')}, python {platform.python_version()}"
    lines = [
        f"Adaptive campaigns, {datetime.now(UTC):%Y-%m-%d}: `python bench/adaptive.py --runs "
        f"{args.runs} --campaigns {args.campaigns}`, {made_by}, {platform.machine()}.",
    ]
    for section in (level_section, wrong_section, tie_section, known_section, one_section):
        lines += ["", *section(args.runs, args.campaigns)]
        RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {RESULTS}")


def level_of(world: Tasks | Drawn, bet: Bet, runs: int, rng: np.random.Generator) -> Level:
    """Look after every item of every run."""
    named = sum(int((crossed(steps, 0.05, bet).item > 0).sum()) for steps in world.steps(runs, rng))
    return Level(world.name, _named(bet), named / runs, runs)


def levels(runs: int, seed: int = 5) -> Iterator[Level]:
    rng = np.random.default_rng(seed)
    for world in level_worlds():
        for bet in BETS:
            yield level_of(world, bet, runs, rng)


def worst_drawn(runs: int, worlds: int = 200, seed: int = 6) -> list[Level]:
    """The worst of many populations, found with few runs and then run again with fresh ones."""
    rng = np.random.default_rng(seed)
    drawn = drawn_worlds(worlds, rng)
    found = []
    for bet in BETS:
        tried = sorted(drawn, key=lambda world: -level_of(world, bet, runs // 20, rng).share)
        again = max(
            (level_of(world, bet, runs, rng) for world in tried[:3]), key=lambda one: one.share
        )
        found.append(again._replace(name=f"worst of {worlds} drawn populations"))
    return found


def level_section(runs: int, _campaigns: int) -> list[str]:
    return [
        "## A better model named where there is none, alpha 5 %",
        "",
        "A look after every item. Neither model is better on average over the plan's items, which "
        "come in a random order.",
        "",
        *_level_table([*levels(runs), *worst_drawn(runs)]),
    ]


def wrong_section(runs: int, _campaigns: int) -> list[str]:
    rng = np.random.default_rng(7)
    return [
        "## What breaks it",
        "",
        "In brackets: what a campaign here never does (an order that depends on tasks or "
        "results), and what its decision doesn't speak of (other tasks than the plan's).",
        "",
        *_level_table([level_of(world, SPREAD, runs, rng) for world in wrong_worlds()]),
    ]


def tie_section(_runs: int, campaigns: int) -> list[str]:
    """False ties at the margin, and items until a true one, looking after every item."""
    rng = np.random.default_rng(8)
    lines = [
        "## Ties",
        "",
        "Shown by the confidence sequence, a look after every item; at the margin every tie is "
        "false. Mean items over the runs that showed one.",
        "",
        "| true points | differ % | margin | items | ties % | mean items | runs |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for gap, differ, margin, items in (
        (0.05, 0.2, 0.05, 2000),
        (0.1, 0.2, 0.1, 1000),
        (0.0, 0.1, 0.05, 2000),
        (0.0, 0.2, 0.1, 2000),
        (0.0, 0.05, 0.1, 500),
    ):
        found = _ties(gap, differ, margin, items, campaigns, rng)
        hit = found[found > 0]
        mean = f"{hit.mean():.0f}" if hit.size else "–"
        lines.append(
            f"| {100 * gap:g} | {100 * differ:g} | {100 * margin:g} | {items} "
            f"| {100 * hit.size / campaigns:.1f} | {mean} | {campaigns:,} |"
        )
    return lines


def known_section(_runs: int, campaigns: int) -> list[str]:
    """Reading (a): both designs sized for exactly the difference that is there."""
    rng = np.random.default_rng(9)
    lines = [
        "## (a) A fixed design of equal power, sized for the true difference",
        "",
        "Budget: the least at which the adaptive campaign names the better model with that power. "
        "Exact means; simulated ones beside, through `campaign.watch`. The bound is Wald's, for "
        "a test that knows the effect, at this power and 5 % two-sided.",
        "",
        "| points | power % | fixed items | budget | mean items | simulated | ratio | right edge "
        "| bound |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for gap, differ in TRUTHS:
        shares = Discordance((differ + gap) / 2, (differ - gap) / 2)
        for power in POWERS:
            fixed = needed_pairs(shares, power) or 0
            budget = budget_for(shares, power, SPREAD)
            mean = sequential_design(shares, budget).mean_items
            seen = followed(shares, budget, campaigns // 2, rng, futility=0.0)
            edge = Bet(edge=shares.only_a / differ)
            best = sequential_design(shares, budget_for(shares, power, edge), 0.05, edge).mean_items
            lines.append(
                f"| {100 * gap:.0f} | {100 * power:.0f} | {fixed} | {budget} | {mean:.0f} "
                f"| {seen[0].mean():.0f} | {mean / fixed:.2f} | {best / fixed:.2f} "
                f"| {wald(power):.2f} |"
            )
    return lines


def one_section(_runs: int, campaigns: int) -> list[str]:
    """Reading (b): one design, sized for the smallest difference that matters."""
    rng = np.random.default_rng(10)
    lines = [
        "## (b) One fixed design, sized for 5 points",
        "",
        "Nobody knows the difference beforehand: both designs have the stated power at 5 points "
        "with 20 % of items differing. Simulated through `campaign.watch`, which gives up below "
        "a 5 % chance to decide; the budget is a fifth above (a)'s, to keep the power. Mean: over "
        "5, 10 and 20 points.",
        "",
        "| power % | true points | fixed items | its power % | budget | decided % | gave up % "
        "| mean items | ratio |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for power in POWERS:
        least = Discordance(0.125, 0.075)
        fixed, budget = (
            needed_pairs(least, power) or 0,
            budget_for(least, power, SPREAD, spare=SPARE),
        )
        ratios = []
        for gap, differ in ((0.0, 0.2), *TRUTHS):
            shares = Discordance((differ + gap) / 2, (differ - gap) / 2)
            items, decided, gave_up = followed(shares, budget, campaigns, rng, futility=0.05)
            ratios.append(float(items.mean()) / fixed)
            lines.append(
                f"| {100 * power:.0f} | {100 * gap:.0f} | {fixed} "
                f"| {100 * paired_power(fixed, shares):.1f} | {budget} | {100 * decided:.1f} "
                f"| {100 * gave_up:.1f} | {items.mean():.0f} | {ratios[-1]:.2f} |"
            )
        lines.append(f"| {100 * power:.0f} | mean | | | | | | | {np.mean(ratios[1:]):.2f} |")
    return lines


def followed(
    shares: Discordance, budget: int, runs: int, rng: np.random.Generator, *, futility: float
) -> tuple[np.ndarray, float, float]:
    """Items used of each simulated campaign, the shares that decided and that gave up."""
    items, ends = [], []
    for _ in range(runs):
        watch = Watch(Stop(futility=futility), budget)
        for drawn in rng.random(budget).tolist():
            watch.take(drawn < shares.only_a, shares.only_a <= drawn < shares.total)
            if watch.over:
                break
        items.append(watch.items)
        ends.append(watch.reason)
    return np.array(items), ends.count("decided") / runs, ends.count("futile") / runs


def budget_for(shares: Discordance, power: float, bet: Bet, *, spare: float = 1.0) -> int:
    """The least budget at which the better model is named with that power, times `spare`."""
    fixed = needed_pairs(shares, power) or 0
    low, high = fixed // 2, fixed * 4
    while low < high:
        middle = (low + high) // 2
        if sequential_design(shares, middle, 0.05, bet).named_a >= power:
            high = middle
        else:
            low = middle + 1
    return math.ceil(low * spare)


def wald(power: float, alpha: float = 0.05) -> float:
    """Wald's mean over the fixed n, in the limit of small effects; alpha / 2 on the right side."""
    hit, slip = power, alpha / 2
    mean = hit * math.log(hit / slip) + (1 - hit) * math.log((1 - hit) / (1 - slip))
    normal = NormalDist()
    return 2 * mean / (normal.inv_cdf(1 - slip) + normal.inv_cdf(hit)) ** 2


def _ties(
    gap: float, differ: float, margin: float, items: int, runs: int, rng: np.random.Generator
) -> np.ndarray:
    """The item at which each run showed a tie, 0 where none did."""
    found = []
    for _ in range(runs):
        u = rng.random(items)
        only_a, only_b = np.cumsum(u < (differ + gap) / 2), np.cumsum(u > 1 - (differ - gap) / 2)
        shown = 0
        for n in range(1, items + 1):
            if tie_shown(int(only_a[n - 1]), int(only_b[n - 1]), n, margin):
                shown = n
                break
        found.append(shown)
    return np.array(found)


def _named(bet: Bet) -> str:
    return f"edge {bet.edge:g}" if bet.edge is not None else f"spread {bet.spread:g}"


def _level_table(found: list[Level]) -> list[str]:
    lines = ["| world | bet | named % | runs |", "|---|---|---:|---:|"]
    lines += [f"| {x.name} | {x.bet} | {100 * x.share:.2f} | {x.runs:,} |" for x in found]
    return lines


if __name__ == "__main__":
    main()
