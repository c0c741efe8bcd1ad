"""Campaigns of instant models: complete, resumed, limited, stopped, broken."""

import asyncio
import contextlib
import sqlite3
import threading
import time

import msgspec
import pytest

from ossay.campaign.plan import BudgetChange, Limits, parse_plan
from ossay.core.errors import ConfigError, LedgerError, ModelCallError, UnknownName, UsageError
from ossay.core.outcome import Flag, Outcome
from ossay.core.task import Grade, Instance
from ossay.core.types import Delta, Message, ModelCard, Price, Timing, Usage
from ossay.models.endpoint import Endpoint
from ossay.models.providers import Provider
from ossay.models.scripted import Rehearsal, Scripted
from ossay.store.ledger import open_ledger
from ossay.suites.scripting import call


def test_a_campaign_leaves_every_run_in_the_ledger(stage):
    progress = stage.go(stage.plan(instances=2, attempts=3))
    # '2' is right for the first of two seeds.
    assert (progress.total, progress.finished, progress.running) == (12, 12, 0)
    assert (progress.passed, progress.failed, progress.errors) == (6, 6, 0)
    assert progress.spend_usd == 12.0
    record = stage.ledger.campaign("night")
    assert record.command == "ossay run plan.toml"
    assert record.environment == {"ossay": "test"}
    assert record.suites == {"sums": "1"}
    assert record.models == (stage.models["lab/two"].card,)
    assert parse_plan(record.plan_toml, source="ledger") == stage.plan(instances=2, attempts=3)
    assert len(record.calls) == 12
    run = record.runs[0]
    assert run.outcome is Outcome.PASSED
    assert run.flags == (Flag.OUTPUT_CUT,)
    assert (run.reason, run.done, run.of, run.turns, run.cost_usd) == ("right", 1, 1, 1, 1.0)
    transcript = stage.ledger.transcript(run.id)
    assert transcript.final_text == "2"
    assert transcript.system == "Answer with a number."


def test_a_finished_campaign_is_not_repeated(stage):
    stage.go(stage.plan())
    before = stage.ledger.campaign("night")
    asked = stage.models["lab/two"].asked
    progress = stage.go(stage.plan())
    assert progress.finished == progress.total == 6
    assert stage.models["lab/two"].asked == asked
    assert stage.ledger.campaign("night") == before


def test_scripts_are_rehearsed_for_each_instance(stage):
    stage.models = {"scripted/reference": Rehearsal("reference")}
    progress = stage.go(stage.plan(instances=3, attempts=1))
    assert (progress.passed, progress.errors) == (6, 0)


def test_a_script_that_no_task_has_is_refused_before_anything_runs(stage):
    stage.models = {"scripted/reference": Rehearsal("reference"), "scripted/no": Rehearsal("no")}
    with pytest.raises(UnknownName, match=r"'scripted/no': no script 'no' .* There are: reference"):
        stage.go(stage.plan())
    assert stage.ledger.campaigns() == []


def test_a_script_that_one_of_the_tasks_has_is_played_there(stage):
    plus = stage.suites["sums"].tasks["plus"]
    scripts = {"cheat": (Message("assistant", "2"),)}
    stage.suites["sums"].tasks["plus"].instance = lambda seed: msgspec.structs.replace(
        type(plus).instance(plus, seed), scripts=scripts
    )
    stage.models = {"scripted/cheat": Rehearsal("cheat")}
    progress = stage.go(stage.plan(attempts=1))
    assert (progress.passed, progress.errors) == (1, 1)
    broken = next(run for run in stage.ledger.campaign("night").runs if run.error)
    assert "has no script 'cheat'" in broken.error


def test_the_plan_s_budget_and_sampling_reach_the_model(stage):
    class Curious(Scripted):
        def _message(self, turn, request):
            asked.append(request)
            return super()._message(turn, request)

    asked = []
    stage.models = {"lab/two": Curious((Message("assistant", "2"),))}
    stage.go(stage.plan(attempts=1, budget=BudgetChange(max_tokens=7, call_seconds=3.0)))
    assert {(request.sampling.max_tokens, request.deadline_s) for request in asked} == {(7, 3.0)}


