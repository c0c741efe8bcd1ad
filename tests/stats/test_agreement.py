"""Alpha, kappa, ICC: published tables, oracles, degenerate ratings."""

import math

import numpy as np
import pytest

from ossay.stats.agreement import cohen_kappa, krippendorff_alpha
from ossay.stats.icc import icc

NONE = None
RNG = np.random.default_rng(0)
# K. Krippendorff, "Computing Krippendorff's alpha-reliability" (2011): 4 raters, 12 units.
UNITS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
    [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
]
# P. Shrout and J. Fleiss (1979), table 2: 6 targets, 4 judges.
JUDGES = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


@pytest.mark.parametrize(
    ("scale", "alpha"),
    [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)],
)
def test_alpha_as_published(scale, alpha):
    found = krippendorff_alpha(UNITS, scale)
    assert found.value == pytest.approx(alpha, abs=5e-4)
    assert (found.units, found.ratings) == (11, 40)
    oracle = pytest.importorskip("krippendorff")
    table = np.array(UNITS, dtype=float)
    assert found.value == pytest.approx(oracle.alpha(table, level_of_measurement=scale))


def test_alpha_against_its_oracle_on_random_ratings():
    oracle = pytest.importorskip("krippendorff")
    rng = np.random.default_rng(1)
    table = rng.integers(1, 6, (3, 40)).astype(float)
    table[rng.random(table.shape) < 0.2] = np.nan
    for scale in ("nominal", "ordinal", "interval", "ratio"):
        theirs = oracle.alpha(table, level_of_measurement=scale)
        assert krippendorff_alpha(table, scale).value == pytest.approx(theirs)


def test_alphas_interval_holds_it_and_depends_on_the_seed_alone():
    first, second = (
        krippendorff_alpha(UNITS, "ordinal", np.random.default_rng(2)) for _ in range(2)
    )
    assert first == second
    assert first.interval.low < first.value < first.interval.high


def test_ratings_without_variation_have_no_alpha():
    assert krippendorff_alpha([[1, 1], [1, 1]]).value is None
    always = krippendorff_alpha([[1, 2] * 5, [1, 2] * 5], rng=RNG)
    assert always.value == always.interval.high == 1.0
    assert always.interval.low < 0.6
    assert krippendorff_alpha([[1, 2], [2, 1]]).value == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("form", "single", "ends", "average"),
    [
        # The intervals are those that R's psych::ICC prints for this table.
        ("one_way", 0.17, (-0.133, 0.723), 0.44),
        ("two_way_random", 0.29, (0.019, 0.761), 0.62),
        ("two_way_fixed", 0.71, (0.342, 0.946), 0.91),
    ],
)
def test_icc_as_published(form, single, ends, average):
    found = icc(JUDGES, form)
    assert found.single == pytest.approx(single, abs=5e-3)
    assert found.average == pytest.approx(average, abs=5e-3)
    low, high = found.single_interval.low, found.single_interval.high
    assert (low, high) == pytest.approx(ends, abs=1e-3)


def test_icc_without_variation_or_error():
    assert icc([[3, 3], [3, 3]]).single is None
    same = icc([[1, 1], [2, 2], [5, 5]])
    assert same.single == 1.0
    assert same.single_interval.low == 1.0
    shifted = icc([[1, 2], [2, 3], [5, 6]], "two_way_fixed")
    assert shifted.single == pytest.approx(1.0)
    assert icc([[1, 2], [2, 3], [5, 6]]).single < 1.0


def test_quick_cover_of_icc():
    rng, held = np.random.default_rng(3), np.zeros(2)
    for _ in range(500):
        table = rng.normal(size=(25, 1)) + rng.normal(size=(25, 4))  # the truth is 1/2
        held[0] += icc(table, "one_way").single_interval.holds(0.5)
        held[1] += icc(table, "two_way_fixed").single_interval.holds(0.5)
    assert (held / 500 >= 0.92).all()


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_kappa_against_statsmodels(weights):
    rater = pytest.importorskip("statsmodels.stats.inter_rater")
    rng = np.random.default_rng(4)
    first = rng.integers(0, 4, 80)
    second = np.where(rng.random(80) < 0.6, first, rng.integers(0, 4, 80))
    table = np.zeros((4, 4))
    np.add.at(table, (first, second), 1)
    theirs = rater.cohens_kappa(table, wt=None if weights == "none" else weights)
    found = cohen_kappa(first.tolist(), second.tolist(), weights=weights)
    assert found.value == pytest.approx(theirs.kappa)
    # Wilson's on the same variance: as wide to a tenth, and nearer to 0.
    width = found.interval.high - found.interval.low
    assert width == pytest.approx(theirs.kappa_upp - theirs.kappa_low, rel=0.1)
    assert theirs.kappa_low - 0.05 < found.interval.low < theirs.kappa_low + 0.01


def test_kappa_by_hand():
    """50 units: 20 both yes, 15 both no, 5 and 10 apart: (0.7 - 0.5) / (1 - 0.5) = 0.4."""
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohen_kappa(first, second).value == pytest.approx(0.4)
    assert cohen_kappa(["a", "a"], ["a", "a"]).value is None
    assert cohen_kappa([1, 2], [1, 2]).value == 1.0
    assert cohen_kappa([1, 2] * 5, [1, 2] * 5).interval.low < 0.5  # ten units say little


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: krippendorff_alpha([[1, None], [None, 2]]), "no unit has two"),
        (lambda: krippendorff_alpha([1, 2]), "shape"),
        (lambda: krippendorff_alpha([[-1, 2], [1, 2]], "ratio"), r"-1\.0"),
        (lambda: krippendorff_alpha([[math.inf, 2], [1, 2]]), "inf"),
        (
            lambda: krippendorff_alpha(UNITS, rng=np.random.default_rng(0), resamples=1),
            "resamples=1",
        ),
        (lambda: cohen_kappa([], []), "0 and 0"),
        (lambda: cohen_kappa([1], [1, 2]), "1 and 2"),
        (lambda: cohen_kappa([1], [3], categories=[1, 2]), "3 is none"),
        (lambda: cohen_kappa([1, math.nan, 2], [1, math.nan, 2]), r"first\[1\] is nan"),
        (lambda: cohen_kappa([1, 2], [1, None]), r"second\[1\] is None"),
        (lambda: cohen_kappa([1, "a"], [1, "a"]), "no order"),
        (lambda: krippendorff_alpha([range(3000), range(3000)], "interval"), "3000 different"),
        (lambda: icc([[1, 2]]), "two targets"),
        (lambda: icc([[1, 2], [1, math.nan]]), "nan"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_ratings_that_part_the_raters_wholly():
    """All targets with one mean: no spread is theirs. Division by zero once."""
    found = icc([[1, 2], [2, 1]], "one_way")
    assert (found.single, found.average) == (-1.0, -math.inf)
    assert icc([[1, 2], [2, 1]]).single is None  # raters without bias, targets without spread
    assert icc([[1, 2], [2, 1], [1, 2]]).single < 0
    assert icc([[0.1 + 0.2, 0.3], [0.3, 0.1 + 0.2]]).single is None  # rounding is no spread
