"""Plans by a calibrated policy: never below the floor, and strong wherever it says nothing."""

import asyncio
import random
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from ossay.core.decision import Audit
from ossay.core.errors import ConfigError
from ossay.core.types import Message, Request
from ossay.models.scripted_faults import Faulty
from ossay.models.scripted_review import WRONG, Validator
from ossay.router.audit import Auditor
from ossay.router.drift import Monitor, guard_of
from ossay.router.planner import ByPolicy, ByTable, Planned
from ossay.router.policy import Change, Choice
from ossay.router.route import Plans, Route
from ossay.router.router import Router
from ossay.router.work import Caller


class Sure:
    """Stands in for a `Chooser`: says the same of every query of the strata that it knows."""

    def __init__(self, plan, strata=("support/low", "support/medium", "support/high"), tasks=()):
        gate = SimpleNamespace(tasks=tasks)
        self.policy = SimpleNamespace(
            digest="d1", approve_from=0.9, alpha=0.05, estimand="escape", gate=gate
        )
        self._plan = plan
        self._strata = strata
        self.asked = []

    def choose(self, query, *, stratum="", task=""):
        self.asked.append(query)
        return Choice(self._plan, 0.8) if stratum in self._strata else Choice("redo")


ASKED = Request((Message("user", "first"), Message("assistant", "…"), Message("user", "last")))


@pytest.mark.parametrize(
    ("choice", "level", "plan"),
    [
        ("publish", "low", "cheap"), ("publish", "medium", "cheap"),
        ("publish", "high", "validate"), ("validate", "low", "validate"),
        ("validate", "high", "validate"),
        ("redo", "low", "strong"), ("redo", "high", "strong"),
    ],
)  # fmt: skip
def test_a_choice_and_the_floor(choice, level, plan):
    chooser = Sure(choice)
    planned = ByPolicy(chooser).plan(Route("support"), ASKED, level)
    assert (planned.plan, planned.policy, planned.stratum) == (plan, "d1", f"support/{level}")
    assert (planned.score, planned.approve_from) == (0.8, 0.9)
    assert chooser.asked == ["last"]


def test_a_stricter_floor_holds():
    route = Route("support", floor=Plans("validate", "strong", "strong"))
    assert ByPolicy(Sure("publish")).plan(route, ASKED, "low").plan == "validate"
    assert ByPolicy(Sure("validate")).plan(route, ASKED, "medium").plan == "strong"


def test_expired_tripped_or_unknown_means_strong():
    expired = ByPolicy(Sure("publish"), changes=(Change("validator", "a", "b"),))
    planned = expired.plan(Route("support"), ASKED, "low")
    assert (planned.plan, planned.why) == ("strong", "the policy has expired: validator changed")
    tripping = ByPolicy(Sure("publish"))
    tripping.trip("support/low", "too much escapes")
    assert tripping.plan(Route("support"), ASKED, "low").plan == "strong"
    assert tripping.plan(Route("support"), ASKED, "medium").plan == "cheap"
    assert tripping.tripped == {"support/low": "too much escapes"}
    unknown = ByPolicy(Sure("publish")).plan(Route("other"), ASKED, "low")
    assert (unknown.plan, unknown.why) == ("strong", "the policy does not know the stratum")


def test_a_gate_that_knows_tasks_is_not_asked():
    """Whoever made the planner: a request names no task, so its score is another one."""
    chooser = Sure("publish", tasks=("law",))
    planned = ByPolicy(chooser).plan(Route("support"), ASKED, "low")
    assert (planned.plan, planned.why) == (
        "strong",
        "the policy has expired: its gate knows tasks and requests name none",
    )
    assert chooser.asked == []


def test_strata_may_have_other_names():
    chooser = Sure("publish", strata=("easy",))
    planner = ByPolicy(chooser, strata={"support/low": "easy"})
    assert planner.plan(Route("support"), ASKED, "low").stratum == "easy"


