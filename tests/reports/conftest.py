"""A campaign as a ledger would hand it over: models x ten tasks x three attempts, made by seed.

The second model's price is unknown; some runs are infrastructure errors, some were cut off and made
again, and what the models wrote includes everything that must never act.
"""

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from ossay.campaign.plan import Plan, plan_to_toml
from ossay.core.outcome import Flag, Outcome
from ossay.core.predictions import Committed, Prediction, digest_of
from ossay.core.records import CallRecord, CampaignRecord, RunKey, RunRecord
from ossay.core.task import Step, ToolResult, Transcript
from ossay.core.types import Message, ModelCard, Price, Reply, Timing, ToolCall, Usage

TASKS = (
    "fix_failing_test", "refactor_duplicated_code", "investigate_log", "trace_through_codebase",
    "minimal_fix", "handle_ambiguous_req", "multi_step_plan", "recover_from_tool_error",
    "know_when_to_stop", "sql_investigation",
)  # fmt: skip

HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "</script></pre>{{ 7*7 }} \x1b]0;owned\x07\x1b[31mred\x1b[0m \u202egnp.exe\u202c \u200bzero "
    "nul:\x00 surrogate:\ud800 <!-- ]]> &lt;b&gt; http://example.invalid/beacon"
)

CARDS = (
    ModelCard(
        "groq/openai/gpt-oss-120b",
        price=Price(0.15, 0.60, "2026-11-20", "https://groq.com/pricing", cached_input=0.075),
        context_tokens=131_072,
    ),
    ModelCard(
        "openrouter/a-company-with-a-long-name/a-model-with-a-very-long-name-instruct-2611:free",
        context_tokens=32_768,
    ),
    ModelCard(
        "llamacpp/smollm2-135m",
        dialect="json_action",
        price=Price(0.0, 0.0, "2026-11-21", "runs on this machine: no price per token"),
        context_tokens=8192,
        details={"file": "SmolLM2-135M-Instruct.Q8_0.gguf", "sha256": "5a1395716f7913741cc51d98"},
    ),
    ModelCard(
        "together/openai/gpt-oss-20b",
        price=Price(0.05, 0.20, "2026-11-19", "https://together.ai/pricing"),
        context_tokens=131_072,
    ),
)

# The chance that a model passes a task, and the pace at which it answers: tokens/s, seconds to
# first token.
SKILL = (0.78, 0.72, 0.03, 0.7)
PACE = ((480.0, 0.21), (64.0, 0.9), (31.0, 0.35), (210.0, 0.4))

FAILURES = (
    Outcome.WRONG_ANSWER, Outcome.WRONG_ANSWER, Outcome.PARTIAL_COMPLETE, Outcome.GAVE_UP_MID_PLAN,
    Outcome.TOOL_LOOP, Outcome.OVER_DEADLINE,
)  # fmt: skip
SMALL_FAILURES = (Outcome.NO_ACTION, Outcome.WRONG_TOOL_CALL, Outcome.TOOL_LOOP)

Transcripts = Callable[[str], Transcript | None]
MakeCampaign = Callable[..., tuple[CampaignRecord, Transcripts]]
MakeContest = Callable[..., CampaignRecord]


@pytest.fixture(scope="session")
def make_campaign() -> MakeCampaign:
    """A function that makes a campaign and its transcripts."""
    return campaign


@pytest.fixture(scope="session")
def make_contest() -> MakeContest:
    """A function that makes a campaign from results alone."""
    return contest