def test_another_plan_of_that_name_is_refused_and_told_what_differs(stage):
    stage.go(stage.plan(attempts=1))
    with pytest.raises(UsageError, match=r"attempts: 1 before, 2 now\..*another name"):
        stage.go(stage.plan(attempts=2))
    assert len(stage.ledger.campaign("night").runs) == 2


def test_another_version_of_the_suite_is_another_campaign(stage):
    stage.go(stage.plan(attempts=1))
    stage.suites["sums"].version = "2"
    with pytest.raises(UsageError, match="suite 'sums': version 1 before, 2 now"):
        stage.go(stage.plan(attempts=1))


def test_another_file_behind_the_model_is_another_campaign(stage):
    stage.go(stage.plan(attempts=1))
    card = stage.models["lab/two"].card
    stage.models["lab/two"].card = msgspec.structs.replace(card, details={"sha256": "f00"})
    with pytest.raises(UsageError, match="lab/two: details"):
        stage.go(stage.plan(attempts=1))


def test_other_settings_of_a_provider_are_another_campaign(stage):
    card = stage.models["lab/two"].card

    def provider_with(**body):
        details = Endpoint("lab/two", Provider("http://127.0.0.1:1/v1", body=body)).card.details
        stage.models["lab/two"].card = msgspec.structs.replace(card, details=details)

    provider_with(temperature=0.2)
    stage.go(stage.plan(attempts=1))
    provider_with(temperature=0.9)
    with pytest.raises(UsageError, match=r"lab/two: details .*0\.2.* before, .*0\.9.* now"):
        stage.go(stage.plan(attempts=1))


def test_a_secret_of_the_environment_in_a_models_details_is_hidden(stage):
    card = stage.models["lab/two"].card
    details = {"body": '{"user":"sesame-open-2026"}'}
    stage.models["lab/two"].card = msgspec.structs.replace(card, details=details)
    stage.go(stage.plan(attempts=1), environ={"DOOR_PASSWORD": "sesame-open-2026"})
    cards = {card.reference: card for card in stage.ledger.campaign("night").models}
    assert cards["lab/two"].details == {"body": '{"user":"[hidden]"}'}


def test_a_new_price_is_no_other_model_and_the_first_price_holds(stage):
    stage.go(stage.plan(limits=Limits(max_tokens=1), concurrency=1))
    card = stage.models["lab/two"].card
    dear = Price(0.0, 5e6, date="2027-01-01", source="later")
    stage.models["lab/two"].card = msgspec.structs.replace(card, price=dear)
    progress = stage.go(stage.plan())
    assert progress.spend_usd == progress.finished == 6


def test_other_limits_are_the_same_campaign(stage):
    progress = stage.go(stage.plan(limits=Limits(max_usd=2.0), concurrency=1))
    assert (progress.finished, progress.stopped) == (2, "max_usd")
    progress = stage.go(stage.plan(limits=Limits(max_usd=4.0), concurrency=1))
    assert (progress.finished, progress.stopped) == (4, "max_usd")
    progress = stage.go(stage.plan(concurrency=2))
    assert (progress.finished, progress.stopped) == (6, "")
    plan = parse_plan(stage.ledger.campaign("night").plan_toml, source="ledger")
    assert plan.limits == Limits()


def test_money_stops_new_runs_and_lets_those_at_work_finish(stage):
    plan = stage.plan(attempts=10, concurrency=4, limits=Limits(max_usd=5.0))
    progress = stage.go(plan)
    assert 5 <= progress.finished <= 5 + 3
    assert progress.stopped == "max_usd"
    record = stage.ledger.campaign("night")
    assert record.stopped == "max_usd"
    assert {run.state for run in record.runs} == {"planned", "finished"}
    assert stage.go(plan).finished == progress.finished


