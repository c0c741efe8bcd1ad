"""The tool loop, with the real tools in a real workspace and sandbox."""

import asyncio
import json

import msgspec
import pytest

from ossay.agent.loop import run_loop
from ossay.agent.sandbox.base import Completed
from ossay.agent.sandbox.find import find_sandbox
from ossay.agent.workspace import Workspace
from ossay.core.errors import EnvironmentDefect, ModelCallError
from ossay.core.task import Budget, Instance
from ossay.core.types import Delta, Message, ModelCard, Reply, Sampling, Timing, ToolCall, Usage
from ossay.models.scripted import Scripted
from ossay.suites.scripting import call, say

INSTANCE = Instance("greet", 1, "Write hello.txt.", files={"name.txt": b"Ada\n"})


def play(model, tmp_path, instance=INSTANCE, *, sandbox=None, recorder=None, **options):
    workspace = Workspace.create(tmp_path, instance.files)
    try:
        return asyncio.run(
            run_loop(
                model,
                instance,
                system="You have tools.",
                workspace=workspace,
                sandbox=sandbox or find_sandbox(),
                sampling=options.pop("sampling", Sampling()),
                recorder=recorder,
                **options,
            )
        )
    finally:
        workspace.remove()


class Failing(Scripted):
    """Plays its script, then fails."""

    def __init__(self, script, kind):
        super().__init__(script)
        self.kind = kind

    def _message(self, turn, request):
        if turn < len(self._script):
            return self._script[turn]
        raise ModelCallError(self.kind, "no luck")


class Books:
    """A recorder that remembers."""

    def __init__(self):
        self.lines = []

    async def opened(self, turn, request):
        self.lines.append(("opened", turn))

    async def settled(self, turn, reply):
        self.lines.append(("settled", turn))

    async def failed(self, turn, error):
        self.lines.append(("failed", turn))


def test_a_model_reads_writes_and_answers(tmp_path):
    script = (
        call("fs_read", path="name.txt"),
        call("fs_write", path="hello.txt", content="Hello Ada\n"),
        call("shell", command="cat hello.txt"),
        say("Done."),
    )
    books = Books()
    seen = play(Scripted(script), tmp_path, recorder=books)
    assert seen.stop == "answered"
    assert seen.final_text == "Done."
    assert [r.problem for r in seen.results] == ["", "", ""]
    assert "Ada" in seen.results[0].output
    assert seen.results[1].changed == ("hello.txt",)
    assert "Hello Ada" in seen.results[2].output
    assert books.lines == [(what, n) for n in (1, 2, 3, 4) for what in ("opened", "settled")]


def test_the_turn_budget_ends_a_run(tmp_path):
    instance = msgspec.structs.replace(INSTANCE, budget=Budget(turns=3))
    seen = play(Scripted([call("fs_read", path="name.txt")] * 9), tmp_path, instance)
    assert (seen.stop, len(seen.steps)) == ("turns", 3)


def test_the_clock_ends_a_run(tmp_path):
    ticks = iter(range(0, 10_000, 400))
    seen = play(
        Scripted([call("fs_read", path="name.txt")] * 9), tmp_path, clock=lambda: float(next(ticks))
    )
    assert seen.stop == "deadline"


