"""Holm, Benjamini-Hochberg, families and rank intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.stats.many import Family, all_pairs, benjamini_hochberg, correct, holm
from ossay.stats.ranks import leaderboard

ps = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_published_example_of_benjamini_and_hochberg():
    """Journal of the Royal Statistical Society B 57 (1995), section 3.2: 15 p values, 4 rejected.

    Bonferroni and Hochberg's procedure reject 3 there, and so does Holm.
    """
    found = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
        0.4262, 0.5719, 0.6528, 0.7590, 1.0,
    ]  # fmt: skip
    assert sum(p <= 0.05 for p in benjamini_hochberg(found)) == 4
    assert sum(p <= 0.05 for p in holm(found)) == 3


def test_against_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    found = np.random.default_rng(1).random(20) ** 3
    for mine, name in [(holm, "holm"), (benjamini_hochberg, "fdr_bh")]:
        assert mine(list(found)) == pytest.approx(multitest.multipletests(found, method=name)[1])


@given(ps)
def test_adjusting_keeps_the_order_and_never_helps(found):
    for adjust in (holm, benjamini_hochberg):
        adjusted = adjust(found)
        assert all(p <= q + 1e-15 <= 1.0 + 1e-12 for p, q in zip(found, adjusted, strict=True))
        for i in range(len(found)):
            for j in range(len(found)):
                if found[i] <= found[j]:
                    assert adjusted[i] <= adjusted[j] + 1e-12
    assert all(b <= h + 1e-12 for b, h in zip(benjamini_hochberg(found), holm(found), strict=True))


def test_a_declared_test_that_was_not_made_still_counts():
    family = Family("ten benchmarks", tuple("abcdefghij"))
    rows = correct(family, {"b": 0.004, "c": 0.2})
    assert [row.test for row in rows] == list("abcdefghij")
    assert rows[1].adjusted == pytest.approx(0.04)
    assert rows[1].rejected
    assert rows[0].p is None
    assert not rows[0].rejected
    assert correct(family, {"b": 0.006})[1].rejected is False


def test_families_are_declared_up_front():
    with pytest.raises(ValueError, match="'z' was not declared"):
        correct(Family("f", ("a",)), {"z": 0.01})
    with pytest.raises(ValueError, match="'a' twice"):
        Family("f", ("a", "a"))
    with pytest.raises(ValueError, match="no test"):
        Family("f", ())
    with pytest.raises(ValueError, match=r"p\[1\]=nan"):
        holm([0.5, float("nan")])
    with pytest.raises(ValueError, match="alpha=5"):
        correct(Family("f", ("a",)), {}, alpha=5)
    assert all_pairs("models", ["x", "y", "z"]).tests == ("x vs y", "x vs z", "y vs z")


def test_ranks_of_clear_and_tied_models():
    rng = np.random.default_rng(2)
    hard = rng.random(400)
    table = np.array([hard < rate for rate in (0.3, 0.8, 0.55, 0.8)]) * 1.0
    table[3, :3] = 1 - table[3, :3]
    found = leaderboard(table)
    assert [row.row for row in found.rows][-2:] == [2, 0]
    assert set(found.top) == {1, 3}
    by_row = {row.row: row for row in found.rows}
    assert (by_row[1].best, by_row[1].worst, by_row[1].tied) == (1, 2, (3,))
    assert (by_row[2].best, by_row[2].worst, by_row[2].tied) == (3, 3, ())
    assert (by_row[0].best, by_row[0].worst) == (4, 4)
    assert len(found.pairs) == 6


def test_pairs_of_the_leaderboard_are_mcnemars():
    from ossay.stats.paired import mcnemar, pairs_of

    table = np.random.default_rng(3).integers(0, 2, (5, 60))
    for pair in leaderboard(table).pairs:
        counted = pairs_of(table[pair.a], table[pair.b])
        assert (pair.only_a, pair.only_b) == (counted.only_a, counted.only_b)
        assert pair.p == pytest.approx(mcnemar(pair.only_a, pair.only_b).p_exact)


def test_equal_models_share_all_ranks():
    found = leaderboard(np.ones((3, 10)))
    assert [(row.best, row.worst) for row in found.rows] == [(1, 3)] * 3
    assert found.top == (0, 1, 2)
    alone = leaderboard([[1, 0, 1]])
    assert (alone.rows[0].best, alone.rows[0].worst, alone.pairs) == (1, 1, ())


def test_rank_intervals_hold_the_true_ranks():
    rng, missed = np.random.default_rng(4), 0
    skill = np.linspace(0.7, 0.4, 8)
    for _ in range(200):
        found = leaderboard((rng.random((8, 150)) < skill[:, None]) * 1.0)
        missed += any(not row.best <= row.row + 1 <= row.worst for row in found.rows)
    assert missed <= 19  # 5 % of 200 and three standard deviations


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[]], "shape"),
        ([1, 0], "shape"),
        ([[1, 0.5]], r"results\[0\]\[1\] is 0.5"),
        ([[1, float("nan")]], r"results\[0\]\[1\] is nan"),
    ],
)
def test_bad_tables_are_named(table, message):
    with pytest.raises(ValueError, match=message):
        leaderboard(table)
