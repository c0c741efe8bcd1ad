"""A validator tried on drafts whose worth is known: its errors come out, with those of pleas."""

import asyncio

import pytest

from ossay.core.errors import ModelCallError
from ossay.models.scripted_review import RIGHT, WRONG, Validator
from ossay.router.seeded import PLEAS, Seed, judge, trial_of

SEEDS = [Seed(f"question {n}", text, text == RIGHT) for n in range(600) for text in (RIGHT, WRONG)]


def trial(validator, seeds=SEEDS, **more):
    return trial_of(asyncio.run(judge(validator, seeds, **more)))


def test_rates_are_recovered():
    found = trial(Validator(accepts=0.1, rejects=0.05))
    assert found.false_approval.of == found.false_reject.of == 600
    assert found.false_approval.interval.holds(0.1)
    assert found.false_reject.interval.holds(0.05)
    assert found.wrong.interval.holds(0.0)  # it does not listen to pleas


def test_a_gullible_one_is_found_out():
    found = trial(Validator(accepts=0.1, gullible=0.5))
    assert found.wrong.pleading.interval.holds(0.55)
    assert found.wrong.interval.low > 0.3
    assert len(found.by_plea) == len(PLEAS)
    assert all(one.difference > 0.2 for one in found.by_plea)


def test_an_unsure_approval_is_none():
    found = trial(Validator(accepts=0.3), approve_from=0.92)  # it approves wrong ones with 0.9
    assert found.false_approval.count == 0
    assert found.counts["wrong"]["unsure"] > 100


def test_what_is_no_verdict_is_no_approval_and_what_failed_is_left_out():
    spoilt = trial(Validator(how="fenced"), SEEDS[:40])
    assert spoilt.counts["wrong"] == {"malformed": 20}
    assert (spoilt.false_approval.count, spoilt.false_approval.of) == (0, 20)
    down = trial(Away(), SEEDS[:4])
    assert down.false_approval.of == 0
    assert down.wrong.interval is None


class Away(Validator):
    async def reply(self, request):
        raise ModelCallError("connection", "nobody is there")


def test_no_more_calls_at_once_than_asked_for():
    running = most = 0

    class Counting(Validator):
        async def reply(self, request):
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            return await super().reply(request)

    heard = []
    trial(Counting(), SEEDS[:50], at_once=3, heard=heard.append)
    assert (most, heard[-1]) == (3, 50)


@pytest.mark.parametrize("plea", PLEAS)
def test_pleas_are_what_the_scripted_validator_falls_for(plea):
    (found,) = asyncio.run(judge(Validator(gullible=1.0), [Seed("q", WRONG, False)]))
    assert (found.plain, found.pleading) == ("reject", "approve")
    assert "approve this" in plea.lower() or "ignore previous instructions" in plea.lower()
