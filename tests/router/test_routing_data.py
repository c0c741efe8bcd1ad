"""The promise on real data, in its quick form; bench/calibration.py is the whole of it."""

import os
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from ossay.records.graded import read_graded
from ossay.router.calibrate import Aim, auc, graph_of
from ossay.router.costs import Prices
from ossay.router.gate import chances, fit_gate, texts_of
from ossay.router.ladder import Target, build
from ossay.router.stratum import seen_under, settle, tuned

DATA = Path(os.environ.get("OSSAY_DATA") or Path(__file__).parents[3] / "shared/data")
FILE = DATA / "routing/routellm_mmlu/queries.csv.gz"
CHEAP, STRONG = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"


@pytest.fixture(scope="module")
def parts():
    """Training rows and the rest of 14,042 queries, both scored by a gate that saw the first."""
    if not FILE.is_file():
        pytest.skip(f"no {FILE.name} of RouteLLM under {DATA}: set OSSAY_DATA")
    rows = read_graded(FILE, cheap=CHEAP, strong=STRONG).rows
    graph = graph_of(rows, Aim(0.05), Prices.of_ratio(24.5))
    texts, rng = texts_of(rows), np.random.default_rng(0)
    order = rng.permutation(len(rows))
    train, rest = np.split(order, [int(0.4 * len(rows))])
    gate, left_out = fit_gate(
        texts.take(train), graph.cheap_right[train], graph.strong_right[train], "escape", rng
    )
    found = chances(gate, texts.take(rest))
    assert auc(found.cheap, graph.cheap_right[rest]) > 0.72
    return (
        (replace(graph.take(train), score=left_out.score), left_out.cheap),
        (replace(graph.take(rest), score=found.score), found.cheap),
    )


@pytest.mark.parametrize(
    ("estimand", "alpha", "sheet"),
    [("escape", 0.02, 0.17), ("escape", 0.05, 0.384), ("selective", 0.2, 0.507)],
)
def test_the_promise_holds_and_naive_tuning_breaks_its_own(parts, estimand, alpha, sheet):
    """200 draws of a quarter of the rest, which is the truth. `sheet`: saved with another gate."""
    (train, train_cheap), (rest, rest_cheap) = parts
    if estimand == "selective":
        train, rest = replace(train, score=train_cheap), replace(rest, score=rest_cheap)
    target, rng = Target(estimand, alpha, 0.1), np.random.default_rng(1)
    n = rest.score.size // 4
    ladder = build(train, target, n)
    broken, saved = {"this": 0, "naive": 0}, []
    for _ in range(200):
        drawn = rest.take(rng.choice(rest.score.size, n, replace=False))
        settled = settle("", drawn, ladder, target)
        for name, thresholds in (
            ("this", settled.thresholds),
            ("naive", tuned("naive", "", drawn, ladder, target).thresholds),
        ):
            seen = seen_under(rest, thresholds, estimand)
            broken[name] += seen.failures > alpha * seen.of
            if name == "this":
                saved.append(1.0 - seen.expected.cost)
    assert broken["this"] <= 0.10 * 200
    assert broken["naive"] > 0.30 * 200
    assert np.mean(saved) > sheet - 0.04
