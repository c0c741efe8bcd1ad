"""What every sandbox promises: Limits in, Completed out.

Knows nothing of how the confinement is done; `bubblewrap`, `docker` and `local` do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from msgspec import Struct

LimitHit = Literal["", "wall", "cpu", "memory", "processes", "disk", "output"]


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What one command may use."""

    wall_s: float = 30.0
    cpu_s: int = 30
    memory_bytes: int = 1 << 30  # of the whole process tree
    processes: int = 128
    file_bytes: int = 64 << 20  # one file
    workspace_bytes: int = 256 << 20  # the whole workspace
    output_bytes: int = 256 << 10  # kept of stdout and stderr together; far more kills the command


class Completed(Struct, frozen=True):
    """How a command ended.

    `exit_code` is None when it was killed. `output` is stdout and stderr interleaved, undecodable
    bytes replaced. `cut_bytes` says how much output was left out. `limit` names the limit that
    ended it.
    """

    exit_code: int | None
    output: str
    seconds: float
    cut_bytes: int = 0
    limit: LimitHit = ""


class Sandbox(Protocol):
    """Runs commands that a model wrote.

    Inside, the workspace is the working directory and the only writable place that lasts; there is
    no network, no host home, no host environment; `python3` and `pytest` are there, ossay itself is
    not. Nothing that a command started outlives it. Raises `OSError` or `EnvironmentDefect` when
    the sandbox itself fails, which is never the model's fault.
    """

    @property
    def kind(self) -> Literal["bubblewrap", "docker", "local"]:
        """Which confinement this is; recorded with every campaign."""
        ...

    def run(
        self,
        argv: Sequence[str],
        workspace: Path,
        *,
        limits: Limits,
        stdin: bytes = b"",
        readonly: bool = False,
    ) -> Completed:
        """Run one command to its end. Blocking: call it in a thread.

        `readonly` mounts the workspace read-only, as graders do.
        """
        ...