def contest(
    passed: dict[str, str],
    *,
    tasks: int = 0,
    stopped: str = "",
    forecast: tuple[Prediction, ...] = (),
    name: str = "night",
    **plan: Any,
) -> CampaignRecord:
    """Model -> a letter a run: '1' passed, '0' failed, 'e' an infrastructure error, '.' not run.

    Item k is seed k + 1 of one task a seed, or with `tasks` of so many tasks in turn; `plan` says
    what the plan holds besides.
    """
    runs = []
    for model, results in passed.items():
        for place, letter in enumerate(results):
            task, seed = f"t{place % tasks}" if tasks else f"t{place}", place // (tasks or 10**9)
            key = RunKey(model, "s", task, seed + 1, 1)
            outcome = {"1": Outcome.PASSED, "0": Outcome.WRONG_ANSWER}.get(letter)
            outcome = Outcome.INFRASTRUCTURE_ERROR if letter == "e" else outcome
            state = "planned" if letter == "." else "finished"
            runs.append(RunRecord(f"{model}-{place}", key, state=state, outcome=outcome))
    plan = {"attempts": 1, "predict": forecast, "forecaster": "ada" if forecast else "", **plan}
    committed = Committed(name, "ada", 1_795_255_100.0, forecast) if forecast else None
    if committed:
        committed = msgspec.structs.replace(committed, digest=digest_of(committed))
    return CampaignRecord(
        name=name,
        created_at=1_795_255_200.0,
        command="ossay run plan.toml",
        plan_toml=plan_to_toml(Plan(name, tuple(passed), ("s",), **plan)),
        models=tuple(ModelCard(model) for model in passed),
        suites={"s": "1"},
        environment={},
        runs=tuple(runs),
        stopped=stopped,
        committed=committed,
    )


def campaign(
    models: int = 3, tasks: int = 10, attempts: int = 3, seed: int = 1
) -> tuple[CampaignRecord, Transcripts]:
    rng = random.Random(seed)
    runs: list[RunRecord] = []
    calls: list[CallRecord] = []
    said: dict[str, Transcript] = {}
    for task in TASKS[:tasks]:
        for index, card in enumerate(CARDS[:models]):
            for attempt in range(1, attempts + 1):
                key = RunKey(card.reference, "agentic-core", task, 1, attempt)
                run_id = f"r{len(runs):04d}{rng.randrange(16**4):04x}"
                run, its_calls, transcript = _run(rng, run_id, key, index)
                runs.append(run)
                calls.extend(its_calls)
                said[run_id] = transcript
    references = tuple(card.reference for card in CARDS[:models])
    plan = Plan("agentic-core-2026-11-21", references, ("agentic-core",), concurrency=5)
    record = CampaignRecord(
        name="agentic-core-2026-11-21",
        created_at=1_795_255_200.0,
        command="ossay run agentic-core --model groq/openai/gpt-oss-120b --attempts 3",
        plan_toml=plan_to_toml(plan),
        models=CARDS[:models],
        suites={"agentic-core": "2.0.0"},
        environment={"ossay": "0.1.0", "python": "3.11.7", "sandbox": "bubblewrap"},
        runs=tuple(runs),
        calls=tuple(calls),
    )
    return record, said.get


def _run(
    rng: random.Random, run_id: str, key: RunKey, index: int
) -> tuple[RunRecord, list[CallRecord], Transcript]:
    outcome = _outcome(rng, key, index)
    turns = 1 if outcome is Outcome.NO_ACTION else rng.randrange(2, 12)
    started = 1_795_255_200.0 + rng.random() * 600
    tries = 2 if rng.random() < 0.04 else 1
    price = CARDS[index].price
    calls = [_call(rng, run_id, tries, turn, started, index) for turn in range(1, turns + 1)]
    if outcome is Outcome.INFRASTRUCTURE_ERROR:
        last = CallRecord(run_id, tries, turns + 1, "failed", started, error_kind="server_error")
        calls.append(last)
    usage = sum((call.usage for call in calls), Usage())
    lost = [CallRecord(run_id, 1, 1, "lost", started)] if tries > 1 else []
    failed = outcome not in (Outcome.PASSED, Outcome.INFRASTRUCTURE_ERROR)
    flags = _flags(rng, outcome)
    run = RunRecord(
        run_id,
        key,
        state="finished",
        outcome=outcome,
        flags=flags,
        reason=HOSTILE if failed and rng.random() < 0.3 else "The total is 41, expected 47.",
        error="HTTP 503 after 4 attempts" if outcome is Outcome.INFRASTRUCTURE_ERROR else "",
        turns=turns,
        tool_calls=max(0, turns - 1),
        started_at=started,
        seconds=sum(call.total_s or 0 for call in calls) + 0.4,
        usage=usage,
        cost_usd=price.cost(usage) if price else None,
        lost_cost_usd=0.0004 if lost and price and price.input else 0.0,
        lost_calls_unpriced=len(lost) if price is None else 0,
        tries=tries,
    )
    return run, [*lost, *calls], _transcript(key, outcome, calls)


