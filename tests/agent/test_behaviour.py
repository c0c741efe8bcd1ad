"""Flags: what a transcript shows of a model's behaviour."""

from ossay.agent.behaviour import ends_in_repetition, flags_of, longest_repetition
from ossay.core.outcome import Flag
from ossay.core.task import Step, ToolResult, Transcript
from ossay.core.types import Message, Reply, Timing, Usage


def result(name="fs_read", arguments='{"path": "a"}', changed=(), problem=""):
    return ToolResult("c", name, arguments, "", 0.0, problem, changed=changed)


def step(*results, text="", finish="stop"):
    reply = Reply(Message("assistant", text), Usage(), Timing(0.0, 0.0), finish)
    return Step(reply, results)


def transcript(*steps):
    tools = ("fs_read", "fs_write", "shell")
    return Transcript("t", 1, "system", "prompt", "answered", tools, steps)


def test_the_published_loop_is_seen():
    """`fs_read src/counter.py` four times in a row, as one published run had it."""
    read = result(arguments='{"path": "src/counter.py"}')
    assert flags_of(transcript(*[step(read)] * 4)) == (Flag.TOOL_CALL_REDUNDANCY,)
    assert flags_of(transcript(*[step(read)] * 3)) == ()


def test_key_order_and_spaces_make_no_difference():
    a = result("fs_write", '{"path": "a", "content": ""}')
    b = result("fs_write", '{"content":"","path":"a"}')
    assert longest_repetition((a, b, a, b)) == 4


def test_a_change_in_between_breaks_the_row():
    run_tests = result("shell", '{"command": "pytest"}')
    edit = result("fs_write", '{"path": "a"}', changed=("a",))
    assert longest_repetition((run_tests, edit) * 4) == 1
    assert longest_repetition((edit,) * 4) == 1


def test_a_loop_that_was_left_again_is_no_end():
    read, other = result(), result(arguments='{"path": "b"}')
    assert ends_in_repetition((other, read, read, read, read))
    assert not ends_in_repetition((read, read, read, read, other))


def test_a_call_in_prose_is_flagged():
    for text in (
        'Sure: {"name": "fs_write", "arguments": {"path": "a"}}',
        "```\nfs_write('hello.txt', 'Hello World')\n```",
        "This command uses the `fs_write` function to create the file.",
        '<tool_call>{"name": "hello"}</tool_call>',
    ):
        assert Flag.TOOL_CALL_IN_PROSE in flags_of(transcript(step(text=text))), text
    assert flags_of(transcript(step(text="I looked at the shell of the problem."))) == ()


def test_claimed_work_without_a_change_is_flagged():
    claim = "The number 42 is saved in the file answer.txt."
    assert Flag.SAID_NOT_DONE in flags_of(transcript(step(text=claim)))
    assert Flag.SAID_NOT_DONE in flags_of(transcript(step(result()), step(text="I've fixed it.")))
    worked = step(result("fs_write", changed=("answer.txt",)))
    assert Flag.SAID_NOT_DONE not in flags_of(transcript(worked, step(text=claim)))
    assert flags_of(transcript(step(text="I could not find the file."))) == ()


def test_problems_and_cut_output_become_flags():
    steps = (
        step(result("fs_open", problem="unknown_tool"), result(problem="invalid_arguments")),
        step(result("shell", problem="failed"), finish="length"),
        step(result("shell", '{"command": "x"}', problem="limit")),
    )
    assert set(flags_of(transcript(*steps))) == {
        Flag.UNKNOWN_TOOL,
        Flag.INVALID_ARGUMENTS,
        Flag.TOOL_ERROR,
        Flag.OUTPUT_CUT,
        Flag.SANDBOX_LIMIT,
    }
