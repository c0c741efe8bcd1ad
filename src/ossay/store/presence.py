"""Which process is at work, and whether it still lives: host, boot, pid and process start time.

A pid alone is not enough, since pids are used again. Knows nothing of ledgers.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from msgspec import Struct

# A worker on a machine that cannot be looked at counts as dead after so many silent seconds.
SILENCE_S = 60.0


class Presence(Struct, frozen=True):
    """A process. `boot` is the kernel's boot id and the process namespace; `born` clock ticks."""

    host: str
    boot: str
    pid: int
    born: int


def own_presence() -> Presence:
    """Return the presence of this process."""
    pid = os.getpid()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = Path("/proc/self/ns/pid").readlink()
    except OSError:  # no /proc: others will go by the heartbeat
        boot, namespace = "", Path()
    return Presence(socket.gethostname(), f"{boot} {namespace}", pid, _born(pid) or 0)


def is_gone(other: Presence, here: Presence, silent_s: float) -> bool:
    """Say whether `other` is dead, seen from `here`; its last heartbeat is `silent_s` old.

    On the same host, boot and process namespace the process table knows. Elsewhere only silence
    tells.
    """
    same_place = (other.host, other.boot) == (here.host, here.boot)
    if same_place and other.born:
        return _born(other.pid) != other.born
    return silent_s > SILENCE_S


def _born(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; None if there is none (proc(5))."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the command name may hold spaces and brackets
    state, starttime = fields[0], fields[19]
    return None if state in "ZX" else int(starttime)
