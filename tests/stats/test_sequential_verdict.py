"""The verdict on a race: typed, in a sentence, with e-value, items and alpha."""

import pytest

from ossay.stats.design import Discordance
from ossay.stats.futility import sequential_design
from ossay.stats.sequential import Bet
from ossay.stats.sequential_verdict import Race, further_items, sequential_verdict


def race(only_a, only_b, n, **more):
    return Race("one/a", "two/b", only_a, only_b, n, **more)


def test_a_better_model_by_name():
    found = sequential_verdict(race(11, 0, 24), "decided")
    assert (found.kind, found.more, found.alpha) == ("a_better", 0, 0.05)
    assert found.p == pytest.approx(1 / race(11, 0, 24).e_value)
    assert found.sentence == (
        "one/a better: 45.8 points above two/b (e-value 23.4 where 20 decides, alpha 0.05 at all "
        "looks together; 95 % confidence sequence 4.6 to 79.4; 24 shared items, 11 against 0 where "
        "they differ)."
    )
    other = sequential_verdict(race(0, 11, 24), "decided")
    assert (other.kind, other.sentence[:30]) == ("b_better", "two/b better: 45.8 points abov")


def test_a_tie_within_its_margin():
    found = sequential_verdict(race(1, 2, 400, margin=0.05), "tied")
    assert (found.kind, found.within, found.margin) == ("tied", True, 0.05)
    assert found.sentence.startswith("Tied within 5.0 points: one/a is 0.2 points below two/b, and")
    assert "alpha 0.05" in found.sentence


def test_giving_up_says_the_chance_and_what_would_do():
    found = sequential_verdict(race(12, 6, 60), "futile", left=20, chance=0.021)
    assert (found.kind, found.p <= 1.0) == ("not_enough_data", True)
    assert "The 20 items left would decide it with a chance of 2.1 %" in found.sentence
    assert found.more == 319
    assert "About 320 more per model would decide it" in found.sentence


def test_the_items_still_needed_have_power_80():
    now = race(12, 6, 60)
    total = now.n + further_items(now)
    shares = Discordance(0.2, 0.1)
    assert sequential_design(shares, total).named_a >= 0.8
    assert sequential_design(shares, total - 1).named_a < 0.8


@pytest.mark.parametrize("now", [race(0, 0, 0), race(5, 5, 50), race(2001, 2000, 5000)])
def test_no_number_is_named_where_none_would_do(now):
    assert further_items(now) is None


def test_degenerate_races_get_a_correct_answer():
    nothing = sequential_verdict(race(0, 0, 0), "open")
    assert nothing.sentence == "Not enough data: no item has a result of both one/a and two/b."
    assert nothing.p == 1.0
    alike = sequential_verdict(race(0, 0, 1), "used_up")
    assert "one/a did as well as two/b" in alike.sentence
    assert "1 shared item," in alike.sentence
    assert "no items left" in alike.sentence
    sure = sequential_verdict(race(5000, 0, 5000), "decided")
    assert "above 1,000,000" in sure.sentence


def test_an_e_value_too_small_for_a_float_is_no_evidence():
    lost = race(480, 480, 2000, bet=Bet(edge=0.95))
    found = sequential_verdict(lost, "used_up")
    assert (lost.e_value, found.kind, found.p) == (0.0, "not_enough_data", 1.0)
    assert "(e-value 0 where 20 decides" in found.sentence


def test_a_verdict_that_the_counts_don_t_bear_is_refused():
    with pytest.raises(ValueError, match="don't decide"):
        sequential_verdict(race(3, 2, 9), "decided")
    with pytest.raises(ValueError, match="margin=None"):
        sequential_verdict(race(3, 3, 900), "tied")


def test_the_bet_is_part_of_it():
    assert race(9, 0, 9).e_value < 20 < race(9, 0, 9, bet=Bet(edge=0.9)).e_value