def test_tokens_stop_new_runs(stage):
    progress = stage.go(stage.plan(attempts=10, concurrency=1, limits=Limits(max_tokens=30)))
    assert progress.stopped == "max_tokens"
    assert 30 <= progress.tokens < 45


def test_a_limit_that_is_reached_by_the_last_run_stopped_nothing(stage):
    progress = stage.go(stage.plan(limits=Limits(max_usd=6.0), concurrency=1))
    assert (progress.finished, progress.stopped) == (6, "")


def test_a_limit_on_money_needs_a_price(stage):
    stage.models["lab/free"] = Scripted((), name="free")
    stage.models["lab/free"].card = ModelCard("lab/free")
    with pytest.raises(ConfigError, match="no price of 'lab/free' is known"):
        stage.go(stage.plan(limits=Limits(max_usd=1.0)))
    assert stage.ledger.campaigns() == []


def test_time_cancels_what_is_still_at_work_after_its_grace(stage, priced):
    stage.models["lab/two"] = priced(wait=asyncio.Event())
    limits = Limits(max_minutes=0.001, grace_seconds=0.05)
    progress = stage.go(stage.plan(concurrency=2, limits=limits))
    assert (progress.finished, progress.stopped) == (0, "max_minutes")
    record = stage.ledger.campaign("night")
    assert {run.state for run in record.runs} == {"planned"}
    assert [call.state for call in record.calls] == ["lost", "lost"]
    assert progress.lost_calls == 2


async def until(true):
    while not true():
        await asyncio.sleep(0.001)


def test_stop_gives_runs_back_at_once_and_the_next_start_goes_on(stage, priced):
    stage.models["lab/two"] = priced(wait=asyncio.Event())

    async def stop_when_three_are_at_work():
        stop = asyncio.Event()
        running = asyncio.create_task(stage.run(stage.plan(concurrency=3), stop=stop))
        await until(lambda: stage.models["lab/two"].asked == 3)
        stop.set()
        return await running

    progress = asyncio.run(stop_when_three_are_at_work())
    assert (progress.finished, progress.running, progress.stopped) == (0, 0, "interrupted")
    record = stage.ledger.campaign("night")
    assert record.stopped == "interrupted"
    assert [run.lost_calls_unpriced for run in record.runs] == [1, 1, 1, 0, 0, 0]
    stage.models["lab/two"].wait = None
    progress = stage.go(stage.plan())
    assert (progress.finished, progress.lost_calls, progress.stopped) == (6, 3, "")
    assert [run.tries for run in stage.ledger.campaign("night").runs] == [2, 2, 2, 1, 1, 1]


def test_stopped_before_it_began(stage):
    async def stopped():
        stop = asyncio.Event()
        stop.set()
        return await stage.run(stage.plan(), stop=stop)

    assert asyncio.run(stopped()).stopped == "interrupted"
    assert stage.go(stage.plan()).finished == 6


def test_a_cancelled_campaign_leaves_the_books_right_too(stage, priced):
    stage.models["lab/two"] = priced(wait=asyncio.Event())

    async def cancel():
        running = asyncio.create_task(stage.run(stage.plan(concurrency=2)))
        await until(lambda: stage.models["lab/two"].asked == 2)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancel())
    record = stage.ledger.campaign("night")
    assert {run.state for run in record.runs} == {"planned"}
    assert {call.state for call in record.calls} == {"lost"}
    assert list((stage.place / "scratch").iterdir()) == []


