"""The breaker's three states, and what does not confuse it."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ossay.router.breaker import Breaker, BreakerLimits


class Hand:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self):
        return self.now


def tripped(after=3, **limits):
    hand = Hand()
    breaker = Breaker(hand, BreakerLimits(trips_after=after, **limits))
    for _ in range(after):
        breaker.enter().end("failed")
    return breaker, hand


def test_it_opens_after_failures_in_a_row_only():
    breaker = Breaker(Hand(), BreakerLimits(trips_after=2))
    for told in ("failed", "answered", "failed", "no_matter"):
        breaker.enter().end(told)
    assert breaker.state == "closed"
    breaker.enter().end("failed")
    assert (breaker.state, breaker.enter(), breaker.trips) == ("open", None, 1)


def test_one_probe_passes_after_a_while_and_closes_it():
    breaker, hand = tripped()
    hand.now = 9.9
    assert breaker.enter() is None
    hand.now = 10.0
    assert breaker.state == "half_open"
    probe = breaker.enter()
    assert breaker.enter() is None
    probe.end("answered")
    assert breaker.state == "closed"
    assert breaker.enter() is not None


def test_each_failed_probe_keeps_it_open_twice_as_long_up_to_a_limit():
    breaker, hand = tripped(most_s=30.0)
    waits = []
    for _ in range(4):
        hand.now += breaker.wait_s
        breaker.enter().end("failed")
        waits.append(breaker.wait_s)
    assert waits == [20.0, 30.0, 30.0, 30.0]


def test_a_probe_that_was_broken_off_makes_way_for_the_next():
    breaker, hand = tripped()
    hand.now = 10.0
    breaker.enter().end("no_matter")
    assert breaker.enter() is not None


def test_late_news_of_before_it_opened_change_nothing():
    breaker = Breaker(hand := Hand(), BreakerLimits(trips_after=1))
    early, other = breaker.enter(), breaker.enter()
    other.end("failed")
    early.end("answered")
    assert breaker.state == "open"
    hand.now = 10.0
    probe = breaker.enter()
    probe.end("answered")
    probe.end("failed")  # said once is enough
    assert breaker.state == "closed"


class Life(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.hand = Hand()
        self.breaker = Breaker(self.hand, BreakerLimits(trips_after=2))
        self.passes = []

    @rule()
    def enter(self):
        state = self.breaker.state
        leave = self.breaker.enter()
        assert leave is not None or state != "closed"
        assert leave is None or state != "open"
        if leave is not None:
            self.passes.append(leave)

    @precondition(lambda self: self.passes)
    @rule(told=st.sampled_from(["answered", "failed", "no_matter"]), which=st.integers(0, 99))
    def end(self, told, which):
        self.passes.pop(which % len(self.passes)).end(told)

    @rule(seconds=st.floats(0.0, 400.0))
    def wait(self, seconds):
        self.hand.now += seconds

    @invariant()
    def it_never_stays_shut(self):
        if not self.passes and self.breaker.state == "half_open":
            probe = self.breaker.enter()
            assert probe is not None
            probe.end("no_matter")


Life.TestCase.settings = settings(max_examples=50, deadline=None)
TestLife = Life.TestCase