class Clock:
    """Time that passes when somebody says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Slow(Scripted):
    """Each reply takes so many seconds, after so many of waiting; past its script it times out."""

    def __init__(self, script, clock, *, takes, waits=0.0, began=True):
        super().__init__(script)
        self.clock, self.takes, self.waits, self.began = clock, takes, waits, began

    async def stream(self, request):
        turn = sum(message.role == "assistant" for message in request.messages)
        self.clock.now += self.waits
        if turn == len(self._script):
            self.clock.now += request.deadline_s
            raise ModelCallError("deadline", "late", began=self.began, waited_s=self.waits)
        self.clock.now += self.takes
        async for delta in super().stream(request):
            if delta.reply is None:
                continue
            timing = Timing(0.0, self.takes, waited_s=self.waits)
            yield Delta(reply=msgspec.structs.replace(delta.reply, timing=timing))


SHORT = msgspec.structs.replace(INSTANCE, budget=Budget(seconds=100.0, call_seconds=300.0))


@pytest.mark.parametrize("waits", [0.0, 500.0])
def test_waiting_is_not_charged_to_the_run(tmp_path, waits):
    clock = Clock()
    script = [call("fs_read", path="name.txt")] * 3 + [say("Done.")]
    seen = play(Slow(script, clock, takes=20.0, waits=waits), tmp_path, SHORT, clock=clock)
    assert (seen.stop, len(seen.steps)) == ("answered", 4)
    clock = Clock()
    seen = play(Slow(script, clock, takes=40.0, waits=waits), tmp_path, SHORT, clock=clock)
    assert (seen.stop, len(seen.steps)) == ("deadline", 3)


@pytest.mark.parametrize("waits", [0.0, 500.0])
@pytest.mark.parametrize(
    ("began", "call_seconds", "stop"),
    [
        (True, 300.0, "deadline"),
        (False, 300.0, "call_failed"),  # a hanging endpoint, not the model
        (True, 30.0, "call_failed"),  # the call's own deadline, the run had time left
    ],
)
def test_only_a_model_that_was_at_work_uses_up_the_time(tmp_path, waits, began, call_seconds, stop):
    clock = Clock()
    budget = Budget(seconds=100.0, call_seconds=call_seconds)
    instance = msgspec.structs.replace(INSTANCE, budget=budget)
    model = Slow([call("fs_read", path="name.txt")], clock, takes=1.0, waits=waits, began=began)
    seen = play(model, tmp_path, instance, clock=clock)
    assert (seen.stop, len(seen.steps)) == (stop, 1)


def test_a_wait_that_shortened_the_call_is_not_the_models_deadline(tmp_path):
    """An endpoint's deadline covers its back-off: the model had less than what was left."""
    clock = Clock()

    class BackedOff(Scripted):
        async def stream(self, request):
            clock.now += request.deadline_s
            raise ModelCallError("deadline", "late", began=True, waited_s=60.0)
            yield

    assert play(BackedOff(()), tmp_path, SHORT, clock=clock).stop == "call_failed"


class SlowSandbox:
    """A sandbox in which every command takes 30 s of a clock."""

    kind = "bubblewrap"

    def __init__(self, clock):
        self.clock = clock

    def run(self, argv, workspace, *, limits, stdin=b"", readonly=False):
        self.clock.now += 30.0
        return Completed(0, "", 30.0)


@pytest.mark.parametrize("turns", [1, 15])
def test_the_clock_ends_a_row_of_calls_in_one_reply(tmp_path, turns):
    clock = Clock()
    budget = Budget(seconds=100.0, turns=turns)
    instance = msgspec.structs.replace(INSTANCE, budget=budget)
    row = tuple(ToolCall(str(n), "shell", '{"command": "sleep 30"}') for n in range(40))
    script = [Message("assistant", tool_calls=row), say("Done.")]
    seen = play(Scripted(script), tmp_path, instance, sandbox=SlowSandbox(clock), clock=clock)
    assert (seen.stop, len(seen.results)) == ("deadline", 4)


@pytest.mark.parametrize(
    ("kind", "stop"),
    [("cut_off", "call_failed"), ("rate_limited", "call_failed"), ("context_exhausted", "context")],
)
def test_a_failed_call_is_told_as_what_it_is(tmp_path, kind, stop):
    books = Books()
    model = Failing([call("fs_read", path="name.txt")], kind)
    seen = play(model, tmp_path, recorder=books)
    assert (seen.stop, len(seen.steps)) == (stop, 1)
    assert seen.error == f"{kind}: no luck"
    assert books.lines[-1] == ("failed", 2)