def test_cut_off_costs_stay_on_the_books(stage):
    """A run of two calls is stopped between them."""
    second = asyncio.Event()

    class TwoCalls(Scripted):
        """Calls a tool that is not there, then waits."""

        def __init__(self):
            super().__init__((call("shell", command="ls"), Message("assistant", "2")))
            self.card = ModelCard(
                "lab/two", price=Price(0.0, 1e6, date="2026-11-21", source="test")
            )

        async def stream(self, request):
            if any(message.role == "assistant" for message in request.messages):
                second.set()
                await asyncio.Event().wait()
            async for delta in super().stream(request):
                yield delta

    stage.models["lab/two"] = TwoCalls()

    async def stop_at_the_second_call():
        stop = asyncio.Event()
        running = asyncio.create_task(stage.run(stage.plan(concurrency=1), stop=stop))
        await second.wait()
        stop.set()
        return await running

    progress = asyncio.run(stop_at_the_second_call())
    run = stage.ledger.campaign("night").runs[0]
    assert run.state == "planned"
    assert run.lost_cost_usd == progress.spend_usd > 0
    assert run.lost_calls_unpriced == progress.lost_calls == 1
    # And they count towards the limit on money.
    limits = Limits(max_usd=progress.spend_usd)
    progress = stage.go(stage.plan(limits=limits))
    assert (progress.finished, progress.stopped) == (0, "max_usd")


def broken_run(stage):
    stage.go(stage.plan(attempts=1, tasks=("add",)))
    run, *_ = stage.ledger.campaign("night").runs
    assert run.state == "finished"
    return run


def test_a_failed_call_is_no_wrong_answer(stage):
    class Failing(Scripted):
        async def stream(self, request):
            raise ModelCallError("rate_limited", "too many requests", status=429, attempts=4)
            yield

    stage.models["lab/two"] = Failing(())
    run = broken_run(stage)
    assert run.outcome is Outcome.INFRASTRUCTURE_ERROR
    assert "too many requests" in run.error
    (call,) = stage.ledger.campaign("night").calls
    assert (call.state, call.error_kind, call.attempts) == ("failed", "rate_limited", 4)


@pytest.mark.parametrize(
    ("began", "price", "lost"),
    [(True, 1e6, True), (False, 1e6, False), (True, 0.0, False), (True, None, True)],
)
def test_a_call_that_broke_off_is_of_unknown_cost(stage, began, price, lost):
    class BreakingOff(Scripted):
        async def stream(self, request):
            raise ModelCallError("cut_off", "half an answer", began=began)
            yield

    stage.models["lab/two"] = BreakingOff(())
    cost = None if price is None else Price(0.0, price, date="2026-11-21", source="test")
    stage.models["lab/two"].card = ModelCard("lab/two", price=cost)
    run = broken_run(stage)
    assert run.outcome is Outcome.INFRASTRUCTURE_ERROR
    assert run.lost_calls_unpriced == int(lost)
    (call,) = stage.ledger.campaign("night").calls
    assert (call.state, call.error_kind) == ("lost" if lost else "failed", "cut_off")
    # As it is told at the end, and by the ledger at the next start.
    assert stage.seen[-1].lost_calls == int(lost)
    assert stage.go(stage.plan(attempts=1, tasks=("add",))).lost_calls == int(lost)


class Uncounted(Scripted):
    """Says '2' for `price`, and counts no tokens."""

    def __init__(self, price=1e6):
        super().__init__((Message("assistant", "2"),))
        self.card = ModelCard("lab/two", price=Price(0.0, price, date="2026-11-21", source="test"))

    async def stream(self, request):
        async for delta in super().stream(request):
            reply = delta.reply and msgspec.structs.replace(delta.reply, usage=Usage())
            yield msgspec.structs.replace(delta, reply=reply)


@pytest.mark.parametrize("limits", [Limits(max_usd=1e-6), Limits(max_tokens=1000)])
def test_a_limit_that_cannot_be_kept_stops_the_campaign(stage, limits):
    stage.models["lab/two"] = Uncounted()
    progress = stage.go(stage.plan(limits=limits, concurrency=1))
    assert (progress.finished, progress.stopped) == (1, "cost_unknown")
    assert stage.ledger.campaign("night").stopped == "cost_unknown"
    assert stage.go(stage.plan(limits=limits)).finished == 1
    assert stage.go(stage.plan()).finished == 6


