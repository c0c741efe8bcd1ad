"""No confinement: a command runs as the user who started ossay. Only on --trust-local.

What it does: a fresh HOME and TMPDIR for each command, an environment without the user's variables,
rlimits, the supervisor's limits on time, memory, processes, disk and output, and an end to the
command's process group and to all of its descendants that can still be found.

What it does not protect from: a command can read and write whatever the user can (keys, files,
other workspaces, the ledger, reference solutions, ossay itself), use the network, signal the user's
processes, leave a daemon behind that has cut its ties, and reach anything that listens on this
machine. `/workspace` does not exist as a path. Use it only in a machine that may be thrown away.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from ossay.agent.sandbox.base import Completed, LimitHit, Limits
from ossay.agent.sandbox.descriptors import memory_file
from ossay.agent.sandbox.processes import use_of
from ossay.agent.sandbox.rlimits import rlimited
from ossay.agent.sandbox.supervise import supervise
from ossay.agent.tree import remove_tree

_MOST_TASKS = 100_000


class Local:
    """Runs commands with no confinement; the module says what that means."""

    @property
    def kind(self) -> Literal["local"]:
        """Which confinement this is: none."""
        return "local"

    def run(
        self,
        argv: Sequence[str],
        workspace: Path,
        *,
        limits: Limits,
        stdin: bytes = b"",
        readonly: bool = False,
    ) -> Completed:
        """Run one command to its end; `readonly` cannot be kept and is only not measured."""
        home = Path(tempfile.mkdtemp(prefix="home-"))
        given = memory_file("stdin", stdin)
        try:
            process = subprocess.Popen(
                rlimited(limits, argv, count_processes=False),
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=_environment(home),
                cwd=workspace,
                start_new_session=True,
            )
            return supervise(_Group(process), limits, workspace, readonly=readonly)
        finally:
            os.close(given)
            remove_tree(home)


def _environment(home: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
    }


class _Group:
    """A started command: a session of its own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def root(self) -> int:
        return self.process.pid

    def crowded(self) -> LimitHit:
        return ""

    def kill(self) -> None:
        """End the group and every descendant that has not been orphaned."""
        for pid in use_of(self.process.pid, _MOST_TASKS).pids[1:]:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
