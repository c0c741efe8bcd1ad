"""Ties, comparisons and the words of verdicts."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.stats.clustered import clustered_mean
from ossay.stats.comparison import (
    compare_counts,
    compare_pairs,
    compare_results,
    compare_scores,
)
from ossay.stats.equivalence import tie_of_counts, tie_of_means, tie_of_pairs
from ossay.stats.paired import Pairs, mcnemar, score_statistic
from ossay.stats.tie_region import critical, exact_p, statistics
from ossay.stats.verdict import verdict


def judged(pairs, margin=None, **more):
    return verdict(compare_pairs("A", "B", Pairs(*pairs)), margin, **more)


def test_a_better():
    found = judged((300, 99, 14, 87))
    assert found.kind == "a_better"
    assert found.more == 0
    assert found.sentence == (
        "A better: 17.0 points above B (95 % interval 13.2 to 21.0; exact McNemar p < 0.0001; "
        "500 shared items, 99 against 14 where they differ)."
    )
    assert judged((300, 14, 99, 87)).sentence == (
        "B better: 17.0 points above A (95 % interval 13.2 to 21.0; exact McNemar p < 0.0001; "
        "500 shared items, 99 against 14 where they differ)."
    )


def test_tied_takes_a_margin_and_a_test():
    assert judged((300, 29, 28, 143)).kind == "not_enough_data"
    found = judged((300, 29, 28, 143), 0.05)
    assert found.kind == "tied"
    assert found.sentence == (
        "Tied within 5.0 points: A is 0.2 points above B, and the 90 % interval -2.3 to 2.7 lies "
        "inside the margin (500 shared items, 29 against 28 where they differ)."
    )
    assert judged((300, 29, 28, 143), 0.02).kind == "not_enough_data"


def test_not_enough_data_says_how_much_more():
    found = verdict(compare_counts(("20B", 25, 30), ("120B", 23, 30)))
    assert found.kind == "not_enough_data"
    assert found.more == pytest.approx(535, abs=3)
    assert found.sentence == (
        "Not enough data: 20B is 6.7 points above 120B (95 % interval -13.8 to 26.6; Barnard "
        "p = 0.57; 30 and 30 items, not paired). About 540 more per model would decide it, if this "
        "is the truth."
    )


def test_the_needed_n_is_that_of_the_nearest_decision():
    apart = judged((300, 29, 28, 143), 0.02).more
    assert apart < judged((300, 29, 28, 143)).more
    assert judged((300, 12, 4, 143), 0.5, family=300, adjusted=1.0).kind == "tied"


def test_better_by_less_than_the_margin():
    found = judged((3000, 100, 50, 3), 0.05)
    assert (found.kind, found.within) == ("a_better", True)
    assert found.sentence.endswith("Yet by less than the margin of 5.0 points.")


def test_a_family_can_take_a_win_away():
    alone = judged((60, 15, 4, 21))
    assert alone.kind == "a_better"
    found = judged((60, 15, 4, 21), adjusted=0.3, family=15)
    assert found.kind == "not_enough_data"
    assert "p = 0.3 after correction for 15 comparisons" in found.sentence
    assert found.more > 0


def test_degenerate_pairs():
    none = judged((10, 0, 0, 3))
    assert (none.kind, none.more) == ("not_enough_data", None)
    assert none.sentence.endswith("name a margin.")
    assert judged((10, 0, 0, 3), 0.05).more == pytest.approx(39, abs=25)
    assert judged((1000, 0, 0, 3), 0.05).kind == "tied"
    one = judged((0, 1, 0, 0))
    assert one.kind == "not_enough_data"
    assert "1 shared item," in one.sentence
    assert judged((0, 5, 0, 0)).more >= 1
    assert judged((0, 3, 0, 10), 0.1).more is not None


def test_scores_and_clusters():
    rng = np.random.default_rng(1)
    a = rng.normal(5.5, 1, 40)
    b = a - rng.normal(0.5, 0.6, 40)
    found = compare_scores("A", "B", (a, b), rng)
    assert verdict(found).kind == "a_better"
    assert found.difference == pytest.approx(np.mean(a - b))
    close = compare_scores("A", "B", (a, a + rng.normal(0, 0.05, 40)), rng)
    assert verdict(close, 0.1).kind == "tied"
    assert verdict(close).kind == "not_enough_data"
    labels = np.repeat(np.arange(20), 4)
    right = (rng.random(80) < 0.9) * 1.0
    wrong = (rng.random(80) < 0.3) * 1.0
    found = compare_results("A", "B", (right, wrong), labels, rng)
    assert (found.test, found.clusters) == ("sign-flip", 20)
    assert found.p_exact == mcnemar(found.only_a, found.only_b).p_exact
    assert "in 20 clusters" in verdict(found).sentence
    assert verdict(found).kind == "a_better"
    level = compare_results("A", "B", (right, (rng.random(80) < 0.88) * 1.0), labels, rng)
    assert verdict(level, 0.02).kind == "not_enough_data"
    assert verdict(level, 0.02).more > 0


@settings(deadline=None, max_examples=150)
@given(
    st.tuples(*[st.integers(0, 40)] * 4).filter(lambda t: sum(t) > 0),
    st.sampled_from([None, 0.02, 0.1, 0.3]),
    st.sampled_from([1, 15]),
)
def test_every_table_gets_one_consistent_verdict(counts, margin, family):
    compared = compare_pairs("A", "B", Pairs(*counts))
    found = verdict(compared, margin, adjusted=min(1.0, family * compared.p), family=family)
    mirrored = compare_pairs("A", "B", Pairs(counts[0], counts[2], counts[1], counts[3]))
    swapped = verdict(mirrored, margin, adjusted=min(1.0, family * mirrored.p), family=family)
    other = {"a_better": "b_better", "b_better": "a_better"}
    assert swapped.kind == other.get(found.kind, found.kind)
    assert (found.p <= 0.05) == (found.kind in other)
    if found.kind == "tied":
        assert abs(compared.difference) < margin
    if found.kind == "not_enough_data":
        assert found.more is None or found.more >= 1
        assert "About" in found.sentence or found.more is None
    else:
        assert found.more == 0
    assert "nan" not in found.sentence
    assert "inf" not in found.sentence


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 30), st.integers(1, 30), st.data())
def test_every_pair_of_counts_gets_a_verdict(n, m, data):
    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    found = verdict(compare_counts(("A", a, n), ("B", b, m)), 0.1)
    assert (found.p <= 0.05) == (found.kind in ("a_better", "b_better"))
    assert found.kind != "not_enough_data" or found.more is None or found.more >= 1


def test_equal_scores_are_a_tie_only_if_there_are_many():
    rng = np.random.default_rng(0)
    few = compare_scores("A", "B", ([0.7] * 4, [0.7] * 4), rng)
    assert few.interval.high > 0.5
    found = verdict(few, 0.05)
    assert (found.kind, found.p) == ("not_enough_data", 1.0)
    assert found.more > 1
    many = compare_scores("A", "B", ([0.7] * 200, [0.7] * 200), rng)
    assert verdict(many, 0.05).kind == "tied"
    five = compare_scores("A", "B", ([8.5] * 5, [8.0] * 5), rng)
    assert five.interval.holds(0.0)
    assert verdict(five).kind == "not_enough_data"


def test_the_exact_test_of_a_tie_is_the_worst_over_all_tables():
    n, margin, counts = 30, 0.2, (2, 3)
    observed = score_statistic(*counts, n, margin)
    b, c = np.array([(b, c) for b in range(n + 1) for c in range(n + 1 - b)], dtype=float).T
    values = statistics(b, c, n, margin)
    low = values <= observed + 1e-9
    worst = 0.0
    for differ in np.linspace(margin, 1.0, 400):
        up, down = (differ + margin) / 2, (differ - margin) / 2
        chance = sum(
            math.comb(n, int(x))
            * math.comb(n - int(x), int(y))
            * up**x
            * down**y
            * (1 - differ) ** (n - x - y)
            for x, y in zip(b[low], c[low], strict=True)
        )
        worst = max(worst, chance)
    assert exact_p(observed, n, margin) == pytest.approx(worst, abs=5e-4)
    for i in range(0, b.size, 7):
        assert values[i] == pytest.approx(score_statistic(b[i], c[i], n, margin))
    assert exact_p(critical(n, margin, 0.05), n, margin) <= 0.05 + 2e-3


def test_ties_keep_their_level_at_the_margin():
    """Every table of 60 pairs whose true difference is the margin."""
    n, margin = 60, 0.15
    for differ in (0.15, 0.2, 0.35):
        up, down, false = (differ + margin) / 2, (differ - margin) / 2, 0.0
        for b in range(n + 1):
            for c in range(n + 1 - b):
                weight = math.comb(n, b) * math.comb(n - b, c) * up**b * down**c
                weight *= (1 - differ) ** (n - b - c)
                if weight > 1e-6 and tie_of_pairs(Pairs(0, b, c, n - b - c), margin).shown:
                    false += weight
        assert false <= 0.05


def test_ties_of_means_and_counts():
    gaps = np.random.default_rng(2).normal(0.0, 0.1, 50)
    shown = tie_of_means(clustered_mean(gaps, range(50)), 0.05)
    assert shown.shown
    assert shown.p < 0.05
    assert shown.shown == shown.interval.inside(0.05)
    assert not tie_of_means(clustered_mean(gaps, range(50)), 0.01).shown
    assert not tie_of_means(clustered_mean([0.2, 0.2], "ab"), 0.3).shown  # two say nothing
    assert tie_of_counts(900, 1000, 905, 1000, 0.05).shown
    assert not tie_of_counts(9, 10, 9, 10, 0.05).shown
    # 25 of 25 on both sides: 0.9^25 = 7.2 % where the rates are 1 and 0.9.
    assert tie_of_counts(25, 25, 25, 25, 0.1).p >= 0.9**25 - 1e-9


def test_ties_of_counts_keep_their_level_at_the_margin():
    n, m, margin = 30, 25, 0.2
    grid = [(x, y) for x in range(n + 1) for y in range(m + 1)]
    shown = [(x, y) for x, y in grid if tie_of_counts(x, n, y, m, margin).shown]
    assert shown
    for rate in np.linspace(0.0, 0.8, 33):
        for a, b in ((rate + margin, rate), (rate, rate + margin)):
            a, b = min(a, 1.0), min(b, 1.0)
            false = sum(
                math.comb(n, x)
                * math.comb(m, y)
                * a**x
                * (1 - a) ** (n - x)
                * b**y
                * (1 - b) ** (m - y)
                for x, y in shown
            )
            assert false <= 0.05 + 1e-6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compare_pairs("A", "B", Pairs(0, 0, 0, 0)), "'A' and 'B' share n=0"),
        (lambda: compare_counts(("A", 1, 0), ("B", 1, 2)), "n_a=0"),
        (lambda: compare_pairs("A", "B", Pairs(1, 1, 1, 1), 0.5), "alpha=0.5"),
        (lambda: judged((1, 2, 3, 4), 5), "margin=5"),
        (lambda: judged((1, 2, 3, 4), adjusted=0.1), "adjusted=0.1"),
        (lambda: judged((1, 2, 3, 4), family=0), "family of 0"),
        (lambda: compare_scores("A", "B", ([1.0], [2.0]), np.random.default_rng(0)), "one cluster"),
        (lambda: compare_scores("A", "B", ([1.0, math.nan], [1.0, 2.0]), None), "nan"),
        (lambda: tie_of_pairs(Pairs(1, 1, 1, 1), 0.1, 0.6), "alpha=0.6"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
