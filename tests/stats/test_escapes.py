"""The alarm on escapes: a fair game while the promise holds, soon lost when it no longer does."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.stats.escapes import Alarm, Watch, first_alarms, reserve

ALARM = Alarm(0.05, 0.1)


def fed(alarm, outcomes, propensity):
    watch = Watch(alarm)
    for outcome in outcomes:
        watch = watch.after(outcome, propensity)
    return watch


@given(
    alpha=st.floats(0.005, 0.5),
    propensity=st.floats(0.01, 1.0),
    before=st.lists(st.sampled_from([None, False, True]), max_size=30),
)
def test_at_exactly_alpha_the_next_request_is_a_fair_game(alpha, propensity, before):
    watch = fed(Alarm(alpha, propensity, level=1e-9), before, propensity)
    found = propensity * alpha
    wins, loses = watch.after(True, propensity), watch.after(False, propensity)
    assert found * wins.e_value + (1 - found) * loses.e_value == pytest.approx(watch.e_value)
    assert loses.wealth == watch.after(None).wealth  # no escape found: audited or not is the same


def test_more_audits_than_the_floor_are_a_fair_game_too():
    watch = fed(ALARM, [None, True, False], 0.1)
    found = 0.4 * 0.05
    wins, loses = watch.after(True, 0.4), watch.after(False, 0.4)
    assert found * wins.e_value + (1 - found) * loses.e_value == pytest.approx(watch.e_value)


def test_the_purse_is_whole_at_the_start_and_never_grows_by_itself():
    assert Watch(ALARM).e_value == 1.0
    kept = [reserve(t) for t in range(10_000)]
    assert kept == sorted(kept, reverse=True)
    assert kept[-1] > 0.0


@pytest.mark.parametrize(("alpha", "propensity"), [(0.02, 0.05), (0.05, 0.1), (0.05, 1.0)])
def test_false_alarms_are_rarer_than_the_level(alpha, propensity):
    """10,000 streams at exactly alpha, a look after each of 2,000 requests."""
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(10):
        found = rng.random((2_000, 1_000), dtype=np.float32) < alpha * propensity
        alarms += (first_alarms(found / propensity, Alarm(alpha, propensity)) > 0).sum()
    assert 0 < alarms <= 0.05 * 10_000


def test_a_drift_is_seen():
    """After 2,000 good requests the rate is four times what was promised; a tenth is audited."""
    rng = np.random.default_rng(6)
    rates = np.where(np.arange(6_000) < 2_000, 0.03, 0.2)[:, None]
    at = first_alarms((rng.random((6_000, 300)) < rates * 0.1) / 0.1, ALARM)
    assert (at[at > 0] < 2_000).sum() <= 3
    assert np.quantile(at, 0.05) > 2_000
    assert np.median(at) < 3_000  # 100 audits after the drift
    assert (at > 0).all()


def test_one_stream_and_many_say_the_same():
    rng = np.random.default_rng(7)
    audited, escaped = rng.random((600, 5)) < 0.5, rng.random((600, 5)) < 0.15
    alarm = Alarm(0.05, 0.5)
    many = first_alarms((audited & escaped) / 0.5, alarm)
    for stream in range(5):
        outcomes = [
            bool(bad) if seen else None
            for seen, bad in zip(audited[:, stream], escaped[:, stream], strict=True)
        ]
        assert (fed(alarm, outcomes, 0.5).tripped_at or 0) == many[stream]
    assert many.any()


def test_an_alarm_stays_raised():
    watch = fed(Alarm(0.05, 1.0), [True] * 20, 1.0)
    assert watch.tripped_at is not None
    later = watch
    for _ in range(500):
        later = later.after(False)
    assert later.tripped_at == watch.tripped_at
    assert later.requests == 520


def test_the_rate_is_estimated_by_what_audits_stand_for():
    watch = fed(ALARM, [None] * 90 + [False] * 9 + [True], 0.1)
    assert (watch.requests, watch.known) == (100, 10)
    assert watch.rate == pytest.approx(0.1)
    assert Watch(ALARM).rate is None


def test_a_watch_survives_a_restart():
    watch = fed(ALARM, [None, True, False], 0.1)
    again = msgspec.json.decode(msgspec.json.encode(watch), type=Watch)
    assert again.after(True, 0.5) == watch.after(True, 0.5)


@pytest.mark.parametrize("alpha", [0.05, 0.3, 0.9])
def test_no_bet_can_lose_more_than_it_holds(alpha):
    watch = fed(Alarm(alpha, 1.0), [False] * 50, 1.0)
    assert all(one >= 0.0 for one in watch.wealth)
    assert watch.tripped_at is None


def test_what_cannot_be():
    with pytest.raises(ValueError, match=r"propensity=0\.05"):
        Watch(ALARM).after(True, 0.05)
    with pytest.raises(ValueError, match="propensity=0"):
        Alarm(0.05, 0.0)
    with pytest.raises(ValueError, match="alpha=5"):
        Alarm(5, 0.1)
    with pytest.raises(ValueError, match="weighted"):
        first_alarms(np.array([[20.0]]), ALARM)
