import pytest

from ossay.campaign.plan import Limits
from ossay.campaign.progress import Tally
from ossay.core.outcome import Outcome
from ossay.core.types import Usage
from ossay.store.claim import Totals


@pytest.fixture
def tally():
    """A session that began 10 s ago; ten runs planned, four finished by an earlier one."""
    tally = Tally(started=0.0, clock=lambda: 10.0)
    outcomes = {Outcome.PASSED: 2, Outcome.NO_ACTION: 1, Outcome.INFRASTRUCTURE_ERROR: 1}
    tally.take_over(Totals(planned=6, outcomes=outcomes, spend_usd=1.0, tokens=100, lost_calls=1))
    return tally


def test_earlier_starts_count(tally):
    progress = tally.progress()
    assert (progress.total, progress.finished) == (10, 4)
    assert (progress.passed, progress.failed, progress.errors) == (2, 1, 1)
    assert (progress.spend_usd, progress.tokens, progress.lost_calls) == (1.0, 100, 1)


def test_time_left_goes_by_the_pace_of_this_start(tally):
    assert tally.progress().eta_s is None
    for _ in range(2):
        tally.count_run(Outcome.PASSED)
    assert tally.progress().eta_s == 4 * 10.0 / 2


def test_a_call_at_no_known_price_is_counted_apart(tally):
    tally.count_call(Usage(10, 8, 5), 0.5)
    tally.count_call(Usage(None, None, 5), None)
    progress = tally.progress()
    assert (progress.spend_usd, progress.tokens, progress.unpriced_calls) == (1.5, 120, 1)


def test_limits_are_reached_at_their_value(tally):
    assert tally.limit_reached(Limits()) == ""
    assert tally.limit_reached(Limits(max_usd=1.01, max_tokens=101)) == ""
    assert tally.limit_reached(Limits(max_usd=1.0)) == "max_usd"
    assert tally.limit_reached(Limits(max_tokens=100)) == "max_tokens"


def test_a_limit_that_can_no_longer_be_kept_is_reached(tally):
    tally.count_call(Usage(10, None, 5), 0.5)
    assert tally.limit_reached(Limits(max_usd=9.0)) == ""
    assert tally.limit_reached(Limits(max_tokens=900)) == ""
    tally.count_call(Usage(10, None, None), None)
    assert tally.limit_reached(Limits(max_usd=9.0)) == "cost_unknown"
    assert tally.limit_reached(Limits(max_tokens=900)) == "cost_unknown"
    assert tally.limit_reached(Limits(max_usd=1.0)) == "max_usd"
    assert tally.limit_reached(Limits(max_minutes=1.0)) == ""
