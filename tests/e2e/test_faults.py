"""A misbehaving endpoint: every fault ends in its typed outcome, none in a wrong answer."""

import asyncio

import pytest

from ossay.agent.sandbox.find import find_sandbox
from ossay.campaign.plan import BudgetChange, Limits, Plan
from ossay.campaign.runner import run_campaign
from ossay.core.outcome import Outcome
from ossay.core.settings import settings_from
from ossay.models.mock_faults import FAULTS
from ossay.models.mock_upstream import MockUpstream
from ossay.models.resolve import open_model
from ossay.store.ledger import open_ledger
from ossay.suites.registry import open_suite

TASK = "multi_step_plan"
CALL_TIME = BudgetChange(call_seconds=2.5)
NO_LIMITS = Limits()
KEY = "sk-planted-0123456789abcdefghijklmnop"

# The upstream plays the reference solution, so whatever is served whole passes.
SERVED_WHOLE = {"ok", "instant", "slow", "not_streamed", "no_usage", "no_done"}
OUTCOMES = {
    **dict.fromkeys(FAULTS, Outcome.INFRASTRUCTURE_ERROR),
    **dict.fromkeys(SERVED_WHOLE, Outcome.PASSED),
    "broken_arguments": Outcome.WRONG_TOOL_CALL,
    "context_exhausted": Outcome.CONTEXT_EXHAUSTED,
    # The provider would not pass on what the model wrote; that is the model's answer all the same.
    "failed_generation": Outcome.NO_ACTION,
}


# Faults after a piece of the answer: at a price, nobody knows what such a call cost.
BEGAN = {"error_mid_stream", "malformed_json", "cut", "cut_politely", "huge"}


async def meet(fault, place, budget=CALL_TIME, limits=NO_LIMITS, attempts=1):
    """Run one task against an upstream with that fault; return the run and its calls."""
    sandbox = find_sandbox()
    suite = open_suite("agentic-core", lambda: sandbox)
    script = suite.tasks[TASK].instance(1).scripts["reference"]
    ledger = open_ledger(str(place / "ledger.sqlite"), create=True)
    async with MockUpstream([fault], script, loris_s=0.5) as upstream:
        (place / "ossay.toml").write_text(
            f'[providers.mock]\nbase_url = "{upstream.base_url}"\nkey_variable = "MOCK_KEY"\n'
            '[providers.mock.prices."gpt-oss-20b"]\n'
            'input = 1.0\noutput = 2.0\ndate = "2026-11-21"\nsource = "the test"\n'
        )
        settings = settings_from({"HOME": str(place)}, place)
        environ = {"MOCK_KEY": KEY}
        model = open_model("mock/gpt-oss-20b", settings=settings, environ=environ)
        plan = Plan(
            fault, ("mock/gpt-oss-20b",), ("agentic-core",), tasks=(TASK,), attempts=attempts,
            budget=budget, limits=limits, concurrency=1,
        )  # fmt: skip
        try:
            await run_campaign(
                plan,
                suites={"agentic-core": suite},
                models={"mock/gpt-oss-20b": model},
                ledger=ledger,
                sandbox=sandbox,
                scratch=place / "scratch",
                command="test",
                environment={},
                environ=environ,
            )
        finally:
            await model.aclose()
            record = ledger.campaign(fault)
            ledger.close()
    return record, upstream


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_ends_in_its_outcome(tmp_path, fault):
    record, upstream = asyncio.run(meet(fault, tmp_path))
    (run,) = record.runs
    assert run.state == "finished"
    assert upstream.seen >= 1
    assert run.outcome is OUTCOMES[fault], (run.error, run.reason)
    if run.outcome is Outcome.INFRASTRUCTURE_ERROR:
        assert run.error
        last = record.calls[-1].state
        assert last == ("lost" if fault in BEGAN else "failed") or fault in (
            "slow_loris",
            "endless",
        )
        assert run.lost_calls_unpriced == (last == "lost")
        assert record.calls[-1].error_kind
    assert KEY not in repr(record)


@pytest.mark.parametrize("fault", ["hang", "slow_loris"])
def test_an_endpoint_that_hangs_for_the_whole_run_is_no_slow_model(tmp_path, fault):
    record, _ = asyncio.run(meet(fault, tmp_path, BudgetChange(seconds=1.0)))
    (run,) = record.runs
    assert run.outcome is Outcome.INFRASTRUCTURE_ERROR
    assert record.calls[-1].error_kind == "deadline"


@pytest.mark.parametrize("limits", [Limits(max_usd=1e-6), Limits(max_tokens=1)])
def test_a_limit_holds_where_the_endpoint_counts_no_tokens(tmp_path, limits):
    record, _ = asyncio.run(meet("no_usage", tmp_path, limits=limits, attempts=3))
    assert record.stopped == "cost_unknown"
    assert [run.state for run in record.runs] == ["finished", "planned", "planned"]
