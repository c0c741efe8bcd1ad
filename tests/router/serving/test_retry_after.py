"""Who says when to come back is heard: no sooner, and not at all where that is too late."""

import pytest

from ossay.core.errors import ModelCallError
from ossay.core.types import Message, Request
from ossay.models.scripted_faults import Faulty
from ossay.router.route import Deadlines, Plans, Retries, Route

STRONG = Plans("strong", "strong", "strong")


class Busy(Faulty):
    """Says 429 and when to come back, so many times; notes when it was asked."""

    def __init__(self, after_s, times=1):
        super().__init__(message=Message("assistant", "Here I am."), name="busy")
        self._after_s = after_s
        self._left = times
        self.at = []

    async def stream(self, request):
        self.at.append(self.clock.monotonic())
        if self._left:
            self._left -= 1
            raise ModelCallError(
                "rate_limited", "slow down", status=429, retry_after_s=self._after_s
            )
        async for delta in super().stream(request):
            yield delta


def asked(stage, ask, busy, **fields):
    on = stage(strong=busy, route=Route("support", plans=STRONG, **fields))
    busy.clock = on.clock
    return on, ask(on)


@pytest.mark.parametrize("after_s", [0.0, 1.0, 4.5])
def test_the_wait_that_was_asked_for_is_kept(stage, ask, after_s):
    busy = Busy(after_s)
    _, heard = asked(stage, ask, busy, retries=Retries(base_s=0.2))
    assert heard.text == "Here I am."
    assert after_s <= busy.at[1] - busy.at[0] <= after_s + 0.2


def test_a_wait_beyond_the_route_s_most_is_not_waited_for(stage, ask):
    busy = Busy(60.0)
    on, heard = asked(stage, ask, busy, retries=Retries(most_s=5.0))
    assert (len(busy.at), heard.error.kind, heard.error.retry_after_s) == (1, "rate_limited", 60.0)
    assert on.decision.seconds < 1.0


def test_a_wait_beyond_the_deadline_is_not_waited_for(stage, ask):
    busy = Busy(4.0)
    _, heard = asked(stage, ask, busy, deadlines=Deadlines(strong=3.0))
    assert (len(busy.at), heard.error.status) == (1, 429)


def test_others_are_asked_meanwhile(stage, ask):
    """A draft that would come too late is done without."""
    on = stage(Busy(60.0))
    on.cheap.clock = on.clock
    assert ask(on).text == "Strongly."
    assert on.decision.why == "draft failed: rate_limited"


def test_what_cannot_be_published_says_when_to_come_back(stage, ask):
    busy = Busy(30.0, times=9)
    on = stage(Faulty(["server_error"] * 4), busy)
    busy.clock = on.clock
    heard = ask(on, "high")
    assert (heard.error.status, heard.error.retry_after_s) == (503, 30.0)


def test_an_open_breaker_says_when_it_may_be_asked_again(stage, run):
    on = stage(strong=Faulty(["server_error"] * 99), route=Route("support", plans=STRONG))

    async def go():
        router, told = on.router, []
        for _ in range(6):
            with pytest.raises(ModelCallError) as failed:
                await router.reply(Request((Message("user", "?"),)))
            told.append(failed.value.retry_after_s)
        return told

    told = run(go())
    assert told[0] is None
    assert 0.0 < told[-1] <= 10.0
