"""Whether values move while they are made."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from ossay.stats.drift import drift
from ossay.stats.icc import icc


def test_the_halves_are_welchs():
    values = np.random.Generator(np.random.PCG64(1)).normal(size=41)
    found = drift(values)
    first, last = values[:20], values[-20:]
    test = ttest_ind(last, first, equal_var=False)
    assert found.gap.p == pytest.approx(test.pvalue)
    ends = test.confidence_interval()
    assert (found.gap.interval.low, found.gap.interval.high) == pytest.approx(tuple(ends))
    assert found.gap.difference == pytest.approx(found.last - found.first)
    assert found.n == 41


def test_its_level_holds_where_nothing_moves():
    rng = np.random.Generator(np.random.PCG64(2))
    hits = sum(drift(rng.normal(size=24)).gap.p <= 0.05 for _ in range(1_000))
    assert 30 <= hits <= 75  # 50 expected


def test_values_that_do_not_vary():
    assert drift([3.0] * 8).gap.p == 1.0
    assert drift([3.0] * 4 + [4.0] * 4).gap.difference == 1.0


@pytest.mark.parametrize("values", [[], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0, float("nan")]])
def test_too_few_or_none(values):
    with pytest.raises(ValueError, match="values"):
        drift(values)


def test_raters_of_whom_each_gives_all_the_same_score():
    """All spread is bias: no correlation, and nothing that bounds it."""
    found = icc([[8.0, 9.0]] * 10)
    assert (found.single, found.average) == (0.0, 0.0)
    assert (found.single_interval, found.average_interval) == (None, None)
