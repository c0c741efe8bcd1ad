"""What a model is told when it calls a tool, rightly or wrongly."""

import asyncio
import json
from pathlib import Path

import pytest

from ossay.agent.sandbox.base import Completed, Limits
from ossay.agent.sandbox.local import Local
from ossay.agent.tools import TOOLS, call_tool
from ossay.agent.workspace import Workspace
from ossay.core.errors import EnvironmentDefect
from ossay.core.types import ToolCall

LIMITS = Limits(wall_s=20.0)


@pytest.fixture
def workspace(tmp_path):
    return Workspace.create(tmp_path, {"src/app.py": b"one\ntwo\nthree\n", "bytes": b"a\xffb"})


def use(workspace, name, arguments, *, sandbox=None, limits=LIMITS, max_chars=16_000, offered=None):
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return asyncio.run(
        call_tool(
            ToolCall("call_1", name, text),
            offered=tuple(TOOLS) if offered is None else offered,
            workspace=workspace,
            sandbox=sandbox or Local(),
            limits=limits,
            max_chars=max_chars,
        )
    )


class Answers:
    """A sandbox that has run already."""

    kind = "local"

    def __init__(self, done):
        self.done = done

    def run(self, argv, workspace, *, limits, stdin=b"", readonly=False):
        if isinstance(self.done, Exception):
            raise self.done
        return self.done


def test_fs_read_returns_the_text(workspace):
    result = use(workspace, "fs_read", {"path": "/workspace/src/app.py"})
    assert (result.output, result.problem, result.changed) == ("one\ntwo\nthree\n", "", ())
    assert result.call_id == "call_1"
    assert result.name == "fs_read"


def test_fs_read_returns_a_part(workspace):
    assert (
        use(workspace, "fs_read", {"path": "src/app.py", "offset": 2, "limit": 1}).output == "two\n"
    )
    assert use(workspace, "fs_read", {"path": "src/app.py", "offset": 3}).output == "three\n"
    beyond = use(workspace, "fs_read", {"path": "src/app.py", "offset": 9})
    assert beyond.problem == "failed"
    assert "has 3 lines" in beyond.output


def test_fs_read_shows_undecodable_bytes_with_replacement(workspace):
    assert use(workspace, "fs_read", {"path": "bytes"}).output == "a\N{REPLACEMENT CHARACTER}b"


def test_fs_read_of_a_path_outside_fails_with_its_name(workspace):
    result = use(workspace, "fs_read", {"path": "../x"})
    assert (result.output, result.problem) == ("fs_read: '../x' leaves the workspace", "failed")


def test_fs_write_says_what_changed(workspace):
    result = use(workspace, "fs_write", {"path": "a/b.txt", "content": "grün"})
    assert result.output == "wrote 5 bytes to a/b.txt"
    assert result.changed == ("a/b.txt",)
    again = use(workspace, "fs_write", {"path": "a/b.txt", "content": "grün"})
    assert again.changed == ()


def test_fs_write_through_a_link_names_the_file_that_changed(workspace):
    (workspace.root / "link").symlink_to("src/app.py")
    result = use(workspace, "fs_write", {"path": "link", "content": "x"})
    assert result.changed == ("src/app.py",)


def test_fs_write_keeps_the_limit_on_a_file(workspace):
    limits = Limits(file_bytes=10)
    result = use(workspace, "fs_write", {"path": "big", "content": "x" * 11}, limits=limits)
    assert result.problem == "limit"
    assert not (workspace.root / "big").exists()


def test_fs_write_keeps_the_limit_on_the_workspace(workspace):
    limits = Limits(workspace_bytes=40_000)
    full = use(workspace, "fs_write", {"path": "x", "content": "x" * 39_000}, limits=limits)
    assert (full.problem, full.changed) == ("limit", ())
    assert "the workspace is full" in full.output
    assert use(workspace, "fs_write", {"path": "x", "content": "x"}, limits=limits).problem == ""


def test_a_call_that_is_cancelled_ends_its_command(workspace):
    call = ToolCall("call_1", "shell", json.dumps({"command": "echo $$ > pid; sleep 600"}))
    arguments = {"offered": ("shell",), "sandbox": Local(), "limits": LIMITS, "max_chars": 100}

    async def cancel():
        work = asyncio.create_task(call_tool(call, workspace=workspace, **arguments))
        while not (workspace.root / "pid").exists() or not workspace.read("pid", 20):
            await asyncio.sleep(0.01)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(cancel())
    assert not Path(f"/proc/{int(workspace.read('pid', 20))}").exists()


def test_shell_runs_in_the_workspace(workspace):
    result = use(workspace, "shell", {"command": "echo new > made; rm bytes; wc -l src/app.py"})
    assert result.output == "3 src/app.py\n"
    assert result.problem == ""
    assert result.changed == ("bytes", "made")


def test_shell_shows_a_failing_exit_code(workspace):
    result = use(workspace, "shell", {"command": "printf oops >&2; exit 3"})
    assert (result.output, result.problem) == ("oops\nexit code 3", "failed")


