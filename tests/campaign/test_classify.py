"""Outcomes: exactly one, and infrastructure is never the model's fault."""

import itertools

import pytest

from ossay.agent.behaviour import flags_of
from ossay.campaign.classify import classify
from ossay.core.outcome import Outcome
from ossay.core.task import Grade, Step, ToolResult, Transcript
from ossay.core.types import Message, Reply, Timing, Usage

WRONG = Grade(False, "wrong")
HALF = Grade(False, "two of four", done=2, of=4)
RIGHT = Grade(True, "right", done=1)


def transcript(*results, stop="answered", tools=("fs_read", "fs_write", "shell")):
    reply = Reply(Message("assistant", "text"), Usage(), Timing(0.0, 0.0))
    steps = tuple(Step(reply, (result,)) for result in results) or (Step(reply),)
    return Transcript("t", 1, "s", "p", stop, tools, steps)


def result(problem="", changed=(), name="fs_read", path="a"):
    return ToolResult("c", name, f'{{"path": "{path}"}}', "", 0.0, problem, changed=changed)


WROTE = result(name="fs_write", changed=("a",))

CASES = {
    "a right answer": (transcript(WROTE), RIGHT, Outcome.PASSED),
    "right, though the turns ran out": (transcript(WROTE, stop="turns"), RIGHT, Outcome.PASSED),
    "right, but too late": (transcript(WROTE, stop="deadline"), RIGHT, Outcome.OVER_DEADLINE),
    "a wrong answer": (transcript(WROTE), WRONG, Outcome.WRONG_ANSWER),
    "half of it": (transcript(WROTE), HALF, Outcome.PARTIAL_COMPLETE),
    "half, turns used up": (transcript(WROTE, stop="turns"), HALF, Outcome.GAVE_UP_MID_PLAN),
    "looked and left": (transcript(result()), WRONG, Outcome.GAVE_UP_MID_PLAN),
    "talked only": (transcript(), WRONG, Outcome.NO_ACTION),
    "a question without tools": (transcript(tools=()), WRONG, Outcome.WRONG_ANSWER),
    "the same call again and again": (transcript(*[result()] * 5), WRONG, Outcome.TOOL_LOOP),
    "tools that do not exist": (
        transcript(result("unknown_tool")),
        WRONG,
        Outcome.HALLUCINATED_API,
    ),
    "arguments that do not fit": (
        transcript(result("invalid_arguments"), result("unknown_tool", path="b")),
        WRONG,
        Outcome.WRONG_TOOL_CALL,
    ),
    "too long for the model": (transcript(stop="context"), WRONG, Outcome.CONTEXT_EXHAUSTED),
    "a call failed": (transcript(WROTE, stop="call_failed"), RIGHT, Outcome.INFRASTRUCTURE_ERROR),
    "the sandbox failed": (transcript(stop="tool_failed"), WRONG, Outcome.INFRASTRUCTURE_ERROR),
    "no grader could judge": (transcript(WROTE), None, Outcome.INFRASTRUCTURE_ERROR),
}


@pytest.mark.parametrize("case", CASES)
def test_each_ending_has_its_outcome(case):
    seen, grade, outcome = CASES[case]
    assert classify(seen, grade, flags_of(seen)) is outcome


def test_a_failed_call_never_becomes_a_score():
    for stop, grade in itertools.product(
        ("call_failed", "tool_failed"), (None, RIGHT, WRONG, HALF)
    ):
        assert not classify(transcript(WROTE, stop=stop), grade, ()).counts
