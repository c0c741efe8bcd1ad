"""Watching pair by pair: agrees with `stats`, gives up in time, counts what says nothing apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.campaign.stop import Stop
from ossay.campaign.watch import Look, Watch
from ossay.stats.confseq import difference_sequence
from ossay.stats.futility import outlook
from ossay.stats.prospect import EXACT, prospect, tie_shown
from ossay.stats.sequential import watch as watch_all

NEVER = Stop(futility=0.0)


def watched(pairs, stop=NEVER, planned=None):
    found = Watch(stop, planned or len(pairs))
    for a, b in pairs:
        found.take(a, b)
    return found


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80))
def test_it_decides_where_the_test_decides(pairs):
    found = watched(pairs)
    told = watch_all([float(a) for a, _ in pairs], [float(b) for _, b in pairs])
    assert found.winner == told.winner
    if told.decided_at is None:
        assert found.reason == "used_up"
    else:
        assert (found.reason, found.items) == ("decided", told.decided_at)
        assert found.look.e_value == pytest.approx(told.e_values[told.decided_at - 1])


def test_the_path_holds_the_differing_pairs_and_the_last_item():
    found = watched([(True, False), (True, True), (False, True), (False, False)])
    assert [(one.items, one.only_a, one.only_b) for one in found.path] == [
        (1, 1, 0), (3, 1, 1), (4, 1, 1),
    ]  # fmt: skip
    assert watched([], planned=3).path == ()
    assert watched([(True, False)]).path == (Look(1, 1, 0, pytest.approx(1.0)),)


def test_a_pair_without_a_result_tells_nothing_and_is_an_item():
    found = watched([(None, True), (True, None), (None, None), (True, False)], planned=9)
    assert (found.items, found.pairs, found.only_a, found.only_b) == (4, 1, 1, 0)


def test_what_comes_after_the_decision_changes_nothing():
    found = watched([(True, False)] * 11 + [(False, True)] * 20)
    assert (found.reason, found.winner, found.items, found.only_b) == ("decided", "a", 11, 0)


def test_it_gives_up_where_little_chance_is_left():
    found = watched([(True, True)] * 100, Stop())
    assert found.reason == "futile"
    assert found.chance < 0.05
    assert found.items < 100
    assert watched([(True, True)] * 100, NEVER).reason == "used_up"


def test_it_gives_up_where_nothing_could_decide_any_more():
    """Three items left, and one model alone passed none so far."""
    found = watched([(True, True)] * 17, Stop(futility=1e-9), planned=20)
    assert (found.reason, found.chance) == ("futile", 0.0)


def test_models_that_agree_are_tied_within_the_margin():
    found = watched([(True, True)] * 200, Stop(margin=0.1))
    assert found.reason == "tied"
    assert difference_sequence(0, 0, found.items).inside(0.1)
    assert not difference_sequence(0, 0, found.items - 1).inside(0.1)


def test_with_a_margin_it_does_not_give_up_while_a_tie_can_be_shown():
    assert watched([(True, True)] * 60, Stop(margin=0.1), planned=200).reason == "open"
    assert watched([(True, True)] * 60, Stop(), planned=200).reason == "futile"


@given(
    st.integers(0, 40), st.integers(0, 40), st.integers(0, 400), st.sampled_from([0.02, 0.1, 0.3])
)
def test_a_tie_is_where_the_whole_sequence_lies_inside(only_a, only_b, rest, margin):
    n = only_a + only_b + rest
    shown = difference_sequence(only_a, only_b, n).inside(margin)
    assert tie_shown(only_a, only_b, n, margin) == shown


@pytest.mark.parametrize(
    ("only_a", "only_b", "n", "left"),
    [(0, 0, 0, 50), (12, 6, 60, 200), (20, 20, 200, 900), (15, 3, 40, 100), (100, 100, 900, 900)],
)
def test_the_chance_left_is_the_exact_one(only_a, only_b, n, left):
    exact = outlook(only_a, only_b, n, n + left).chance
    assert prospect(only_a, only_b, n, left) == pytest.approx(exact)
    assert prospect(only_a, only_b, n, left, enough=0.01) <= exact * 1.1


def test_beyond_what_is_computed_exactly_the_chance_is_near_and_not_too_small():
    """What the reflection principle gives, where giving up is near."""
    exact = outlook(330, 300, 4_000, 4_000 + EXACT + 1).chance
    assert exact <= prospect(330, 300, 4_000, EXACT + 1) * 1.1 <= 2.5 * exact


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: prospect(0, 0, 0, -1), "left=-1"),
        (lambda: tie_shown(3, 3, 5, 0.1), "don't fit"),
        (lambda: tie_shown(0, 0, 5, 5.0), "0.05 means 5 points"),
    ],
)
def test_what_can_t_be_is_refused(call, told):
    with pytest.raises(ValueError, match=told):
        call()


def test_a_hundred_thousand_items_are_followed_in_time_that_grows_with_them():
    """Not a speed test: a quadratic one would not end."""
    found = Watch(Stop(margin=0.001), 100_000)
    for place in range(100_000):
        found.take(place % 7 == 0, place % 7 == 3)
    assert found.reason == "futile"
