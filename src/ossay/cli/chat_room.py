"""Where the tools of a chat work: a folder and a sandbox.

Knows nothing of models or of what the tools do.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from ossay.agent.sandbox.base import Limits, Sandbox
from ossay.agent.sandbox.find import find_sandbox
from ossay.agent.tools import TOOLS
from ossay.agent.tree import disk_use
from ossay.agent.workspace import Workspace
from ossay.core.errors import UsageError

# Of a user's own folder this much is looked at, to let tools add to what is there.
MOST_BYTES = 64 << 30


class Room:
    """A folder and a sandbox.

    Args:
        folder: The user's; None makes a fresh one, which goes when it is left empty.
        trust_local: Whether commands may run without a sandbox.

    Attributes:
        tools: Names of the tools.
        workspace: The folder.
        sandbox: What confines commands.
        limits: What one command may use.

    Raises:
        SandboxUnavailable: nothing here confines commands.
        UsageError: no folder can be made.
    """

    def __init__(self, folder: Path | None, *, trust_local: bool = False) -> None:
        self.tools = tuple(TOOLS)
        self.sandbox: Sandbox = find_sandbox(trust_local=trust_local)
        self.limits = Limits()
        self._fresh = folder is None
        if folder is not None:
            self.workspace = Workspace(folder.resolve())
            there = disk_use(self.workspace.root, MOST_BYTES)
            room = there + self.limits.workspace_bytes
            self.limits = msgspec.structs.replace(self.limits, workspace_bytes=room)
        else:
            try:
                self.workspace = Workspace(Path(tempfile.mkdtemp(prefix="ossay-chat-")).resolve())
            except OSError as error:
                raise UsageError(
                    f"no folder for the tools can be made: {error.strerror}; give one with "
                    "--workspace, or set TMPDIR"
                ) from error

    def described(self) -> str:
        """Return one line: the tools, the folder and the sandbox."""
        kind = "no sandbox at all" if self.sandbox.kind == "local" else self.sandbox.kind
        return f"Tools: {', '.join(self.tools)}, in {self.workspace.root} ({kind})."

    def leave(self) -> str:
        """Remove a fresh folder that is empty; return a line on what stays, '' for nothing."""
        if not self._fresh:
            return ""
        if not self.workspace.listing():
            self.workspace.remove()
            return ""
        return f"What the tools made stays in {self.workspace.root}"
