"""Counts: whole numbers of any type are taken, all else is named; no machine integer wraps."""

import math

import numpy as np
import pytest

from ossay.stats.confseq import difference_sequence, rate_sequence
from ossay.stats.counts import count, discordant, passes
from ossay.stats.design import Discordance
from ossay.stats.effects import cohens_g, odds_ratio
from ossay.stats.equivalence import tie_of_counts
from ossay.stats.futility import outlook, sequential_design
from ossay.stats.paired import Pairs, mcnemar, tango
from ossay.stats.passk import pass_at_k, pass_hat_k
from ossay.stats.rates import clopper_pearson, jeffreys, wilson
from ossay.stats.sequential import e_value
from ossay.stats.unpaired import barnard, fisher, newcombe, z_test


@pytest.mark.parametrize("value", [3, 3.0, np.int8(3), np.uint64(3), np.float32(3)])
def test_whole_numbers_of_any_type_become_plain_ones(value):
    assert count(value, "n") == 3
    assert type(count(value, "n")) is int
    assert count(True, "n") == 1
    assert count(-0.0, "n") == 0


@pytest.mark.parametrize("value", [2.5, math.nan, math.inf, None, "3", [1, 2]])
def test_what_is_no_whole_number_is_named(value):
    with pytest.raises(ValueError, match=r"n=.* is no whole number"):
        count(value, "n")


def test_what_is_out_of_range_is_named():
    with pytest.raises(ValueError, match="n=-1 is negative"):
        count(-1, "n")
    with pytest.raises(ValueError, match="budget=0 is below 1"):
        count(0, "budget", at_least=1)
    with pytest.raises(ValueError, match=r"passed_a=4 is outside 0\.\.3"):
        passes(4, 3, side="_a")
    with pytest.raises(ValueError, match="n_b=0"):
        passes(0, 0, side="_b")
    with pytest.raises(ValueError, match="n=3 items"):
        discordant(2, 2, 3)


TAKERS = [
    lambda x: wilson(x, 5),
    lambda x: clopper_pearson(2, x),
    lambda x: jeffreys(x, 5),
    lambda x: mcnemar(x, 2),
    lambda x: Pairs(1, x, 2, 3),
    lambda x: odds_ratio(x, 2),
    lambda x: cohens_g(2, x),
    lambda x: fisher(1, 5, x, 5),
    lambda x: barnard(1, 5, x, 5),
    lambda x: newcombe(x, 5, 1, 5),
    lambda x: z_test(1, x, 1, 5),
    lambda x: tie_of_counts(1, 5, x, 5, 0.1),
    lambda x: pass_at_k(5, 2, x),
    lambda x: pass_hat_k(5, x, 2),
    lambda x: e_value(x, 1),
    lambda x: rate_sequence(x, 5),
    lambda x: difference_sequence(1, x, 5),
    lambda x: outlook(1, 1, x, 9),
]


@pytest.mark.parametrize("value", [2.5, math.nan, math.inf])
def test_no_function_takes_a_part_of_a_trial(value):
    for call in TAKERS:
        with pytest.raises(ValueError, match="no whole number"):
            call(value)


def test_narrow_integers_dont_wrap():
    small = np.uint8
    assert mcnemar(small(200), small(100)) == mcnemar(200, 100)
    narrow = Pairs(small(200), small(3), small(100), small(200))
    assert narrow == Pairs(200, 3, 100, 200)
    assert (narrow.n, type(narrow.only_a)) == (503, int)
    assert tango(narrow) == tango(Pairs(200, 3, 100, 200))
    assert wilson(np.int8(100), np.int8(120)) == wilson(100, 120)
    with pytest.raises(ValueError, match="10000000000"):  # in 32 bits the product is 1,410,065,408
        barnard(*[np.int32(x) for x in (50_000, 100_000, 50_000, 100_000)])


def test_a_million_trials_take_no_time():
    million = 10**6
    found = tango(Pairs(500_000, 100_000, 99_000, 301_000))
    assert found.holds(0.001)
    assert found.high - found.low == pytest.approx(2 * 1.96 * math.sqrt(0.199 / million), rel=1e-3)
    assert mcnemar(500_500, 499_500).p_exact == pytest.approx(math.erfc(0.999 / 2**0.5), abs=1e-4)
    assert wilson(million, million).low == pytest.approx(1 - 3.8415 / million, abs=1e-9)
    assert difference_sequence(100_000, 99_000, million).holds(0.001)
    assert sequential_design(Discordance(1e-4, 1e-4), million).undecided > 0.95