def _outcome(rng: random.Random, key: RunKey, index: int) -> Outcome:
    if rng.random() < 0.04:
        return Outcome.INFRASTRUCTURE_ERROR
    hard = 0.35 if key.task in ("know_when_to_stop", "multi_step_plan") else 1.1
    if rng.random() < SKILL[index] * hard:
        return Outcome.PASSED
    return rng.choice(SMALL_FAILURES if index == 2 else FAILURES)


def _flags(rng: random.Random, outcome: Outcome) -> tuple[Flag, ...]:
    flags = [flag for flag in Flag if rng.random() < 0.03]
    if outcome is Outcome.TOOL_LOOP:
        flags.append(Flag.TOOL_CALL_REDUNDANCY)
    if outcome is Outcome.NO_ACTION:
        flags.append(Flag.TOOL_CALL_IN_PROSE)
    return tuple(dict.fromkeys(flags))


def _call(
    rng: random.Random, run_id: str, try_: int, turn: int, started: float, index: int
) -> CallRecord:
    pace, first = PACE[index]
    output = rng.randrange(20, 400)
    first_s = first * rng.uniform(0.7, 2.5)
    usage = Usage(600 + 350 * turn, 512 if turn > 1 else 0, output, None if index else output // 2)
    price = CARDS[index].price
    return CallRecord(
        run_id,
        try_,
        turn,
        "done",
        started + turn,
        usage=usage,
        cost_usd=price.cost(usage) if price else None,
        first_token_s=None if index == 1 and turn % 5 == 0 else first_s,
        total_s=first_s + output / (pace * rng.uniform(0.8, 1.1)),
        finish="tool_calls",
        served_model=CARDS[index].reference.partition("/")[2],
    )


def _transcript(key: RunKey, outcome: Outcome, calls: list[CallRecord]) -> Transcript:
    steps = []
    for call in calls:
        if call.state != "done":
            continue
        last = call is calls[-1]
        text = HOSTILE if last else f"Turn {call.turn}: let me look at the file first."
        made = () if last else (ToolCall(f"c{call.turn}", "fs_read", '{"path": "src/app.py"}'),)
        output = "def total(rows):\n    return sum(rows[1:])\n"
        results = tuple(
            ToolResult(c.id, c.name, c.arguments, output, 0.012, cut_chars=1200 * (call.turn == 2))
            for c in made
        )
        message = Message(
            "assistant", text, reasoning="The bug may be off by one.", tool_calls=made
        )
        timing = Timing(call.started_at, call.total_s or 0.0, call.first_token_s)
        steps.append(Step(Reply(message, call.usage, timing, model=call.served_model), results))
    failed = outcome is Outcome.INFRASTRUCTURE_ERROR
    return Transcript(
        task=key.task,
        seed=key.seed,
        system="You work in a workspace with three tools: fs_read, fs_write, shell.",
        prompt="The test in tests/test_app.py fails. Find the bug and fix it.",
        stop="call_failed" if failed else "answered",
        steps=tuple(steps),
        error="HTTP 503 after 4 attempts" if failed else "",
        seconds=12.5,
    )