def test_a_policy_s_threshold_for_approvals_holds_in_service(stage, ask):
    chooser = Sure("validate")
    chooser.policy.approve_from = 0.96
    on = stage(planner=ByPolicy(chooser))
    assert ask(on).text == "Strongly."  # the script approves with 0.95
    assert (on.decision.policy, on.decision.score) == ("d1", 0.8)
    assert "below 0.96" in on.decision.why


def test_a_policy_cannot_publish_high_criticality_unvalidated(stage, run):
    class Reckless:
        def plan(self, route, request, criticality):
            return Planned("cheap", "why not")

    on = stage(planner=Reckless())

    async def go():
        serving = on.router.ask(ASKED, Caller(header="high"))
        return "".join([delta.content async for delta in serving.stream()])

    assert run(go()) == "Strongly."
    assert on.decision.plan_why == "high criticality is never unvalidated"


class AtOnce:
    """Passes on to a model after a while, and counts how many ask it at once."""

    def __init__(self, model):
        self.card = model.card
        self.most = self._now = 0
        self._model = model

    async def stream(self, request):
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await asyncio.sleep(0.1)
            async for delta in self._model.stream(request):
                yield delta
        finally:
            self._now -= 1


class Slow:
    """A log that takes its time over audits, and counts those that it is at."""

    def __init__(self, log):
        self._log = log
        self.at_once = self._now = 0

    def __getattr__(self, name):
        return getattr(self._log, name)

    async def append(self, entry, bodies, *, durable):
        if isinstance(entry, Audit):
            self._now += 1
            self.at_once = max(self.at_once, self._now)
            await asyncio.sleep(1.0)
            self._now -= 1
        await self._log.append(entry, bodies, durable=durable)


def audited(on, model, run, asks=1, share=1.0, **bounds):
    """Ask a stage whose drafts are audited by a model; returns the audits."""
    bounds = {"most": 4, **bounds}

    async def go():
        parts = on.parts
        route = replace(parts.route, audit_share=share)
        auditor = Auditor(on.upstream(model), on.log, clock=parts.clock, rng=parts.rng, **bounds)
        router = Router(replace(parts, route=route, auditor=auditor))
        await asyncio.gather(*[router.reply(ASKED) for _ in range(asks)])
        await auditor.settle()
        await router.aclose()

    run(go())
    return [entry for entry in on.log.entries if isinstance(entry, Audit)]


def test_drawn_drafts_are_audited_and_the_chance_is_logged(stage, run):
    on = stage(Faulty(message=Message("assistant", WRONG)))
    (audit,) = audited(on, Validator(), run)
    assert (audit.wrong, audit.ruling, audit.chance) == (True, "reject", 1.0)
    assert (audit.of, audit.answer_hash) == (on.decision.id, on.decision.answer_hash)
    assert (on.decision.audit_chance, on.decision.audited) == (1.0, True)
    on = stage()
    assert [one.wrong for one in audited(on, Validator(), run)] == [False]


def test_about_the_share_is_drawn(stage, run):
    on = stage()
    audits = audited(on, Validator(), run, asks=400, share=0.25)
    drawn = {decision.id for decision in on.log.decisions if decision.audited}
    assert {audit.of for audit in audits} == drawn
    assert 70 < len(drawn) < 130
    assert {decision.audit_chance for decision in on.log.decisions} == {0.25}


@pytest.mark.parametrize("fault", ["server_error", "silent", "cut"])
def test_an_audit_that_fails_is_logged_without_a_label(stage, run, fault):
    on = stage()
    (audit,) = audited(on, Faulty([fault] * 4), run)
    assert audit.wrong is None
    assert audit.call.ended in ("server_error", "deadline", "cut_off")


def test_audits_beyond_those_that_may_wait_are_logged_as_not_asked(stage, run):
    on = stage()
    audits = audited(on, Faulty(["silent"] * 99), run, asks=10, waiting=2)
    assert len(audits) == 10
    assert sum(audit.call.ended == "not_asked" for audit in audits) == 4


def test_a_burst_of_audits_waits_for_its_turn(stage, run):
    on = stage()
    auditor = AtOnce(Validator())
    audits = audited(on, auditor, run, asks=50, most=3)
    assert [audit.wrong for audit in audits] == [False] * 50
    assert auditor.most == 3


