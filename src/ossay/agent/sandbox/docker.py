"""Confinement by docker, where a daemon answers.

The same promises as bubblewrap's, kept by the container runtime: no network, a read-only root, no
capabilities, limits on memory and processes by cgroup. A command killed for its memory ends with
code 137. Exercised only where a daemon runs: elsewhere tests look at the arguments alone. A
rootless daemon, which maps user ids, is not supported and fails the probe. Knows nothing of tools
or tasks.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from ossay.agent.sandbox.base import Completed, LimitHit, Limits
from ossay.agent.sandbox.descriptors import memory_file
from ossay.agent.sandbox.lend import can_lend, lent
from ossay.agent.sandbox.rlimits import OPEN_FILES
from ossay.agent.sandbox.supervise import KILL_WAIT_S, supervise
from ossay.agent.sandbox.toolbox import PYTEST_LAUNCHER, TOOLS, find_toolbox
from ossay.agent.workspace import MOUNT
from ossay.core.errors import EnvironmentDefect

IMAGE = "python:3.11-slim"
DAEMON_WAIT_S = 2.0
IMAGE_PYTHON = "/usr/local/bin/python3"

_DAEMON_FAILED = 125  # docker run's own exit code where it could not start the container
_KILLED = 137


class Docker:
    """Runs commands in fresh containers of `image`, which must be on this machine already."""

    def __init__(self, executable: str = "docker", *, image: str = IMAGE) -> None:
        self._docker = executable
        self._image = image
        self._toolbox = find_toolbox()
        self._bin = Path(tempfile.mkdtemp(prefix="tools-"))
        weakref.finalize(self, shutil.rmtree, self._bin, ignore_errors=True)
        self._bin.chmod(0o755)
        launcher = self._bin / "pytest"
        launcher.write_text(PYTEST_LAUNCHER.format(python=IMAGE_PYTHON), encoding="utf-8")
        launcher.chmod(0o755)

    @property
    def kind(self) -> Literal["docker"]:
        """Which confinement this is."""
        return "docker"

    def arguments(
        self,
        argv: Sequence[str],
        workspace: Path,
        *,
        limits: Limits,
        name: str,
        user: int,
        readonly: bool = False,
    ) -> list[str]:
        """The whole docker command for one command, as `user`, in a container called `name`."""
        tmp = min(limits.memory_bytes // 4, limits.workspace_bytes)
        environment = {
            **self._toolbox.environment,
            "PATH": f"{TOOLS}/bin:/usr/local/bin:/usr/bin:/bin",
        }
        environment.pop("LD_LIBRARY_PATH", None)
        mounts = {str(self._bin): f"{TOOLS}/bin"}
        mounts |= {path: f"{TOOLS}/lib/{name}" for path, name in self._toolbox.packages.items()}
        return [
            *(self._docker, "run", "--rm", "--interactive", "--init", "--pull", "never"),
            *("--name", name, "--hostname", "sandbox", "--log-driver", "none"),
            *("--network", "none", "--ipc", "private", "--read-only", "--cap-drop", "ALL"),
            *("--security-opt", "no-new-privileges", "--user", f"{user}:{user}"),
            *("--pids-limit", str(limits.processes)),
            *("--memory", str(limits.memory_bytes), "--memory-swap", str(limits.memory_bytes)),
            *("--ulimit", f"cpu={limits.cpu_s}:{limits.cpu_s + 1}", "--ulimit", "core=0"),
            *("--ulimit", f"fsize={limits.file_bytes}", "--ulimit", f"nofile={OPEN_FILES}"),
            *("--tmpfs", f"/tmp:rw,nosuid,nodev,size={tmp},mode=1777"),
            *("--shm-size", str(limits.memory_bytes // 16)),
            *(x for key, value in environment.items() for x in ("--env", f"{key}={value}")),
            *(x for source, to in mounts.items() for x in ("--volume", f"{source}:{to}:ro")),
            *(
                "--volume",
                f"{workspace.absolute()}:{MOUNT}:{'ro' if readonly else 'rw'}",
                "--workdir",
                MOUNT,
            ),
            *("--entrypoint", argv[0], self._image, *argv[1:]),
        ]

    def run(
        self,
        argv: Sequence[str],
        workspace: Path,
        *,
        limits: Limits,
        stdin: bytes = b"",
        readonly: bool = False,
    ) -> Completed:
        """Run one command to its end; see `Sandbox.run`."""
        name = f"ossay-{secrets.token_hex(8)}"
        with ExitStack() as stack:
            user = stack.enter_context(lent(workspace)) if can_lend() else os.getuid()
            given = memory_file("stdin", stdin)
            stack.callback(os.close, given)
            command = self.arguments(
                argv, workspace, limits=limits, name=name, user=user, readonly=readonly
            )
            process = subprocess.Popen(
                command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            cage = _Container(process, self._docker, name)
            done = supervise(cage, limits, workspace, readonly=readonly)
        if done.exit_code == _DAEMON_FAILED:
            raise EnvironmentDefect(f"docker failed: {done.output.strip()[:2000]}")
        if done.exit_code == _KILLED:
            return replace(done, exit_code=None, limit="memory")
        return done


def daemon_version(executable: str = "docker") -> str | None:
    """The version of the daemon, None where none answers within DAEMON_WAIT_S."""
    try:
        answer = subprocess.run(
            [executable, "version", "--format", "{{.Server.Version}}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DAEMON_WAIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = answer.stdout.decode("utf-8", "replace").strip()
    return version if answer.returncode == 0 and version else None


class _Container:
    """A started container. The daemon counts what is in it, so there is no tree to look at."""

    def __init__(self, process: subprocess.Popen[bytes], docker: str, name: str) -> None:
        self.process = process
        self._docker = docker
        self._name = name

    def root(self) -> None:
        return None

    def crowded(self) -> LimitHit:
        return ""

    def kill(self) -> None:
        """End the container; one that has ended by itself is gone already."""
        if self.process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    [self._docker, "rm", "--force", self._name],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=KILL_WAIT_S,
                    check=False,
                )
            self.process.kill()
        self.process.wait()
