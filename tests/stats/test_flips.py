"""Sign flips of many columns, and ranks from who beats whom."""

import numpy as np
import pytest

from ossay.stats.flips import sign_flips
from ossay.stats.ranking import rank
from ossay.stats.scores import sign_flip


def test_each_column_is_that_of_the_single_test():
    rng = np.random.default_rng(1)
    table = rng.normal(0.1, 1, (60, 5))
    table[12:, 0] = 0.0  # few enough to count
    table[:, 1] = 0.0
    ps = sign_flips(table, rng, draws=20_000)
    assert ps[0] == sign_flip(table[:, 0]).p
    assert ps[1] == 1.0
    for column in range(2, 5):
        single = sign_flip(table[:, column], rng, draws=20_000).p
        assert ps[column] == pytest.approx(single, abs=0.02)


def test_clusters_flip_as_a_whole():
    rng = np.random.default_rng(2)
    table = np.repeat(rng.normal(0.3, 1, (12, 3)), 5, axis=0)
    labels = np.repeat(np.arange(12), 5)
    ps = sign_flips(table, rng, labels)
    assert ps == tuple(sign_flip(table[:, column], rng, labels).p for column in range(3))
    many = np.repeat(rng.normal(0.3, 1, (40, 3)), 5, axis=0)
    labels = np.repeat(np.arange(40), 5)
    for column, p in enumerate(sign_flips(many, rng, labels, draws=20_000)):
        single = sign_flip(many[:, column], rng, labels, draws=20_000).p
        assert p == pytest.approx(single, abs=0.02)


def test_the_level_holds():
    """2,000 columns without a difference: 5 % come out below 5 %."""
    rng = np.random.default_rng(3)
    ps = np.array(sign_flips(rng.normal(0, 1, (40, 2000)), rng, draws=1999))
    assert 0.035 < (ps <= 0.05).mean() < 0.065


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (np.zeros(3), "shape"),
        (np.zeros((0, 2)), "shape"),
        (np.array([[np.nan], [1.0]]), "every one a number"),
    ],
)
def test_bad_columns(table, says):
    with pytest.raises(ValueError, match=says):
        sign_flips(table, np.random.default_rng(1))


def test_bad_draws_and_clusters():
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="draws=5"):
        sign_flips(np.ones((30, 2)), rng, draws=5)
    with pytest.raises(ValueError, match="one cluster"):
        sign_flips(np.ones((30, 2)), rng, ["x"] * 30)
    assert sign_flips(np.zeros((3, 0)), rng) == ()


def test_ranks():
    rows = rank([0.2, 0.9, 0.5], [(1, 0), (2, 0)])
    assert [(one.row, one.best, one.worst, one.tied) for one in rows] == [
        (1, 1, 2, (2,)),
        (2, 1, 2, (1,)),
        (0, 3, 3, ()),
    ]
    cheap = rank([0.2, 0.9, 0.5], [(0, 1)], less=True)
    assert [(one.row, one.best, one.worst) for one in cheap] == [(0, 1, 2), (2, 1, 3), (1, 2, 3)]
    assert rank([], []) == ()
    for wrong in ([(0, 5)], [(1, 1)], [(0, 1), (1, 0)]):
        with pytest.raises(ValueError, match="beats another, once"):
            rank([1.0, 2.0, 3.0], wrong)
