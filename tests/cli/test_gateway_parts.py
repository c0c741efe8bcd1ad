"""The parts of a gateway: checks in the sandbox, budgets by period and process, drift."""

import asyncio
import os
import textwrap

import pytest

from ossay.agent.sandbox.base import Completed
from ossay.cli.gateway_budgets import Budgets, Share
from ossay.cli.gateway_check import InSandbox, code_in
from ossay.cli.gateway_drift import Following
from ossay.core.decision import Audit, Decision, Trip
from ossay.core.types import Message, Request, ToolCall
from ossay.gateway.file import CheckTable, KeyTable
from ossay.router.budget import OverBudget
from ossay.router.drift import Guard, Monitor
from ossay.stats.escapes import Alarm
from ossay.store.decisions import open_decisions

DAY_S = 86_400.0
ASKED = Request((Message("user", "a function that adds"),))


def answer(code):
    return Message("assistant", f"Here you are:\n\n```python\n{code}```\n")


class Pretended:
    """A sandbox that says what it was asked for."""

    kind = "local"

    def __init__(self, completed):
        self.completed = completed
        self.files = {}

    def run(self, argv, workspace, *, limits, stdin=b"", readonly=False):
        self.argv, self.limits = argv, limits
        self.files = {
            str(path.relative_to(workspace)): path.read_bytes()
            for path in workspace.rglob("*") if path.is_file()
        }  # fmt: skip
        if isinstance(self.completed, Exception):
            raise self.completed
        return self.completed


def judged(sandbox, table, draft, files=None):
    check = InSandbox(sandbox, table, files or {})
    try:
        return asyncio.run(check(ASKED, draft))
    finally:
        check.close()


def test_the_draft_lies_beside_the_tests():
    sandbox = Pretended(Completed(0, "", 0.1))
    table = CheckTable(command=("pytest", "-q"), file="answer.py", code=True, wall_s=5.0)
    files = {"tests/test_it.py": b"import answer", "answer.py": b"not this"}
    verdict = judged(sandbox, table, answer("def add(a, b):\n    return a + b\n"), files)
    assert (verdict.verdict, verdict.score) == ("approve", 1.0)
    assert sandbox.argv == ("pytest", "-q")
    assert sandbox.files["answer.py"] == b"def add(a, b):\n    return a + b\n"
    assert sandbox.files["tests/test_it.py"] == b"import answer"
    assert sandbox.limits.wall_s == 5.0


@pytest.mark.parametrize(
    ("completed", "said"),
    [
        (Completed(1, "1 failed\x1b[2J", 0.1), "the command ended: 1: 1 failed␛[2J"),
        (Completed(None, "", 30.0, limit="wall"), "the command ran into its limit on wall"),
    ],
)
def test_a_command_that_fails_rejects(completed, said):
    table = CheckTable(command=("false",))
    verdict = judged(Pretended(completed), table, Message("assistant", "text"))
    assert verdict.verdict == "reject"
    assert verdict.reason.startswith(said)


def test_a_sandbox_that_fails_says_nothing_of_the_draft():
    with pytest.raises(OSError, match="no space"):
        judged(Pretended(OSError("no space")), CheckTable(command=("true",)), answer(""))


def test_what_cannot_be_run_is_rejected():
    sandbox = Pretended(Completed(0, "", 0.1))
    table = CheckTable(command=("true",), code=True)
    called = Message("assistant", tool_calls=(ToolCall("1", "look", "{}"),))
    assert judged(sandbox, table, called).verdict == "reject"
    assert judged(sandbox, table, Message("assistant", "no code")).verdict == "reject"
    assert sandbox.files == {}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```\nx\n```", "x\n"),
        ("a\n~~~~ python\nx\n~~~\n~~~~\nb", "x\n~~~\n"),
        ("```py\n```", ""),
        ("```\nx\n```\n```\ny\n```", None),
        ("```\nnever closed", None),
        ("none ```here```", None),
        ("```\n" * 200_001, None),
    ],
)
def test_one_block_of_code(text, code):
    assert code_in(text) == code


def test_tests_run_in_the_real_sandbox():
    from ossay.agent.sandbox.find import find_sandbox
    from ossay.core.errors import SandboxUnavailable

    try:
        sandbox = find_sandbox()
    except SandboxUnavailable as error:
        if "sandbox" in os.environ.get("OSSAY_REQUIRE", "").split(","):
            raise
        pytest.skip(str(error).splitlines()[-1])
    table = CheckTable(command=("python3", "run.py"), file="answer.py", code=True)
    files = {"run.py": b"from answer import add\nassert add(1, 2) == 3, 'sum'\n"}
    right = "def add(a, b):\n    return a + b\n"
    assert judged(sandbox, table, answer(right), files).verdict == "approve"
    verdict = judged(sandbox, table, answer(right.replace("+", "-")), files)
    assert verdict.verdict == "reject"
    assert verdict.reason.endswith("AssertionError: sum")
    escape = textwrap.dedent("""\
        import socket
        socket.create_connection(("127.0.0.1", 1))
    """)
    assert judged(sandbox, table, answer(escape), files).verdict == "reject"