def test_broken_calls_are_answered_not_fatal(tmp_path):
    calls = (
        ToolCall("1", "fs_read", "{broken"),
        ToolCall("2", "fs_delete", "{}"),
        ToolCall("3", "fs_read", json.dumps({"path": "../../etc/passwd"})),
    )
    seen = play(Scripted([Message("assistant", tool_calls=calls), say("Sorry.")]), tmp_path)
    problems = [r.problem for r in seen.results]
    assert problems == ["invalid_arguments", "unknown_tool", "failed"]
    assert seen.stop == "answered"


DEEP = "[" * 3000 + "]" * 3000


@pytest.mark.parametrize("value", [DEEP, '"\ud83d"', '"\\ud83d"', "1" * 5000])
def test_arguments_that_no_parser_takes_are_the_models_mistake(tmp_path, value):
    calls = (ToolCall("1", "shell", f'{{"command": {value}}}'),)
    seen = play(Scripted([Message("assistant", tool_calls=calls), say("Sorry.")]), tmp_path)
    assert [result.problem for result in seen.results] == ["invalid_arguments"]
    assert (seen.stop, seen.error) == ("answered", "")


def test_an_action_with_half_a_surrogate_pair_is_carried_out(tmp_path):
    action = r'{"tool": "shell", "arguments": {"command": "echo \ud83d"}}'
    finish = r'{"tool": "finish", "answer": "\ud83d"}'
    script = [Message("assistant", action), Message("assistant", finish)]
    model = Recording(script, ModelCard("test/small", dialect="json_action"))
    seen = play(model, tmp_path)
    (result,) = seen.results
    assert (result.problem, result.output) == ("", "\ufffd\n")
    assert (seen.stop, seen.final_text) == ("answered", "\ufffd")


class BrokenSandbox:
    """A sandbox of a machine that has lost it."""

    kind = "bubblewrap"

    def run(self, argv, workspace, *, limits, stdin=b"", readonly=False):
        raise EnvironmentDefect("no user namespaces left")


def test_a_sandbox_that_fails_is_no_wrong_answer(tmp_path):
    script = [call("shell", command="true"), say("Done.")]
    seen = play(Scripted(script), tmp_path, sandbox=BrokenSandbox())
    assert seen.stop == "tool_failed"
    assert "no user namespaces left" in seen.error


class Recording(Scripted):
    """Remembers what it was asked."""

    def __init__(self, script, card):
        super().__init__(script)
        self.card = card
        self.requests = []

    def _message(self, turn, request):
        self.requests.append(request)
        return super()._message(turn, request)


def test_a_model_without_tool_calls_is_driven_by_actions(tmp_path):
    action = '{"tool": "fs_write", "arguments": {"path": "hello.txt", "content": "hi"}}'
    script = [Message("assistant", action), Message("assistant", '{"tool":"finish","answer":"ok"}')]
    model = Recording(script, ModelCard("test/small", dialect="json_action"))
    seen = play(model, tmp_path)
    assert seen.results[0].changed == ("hello.txt",)
    assert seen.final_text == "ok"
    assert all(request.response_schema and not request.tools for request in model.requests)


def test_sampling_and_budget_reach_the_model(tmp_path):
    model = Recording([say("ok")], ModelCard("test/x"))
    play(model, tmp_path, sampling=Sampling(temperature=0.0))
    (asked,) = model.requests
    assert asked.sampling.temperature == 0.0
    assert asked.sampling.max_tokens == INSTANCE.budget.max_tokens
    assert asked.deadline_s <= INSTANCE.budget.call_seconds
    assert [tool.name for tool in asked.tools] == list(INSTANCE.tools)


def test_replies_are_kept_whole(tmp_path):
    reply_script = [Message("assistant", "ok", reasoning="because")]
    seen = play(Scripted(reply_script), tmp_path)
    assert seen.steps[0].reply.message == reply_script[0]
    assert isinstance(seen.steps[0].reply, Reply)
    assert seen.steps[0].reply.usage != Usage()
    assert seen.steps[0].reply.timing.total_s == Timing(0, 0.0).total_s