def test_what_is_free_needs_no_count_to_stay_below_a_limit_on_money(stage):
    stage.models["lab/two"] = Uncounted(price=0.0)
    progress = stage.go(stage.plan(limits=Limits(max_usd=1.0)))
    assert (progress.finished, progress.unpriced_calls, progress.spend_usd) == (6, 0, 0.0)
    assert stage.go(stage.plan(limits=Limits(max_usd=1.0))).stopped == ""


class OneSlot(Scripted):
    """Works on one call at a time, as a model on this machine does; others wait."""

    def __init__(self):
        super().__init__((call("shell", command="ls"), Message("assistant", "2")))
        self.slot = asyncio.Lock()

    async def stream(self, request):
        began = time.monotonic()
        async with self.slot:
            waited = time.monotonic() - began
            await asyncio.sleep(0.1)
            if request.deadline_s < 0.1:
                raise ModelCallError("deadline", "late", began=True, waited_s=waited)
            async for delta in super().stream(request):
                if delta.reply is not None:
                    timing = Timing(0.0, 0.1, waited_s=waited)
                    yield Delta(reply=msgspec.structs.replace(delta.reply, timing=timing))


def test_outcomes_do_not_depend_on_how_many_runs_there_are_at_once(stage):
    """With 4 at once a run of two calls lasts 0.8 s, of which its own part is 0.2 s."""
    outcomes = []
    for concurrency in (1, 4):
        stage.models["lab/two"] = OneSlot()
        name = f"night-{concurrency}"
        budget = BudgetChange(seconds=0.5)
        stage.go(stage.plan(name=name, attempts=2, concurrency=concurrency, budget=budget))
        outcomes.append([run.outcome for run in stage.ledger.campaign(name).runs])
    assert outcomes == [[Outcome.PASSED] * 4] * 2


def test_a_bug_in_a_model_is_no_wrong_answer(stage):
    class Buggy(Scripted):
        async def stream(self, request):
            raise KeyError("choices")
            yield

    stage.models["lab/two"] = Buggy(())
    run = broken_run(stage)
    assert run.outcome is Outcome.INFRASTRUCTURE_ERROR
    assert run.error == "KeyError: 'choices'"
    assert run.lost_calls_unpriced == 1
    (call,) = stage.ledger.campaign("night").calls
    assert (call.state, call.error_kind) == ("lost", "KeyError")


def test_a_generator_that_breaks_is_no_wrong_answer(stage):
    def broken(seed):
        raise OSError(28, "No space left on device")

    stage.suites["sums"].tasks["add"].instance = broken
    run = broken_run(stage)
    assert run.outcome is Outcome.INFRASTRUCTURE_ERROR
    assert "No space left on device" in run.error
    assert stage.ledger.transcript(run.id) is None


def test_a_grader_that_breaks_leaves_the_transcript(stage):
    def broken(*_):
        raise ZeroDivisionError("in the grader")

    stage.suites["sums"].tasks["add"].grade = broken
    run = broken_run(stage)
    assert run.outcome is Outcome.INFRASTRUCTURE_ERROR
    assert "in the grader" in run.error
    assert run.cost_usd == 1.0
    assert stage.ledger.transcript(run.id).final_text == "2"


def test_tools_without_a_sandbox_are_no_wrong_answer(stage):
    stage.suites["sums"].tasks["add"].instance = lambda seed: Instance("add", seed, "?")
    run = broken_run(stage)
    assert run.outcome is Outcome.INFRASTRUCTURE_ERROR
    assert "needs a sandbox" in run.error


def test_when_one_run_breaks_the_others_go_on(stage):
    def broken(*_):
        raise ZeroDivisionError

    stage.suites["sums"].tasks["add"].grade = broken
    progress = stage.go(stage.plan())
    assert (progress.finished, progress.errors, progress.passed) == (6, 3, 3)


def test_secrets_are_not_written_down(stage):
    def broken(*_):
        raise RuntimeError("header was: Bearer sk-planted-0123456789")

    stage.suites["sums"].tasks["add"].grade = broken
    stage.go(stage.plan(), environ={"LAB_API_KEY": "sk-planted-0123456789"})
    errors = [run.error for run in stage.ledger.campaign("night").runs if run.error]
    assert set(errors) == {"RuntimeError: header was: Bearer [hidden]"}