def test_an_audit_that_waits_for_the_log_keeps_no_other_from_being_asked(stage, run):
    on = stage()
    on.log = Slow(on.log)
    audits = audited(on, Validator(), run, asks=10, most=1, waiting=9)
    assert [audit.wrong for audit in audits] == [False] * 10
    assert on.log.at_once == 10


def test_audits_that_are_broken_off_are_logged_wherever_they_were(stage, run):
    on = stage()

    async def go():
        parts = on.parts
        silent = on.upstream(Faulty(["silent"] * 9))
        auditor = Auditor(silent, on.log, clock=parts.clock, rng=parts.rng, most=1)
        route = replace(parts.route, audit_share=1.0)
        router = Router(replace(parts, route=route, auditor=auditor))
        await asyncio.gather(*[router.reply(ASKED) for _ in range(3)])
        await router.aclose()

    run(go())
    audits = [entry for entry in on.log.entries if isinstance(entry, Audit)]
    assert sorted(audit.call.ended for audit in audits) == ["left", "not_asked", "not_asked"]


@pytest.mark.parametrize("level", ["medium", "high"])
def test_only_low_criticality_is_audited(stage, run, level):
    """Elsewhere mistakes are prevented, not counted."""
    on = stage(route=Route("support", criticality=level))
    assert audited(on, Validator(), run) == []
    assert (on.decision.ending, on.decision.audit_chance) == ("draft", 0.0)


def test_a_cheap_model_that_gets_worse_in_service_is_replaced(stage, run):
    """Draft, audit, monitor, planner: after the trip the strong model answers."""
    on = stage(Faulty(message=Message("assistant", WRONG)))
    route = Route("support", audit_share=0.5, most_escapes=0.1)

    async def go():
        planner = ByTable()
        auditor = Auditor(
            on.upstream(Validator()), on.log, clock=on.clock, rng=random.Random(3), most=99
        )
        parts = replace(on.parts, route=route, auditor=auditor, planner=planner)
        monitor, router = Monitor({"support": guard_of(parts)}), Router(parts)
        said, seen, trips = [], 0, []
        for _ in range(60):
            said.append((await router.reply(ASKED)).message.content)
            await auditor.settle()
            trips += monitor.restore(on.log.entries[seen:])
            seen = len(on.log.entries)
        return said, trips, planner.tripped

    said, (trip,), tripped = run(go())
    assert said[0] == WRONG
    assert said[trip.requests :] == ["Strongly."] * (60 - trip.requests)
    assert tripped == {"support/low": trip.why}
    assert on.log.decisions[-1].plan_why == f"the stratum was tripped: {trip.why}"


def test_what_is_watched_of_a_route(stage):
    def guard(planner, **fields):
        return guard_of(replace(stage(route=Route("support", **fields)).parts, planner=planner))

    by_policy = ByPolicy(Sure("publish"))
    assert guard(ByTable()) is None
    assert guard(ByTable(), audit_share=0.1) is None
    assert guard(by_policy) is None
    assert guard(ByTable(), audit_share=0.1, most_escapes=0.02).alarm.alpha == 0.02
    watched = guard(by_policy, audit_share=0.1)
    assert (watched.alarm.alpha, watched.policy, watched.alarm.propensity) == (0.05, "d1", 0.1)
    assert guard(by_policy, audit_share=0.1, most_escapes=0.02).alarm.alpha == 0.02


def test_a_bound_without_audits_is_refused():
    with pytest.raises(ConfigError, match="set audit_share"):
        Route("support", most_escapes=0.05)
    with pytest.raises(ConfigError, match=r"most_escapes = 1\.5"):
        Route("support", audit_share=0.1, most_escapes=1.5)


def test_strong_answers_need_no_audit(stage, run):
    on = stage(route=Route("support", plans=Plans("strong", "strong", "strong")))
    assert audited(on, Validator(), run) == []
    assert on.decision.audit_chance == 0.0
