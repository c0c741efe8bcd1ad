"""The part of the limits that the kernel enforces on each process, as a prefix to a command.

util-linux's prlimit and choom set them, so no code of ours runs between fork and exec. Knows
nothing of sandboxes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from ossay.agent.sandbox.base import Limits
from ossay.agent.sandbox.supervise import SPARE_TASKS

OPEN_FILES = 512
STACK_BYTES = 8 << 20
# When memory runs out on the host, the kernel ends a model's command before anything else.
_FIRST_TO_GO = ("/usr/bin/choom", "--adjust", "1000", "--")


def rlimited(limits: Limits, argv: Sequence[str], *, count_processes: bool = True) -> list[str]:
    """Return `argv` behind prlimit.

    Memory is bounded by RLIMIT_DATA (private writable memory), not RLIMIT_AS: Node, Go and Java
    reserve many gigabytes of addresses that they never use; and at twice the limit, because it
    counts the whole stack of every thread. CPU and processes too are a little above the
    supervisor's limits, whose word is clearer. `count_processes` False leaves out RLIMIT_NPROC,
    for where it would count all processes of the user.
    """
    prefix = [
        *_FIRST_TO_GO,
        "/usr/bin/prlimit",
        f"--data={2 * limits.memory_bytes}",
        f"--cpu={limits.cpu_s + 1}:{limits.cpu_s + 2}",
        f"--fsize={limits.file_bytes}",
        f"--nofile={OPEN_FILES}",
        f"--stack={STACK_BYTES}",
        "--core=0",
        "--rtprio=0",
    ]
    if count_processes:
        prefix.append(f"--nproc={limits.processes + SPARE_TASKS}")
    return [*prefix, "--", *argv]


def namespaces_count_processes() -> bool:
    """Whether RLIMIT_NPROC counts only what is in a user namespace: so from Linux 5.14."""
    major, minor = re.findall(r"\d+", os.uname().release)[:2]
    return (int(major), int(minor)) >= (5, 14)
