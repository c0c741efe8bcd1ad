"""The tools a model has: fs_read, fs_write and shell; and what a call of one comes to.

A call never raises for what a model did wrong: it returns a result with a `problem` and a text that
helps to mend it. It raises `OSError` or `EnvironmentDefect` where the machine failed. Knows nothing
of turns, tasks or grades.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from ossay.agent.arguments import checked_arguments
from ossay.agent.inside import PathRefused
from ossay.agent.sandbox.base import Completed, Limits, Sandbox
from ossay.agent.sandbox.supervise import STOP
from ossay.agent.tree import disk_use
from ossay.agent.workspace import Workspace
from ossay.core.errors import nearest
from ossay.core.task import ToolResult
from ossay.core.types import Tool, ToolCall

READ_BYTES = 16 << 20  # of one file that fs_read looks at
SHELL = ("bash", "-c")
LONG_COMMAND = 100_000  # bytes; the kernel takes no argument of 128 KiB, so it goes by stdin

Problem = Literal["", "unknown_tool", "invalid_arguments", "failed", "limit"]

TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            "fs_read",
            "Read a text file of the workspace.",
            {
                "type": "object",
                "properties": {
                    "path": {
                        "type": "string",
                        "description": "Path relative to the workspace, such as src/app.py",
                    },
                    "offset": {
                        "type": "integer",
                        "minimum": 1,
                        "description": "First line to return, counted from 1. Default 1.",
                    },
                    "limit": {
                        "type": "integer",
                        "minimum": 1,
                        "description": "How many lines to return. Default: all.",
                    },
                },
                "required": ["path"],
                "additionalProperties": False,
            },
        ),
        Tool(
            "fs_write",
            "Create or replace a text file of the workspace. Missing directories are made.",
            {
                "type": "object",
                "properties": {
                    "path": {
                        "type": "string",
                        "description": "Path relative to the workspace, such as src/app.py",
                    },
                    "content": {
                        "type": "string",
                        "description": "The whole new content of the file.",
                    },
                },
                "required": ["path", "content"],
                "additionalProperties": False,
            },
        ),
        Tool(
            "shell",
            "Run a bash command in the workspace and return its output. There is no network. "
            "Nothing keeps running after the command has ended.",
            {
                "type": "object",
                "properties": {
                    "command": {"type": "string", "description": "The command line to run."},
                },
                "required": ["command"],
                "additionalProperties": False,
            },
        ),
    )
}


class _Did(Struct, frozen=True):
    """What a tool did, before the cap on its output."""

    text: str
    problem: Problem = ""
    changed: tuple[str, ...] = ()
    cut_bytes: int = 0
    advice: str = ""  # how to get at what the cap left out


async def call_tool(
    call: ToolCall,
    *,
    offered: Sequence[str],
    workspace: Workspace,
    sandbox: Sandbox,
    limits: Limits,
    max_chars: int,
) -> ToolResult:
    """Carry out one tool call in a thread and return what the model is to see.

    Args:
        call: The call as the model wrote it.
        offered: The names of the tools that this run offers.
        workspace: Where paths are resolved and commands run.
        sandbox: What confines shell.
        limits: What one command may use; `file_bytes` and `workspace_bytes` bind fs_write too.
        max_chars: How much of the output the model is shown, head and tail.

    Raises:
        OSError: The machine failed, for example its disk is full.
        EnvironmentDefect: The sandbox itself failed.
    """
    started = time.perf_counter()
    arguments = _arguments(call, offered)
    if isinstance(arguments, _Did):
        did = arguments
    else:
        room = _Room(workspace, sandbox, limits)
        did = await _in_thread(_ACTIONS[call.name], room, arguments)
    output, cut = _cap(did, max_chars)
    return ToolResult(
        call.id,
        call.name,
        call.arguments,
        output,
        time.perf_counter() - started,
        did.problem,
        cut,
        did.changed,
    )


async def _in_thread(action: _Action, room: _Room, arguments: Mapping[str, Any]) -> _Did:
    """Run an action in a thread; when cancelled, end its command and wait until it has ended."""
    stop = threading.Event()
    token = STOP.set(stop)
    try:
        work = asyncio.ensure_future(asyncio.to_thread(action, room, arguments))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.gather(work, return_exceptions=True)
            raise
    finally:
        STOP.reset(token)


class _Room(Struct, frozen=True):
    """What a tool may touch."""

    workspace: Workspace
    sandbox: Sandbox
    limits: Limits


def _fs_read(room: _Room, arguments: Mapping[str, Any]) -> _Did:
    path = arguments["path"]
    try:
        data = room.workspace.read(path, READ_BYTES + 1)
    except PathRefused as refusal:
        return _Did(f"fs_read: {refusal}", "failed")
    text = data[:READ_BYTES].decode("utf-8", "replace")
    advice = "ask for a part with offset and limit, or use shell"
    if "offset" in arguments or "limit" in arguments:
        lines = text.splitlines(keepends=True)
        first = arguments.get("offset", 1)
        if first > max(len(lines), 1):
            return _Did(f"fs_read: {path!r} has {len(lines):,} lines; offset is {first}", "failed")
        last = first - 1 + arguments.get("limit", len(lines))
        text = "".join(lines[first - 1 : last])
    if len(data) > READ_BYTES:
        text += f"\n[only the first {READ_BYTES:,} bytes of the file were read; use shell]"
    return _Did(text or "[the file is empty]", advice=advice)


def _fs_write(room: _Room, arguments: Mapping[str, Any]) -> _Did:
    path, content = arguments["path"], arguments["content"].encode("utf-8", "surrogatepass")
    if len(content) > room.limits.file_bytes:
        return _Did(
            f"fs_write: {len(content):,} bytes; a file may have {room.limits.file_bytes:,}", "limit"
        )
    room_left = room.limits.workspace_bytes - len(content)
    if disk_use(room.workspace.root, max(room_left, 0)) > room_left:
        most = _size(room.limits.workspace_bytes)
        return _Did(f"fs_write: the workspace is full; it may have {most}", "limit")
    before = room.workspace.digests()
    try:
        room.workspace.write(path, content)
    except PathRefused as refusal:
        return _Did(f"fs_write: {refusal}", "failed", _changes(before, room.workspace.digests()))
    changed = _changes(before, room.workspace.digests())
    return _Did(f"wrote {len(content):,} bytes to {path}", changed=changed)


def _shell(room: _Room, arguments: Mapping[str, Any]) -> _Did:
    command = arguments["command"]
    if "\0" in command:
        return _Did("shell: the command contains a NUL character", "invalid_arguments")
    script = command.encode("utf-8", "surrogatepass")
    stdin = b""
    if len(script) > LONG_COMMAND:
        command, stdin = 'eval "$(cat)"', script
    before = room.workspace.digests()
    done = room.sandbox.run([*SHELL, command], room.workspace.root, limits=room.limits, stdin=stdin)
    changed = _changes(before, room.workspace.digests())
    text, problem = done.output, _problem(done)
    if problem == "limit":
        text = _line(text, f"[killed: {_LIMITS[done.limit](room.limits)}]")
    elif problem == "failed":
        text = _line(text, f"exit code {done.exit_code}")
    advice = "narrow the command, for example with head, tail or grep"
    return _Did(text or "[exit code 0, no output]", problem, changed, done.cut_bytes, advice)


def _problem(done: Completed) -> Problem:
    if done.limit:
        return "limit"
    return "" if done.exit_code == 0 else "failed"


def _line(text: str, last: str) -> str:
    return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{last}"


_Action = Callable[[_Room, Mapping[str, Any]], _Did]

_ACTIONS: dict[str, _Action] = {
    "fs_read": _fs_read,
    "fs_write": _fs_write,
    "shell": _shell,
}

_LIMITS: dict[str, Callable[[Limits], str]] = {
    "wall": lambda limits: f"the command ran longer than {limits.wall_s:g} seconds",
    "cpu": lambda limits: f"the command used more than {limits.cpu_s} seconds of CPU",
    "memory": lambda limits: f"the command used more than {_size(limits.memory_bytes)} of memory",
    "processes": lambda limits: f"the command had more than {limits.processes} processes",
    "disk": lambda limits: (
        f"the command wrote too much: a file may have {_size(limits.file_bytes)}, "
        f"the workspace {_size(limits.workspace_bytes)}"
    ),
    "output": lambda limits: "the command wrote far too much output",
}


def _size(count: int) -> str:
    return f"{count / (1 << 20):,.4g} MiB"


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    paths = (path for path in {*before, *after} if before.get(path) != after.get(path))
    return tuple(sorted(path.encode("utf-8", "replace").decode() for path in paths))


def _cap(did: _Did, max_chars: int) -> tuple[str, int]:
    """Keep head and tail of the output; return the text and how much was left out."""
    text = did.text
    advice = f"; {did.advice}" if did.advice else ""
    if len(text) <= max_chars:
        if did.cut_bytes:
            text = _line(text, f"[… {did.cut_bytes:,} bytes in the middle left out{advice} …]")
        return text, did.cut_bytes
    head = max_chars * 3 // 4
    tail = max_chars - head
    cut = len(text) - max_chars + did.cut_bytes
    ending = text[len(text) - tail :] if tail else ""
    return f"{text[:head]}\n[… {cut:,} characters left out{advice} …]\n{ending}", cut


def _arguments(call: ToolCall, offered: Sequence[str]) -> dict[str, Any] | _Did:
    """Return the checked arguments, or what is wrong with the call."""
    if call.name not in offered or call.name not in _ACTIONS:
        hint = nearest(call.name, offered) or "; there are no tools"
        return _Did(f"there is no tool {call.name!r}{hint}", "unknown_tool")
    given = checked_arguments(TOOLS[call.name], call.arguments)
    if isinstance(given, str):
        return _Did(f"{call.name}: {given} Nothing was done.", "invalid_arguments")
    return given
