"""What a tree of processes uses right now, read from /proc.

Processes come and go while it is read, so a number is a good estimate and never an error. Knows
nothing of limits or of how the processes were started.
"""

from __future__ import annotations

import os
import stat
from functools import cache
from pathlib import Path

from msgspec import Struct

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")


class Use(Struct, frozen=True):
    """What the tree of one process uses.

    `tasks` counts threads. `resident_bytes` counts shared pages once for each process that maps
    them, so it is an upper bound; `private_bytes` asks the kernel for each process's share.
    """

    pids: tuple[int, ...]
    tasks: int
    resident_bytes: int
    cpu_s: float


NOTHING = Use((), 0, 0, 0.0)


def use_of(root: int, max_tasks: int) -> Use:
    """Add up what `root` and its descendants use; stops once more than `max_tasks` were seen."""
    children = None if _kernel_lists_children() else _all_children()
    todo, pids = [root], []
    tasks = resident = ticks = 0
    while todo and tasks <= max_tasks:
        pid = todo.pop()
        fields = _stat(pid)
        if fields is None:
            continue
        pids.append(pid)
        threads = int(fields[17])
        tasks += threads
        ticks += sum(map(int, fields[11:15]))  # utime, stime, and those of reaped children
        resident += int(fields[21])
        todo += _children(pid, threads) if children is None else children.get(pid, [])
    return Use(tuple(pids), tasks, resident * _PAGE, ticks / _TICK)


def private_bytes(pids: tuple[int, ...]) -> int:
    """Anonymous and shared memory of the processes, each shared page divided among its users."""
    total = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
        except OSError:
            continue
        for line in rollup.splitlines():
            if line.startswith((b"Pss_Anon:", b"Pss_Shmem:")):
                total += int(line.split()[1]) * 1024
    return total


def deleted_bytes(pids: tuple[int, ...], device: int) -> int:
    """Size of files on `device` that have no name any more and are kept by an open descriptor."""
    found: dict[int, int] = {}
    for pid in pids:
        try:
            names = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for name in names:
            try:
                info = os.stat(f"/proc/{pid}/fd/{name}")
            except OSError:
                continue
            if info.st_nlink == 0 and info.st_dev == device and stat.S_ISREG(info.st_mode):
                found[info.st_ino] = info.st_size
    return sum(found.values())


def _stat(pid: int) -> list[bytes] | None:
    """The fields of /proc/PID/stat after the name: state, ppid, … ; None for a process that ended.

    Counted as in proc(5), field n is item n - 3.
    """
    try:
        data = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = data[data.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"X", b"x") else fields


def _children(pid: int, threads: int) -> list[int]:
    found: list[int] = []
    try:
        tids = [str(pid)] if threads == 1 else os.listdir(f"/proc/{pid}/task")
        for tid in tids:
            found += map(int, Path(f"/proc/{pid}/task/{tid}/children").read_bytes().split())
    except OSError:
        pass  # it ended
    return found


@cache
def _kernel_lists_children() -> bool:
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


def _all_children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        fields = _stat(int(name)) if name.isdigit() else None
        if fields is not None:
            children.setdefault(int(fields[1]), []).append(int(name))
    return children
