"""Confinement by bubblewrap: own namespaces, a read-only minimal root, no network, no host.

Two ways to be nobody inside. An ordinary user's commands get a user namespace. Root's commands are
run under a real user id that nothing else has (`lend`), because root is exempt from the kernel's
limit on processes and owns the files that matter. Knows nothing of tools or tasks.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Literal

from ossay.agent.sandbox.base import Completed, LimitHit, Limits
from ossay.agent.sandbox.descriptors import Descriptors
from ossay.agent.sandbox.lend import can_lend, lent
from ossay.agent.sandbox.rlimits import namespaces_count_processes, rlimited
from ossay.agent.sandbox.seccomp import seccomp_filter
from ossay.agent.sandbox.supervise import KILL_WAIT_S, supervise
from ossay.agent.sandbox.toolbox import PYTHON, TOOLS, find_toolbox
from ossay.agent.tree import drop_set_id
from ossay.agent.workspace import MOUNT
from ossay.core.errors import EnvironmentDefect

INSIDE_ID = 1000  # the user's id in a user namespace
HOSTNAME = "sandbox"
TEMPORARY_FILES = 20_000  # that /tmp and /dev/shm may hold; each costs the host about 1 KiB

# What of /etc programs need to start. The rest stays out, the time zone too: it is UTC inside.
_ETC = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d")
# Of /proc, what the owner root could write or read even without capabilities.
_SETTINGS = ("/proc/sys", "/proc/sysrq-trigger")
_HIDDEN = ("/proc/kcore", "/proc/keys")
_TOP = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


class Bubblewrap:
    """Runs commands in bubblewrap.

    Args:
        executable: Where bwrap is; None looks on PATH.
        as_root: Whether to lend the workspace to a fresh user id; None does so where it works.
    """

    def __init__(self, executable: str | None = None, *, as_root: bool | None = None) -> None:
        found = executable or shutil.which("bwrap")
        if found is None:
            raise EnvironmentDefect("bwrap is not on PATH; install the package bubblewrap")
        self._bwrap = found
        self._as_root = can_lend() if as_root is None else as_root
        self._toolbox = find_toolbox()
        self._filter = seccomp_filter(os.uname().machine)
        self._root = self._root_arguments()

    @property
    def kind(self) -> Literal["bubblewrap"]:
        """Which confinement this is."""
        return "bubblewrap"

    @property
    def missing(self) -> tuple[str, ...]:
        """What a command will not find inside, such as 'pytest'."""
        return self._toolbox.missing

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
        with ExitStack() as stack:
            user = stack.enter_context(lent(workspace)) if self._as_root else None
            fds = stack.enter_context(Descriptors().open())
            status, status_end = fds.pipe()
            # By descriptor, because ps shows a command line inside, and this one names the host.
            options = [
                *self._identity(user),
                *self._root,
                *self._files(fds, user),
                *_temporary(limits),
                *("--ro-bind" if readonly else "--bind", os.path.abspath(workspace), MOUNT),
                *("--chdir", MOUNT, "--json-status-fd", str(status_end)),
            ]
            given = fds.passing(fds.data("args", b"\0".join(map(os.fsencode, options))))
            counted = user is not None or namespaces_count_processes()
            command = [*_become(user), *rlimited(limits, argv, count_processes=counted)]
            process = subprocess.Popen(
                [self._bwrap, "--args", str(given), "--", *command],
                stdin=fds.data("stdin", stdin),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=self._toolbox.environment,
                cwd="/",
                pass_fds=fds.passed,
            )
            cage = _Cage(process, status, limits)
            fds.close_passed()
            done = supervise(cage, limits, workspace, readonly=readonly)
            if not done.limit and not cage.started:
                raise EnvironmentDefect(f"bubblewrap failed: {done.output.strip()[:2000]}")
            if user is None and not readonly:
                drop_set_id(workspace)  # what taking a workspace back does by itself
            return done

    def _identity(self, user: int | None) -> list[str]:
        """Namespaces and rights."""
        if user is None:
            ids = ["--unshare-user", "--disable-userns"]
            ids += ["--uid", str(INSIDE_ID), "--gid", str(INSIDE_ID)]
            caps = ["--cap-drop", "ALL"]
        else:
            ids = []
            # What setpriv needs to become the user, and chdir to enter the user's directory; a
            # process that has changed from root to the user has none of them.
            caps = ["--cap-drop", "ALL", "--cap-add", "CAP_DAC_READ_SEARCH"]
            caps += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        return [
            *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
            *("--unshare-cgroup-try", "--hostname", HOSTNAME),
            *("--die-with-parent", "--new-session"),
            *ids,
            *caps,
        ]

    def _root_arguments(self) -> list[str]:
        """The read-only part of the root, the same for every command."""
        arguments = ["--ro-bind", "/usr", "/usr"]
        for place in ("/etc", "/opt", TOOLS, f"{TOOLS}/bin", f"{TOOLS}/lib"):
            arguments += ["--perms", "0755", "--dir", place]
        for name in _TOP:
            top = Path("/", name)
            if top.is_symlink():
                arguments += ["--symlink", os.readlink(top), str(top)]
            elif top.is_dir():
                arguments += ["--ro-bind", str(top), str(top)]
        for name in _ETC:
            arguments += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        toolbox = self._toolbox
        if toolbox.prefix is not None:
            arguments += ["--ro-bind", str(toolbox.prefix), PYTHON]
        for place in toolbox.masked:
            arguments += ["--tmpfs", place, "--remount-ro", place]
        for name in ("python", "python3", Path(toolbox.python).name):
            arguments += ["--symlink", toolbox.python, f"{TOOLS}/bin/{name}"]
        for source, name in toolbox.packages.items():
            arguments += ["--ro-bind", source, f"{TOOLS}/lib/{name}"]
        return arguments

    def _files(self, fds: Descriptors, user: int | None) -> list[str]:
        """Files that exist inside only, and the system call filter."""
        number = INSIDE_ID if user is None else user
        passwd = f"root:x:0:0::/:/bin/false\nuser:x:{number}:{number}::/tmp:/bin/bash\n"
        files = {"/etc/passwd": passwd, "/etc/group": f"root:x:0:\nuser:x:{number}:\n"}
        files["/etc/hosts"] = f"127.0.0.1 localhost {HOSTNAME}\n"
        arguments = []
        for place, text in files.items():
            fd = fds.data(place, text.encode())
            arguments += ["--perms", "0644", "--file", str(fds.passing(fd)), place]
        if "pytest" not in self._toolbox.missing:
            fd = fds.passing(fds.data("pytest", self._toolbox.launcher.encode()))
            arguments += ["--perms", "0755", "--file", str(fd), f"{TOOLS}/bin/pytest"]
        if self._filter is not None:
            fd = fds.passing(fds.data("seccomp", self._filter))
            arguments += ["--seccomp", str(fd)]
        return arguments


def _temporary(limits: Limits) -> list[str]:
    """Memory-backed places, sized, and everything else in the root read-only."""
    tmp, shm = _temporary_sizes(limits)
    return [
        *("--proc", "/proc", "--dev", "/dev"),
        *(x for place in _SETTINGS for x in ("--ro-bind-try", place, place)),
        *(
            x
            for place in _HIDDEN
            if Path(place).exists()
            for x in ("--ro-bind", "/dev/null", place)
        ),
        *("--perms", "1777", "--size", str(tmp), "--tmpfs", "/tmp"),
        *("--perms", "1777", "--size", str(shm), "--tmpfs", "/dev/shm"),
        *("--remount-ro", "/dev", "--dir", MOUNT, "--remount-ro", "/"),
    ]


def _temporary_sizes(limits: Limits) -> tuple[int, int]:
    """Bytes of /tmp and of /dev/shm, whole pages."""
    tmp = min(limits.memory_bytes // 4, limits.workspace_bytes)
    shm = limits.memory_bytes // 16
    return max(tmp, 1 << 20) & ~0xFFFF, max(shm, 1 << 20) & ~0xFFFF


def _become(user: int | None) -> list[str]:
    """What root puts before a command so that it runs as `user`."""
    if user is None:
        return []
    ids = [f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    return ["/usr/bin/setpriv", *ids, "--inh-caps=-all", "--no-new-privs", "--"]


class _Cage:
    """A started bwrap and the process that is number 1 inside."""

    def __init__(self, process: subprocess.Popen[bytes], status: int, limits: Limits) -> None:
        self.process = process
        self._status = status
        self._text = b""
        self._pid: int | None = None
        self._pidfd: int | None = None
        self._sizes = _temporary_sizes(limits)

    @property
    def started(self) -> bool:
        """Whether the command itself was reached, as bwrap says after it has ended."""
        self._read_status()
        return b'"exit-code"' in self._text

    def root(self) -> int | None:
        if self._pid is None:
            self._read_status()
        return self._pid

    def crowded(self) -> LimitHit:
        """Too many files in the memory-backed places: their number is not in their size."""
        for place, size in zip(("tmp", "dev/shm"), self._sizes, strict=True):
            try:
                seen = os.statvfs(f"/proc/{self._pid}/root/{place}")
            except OSError:
                continue
            ours = seen.f_blocks * seen.f_frsize == size  # else the root is not in place yet
            if ours and seen.f_files - seen.f_ffree > TEMPORARY_FILES:
                return "disk"
        return ""

    def kill(self) -> None:
        """End number 1, and with it the kernel ends all that is in its pid namespace."""
        self._wait_for_number_1()
        if self._pidfd is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        if self._pidfd is not None:
            gone, _, _ = select.select([self._pidfd], [], [], KILL_WAIT_S)
            os.close(self._pidfd)
            self._pidfd = None
            if not gone:
                raise EnvironmentDefect("processes of a sandbox did not end when killed")

    def _wait_for_number_1(self) -> None:
        """Wait until bwrap has said its pid or ended; killed earlier, it could leave it behind."""
        deadline = time.monotonic() + KILL_WAIT_S
        while self.root() is None and self.process.poll() is None and time.monotonic() < deadline:
            select.select([self._status], [], [], 0.01)

    def _read_status(self) -> None:
        with suppress(BlockingIOError):
            while data := os.read(self._status, 4096):
                self._text += data
        first, newline, _ = self._text.partition(b"\n")
        if self._pid is None and newline:
            self._pid = int(json.loads(first)["child-pid"])
            with suppress(ProcessLookupError):
                self._pidfd = os.pidfd_open(self._pid)
