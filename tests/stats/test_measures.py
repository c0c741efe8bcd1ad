"""Verdicts on scores in dollars, seconds and tokens, of which less is better."""

import numpy as np
import pytest
from msgspec.structs import replace

from ossay.stats.comparison import compare_pairs, compare_scores
from ossay.stats.measure import Measure
from ossay.stats.paired import Pairs
from ossay.stats.verdict import verdict

DOLLARS = Measure("$", True, "cheaper")
SECONDS = Measure("s", True, "faster")
TOKENS = Measure("tokens", True, "shorter")


def costs(measure, scale, gap, n=40):
    rng = np.random.default_rng(1)
    a = scale * rng.gamma(4.0, 0.25, n)
    b = a + scale * gap * rng.gamma(4.0, 0.25, n)
    return replace(compare_scores("A", "B", (a, b), rng), measure=measure)


def test_less_is_better():
    found = costs(DOLLARS, 0.05, 0.5)
    assert found.difference < 0.0 < found.ahead
    judged = verdict(found)
    assert judged.kind == "a_better"
    assert judged.sentence.startswith("A cheaper: $0.02")
    assert " an item below B (95 % interval $0.0" in judged.sentence
    mirrored = replace(found, a="B", b="A", difference=-found.difference)
    assert verdict(mirrored).kind == "b_better"
    assert verdict(mirrored).sentence.startswith("A cheaper: $0.02")


@pytest.mark.parametrize(
    ("measure", "scale", "says"),
    [
        (SECONDS, 60.0, "A faster: "),
        (TOKENS, 5_000.0, "A shorter: 2,"),
        (DOLLARS, 2e-6, "A cheaper: $0.00000"),
    ],
)
def test_numbers_are_written_out(measure, scale, says):
    sentence = verdict(costs(measure, scale, 0.5)).sentence
    assert sentence.startswith(says)
    assert "e+" not in sentence.replace("better", "")
    assert "e-0" not in sentence
    if measure.unit != "$":
        assert f" {measure.unit} an item below B" in sentence


def test_a_tie_of_costs():
    rng = np.random.default_rng(2)
    a = rng.gamma(4.0, 1.0, 60)
    found = compare_scores("A", "B", (a, a + rng.normal(0.0, 0.1, 60)), rng)
    judged = verdict(replace(found, measure=SECONDS), 0.2)
    assert judged.kind == "tied"
    assert judged.sentence.startswith("Tied within 0.2 s an item: A is ")


def test_equal_costs():
    found = replace(
        compare_scores("A", "B", ([2.0, 3.0], [2.0, 3.0]), np.random.default_rng(1)),
        measure=DOLLARS,
    )
    sentence = verdict(found).sentence
    assert sentence.startswith("Not enough data: A took as much as B")
    assert sentence.endswith("shows which is cheaper where both take as much; name a margin.")


def test_what_n_counts():
    found = replace(compare_pairs("A", "B", Pairs(10, 9, 1, 4)), noun="attempt")
    assert "24 shared attempts, 9 against 1 where they differ" in verdict(found).sentence