def test_a_model_that_was_not_opened(stage):
    with pytest.raises(UnknownName, match="no model 'lab/tow'; did you mean 'lab/two'"):
        stage.go(stage.plan(models=("lab/tow",)))


def test_progress_is_told_and_ends_complete(stage):
    stage.go(stage.plan())
    assert stage.seen[-1].finished == stage.seen[-1].total == 6
    assert stage.seen[-1].eta_s == 0
    assert [p.finished for p in stage.seen] == sorted(p.finished for p in stage.seen)


def test_two_processes_worth_of_sessions_share_the_work(stage, tmp_path):
    """Two ledgers on one file, two threads, two event loops: as two processes would."""
    plan = stage.plan(instances=20, attempts=5)
    done = []

    def start():
        with open_ledger(str(tmp_path / "ledger.sqlite"), create=True) as ledger:
            done.append(stage.go(plan, ledger=ledger, on_progress=None))

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [progress.finished for progress in done] == [200, 200]
    record = stage.ledger.campaign("night")
    assert stage.models["lab/two"].asked == len(record.calls) == 200
    assert {run.tries for run in record.runs} == {1}
    assert record.stopped == ""


def test_a_session_waits_for_others_and_takes_over_what_they_leave(stage, priced, tmp_path):
    stuck = priced(wait=asyncio.Event())
    plan = stage.plan(concurrency=6)

    async def first_is_cut_off_while_second_waits():
        with open_ledger(str(tmp_path / "ledger.sqlite"), create=True) as other:
            stop = asyncio.Event()
            first = asyncio.create_task(
                stage.run(plan, ledger=other, models={"lab/two": stuck}, stop=stop)
            )
            await until(lambda: stuck.asked == 6)
            second = asyncio.create_task(stage.run(plan))
            await until(lambda: any(p.elsewhere == 6 for p in stage.seen))
            assert not second.done()
            stop.set()
            await first
            return await second

    progress = asyncio.run(first_is_cut_off_while_second_waits())
    assert (progress.finished, progress.lost_calls) == (6, 6)


def test_a_ledger_that_fails_ends_the_campaign_with_what_to_do(stage, priced):
    stage.models["lab/two"] = two = priced(wait=asyncio.Event())

    async def break_it():
        running = asyncio.create_task(stage.run(stage.plan(concurrency=2)))
        await until(lambda: two.asked == 2)
        with contextlib.closing(sqlite3.connect(stage.place / "ledger.sqlite")) as vandal:
            vandal.execute("ALTER TABLE calls RENAME TO gone")
        two.wait.set()
        with pytest.raises(LedgerError, match="no such table"):
            await running

    asyncio.run(break_it())
    assert list((stage.place / "scratch").iterdir()) == []


def test_a_scratch_folder_that_cannot_be(stage):
    (stage.place / "file").write_text("no folder")
    with pytest.raises(UsageError, match="no workspace can be made"):
        stage.go(stage.plan(), scratch=stage.place / "file" / "scratch")


class Drawn:
    """A task whose grader finds facts and keeps a picture."""

    name = "add"

    def instance(self, seed):
        return Instance("add", seed, "1 + 1?", tools=(), needs=())

    def grade(self, instance, workspace, transcript):
        facts = {"characters": 1, "tier": "exact", "runs": True, "odd": float("nan")}
        return Grade(True, "right", 1, 1, facts=facts, artefacts={"screenshot.png": b"png"})


def test_what_a_grader_found_and_kept_reaches_the_ledger(stage):
    stage.suites["sums"].tasks = {"add": Drawn()}
    stage.go(stage.plan())
    run, *_ = stage.ledger.campaign("night").runs
    assert run.facts == {"characters": 1, "tier": "exact", "runs": True}
    assert stage.ledger.answer(run.id).artefacts == ("screenshot.png",)
    assert stage.ledger.artefact(run.id, "screenshot.png") == b"png"
