"""McNemar and Tango: published tables, the defining equation, exact cover, degenerate pairs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.stats.paired import (
    Pairs,
    likeliest_shares,
    mcnemar,
    pairs_of,
    score_statistic,
    tango,
)

counts = st.tuples(*[st.integers(0, 60)] * 4).filter(lambda t: sum(t) > 0)


def test_published_tables():
    """Cavo et al. (2012) and Bentur et al. (2009) in M. Fagerland, S. Lydersen, P. Laake.

    "Statistical analysis of contingency tables" (2017), chapter 8; the first also in the tests of
    their R package contingencytables: p 0.052479, mid-p 0.034690, Tango -0.1240 to -0.0054. The
    mid-p of the second, 0.0391, is in BMC Medical Research Methodology 13 (2013), 91.
    """
    cavo = mcnemar(6, 16)
    assert (round(cavo.p_exact, 6), round(cavo.p_mid, 6)) == (0.052479, 0.034690)
    found = tango(Pairs(59, 6, 16, 80))
    assert (round(found.low, 4), round(found.high, 4)) == (-0.1240, -0.0054)
    bentur = mcnemar(1, 7)
    assert (round(bentur.p_exact, 4), round(bentur.p_mid, 4)) == (0.0703, 0.0391)
    found = tango(Pairs(1, 1, 7, 12))
    assert (round(found.low, 3), round(found.high, 3)) == (-0.517, -0.026)


def test_against_statsmodels():
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    for b, c in [(6, 16), (1, 7), (0, 9), (40, 41)]:
        theirs = tables.mcnemar([[5, b], [c, 5]], exact=True).pvalue
        assert mcnemar(b, c).p_exact == pytest.approx(theirs, rel=1e-9)


@given(st.integers(0, 3000), st.integers(0, 3000))
@settings(deadline=None)
def test_mid_p_is_below_exact_and_sides_can_be_swapped(b, c):
    found, swapped = mcnemar(b, c), mcnemar(c, b)
    assert 0.0 <= found.p_mid <= found.p_exact <= 1.0
    assert found.p_exact == swapped.p_exact
    assert found.p_mid == swapped.p_mid


@given(st.integers(0, 40), st.integers(0, 40))
@settings(deadline=None)
def test_exact_p_in_whole_numbers(b, c):
    n = b + c
    tail = sum(math.comb(n, i) for i in range(min(b, c) + 1))
    assert mcnemar(b, c).p_exact == pytest.approx(min(1.0, 2 * tail / 2**n), rel=1e-9)


def test_no_discordant_pair():
    assert mcnemar(0, 0).p_exact == mcnemar(0, 0).p_mid == 1.0
    z2 = 1.959963984540054**2
    for n in (1, 30):
        found = tango(Pairs(n, 0, 0, 0))
        assert found.high == pytest.approx(z2 / (n + z2), abs=1e-9)
        assert found.low == pytest.approx(-found.high, abs=1e-9)


@settings(deadline=None)
@given(counts, st.floats(0.5, 0.999))
def test_the_interval_holds_the_difference_and_its_ends_solve_the_equation(count, level):
    pairs = Pairs(*count)
    found = tango(pairs, level)
    from statistics import NormalDist

    z = NormalDist().inv_cdf((1 + level) / 2)
    assert -1.0 <= found.low <= (pairs.only_a - pairs.only_b) / pairs.n <= found.high <= 1.0
    for end in (found.low, found.high):
        if abs(end) < 1 - 1e-9:
            value = score_statistic(pairs.only_a, pairs.only_b, pairs.n, end)
            assert abs(value) == pytest.approx(z, abs=1e-4)


@settings(deadline=None)
@given(counts)
def test_swapping_the_models_mirrors_the_interval(count):
    both, only_a, only_b, neither = count
    found, mirrored = tango(Pairs(*count)), tango(Pairs(both, only_b, only_a, neither))
    assert found.low == pytest.approx(-mirrored.high, abs=1e-9)


@given(counts, st.floats(-0.99, 0.99))
def test_likeliest_shares_beat_their_neighbours(count, difference):
    pairs = Pairs(*count)
    cells = (pairs.only_a, pairs.only_b, pairs.n - pairs.discordant)

    def likelihood(q):
        shares = (q + difference, q, 1 - 2 * q - difference)
        if min(shares) < -1e-12:
            return -math.inf
        return sum(c * math.log(max(p, 1e-300)) for c, p in zip(cells, shares, strict=True) if c)

    found = likeliest_shares(pairs.only_a, pairs.only_b, pairs.n, difference)
    assert found[0] - found[1] == pytest.approx(difference, abs=1e-9)
    best = likelihood(found[1])
    for other in np.linspace(max(0.0, -difference), (1 - difference) / 2, 41):
        assert likelihood(float(other)) <= best + 1e-6


@pytest.mark.parametrize(
    ("n", "differ", "gap", "least"),
    [(20, 0.3, 0.1, 0.935), (40, 0.5, 0.2, 0.935), (40, 0.1, 0.0, 0.935)],
)
def test_exact_cover(n, differ, gap, least):
    shares = [(differ + gap) / 2, (differ - gap) / 2, 1 - differ]
    cover = 0.0
    for b in range(n + 1):
        for c in range(n + 1 - b):
            if abs(score_statistic(b, c, n, gap)) <= 1.959963984540054:
                ways = math.comb(n, b) * math.comb(n - b, c)
                cover += ways * shares[0] ** b * shares[1] ** c * shares[2] ** (n - b - c)
    assert least <= cover <= 1.0


def test_pairs_are_counted_from_results():
    assert pairs_of([1, 1, 0, 0, 1], [1, 0, 1, 0, 0]) == Pairs(1, 2, 1, 1)
    assert pairs_of([], []).n == 0
    assert pairs_of([True, False], [0, 1]).discordant == 2


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([1, 0], [1], "2 and 1"),
        ([1, 0.5], [1, 0], r"a\[1\] is 0.5"),
        ([1, 0], [1, float("nan")], r"b\[1\] is nan"),
        ([[1, 0]], [[1, 0]], "shape"),
    ],
)
def test_results_that_are_none_are_refused(a, b, message):
    with pytest.raises(ValueError, match=message):
        pairs_of(a, b)


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="-1"):
        mcnemar(-1, 2)
    with pytest.raises(ValueError, match="only_a=-1"):
        Pairs(1, -1, 0, 0)
    with pytest.raises(ValueError, match="n=0"):
        tango(Pairs(0, 0, 0, 0))
    with pytest.raises(ValueError, match="level=95"):
        tango(Pairs(1, 1, 0, 0), 95)
