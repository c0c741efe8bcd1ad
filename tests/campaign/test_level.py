"""The level of adaptive campaigns, in the quick form of bench/adaptive.py."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from ossay.campaign.stop import Stop
from ossay.campaign.watch import Watch
from ossay.stats.sequential import SPREAD

BENCH = Path(__file__).parents[2] / "bench"
RUNS = 2_000


@pytest.fixture(scope="module")
def bench():
    sys.path.insert(0, str(BENCH))
    try:
        yield importlib.import_module("adaptive")
    finally:
        sys.path.remove(str(BENCH))


@pytest.fixture(scope="module")
def worlds(bench):
    return importlib.import_module("adaptive_worlds")


def test_no_world_without_a_better_model_has_one_named_too_often(bench):
    """At most alpha, under a look after every item; 0.015 is three standard errors."""
    for found in bench.levels(RUNS):
        assert found.share <= 0.05 + 0.015, found


def test_drawn_populations_have_none_named_too_often_either(bench, worlds):
    rng = np.random.default_rng(2)
    for world in worlds.drawn_worlds(10, rng):
        assert bench.level_of(world, SPREAD, 500, rng).share <= 0.05 + 0.03, world


def test_what_breaks_the_level_is_seen_to_break_it(bench, worlds):
    rng = np.random.default_rng(3)
    for world in worlds.wrong_worlds():
        assert bench.level_of(world, SPREAD, RUNS, rng).share > 0.07, world


def test_the_simulation_stops_where_a_campaign_does(worlds):
    rng = np.random.default_rng(4)
    world = worlds.Tasks("x", (0.3, 0.1), (0.1, 0.1), (60, 60))
    for steps in world.steps(50, rng):
        found = worlds.crossed(steps)
        for row, item, sign in zip(steps, found.item, found.sign, strict=True):
            watch = Watch(Stop(futility=0.0), len(row))
            for step in row:
                watch.take(bool(step == 1), bool(step == -1))
            expected = (watch.items, 1 if watch.winner == "a" else -1) if watch.winner else (0, 0)
            assert (item, sign) == expected


def test_giving_up_names_nobody_it_would_not_have_named(bench):
    """With giving up, the decisions are a part of those without."""
    rng = np.random.default_rng(5)
    for row in rng.choice([-1, 0, 1], p=[0.1, 0.8, 0.1], size=(200, 150)):
        patient, hasty = Watch(Stop(futility=0.0), 150), Watch(Stop(futility=0.2), 150)
        for step in row:
            for watch in (patient, hasty):
                watch.take(bool(step == 1), bool(step == -1))
        if hasty.winner is not None:
            assert (hasty.winner, hasty.items) == (patient.winner, patient.items)
