"""Executable checks of drafts: a JSON schema, or a command in the sandbox with the draft as a file.

Knows nothing of what the command tests.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ossay.agent.sandbox.base import Completed, Limits, Sandbox
from ossay.agent.workspace import Workspace
from ossay.cli.gateway_source import Beside, Source
from ossay.core.display import visible
from ossay.core.types import Message, Request
from ossay.gateway.file import CheckTable
from ossay.router.check import Check, FollowsSchema
from ossay.router.verdict import Verdict

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^`]*)")
_SAID = 300  # characters of the command's output in a verdict
_MIB = 1 << 20


class InSandbox:
    """Approves a draft with which a command ends with exit code 0.

    A draft that calls tools has no answer yet, and is rejected. A command that runs into a limit
    rejects too; a sandbox that fails raises, which is no verdict.

    Args:
        sandbox: Where the command runs; as many at once as there are cores.
        table: The command and its limits.
        files: What lies beside the draft, by path; the draft's own name wins.
    """

    def __init__(self, sandbox: Sandbox, table: CheckTable, files: Mapping[str, bytes]) -> None:
        assert table.command is not None
        self._sandbox = sandbox
        self._command = table.command
        self._name = table.file
        self._code = table.code
        self._files = files
        self._limits = Limits(
            wall_s=table.wall_s,
            cpu_s=max(1, round(table.wall_s)),
            memory_bytes=table.memory_mib * _MIB,
        )
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, "check")

    async def __call__(self, request: Request, draft: Message) -> Verdict:
        """Judge a draft."""
        if draft.tool_calls:
            return Verdict("reject", 0.0, "it calls a tool instead of answering")
        text = code_in(draft.content) if self._code else draft.content
        if text is None:
            return Verdict("reject", 0.0, "it does not hold exactly one fenced block of code")
        body = text.encode("utf-8", "replace")
        loop = asyncio.get_running_loop()
        done = await loop.run_in_executor(self._threads, self._run, body)
        if done.exit_code == 0:
            return Verdict("approve", 1.0, "the command ended with exit code 0")
        how = f"ran into its limit on {done.limit}" if done.limit else f"ended: {done.exit_code}"
        said = visible(done.output.strip()[-_SAID:])
        return Verdict("reject", 0.0, f"the command {how}: {said}")

    def close(self) -> None:
        """Begin no more commands, and wait for those that run."""
        self._threads.shutdown(cancel_futures=True)

    def _run(self, draft: bytes) -> Completed:
        with tempfile.TemporaryDirectory(prefix="ossay-check-") as parent:
            workspace = Workspace.create(Path(parent), {**self._files, self._name: draft})
            try:
                return self._sandbox.run(self._command, workspace.root, limits=self._limits)
            finally:
                workspace.remove()


def open_check(source: Source, name: str, beside: Beside) -> Check:
    """The check of a route that has one. Raises `ConfigError` that names its line."""
    table = source.file.routes[name].check
    assert table is not None
    if table.schema is not None:
        with source.blaming(("routes", name, "check", "schema")):
            return FollowsSchema(beside.schema)
    from ossay.agent.sandbox.find import find_sandbox

    with source.blaming(("routes", name, "check", "command")):
        return InSandbox(find_sandbox(), table, beside.files)


def code_in(text: str) -> str | None:
    """The one fenced block of code in a text; None where there is none, or more than one."""
    blocks: list[list[str]] = []
    fence = ""
    for line in text.splitlines():
        found = _FENCE.fullmatch(line)
        if fence:
            if found and found[1].startswith(fence) and not found[2].strip():
                fence = ""
            else:
                blocks[-1].append(line)
        elif found:
            fence = found[1]
            blocks.append([])
    return "\n".join([*blocks[0], ""]) if len(blocks) == 1 and not fence else None