def test_shell_says_that_there_was_no_output(workspace):
    assert use(workspace, "shell", {"command": "true"}).output == "[exit code 0, no output]"


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("wall", "longer than 30 seconds"),
        ("cpu", "more than 30 seconds of CPU"),
        ("memory", "more than 1,024 MiB of memory"),
        ("processes", "more than 128 processes"),
        ("disk", "a file may have 64 MiB, the workspace 256 MiB"),
        ("output", "far too much output"),
    ],
)
def test_a_limit_is_named(workspace, limit, words):
    sandbox = Answers(Completed(None, "partial", 1.0, limit=limit))
    result = use(workspace, "shell", {"command": "x"}, sandbox=sandbox, limits=Limits())
    assert result.problem == "limit"
    assert result.output.startswith("partial\n[killed: the command ")
    assert words in result.output


def test_output_is_cut_in_the_middle_and_the_cut_is_said(workspace):
    text = "".join(f"line {number}\n" for number in range(20_000))
    (workspace.root / "log").write_text(text)
    result = use(workspace, "fs_read", {"path": "log"}, max_chars=1000)
    assert result.cut_chars == len(text) - 1000
    assert f"[… {result.cut_chars:,} characters left out; ask for a part" in result.output
    assert result.output.startswith("line 0\n")
    assert result.output.endswith("line 19999\n")
    assert len(result.output) < 1150


def test_output_that_the_sandbox_cut_is_said_too(workspace):
    short = Answers(Completed(0, "x" * 100, 1.0, cut_bytes=5000))
    result = use(workspace, "shell", {"command": "x"}, sandbox=short)
    assert "5,000 bytes in the middle left out" in result.output
    assert result.cut_chars == 5000
    long = Answers(Completed(0, "x" * 100, 1.0, cut_bytes=5000))
    assert use(workspace, "shell", {"command": "x"}, sandbox=long, max_chars=40).cut_chars == 5060


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("fs_read", '{"path": "a"', "not valid JSON"),
        ("fs_read", '{"path": "a"} and so on', "not valid JSON"),
        ("fs_read", '"a"', "must be one JSON object"),
        ("fs_read", "", "'path' is missing"),
        ("fs_read", {"file": "a", "path": "b"}, "there is no argument 'file'"),
        ("fs_read", {"path": "a", "ofset": 1}, "did you mean 'offset'?"),
        ("fs_read", {"path": 1}, "'path' must be a string, not 1"),
        ("fs_read", {"path": "a", "limit": "10"}, "'limit' must be an integer, not '10'"),
        ("fs_read", {"path": "a", "limit": 0}, "'limit' must be at least 1"),
        ("fs_read", {"path": "a", "limit": True}, "must be an integer"),
        ("fs_write", {"path": "a"}, "'content' is missing"),
        ("fs_write", {"path": "a", "content": ["x"]}, "'content' must be a string"),
        ("shell", {"cmd": "ls"}, "'command' is missing"),
        ("shell", {"command": ["ls"]}, "'command' must be a string"),
        ("shell", '{"command": "\\ud800"}', "not valid JSON"),
    ],
)
def test_arguments_that_are_wrong_are_explained(workspace, name, arguments, words):
    before = workspace.digests()
    result = use(workspace, name, arguments)
    assert result.problem == "invalid_arguments"
    assert words in result.output
    assert "It takes {" in result.output
    assert workspace.digests() == before


def test_a_tool_that_does_not_exist_is_named_with_the_nearest(workspace):
    result = use(workspace, "fs_reed", {"path": "a"})
    assert result.problem == "unknown_tool"
    assert result.output == "there is no tool 'fs_reed'; did you mean 'fs_read'?"


def test_a_tool_that_is_not_offered_does_not_exist(workspace):
    result = use(workspace, "shell", {"command": "touch x"}, offered=("fs_write",))
    assert result.problem == "unknown_tool"
    assert "known: fs_write" in result.output
    assert not (workspace.root / "x").exists()


@pytest.mark.parametrize("error", [OSError("no memory"), EnvironmentDefect("bwrap failed")])
def test_a_sandbox_that_fails_is_never_the_models_fault(workspace, error):
    with pytest.raises(type(error)):
        use(workspace, "shell", {"command": "true"}, sandbox=Answers(error))


def test_a_command_with_a_nul_is_the_models_fault(workspace):
    result = use(workspace, "shell", {"command": "echo a\0b"})
    assert result.problem == "invalid_arguments"


def test_a_command_longer_than_an_argument_may_be_runs(workspace):
    text = "x" * 300_000
    result = use(workspace, "shell", {"command": f"cat > big <<'END'\n{text}\nEND\nwc -c < big"})
    assert result.output == "300001\n"


def test_names_that_are_not_text_can_be_recorded(workspace):
    result = use(workspace, "shell", {"command": r"touch $'\xff'"})
    assert [path.encode() for path in result.changed]


def test_every_tool_has_a_schema_that_says_what_it_takes():
    for name, tool in TOOLS.items():
        assert tool.name == name
        assert set(tool.parameters["required"]) <= set(tool.parameters["properties"])
        assert tool.parameters["additionalProperties"] is False
