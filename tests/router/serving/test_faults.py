"""Every step fails in every way: nothing goes out unvalidated, nothing twice, nothing is hidden."""

import asyncio

import pytest
from msgspec.structs import replace

from ossay.core.errors import ModelCallError
from ossay.core.types import Message, Request
from ossay.models.scripted_faults import FAULTS, Faulty
from ossay.models.scripted_review import _MALFORMED, RIGHT, WRONG, Validator
from ossay.router.route import Deadlines, Plans, Retries, Route
from ossay.router.router import Router
from ossay.router.work import Caller

OFTEN = 4  # more than is ever tried
ASKED = Request((Message("user", "What is it?"),))


def wrong():
    return Faulty(message=Message("assistant", WRONG), name="cheap")


@pytest.mark.parametrize("level", ["medium", "high"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_draft_means_strong(stage, ask, fault, level):
    on = stage(Faulty([fault] * OFTEN, name="cheap"))
    heard = ask(on, level)
    assert heard.text == "Strongly."
    assert on.decision.why.startswith("draft failed")
    assert on.decision.draft_hash == ""
    assert len(on.strong.asked) == 1


@pytest.mark.parametrize("level", ["medium", "high"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_validator_means_strong(stage, ask, fault, level):
    on = stage(wrong(), validator=Faulty([fault] * OFTEN))
    assert ask(on, level).text == "Strongly."
    assert on.decision.ruling == ""
    assert on.decision.why.startswith("validate failed")


@pytest.mark.parametrize("level", ["medium", "high"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_validator_and_no_strong_means_no_answer(stage, ask, fault, level):
    on = stage(wrong(), Faulty([fault] * OFTEN), Faulty([fault] * OFTEN))
    heard = ask(on, level)
    assert heard.text == ""
    assert isinstance(heard.error, ModelCallError)
    assert heard.error.status == 503
    assert (on.decision.ending, on.decision.answer_hash) == ("failed", "")


@pytest.mark.parametrize("how", _MALFORMED)
def test_a_malformed_verdict_approves_nothing(stage, ask, how):
    on = stage(validator=Validator(how=how))
    assert ask(on, "medium").text == "Strongly."
    assert on.decision.why.startswith("the verdict is malformed")
    assert (on.decision.ruling, on.decision.calls[1].ended) == ("", "malformed")
    assert on.decision.verdict_hash


def test_a_slow_validator_is_not_waited_for(stage, ask):
    on = stage(validator=Faulty(["endless"]), route=Route("r", deadlines=Deadlines(validate=2.0)))
    assert ask(on, "high").text == "Strongly."
    call = on.decision.calls[1]
    assert (call.ended, call.seconds) == ("deadline", pytest.approx(2.0, abs=0.05))
    assert on.validator.alive == 0


@pytest.mark.parametrize("fault", ["refused", "server_error", "connection", "rate_limited"])
def test_a_cheap_model_that_is_down_is_replaced_unseen(stage, ask, fault):
    on = stage(Faulty([fault] * OFTEN))
    heard = ask(on)
    assert heard.text == "Strongly."
    assert (on.decision.plan, on.decision.ending) == ("cheap", "strong")


@pytest.mark.parametrize("fault", ["cut", "cut_politely", "cut_after_call", "silent", "endless"])
def test_what_was_seen_is_never_said_again(stage, ask, fault):
    on = stage(Faulty([fault] * OFTEN))
    heard = ask(on)
    assert heard.text.startswith("All is ")
    assert heard.reply is None
    assert heard.error.kind in ("cut_off", "deadline")
    assert (len(on.cheap.asked), on.strong.asked) == (1, [])
    assert on.decision.ending == "failed"


def test_a_defect_of_a_model_is_an_error_and_tells_nothing_of_its_text(stage, ask):
    heard = ask(stage(Faulty(["crash"] * OFTEN)))
    assert heard.error.kind == "bad_response"
    assert "own code" not in str(heard.error)


@pytest.mark.parametrize(
    ("fault", "tries"),
    [
        ("rate_limited", 3), ("server_error", 3), ("connection", 3), ("cut", 3),
        ("cut_politely", 3), ("refused", 1), ("bad_key", 1), ("context_exhausted", 1),
        ("bad_response", 1), ("cut_after_call", 1), ("silent", 1),
    ],
)  # fmt: skip
def test_which_failures_are_tried_again_while_nothing_was_seen(stage, ask, fault, tries):
    on = stage(Faulty([fault] * 10), route=Route("r", retries=Retries(attempts=3)))
    assert ask(on, "medium").text == "Strongly."
    assert len(on.cheap.asked) == tries
    assert on.decision.calls[0].attempts == tries


def test_a_second_attempt_counts_once_and_goes_out_once(stage, ask):
    on = stage(Faulty(["cut"], message=Message("assistant", RIGHT)))
    heard = ask(on, "medium")
    assert heard.text == RIGHT
    assert [call.attempts for call in on.decision.calls] == [2, 1]
    assert on.decision.cost_usd is None  # what was cut off may have cost something


def test_strong_models_are_asked_in_turn(stage, ask, run):
    on = stage(strong=Faulty(["server_error"] * OFTEN))
    second = Faulty(message=Message("assistant", "Second."), name="second")

    async def go():
        both = [on.upstream(on.strong), on.upstream(second)]
        router = Router(replace(on.parts, strong=both))
        serving = router.ask(ASKED, Caller(header="high"))
        text = "".join([delta.content async for delta in serving.stream()])
        return text, serving.decision

    on.validator = Faulty(["server_error"] * OFTEN)
    text, decision = run(go())
    assert text == "Second."
    assert [call.ended for call in decision.calls] == [
        "answered", "server_error", "server_error", "answered",
    ]  # fmt: skip


def test_a_model_that_keeps_failing_is_left_alone(stage, run):
    on = stage(Faulty(["server_error"] * 1_000))

    async def go():
        for _ in range(20):
            async for _ in on.router.ask(ASKED, Caller(header="medium")).stream():
                pass

    run(go())
    assert len(on.cheap.asked) < 12
    assert on.log.decisions[-1].calls[0].ended == "not_asked"
    assert all(decision.ending == "strong" for decision in on.log.decisions)


@pytest.mark.parametrize("level", [None, "medium", "high"])
@pytest.mark.parametrize("way", ["closes", "is cancelled"])
@pytest.mark.parametrize("where", ["cheap", "validator", "strong"])
def test_who_leaves_cancels_what_is_upstream_at_once(stage, run, level, way, where):
    plans = Plans("strong", "strong", "strong") if where == "strong" else Plans()
    models = {where: Faulty(["silent"])}
    on = stage(route=Route("r", plans=plans), **models)
    if level is None and where == "validator":
        return
    model = models[where]

    async def go():
        serving = on.router.ask(ASKED, Caller(header=level))
        stream = serving.stream()

        async def read():
            async for _ in stream:
                pass

        reading = asyncio.create_task(read())
        await asyncio.sleep(7.0)
        assert model.alive == 1
        left_at = asyncio.get_running_loop().time()
        reading.cancel()
        await asyncio.wait((reading,))
        assert asyncio.get_running_loop().time() - left_at < 0.1
        return serving.decision

    async def closes():
        serving = on.router.ask(ASKED, Caller(header=level))
        stream = serving.stream()
        async for _ in stream:
            if model.alive:
                break
        await stream.aclose()
        return serving.decision

    decision = run(go() if way == "is cancelled" else closes())
    assert (model.alive, model.left) == (0, 1)
    assert decision.ending == "left"
    assert [entry.ending for entry in on.log.decisions] == ["left"]
    assert decision.calls[-1].ended == "left"


def test_a_left_probe_does_not_keep_the_breaker_shut(stage, run):
    on = stage(Faulty(["server_error"] * 5 + ["silent"]), route=Route("r", retries=Retries(1)))

    async def go():
        for _ in range(5):
            async for _ in on.router.ask(ASKED, Caller()).stream():
                pass
        breaker = on.breakers[id(on.cheap)]
        assert breaker.state == "open"
        await asyncio.sleep(breaker.wait_s)
        stream = on.router.ask(ASKED, Caller()).stream()
        async for delta in stream:
            if delta.content:
                break
        assert breaker.enter() is None
        await stream.aclose()
        text = [delta.content async for delta in on.router.ask(ASKED, Caller()).stream()]
        assert "".join(text) == "All is well in the end."
        assert breaker.state == "closed"

    run(go())


def test_the_request_s_own_deadline_bounds_every_plan(stage, ask):
    request = Request(ASKED.messages, deadline_s=9.0)
    on = stage(Faulty(["silent"]), Faulty(["silent"]))
    heard = ask(on, "high", request=request)
    assert heard.error.kind == "deadline"
    assert on.decision.seconds == pytest.approx(9.0)
