"""Power and needed n: brute force, simulation, published sizes, what must hold of every design."""

import math

import numpy as np
import pytest

from ossay.stats import planning
from ossay.stats.clustered import clustered_mean
from ossay.stats.design import Clustering, Discordance, discordance_of
from ossay.stats.equivalence import tie_of_pairs
from ossay.stats.paired import Pairs, mcnemar
from ossay.stats.power import (
    critical_wins,
    equivalence_power,
    mean_power,
    paired_power,
    tie_power,
    unpaired_power,
)
from ossay.stats.scores import sign_flip
from ossay.stats.unpaired import barnard


@pytest.mark.parametrize("test", ["exact", "mid"])
def test_mcnemars_power_is_the_sum_over_all_tables(test):
    n, shares = 18, Discordance(0.4, 0.1)
    power = 0.0
    for b in range(n + 1):
        for c in range(n + 1 - b):
            if getattr(mcnemar(b, c), f"p_{test}") <= 0.05:
                ways = math.comb(n, b) * math.comb(n - b, c)
                power += ways * 0.4**b * 0.1**c * 0.5 ** (n - b - c)
    assert paired_power(n, shares, 0.05, test) == pytest.approx(power, abs=1e-9)


def test_critical_wins_are_the_last_that_reject():
    limits = critical_wins(np.arange(1.0, 200.0), 0.05)
    for d, limit in enumerate(limits.tolist(), start=1):
        assert limit < 0 or mcnemar(int(limit), d - int(limit)).p_exact <= 0.05
        assert mcnemar(int(limit) + 1, d - int(limit) - 1).p_exact > 0.05


def test_unpaired_size_as_published():
    """J. Fleiss, "Statistical methods for rates and proportions": without continuity correction.

    0.6 against 0.7 at 80 % takes 356 a side (statsmodels 0.15, NormalIndPower on the pooled
    formula: samplesize_proportions_2indep_onetail(-0.1, 0.7, 0.8, alpha=0.025) = 355.6 to 356).
    """
    assert planning.needed_each(0.6, 0.7) == 356
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    theirs = proportion.power_proportions_2indep(0.1, 0.6, 200, alpha=0.05).power
    assert unpaired_power(200, 200, 0.7, 0.6) == pytest.approx(theirs, abs=2e-3)


def test_mean_power_against_statsmodels():
    power = pytest.importorskip("statsmodels.stats.power")
    theirs = power.TTestPower().power(0.4, 30, 0.05)
    assert mean_power(30, 0.8, 4.0) == pytest.approx(theirs, abs=1e-6)
    assert planning.needed_mean(0.5, 1.0) == 34  # the textbook size for half a deviation


def test_power_in_clusters_is_that_of_the_simulated_test():
    rng, groups = np.random.default_rng(1), Clustering(6, 0.25)
    labels, hits, runs = np.repeat(np.arange(30), 6), np.zeros(2), 1500
    for _ in range(runs):
        share = np.repeat(rng.dirichlet(np.array([0.3, 0.12, 0.58]) * 3, 30), 6, axis=0)
        u = rng.random(180)
        gap = (u < share[:, 0]) * 1.0 - ((u >= share[:, 0]) & (u < share[:, :2].sum(axis=1)))
        hits[0] += sign_flip(gap, rng, labels).p <= 0.05
        hits[1] += not clustered_mean(gap, labels).interval().holds(0.0)
    for test, share in zip(("exact", "mid"), hits / runs, strict=True):
        formula = paired_power(180, Discordance(0.3, 0.12), 0.05, test, groups)
        assert share == pytest.approx(formula, abs=0.02 + 0.026)  # 2 points and 2 sd


def test_what_is_planned_in_clusters_is_what_decides():
    """Sign flips of 20 clusters: the needed n has the power that it was asked for, not 10 less."""
    rng, groups, shares = np.random.default_rng(2), Clustering(5, 0.1), Discordance(0.3, 0.1)
    n = planning.needed_pairs(shares, 0.8, 0.05, "exact", groups)
    assert n > planning.needed_pairs(shares, 0.8, 0.05, "mid", groups)
    count, hits, runs = round(n / 5), 0, 1500
    labels = np.repeat(np.arange(count), 5)
    for _ in range(runs):
        share = np.repeat(rng.dirichlet(np.array([0.3, 0.1, 0.6]) * 9, count), 5, axis=0)
        u = rng.random(labels.size)
        gap = (u < share[:, 0]) * 1.0 - ((u >= share[:, 0]) & (u < share[:, :2].sum(axis=1)))
        hits += sign_flip(gap, rng, labels).p <= 0.05
    assert hits / runs == pytest.approx(0.8, abs=0.02 + 0.02)


def test_tie_power_is_the_sum_over_all_tables():
    n, margin = 60, 0.15
    power = 0.0
    for b in range(n + 1):
        for c in range(n + 1 - b):
            weight = math.comb(n, b) * math.comb(n - b, c) * 0.06**b * 0.04**c * 0.9 ** (n - b - c)
            if weight > 1e-7 and tie_of_pairs(Pairs(0, b, c, n - b - c), margin).shown:
                power += weight
    assert tie_power(n, Discordance(0.06, 0.04), margin) == pytest.approx(power, abs=2e-3)


