"""Bets, walks, futility, confidence sequences: martingales, exact walks, peeking every item."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.stats import confseq as cs
from ossay.stats.design import Discordance
from ossay.stats.futility import outlook, sequential_design
from ossay.stats.sequential import Bet, boundary, decided, e_value, log_wealth, watch

BETS = [Bet(), Bet(spread=0.5), Bet(spread=20.0), Bet(edge=0.7)]


@pytest.mark.parametrize("bet", BETS)
@given(b=st.integers(0, 60), c=st.integers(0, 60))
def test_a_fair_next_pair_leaves_the_wealth_as_it_is(bet, b, c):
    now = log_wealth(b, c, bet)
    won, lost = log_wealth(b + 1, c, bet), log_wealth(b, c + 1, bet)
    assert np.logaddexp(won, lost) - math.log(2) == pytest.approx(now, abs=1e-9)
    assert log_wealth(c, b, bet) == pytest.approx(now, abs=1e-9)


def test_wealth_starts_at_one_and_has_closed_forms():
    for bet in BETS:
        assert e_value(0, 0, bet) == pytest.approx(1.0)
        assert e_value(1, 0, bet) == pytest.approx(1.0)
    assert e_value(3, 0, Bet(spread=1.0)) == pytest.approx(2.0)  # 2^3 / 4 under a uniform bet
    assert e_value(2, 1, Bet(edge=0.75)) == pytest.approx((1.5**2 * 0.5 + 0.5**2 * 1.5) / 2)
    assert e_value(3000, 0) == math.inf


@pytest.mark.parametrize("bet", BETS)
def test_the_boundary_is_the_first_count_that_decides(bet):
    for t, wins in enumerate(boundary(150, 0.05, bet)):
        assert wins > t or log_wealth(wins, t - wins, bet) >= math.log(20) - 1e-12
        if 2 * (wins - 1) >= t:
            assert log_wealth(wins - 1, t - wins + 1, bet) < math.log(20)


@pytest.mark.parametrize("bet", BETS)
def test_peeking_after_every_pair_keeps_alpha(bet):
    """20,000 campaigns of 400 discordant pairs, neither model better; and the exact chance."""
    rng = np.random.default_rng(1)
    wins = np.cumsum(rng.random((20_000, 400)) < 0.5, axis=1, dtype=np.int16)
    bar = np.array(boundary(400, 0.05, bet))[1:]
    hit = ((wins >= bar) | (np.arange(1, 401) - wins >= bar)).any(axis=1).mean()
    exact = sequential_design(Discordance(0.5, 0.5), 400, 0.05, bet)
    assert 1 - exact.undecided <= 0.05
    assert hit == pytest.approx(1 - exact.undecided, abs=3 * math.sqrt(0.05 * 0.95 / 20_000))
    assert exact.named_a == pytest.approx(exact.named_b)


def test_the_wrong_winner_is_rarer_than_alpha():
    found = sequential_design(Discordance(0.11, 0.09), 3000)
    assert found.named_b <= 0.05
    assert found.named_a > found.named_b
    assert found.named_a + found.named_b + found.undecided == pytest.approx(1.0)


def test_design_against_simulated_campaigns():
    rng, budget, bar = np.random.default_rng(2), 250, np.array(boundary(250))
    step = rng.choice([1, -1, 0], p=[0.2, 0.08, 0.72], size=(4000, budget))
    up, down = np.cumsum(step == 1, axis=1), np.cumsum(step == -1, axis=1)
    over = (up >= bar[up + down]) | (down >= bar[up + down])
    first = np.where(over.any(axis=1), over.argmax(axis=1) + 1, budget)
    found = sequential_design(Discordance(0.2, 0.08), budget)
    assert over.any(axis=1).mean() == pytest.approx(1 - found.undecided, abs=0.025)
    assert first.mean() == pytest.approx(found.mean_items, abs=4.5)


def test_watching_items_in_order():
    a = [1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]
    b = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    found = watch(a, b)
    assert (found.only_a, found.only_b) == (13, 1)
    assert len(found.e_values) == 16
    assert found.winner == "a"
    wins = sum(x > y for x, y in zip(a[: found.decided_at], b[: found.decided_at], strict=True))
    assert decided(wins, 0) == "a"
    assert decided(wins - 1, 0) is None
    assert watch([], []).decided_at is None
    assert watch([1, 0], [1, 0]).e_values == (1.0, 1.0)


def test_outlook():
    assert outlook(20, 1, 60, 100).chance == 1.0
    never = outlook(3, 3, 96, 100)
    assert (never.chance, never.possible, never.items_left) == (0.0, False, 4)
    good, bad = outlook(12, 4, 60, 300), outlook(8, 8, 60, 300)
    assert 0.0 < bad.chance < good.chance < 1.0
    assert outlook(0, 0, 0, 0).chance == 0.0
    rng, hits = np.random.default_rng(3), 0  # the same chance by drawing shares and futures
    bar = np.array(boundary(400))
    for _ in range(3000):
        share, differ = rng.beta(9, 5), rng.beta(13, 39)
        future = rng.random(150) < differ
        wins = 8 + np.cumsum(future & (rng.random(150) < share))
        total = 12 + np.cumsum(future)
        hits += bool(((wins >= bar[total]) | (total - wins >= bar[total])).any())
    assert outlook(8, 4, 50, 200).chance == pytest.approx(hits / 3000, abs=0.03)


def test_confidence_sequences_hold_at_every_item():
    """20,000 runs of 150 items, looking after each; the truth may ever leave in 5 % of them."""
    rng, limit = np.random.default_rng(4), math.log(20)
    total = np.cumsum(rng.random((20_000, 150)) < 0.3, axis=1)
    worst = np.zeros(20_000)
    for i in range(150):
        kinds, place = np.unique(total[:, i], return_inverse=True)
        found = np.array([cs.rate_evidence(int(k), i + 1, 0.3) for k in kinds])
        worst = np.maximum(worst, found[place])
    assert (worst >= limit).mean() <= 0.05
    for draw, mean in [(rng.random((150, 20_000)), 0.5), (rng.random((150, 20_000)) < 0.1, 0.1)]:
        assert (cs.mean_wealth(draw, np.full(20_000, mean)) >= limit).mean() <= 0.05
    step = rng.choice([1, -1, 0], p=[0.2, 0.1, 0.7], size=(2000, 80))
    up, down = np.cumsum(step == 1, axis=1), np.cumsum(step == -1, axis=1)
    out = np.zeros(2000, dtype=bool)
    for i in range(80):
        kinds, place = np.unique(up[:, i] * 100 + down[:, i], return_inverse=True)
        found = np.array(
            [cs.difference_evidence(k // 100, k % 100, i + 1, 0.1) for k in kinds.tolist()]
        )
        out |= (found >= limit)[place]
    assert out.mean() <= 0.05


@given(st.integers(0, 80), st.integers(0, 80), st.integers(0, 80))
def test_ends_of_the_sequences_carry_just_enough_evidence(b, c, rest):
    n = b + c + rest
    found = cs.difference_sequence(b, c, n)
    assert -1.0 <= found.low <= found.high <= 1.0
    if n:
        assert found.holds((b - c) / n)
        for end in (found.low, found.high):
            if abs(end) < 1:
                assert cs.difference_evidence(b, c, n, end) == pytest.approx(math.log(20), abs=1e-3)
    rate = cs.rate_sequence(b, b + c)
    assert 0.0 <= rate.low <= rate.high <= 1.0
    if b + c:
        assert rate.holds(b / (b + c))


def test_a_mean_sequence_closes_in():
    rng = np.random.default_rng(5)
    values = rng.choice([-1.0, 0.0, 1.0], 600, p=[0.1, 0.6, 0.3])
    short, long = cs.mean_sequence(values[:60], -1, 1), cs.mean_sequence(values, -1, 1)
    assert short.low <= long.low <= 0.2 <= long.high <= short.high
    assert long.high - long.low < 0.35
    assert cs.mean_sequence([], -1, 1).low == -1.0
    assert cs.mean_sequence([0.5]).holds(0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Bet(edge=0.5), r"edge=0\.5"),
        (lambda: Bet(spread=0.0), r"spread=0\.0"),
        (lambda: log_wealth(-1, 2), "-1"),
        (lambda: decided(1, 1, 5), "alpha=5"),
        (lambda: boundary(-1), "up_to=-1"),
        (lambda: watch([1], [1, 0]), "1 and 2"),
        (lambda: watch([1], [float("nan")]), "nan"),
        (lambda: sequential_design(Discordance(0.1, 0.1), 0), "budget=0"),
        (lambda: outlook(3, 3, 5, 9), "n=5"),
        (lambda: outlook(1, 1, 5, 3), "budget=3"),
        (lambda: cs.rate_sequence(3, 2), "passed=3"),
        (lambda: cs.difference_sequence(2, 2, 3), "n=3"),
        (lambda: cs.mean_sequence([2.0]), r"2\.0, outside"),
        (lambda: cs.mean_sequence([0.5], 1, 0), "low=1"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def by_items(shares, budget, bar):
    """Chances to be named and the mean items, by walking every item of every campaign."""
    open_, named, spent = {(0, 0): 1.0}, 0.0, 0.0
    for _ in range(budget):
        spent += sum(open_.values())
        after = {}
        for (up, down), chance in open_.items():
            for step, share in (((1, 0), shares[0]), ((0, 1), shares[1])):
                to = (up + step[0], down + step[1])
                if max(to) >= bar[sum(to)]:
                    named += chance * share
                else:
                    after[to] = after.get(to, 0.0) + chance * share
            stay = chance * (1 - sum(shares))
            after[up, down] = after.get((up, down), 0.0) + stay
        open_ = after
    return named, spent


@pytest.mark.parametrize("shares", [(0.5, 0.2), (0.3, 0.3), (0.9, 0.1), (0.02, 0.0)])
def test_design_item_by_item(shares):
    found = sequential_design(Discordance(*shares), 40)
    named, spent = by_items(shares, 40, boundary(40))
    assert found.named_a + found.named_b == pytest.approx(named, abs=1e-12)
    assert found.mean_items == pytest.approx(spent, rel=1e-12)


def test_large_budgets():
    """100,000 items once took minutes and gigabytes."""
    assert 0.5 < outlook(60, 50, 500, 100_000).chance < 1.0
    found = sequential_design(Discordance(0.15, 0.149), 100_000)
    assert 90_000 < found.mean_items < 100_000
    nothing = sequential_design(Discordance(0.0, 0.0), 10)
    assert (nothing.undecided, nothing.mean_items) == (1.0, 10.0)