def budgets_of(now, share=None, **spent):
    keys = {"a": KeyTable("0" * 64, budget_usd=8.0, budget_days=2.0), "b": KeyTable("1" * 64)}
    asked = []

    def spent_usd(key, since):
        asked.append((key, since))
        return spent.get(key, 0.0)

    return Budgets(keys, share or Share(), spent_usd, now), asked


def left(budget):
    """What may still be spent, in whole dollars."""
    usd = 0
    try:
        while usd < 100:
            budget.reserve(usd + 1.0).close()
            usd += 1
    except OverBudget:
        pass
    return usd


def test_a_restart_begins_no_period():
    budgets, asked = budgets_of(5.0 * DAY_S, a=3.0)
    assert asked == [("a", 4.0 * DAY_S)]  # two days each, since 1970
    assert list(budgets.by_key) == ["a"]
    assert left(budgets.by_key["a"]) == 5


def test_a_period_that_passes_renews():
    budgets, _ = budgets_of(5.0 * DAY_S, a=8.0)
    budgets.renew(5.9 * DAY_S)
    assert left(budgets.by_key["a"]) == 0
    budgets.renew(6.1 * DAY_S)
    assert left(budgets.by_key["a"]) == 8
    budgets.by_key["a"].reserve(8.0).charge(8.0)
    budgets.renew(3.0 * DAY_S)  # a clock that was set back
    budgets.renew(6.2 * DAY_S)
    assert left(budgets.by_key["a"]) == 0


def test_processes_share_a_budget_out():
    parts = [budgets_of(0.0, Share(number, 2), a=2.0)[0].by_key["a"] for number in range(2)]
    assert [left(part) for part in parts] == [3, 3]


def test_whoever_replaces_a_dead_one_spends_no_money_twice():
    # All that was spent may have been the dead one's: at worst the rest of its part is lost.
    late, _ = budgets_of(0.0, Share(1, 2, again=True), a=3.0)
    assert left(late.by_key["a"]) == 1


def decided(number, chance=1.0):
    return Decision(
        id=f"{number:032x}", at=float(number), route="support", criticality="low", declared="low",
        declared_by="route", plan="cheap", plan_why="", ending="draft", request_hash="",
        audit_chance=chance, audited=True,
    )  # fmt: skip


def audited(number, *, wrong):
    return Audit(id=f"a{number:031x}", of=f"{number:032x}", at=float(number), chance=1.0,
                 wrong=wrong, answer_hash="")  # fmt: skip


async def follow(log, tripped, *, notes, until):
    """Follow a log for a while, as a process that has just begun."""
    guard = Guard("scripted/drafter", Alarm(0.05, 1.0), lambda stratum, why: tripped.append(why))
    ids = iter("123456789") if notes else None
    following = Following(log, Monitor({"support": guard}), ids.__next__ if ids else None)
    following.heed()

    class Clock:
        slept = 0

        async def sleep(self, seconds):
            self.slept += 1
            await asyncio.sleep(0)
            if until(self.slept):
                raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await following.keep(Clock())


def trips_in(log):
    return [entry for _, entry in log.entries() if isinstance(entry, Trip)]


def test_what_drifts_in_one_process_trips_all_and_is_kept(tmp_path):
    async def main():
        with open_decisions(str(tmp_path / "log.db"), create=True) as log:
            for number in range(60):
                await log.append(decided(number), {}, durable=False)
                await log.append(audited(number, wrong=number % 2 == 0), {}, durable=True)
            here, there, later = [], [], []
            await follow(log, here, notes=True, until=lambda slept: slept > 1)
            await follow(log, there, notes=False, until=lambda slept: slept > 1)
            await log.append(decided(999), {}, durable=True)  # what was on its way is written
            assert len(here) == len(there) == 1
            (trip,) = trips_in(log)
            assert (trip.id, trip.route, trip.stratum) == ("1", "support", "support/low")
            await follow(log, later, notes=True, until=lambda slept: slept > 0)
            assert len(later) == 1
            assert len(trips_in(log)) == 1  # it was heeded, not found anew

    asyncio.run(main())