def test_more_items_more_power_and_the_needed_n_reaches_it():
    shares = Discordance(0.2, 0.12)
    powers = [paired_power(n, shares) for n in (50, 200, 800)]
    assert powers == sorted(powers)
    n = planning.needed_pairs(shares)
    assert paired_power(n, shares) >= 0.8 > paired_power(n - 30, shares)
    few, many = (
        planning.needed_pairs(shares, 0.8, 0.05, "exact", Clustering(5, icc)) for icc in (0, 0.5)
    )
    assert many > 2 * few
    assert planning.needed_pairs(shares, alpha=0.05 / 300) > 2 * n


def test_smallest_differences_turn_power_round():
    gap = planning.smallest_paired(400, 0.3)
    assert paired_power(400, Discordance((0.3 + gap) / 2, (0.3 - gap) / 2)) == pytest.approx(
        0.8, abs=1e-3
    )
    gap = planning.smallest_unpaired(400, 0.6)
    assert unpaired_power(400, 400, 0.6 + gap, 0.6) == pytest.approx(0.8, abs=1e-6)
    assert planning.smallest_paired(5, 0.3) is None
    assert planning.smallest_unpaired(2, 0.9) is None


def test_what_no_number_of_items_shows():
    assert planning.needed_pairs(Discordance(0.1, 0.1)) is None
    assert planning.needed_each(0.5, 0.5) is None
    assert planning.needed_mean(0.0, 1.0) is None
    assert planning.needed_pairs_to_tie(Discordance(0.2, 0.1), 0.05) is None
    assert planning.needed_to_tie(0.2, 1.0, 0.1) is None
    assert paired_power(10, Discordance(0.0, 0.0)) == 0.0
    assert unpaired_power(10, 10, 1.0, 1.0) == 0.0
    assert unpaired_power(10, 10, 1.0, 0.0) == 1.0


def test_discordance_from_rates():
    plain = discordance_of(0.8, 0.6)
    assert (plain.only_a, plain.only_b) == pytest.approx((0.32, 0.12))
    known = discordance_of(0.8, 0.6, 0.3)
    assert (known.total, known.difference) == pytest.approx((0.3, 0.2))
    assert planning.needed_for_rates(0.8, 0.6, 0.22) < planning.needed_for_rates(0.8, 0.6)
    with pytest.raises(ValueError, match=r"differ=0\.1 can't be"):
        discordance_of(0.8, 0.6, 0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Clustering(0.5), "size=0.5"),
        (lambda: Clustering(2, 1.5), "icc=1.5"),
        (lambda: Discordance(0.7, 0.7), "sum above 1"),
        (lambda: paired_power(0, Discordance(0.1, 0.1)), "n=0"),
        (lambda: paired_power(9, Discordance(0.1, 0.1), 5), "alpha=5"),
        (lambda: paired_power(9, Discordance(0.1, 0.1), clustering=Clustering(9, 0.1)), "two"),
        (lambda: unpaired_power(9, 9, 1.2, 0.5), "rate_a=1.2"),
        (lambda: mean_power(1, 0.5, 1.0), "n=1"),
        (lambda: equivalence_power(9, 0.0, 1.0, 0.0), "margin=0.0"),
        (lambda: tie_power(9, Discordance(0.1, 0.1), 5), "margin=5"),
        (lambda: planning.needed_each(0.5, 0.6, 80), "power=80"),
        (lambda: planning.smallest_paired(9, 0.0), "differ=0.0"),
        (lambda: planning.smallest_unpaired(9, 1.0), "rate=1.0"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_normal_formula_takes_over_without_a_step():
    for shares in (Discordance(0.26, 0.24), Discordance(0.101, 0.099), Discordance(0.3, 0.29)):
        n = int(5000 / shares.total)
        below, above = paired_power(n - 20, shares), paired_power(n + 20, shares)
        assert above == pytest.approx(below, abs=0.005)
        below, above = (tie_power(n + step, shares, 0.025) for step in (-20, 20))
        assert above == pytest.approx(below, abs=0.01)


def test_no_design_is_planned_that_cant_reject():
    """Even where one model wins all: 6 signs make 1/32, 5 make 1/16; Barnard's 3 + 3 likewise."""
    all_a, groups = Discordance(1.0, 0.0), Clustering(10, 0.5)
    assert planning.needed_pairs(all_a, 0.8, 0.05, "exact", groups) == 60
    assert sign_flip(np.ones(50), clusters=np.repeat(np.arange(5), 10)).p > 0.05
    assert sign_flip(np.ones(60), clusters=np.repeat(np.arange(6), 10)).p <= 0.05
    assert planning.needed_mean(1.0, 1e-9) == 6
    assert planning.needed_each(1.0, 0.0) == 3
    assert barnard(2, 2, 0, 2) > 0.05 >= barnard(3, 3, 0, 3)
