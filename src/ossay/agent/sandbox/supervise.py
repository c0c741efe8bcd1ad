"""Watching one started command until it ends or goes beyond a limit, and then ending all of it.

The kernel enforces what rlimits can; this loop looks at what they cannot: wall time, the memory,
processes and CPU of the whole tree, the size of the workspace and the amount of output. Knows
nothing of how the command is confined.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from subprocess import Popen
from threading import Event
from typing import Protocol

from ossay.agent.sandbox.base import Completed, LimitHit, Limits
from ossay.agent.sandbox.output import Capture
from ossay.agent.sandbox.processes import NOTHING, Use, deleted_bytes, private_bytes, use_of
from ossay.agent.tree import disk_use
from ossay.core.errors import OssayError

FIRST_LOOK_S = 0.02
LONGEST_PAUSE_S = 0.1
SHARE = 4  # a look that took t seconds is followed by a pause of at least SHARE * t
SPARE_TASKS = 24  # between the supervisor's limit and the kernel's, which says less clearly no
KILL_WAIT_S = 60.0
MOST_OVERSHOOT = 4  # times workspace_bytes; beyond, not even cleaning up is let run

_SIGXCPU_CODE, _SIGXFSZ_CODE = 128 + 24, 128 + 25


# Set by who may want to end a command early, in the context in which `run` is called.
STOP: ContextVar[Event | None] = ContextVar("STOP", default=None)


class Stopped(OssayError):
    """The command was ended because its caller no longer wants it."""


class Cage(Protocol):
    """What the supervisor must know of a started command."""

    process: Popen[bytes]

    def root(self) -> int | None:
        """The process whose descendants are the command; None while there is none yet."""
        ...

    def crowded(self) -> LimitHit:
        """A limit that only this kind of confinement knows to be broken, else ''."""
        ...

    def kill(self) -> None:
        """End every process of the command and wait until they are gone."""
        ...


def supervise(cage: Cage, limits: Limits, workspace: Path, *, readonly: bool) -> Completed:
    """Follow the command to its end. Its output pipe is `cage.process.stdout`."""
    started = time.perf_counter()
    capture = Capture(limits.output_bytes)
    assert cage.process.stdout is not None
    with cage.process.stdout as pipe:
        os.set_blocking(pipe.fileno(), False)
        try:
            watch = _Watch(cage, limits, None if readonly else workspace)
            limit = _follow(cage, limits, capture, watch, started)
        finally:
            cage.kill()
        _drain(pipe.fileno(), capture)
    code = cage.process.wait()
    code = code if code >= 0 else 128 - code
    seconds = time.perf_counter() - started
    limit = limit or _afterwards(code, capture, watch)
    text, cut = capture.text()
    return Completed(None if limit else code, text, seconds, cut, limit)


def _follow(
    cage: Cage, limits: Limits, capture: Capture, watch: _Watch, started: float
) -> LimitHit:
    """Read and look until the main command ends; return the limit that it broke."""
    assert cage.process.stdout is not None
    out = cage.process.stdout.fileno()
    ended = os.pidfd_open(cage.process.pid)
    try:
        poller = select.poll()
        poller.register(out, select.POLLIN)
        poller.register(ended, select.POLLIN)
        pause = FIRST_LOOK_S
        next_look = started + pause
        stop = STOP.get()
        while True:
            if stop is not None and stop.is_set():
                raise Stopped("the command was stopped")
            now = time.perf_counter()
            left = min(next_look, started + limits.wall_s) - now
            ready = dict(poller.poll(max(0.0, left) * 1000 + 0.5))
            if out in ready and not _feed(out, capture):
                poller.unregister(out)
            if capture.flooded:
                return "output"
            if ended in ready:
                return ""
            now = time.perf_counter()
            if now >= started + limits.wall_s:
                return "wall"
            if now >= next_look:
                limit = watch.look()
                if limit:
                    return limit
                took = time.perf_counter() - now
                pause = min(2 * pause, LONGEST_PAUSE_S)
                next_look = now + took + max(pause, SHARE * took)
    finally:
        os.close(ended)


def _feed(out: int, capture: Capture) -> bool:
    """Take what is in the pipe; False at its end."""
    try:
        data = os.read(out, 1 << 16)
    except BlockingIOError:
        return True
    capture.feed(data)
    return bool(data)


def _drain(out: int, capture: Capture) -> None:
    """Take what is left in the pipe, without waiting for anybody who still holds it."""
    before = -1
    while capture.total != before and not capture.flooded:
        before = capture.total
        _feed(out, capture)


def _afterwards(code: int, capture: Capture, watch: _Watch) -> LimitHit:
    """What a command that ended by itself still broke."""
    if capture.flooded:
        return "output"
    if code == _SIGXCPU_CODE:
        return "cpu"
    if code == _SIGXFSZ_CODE or watch.disk_full():
        return "disk"
    return ""


class _Watch:
    """Looks at the tree and the disk. `workspace` None: nothing can be written there."""

    def __init__(self, cage: Cage, limits: Limits, workspace: Path | None) -> None:
        self._cage = cage
        self._limits = limits
        self._workspace = workspace
        self._device = workspace.stat().st_dev if workspace else 0
        self._ceiling = self._disk_ceiling()

    def look(self) -> LimitHit:
        root = self._cage.root()
        use = NOTHING if root is None else use_of(root, self._limits.processes + SPARE_TASKS)
        checks: tuple[Callable[[Use], LimitHit], ...] = (self._counts, self._memory, self._disk)
        for check in checks:
            limit = check(use)
            if limit:
                return limit
        return self._cage.crowded()

    def disk_full(self) -> bool:
        if self._workspace is None:
            return False
        return disk_use(self._workspace, self._ceiling) > self._ceiling

    def _disk_ceiling(self) -> int:
        """A workspace that is too big already may not grow, but a command may clean it up."""
        wanted = self._limits.workspace_bytes
        found = disk_use(self._workspace, MOST_OVERSHOOT * wanted) if self._workspace else 0
        return max(wanted, found)

    def _counts(self, use: Use) -> LimitHit:
        if use.tasks > self._limits.processes:
            return "processes"
        return "cpu" if use.cpu_s > self._limits.cpu_s else ""

    def _memory(self, use: Use) -> LimitHit:
        # The cheap number counts shared pages too often, so it only starts the exact count.
        if use.resident_bytes <= self._limits.memory_bytes:
            return ""
        return "memory" if private_bytes(use.pids) > self._limits.memory_bytes else ""

    def _disk(self, use: Use) -> LimitHit:
        if self._workspace is None:
            return ""
        unnamed = deleted_bytes(use.pids, self._device)
        return "disk" if self.disk_full() or unnamed > self._ceiling else ""
