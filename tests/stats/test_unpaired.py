"""Fisher, Barnard, z and Newcombe: statsmodels, whole numbers, false rejections, bad counts."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.stats.unpaired import barnard, fisher, newcombe, z_test

tables = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)


def test_newcombe_as_published():
    """Newcombe (1998), table II, example (a): 56/70 against 48/80, method 10: 0.0524 to 0.3339."""
    found = newcombe(56, 70, 48, 80)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)
    # Example (h): 10/10 against 0/10 reaches 1.
    assert newcombe(10, 10, 0, 10).high == 1.0


def test_against_statsmodels():
    """statsmodels 0.15: confint_proportions_2indep(method="newcomb"), proportions_ztest."""
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    for a, n, b, m in [(25, 30, 23, 30), (3, 10, 9, 40), (120, 200, 90, 210)]:
        found = newcombe(a, n, b, m)
        low, high = proportion.confint_proportions_2indep(a, n, b, m, method="newcomb")
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
        assert z_test(a, n, b, m) == pytest.approx(
            proportion.proportions_ztest([a, b], [n, m])[1], abs=1e-12
        )


def barnard_in_whole_numbers(a, n, b, m, steps=200):
    """The same test with the order of tables found without floats, over a plain grid of rates."""

    def squared(x, y):
        gap = Fraction(x, n) - Fraction(y, m)
        pooled = Fraction(x + y, n + m)
        spread = pooled * (1 - pooled) * (Fraction(1, n) + Fraction(1, m))
        return gap * gap / spread if spread else Fraction(0)

    observed = squared(a, b)
    if not observed:
        return 1.0
    extreme = [(x, y) for x in range(n + 1) for y in range(m + 1) if squared(x, y) >= observed]
    rate = np.arange(1, steps) / steps
    total = sum(
        math.comb(n, x) * math.comb(m, y) * rate ** (x + y) * (1 - rate) ** (n + m - x - y)
        for x, y in extreme
    )
    return float(np.max(total))


@pytest.mark.parametrize(
    "counts", [(3, 3, 1, 3), (3, 3, 2, 6), (28, 30, 20, 30), (28, 30, 21, 30), (7, 12, 8, 15)]
)
def test_barnard_against_whole_numbers(counts):
    assert barnard(*counts) == pytest.approx(barnard_in_whole_numbers(*counts), abs=2e-4)


def test_barnard_against_scipy_where_no_tables_tie_by_rounding():
    from scipy.stats import barnard_exact

    for a, n, b, m in [(25, 30, 23, 30), (28, 30, 46, 60), (7, 12, 3, 15)]:
        theirs = barnard_exact([[a, b], [n - a, m - b]], n=64).pvalue
        assert barnard(a, n, b, m) == pytest.approx(theirs, abs=1e-4)


@settings(deadline=None, max_examples=60)
@given(tables)
def test_swapping_sides_or_passes_with_failures_changes_nothing(table):
    a, n, b, m = table
    for test in (fisher, barnard, z_test):
        assert test(*table) == pytest.approx(test(b, m, a, n), abs=1e-6)
        assert test(*table) == pytest.approx(test(n - a, n, m - b, m), abs=1e-6)
    assert newcombe(*table).low == pytest.approx(-newcombe(b, m, a, n).high, abs=1e-12)


def test_never_more_false_rejections_than_alpha():
    n, m = 12, 9
    grid = [(x, y) for x in range(n + 1) for y in range(m + 1)]
    for test in (fisher, barnard):
        rejected = [(x, y) for x, y in grid if test(x, n, y, m) <= 0.05]
        for rate in np.linspace(0.02, 0.98, 25):
            chance = sum(
                math.comb(n, x) * math.comb(m, y) * rate ** (x + y) * (1 - rate) ** (n + m - x - y)
                for x, y in rejected
            )
            assert chance <= 0.05 + 1e-9


def test_all_passed_on_both_sides_is_no_difference():
    for test in (fisher, barnard, z_test):
        assert test(5, 5, 7, 7) == pytest.approx(1.0)
        assert test(0, 1, 0, 1) == pytest.approx(1.0)
    assert newcombe(5, 5, 5, 5).holds(0.0)


@pytest.mark.parametrize("counts", [(0, 0, 1, 2), (1, 2, 3, 2), (-1, 2, 1, 2)])
def test_impossible_counts_are_refused(counts):
    for function in (fisher, barnard, z_test, newcombe):
        with pytest.raises(ValueError, match=r"n_a=0|outside"):
            function(*counts)


def test_too_many_tables_are_refused_with_the_next_step():
    with pytest.raises(ValueError, match=r"9000000.*z_test"):
        barnard(1, 3000, 1, 3000)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_all_of_newcombes_examples(counts, low, high):
    """Table II of Newcombe (1998), examples (a) to (h), method 10."""
    found = newcombe(*counts)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize("n", [20, 60])
def test_quick_cover_of_newcombe(n):
    from scipy.stats import binom

    k = range(n + 1)
    held = {(x, y): newcombe(x, n, y, n) for x in k for y in k}
    for a, b in [(0.5, 0.5), (0.8, 0.7), (0.9, 0.3), (0.3, 0.2)]:
        first, second = binom.pmf(k, n, a), binom.pmf(k, n, b)
        cover = sum(first[x] * second[y] for (x, y), found in held.items() if found.holds(a - b))
        assert 0.935 <= cover <= 0.975
