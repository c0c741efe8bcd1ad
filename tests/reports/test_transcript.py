"""One transcript as plain text: in reading order, indented, and unable to act."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from ossay.core.task import Step, ToolResult, Transcript
from ossay.core.types import Message, Reply, Timing, ToolCall, Usage
from ossay.reports.transcript import blocks, transcript_text


def transcript(message: Message, *results: ToolResult, **fields) -> Transcript:
    reply = Reply(message, Usage(1200, 1000, 30), Timing(0.0, 2.0, 0.25))
    given = {"stop": "answered", "prompt": "Fix it.", "system": "Be brief."} | fields
    return Transcript(task="minimal_fix", seed=7, steps=(Step(reply, results),), **given)


def test_it_reads_from_prompt_to_end():
    call = ToolCall("1", "shell", '{"command": "ls"}')
    message = Message("assistant", "Looking.", reasoning="Where is it?", tool_calls=(call,))
    result = ToolResult("1", "shell", call.arguments, "a.py\n", 0.5, changed=("a.py",))
    text = transcript_text(transcript(message, result))
    parts = ["Be brief.", "Task minimal_fix, seed 7", "Fix it.", "Turn 1 · 2.00 s", "1,200 in",
             "Where is it?", "Looking.", "Calls shell", "command: ls", "a.py", "End:"]  # fmt: skip
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "changed a.py" in text


def test_a_failed_call_says_what_was_wrong():
    call = ToolCall("1", "browse", "{}")
    result = ToolResult("1", "browse", "{}", "no tool 'browse'", 0.0, problem="unknown_tool")
    (shown,) = [
        block
        for block in blocks(transcript(Message("assistant", tool_calls=(call,)), result))
        if block.kind == "result"
    ]
    assert shown.failed
    assert "there is no such tool" in shown.title


def test_text_of_several_lines_in_arguments_is_readable():
    call = ToolCall("1", "fs_write", '{"path": "a.py", "content": "x = 1\\ny = 2\\n"}')
    text = transcript_text(transcript(Message("assistant", tool_calls=(call,))))
    assert "content: \n       x = 1\n       y = 2" in text


def test_arguments_that_are_no_object_are_shown_raw():
    for raw in ("{broken", "[1, 2]", '"text"', "[" * 100_000, ""):
        call = ToolCall("1", "shell", raw)
        shown = list(blocks(transcript(Message("assistant", tool_calls=(call,)))))
        assert raw in [block.text for block in shown if block.kind == "call"]


def test_nothing_a_model_wrote_acts_or_passes_for_the_frame():
    evil = "\x1b[2J\x00\u202e\ud800"
    name = "shell\n== Turn 9"
    call = ToolCall("1", name, "{}")
    message = Message("assistant", f"{evil}\n== Turn 8", tool_calls=(call,))
    text = transcript_text(transcript(message, prompt=evil, error=evil))
    assert not {"\x1b", "\x00", "\u202e", "\ud800"} & set(text)
    turns = [line for line in text.splitlines() if line.startswith("== Turn")]
    assert len(turns) == 1


def test_saying_nothing_is_said():
    assert "Says nothing" in transcript_text(transcript(Message("assistant")))


def test_the_failure_of_a_call_is_told_at_the_end():
    shown = transcript_text(transcript(Message("assistant"), stop="call_failed", error="HTTP 503"))
    assert shown.endswith(
        "-- End: A call of the model failed: an infrastructure error.\n   HTTP 503"
    )


@given(st.text(st.characters()), st.text(st.characters()))
def test_whatever_is_said_no_character_acts(said, arguments):
    call = ToolCall(said, said, arguments)
    message = Message("assistant", said, reasoning=said, tool_calls=(call,))
    result = ToolResult(said, said, arguments, said, 0.0, changed=(said,))
    shown = transcript_text(transcript(message, result, prompt=said, error=said))
    assert shown.encode()  # no surrogate
    assert all(c == "\n" or c == "\t" or unicodedata.category(c) != "Cc" for c in shown)
