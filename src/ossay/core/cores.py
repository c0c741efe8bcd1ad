"""How many physical cores this process may use: what matrix products run fastest on.

Counts what the scheduler allows, takes hardware threads of one core as one, and keeps to the CPU
quota of the control group. Knows nothing of any model.
"""

from __future__ import annotations

import os
from pathlib import Path

_SYSTEM = Path("/sys")


def physical_cores(allowed: set[int] | None = None, system: Path = _SYSTEM) -> int:
    """Return the number of cores, at least 1.

    Args:
        allowed: Logical CPUs; None asks the scheduler (sched_getaffinity(2)).
        system: Where sysfs is mounted.
    """
    cpus = os.sched_getaffinity(0) if allowed is None else allowed
    cores = set()
    for cpu in cpus:
        place = system / f"devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
        try:
            cores.add(place.read_text(encoding="ascii").strip())
        except OSError:
            cores.add(str(cpu))
    return max(1, min(len(cores), _quota(system) or len(cores)))


def _quota(system: Path) -> int | None:
    """Whole CPUs that control group version 2 grants; None where it sets no limit."""
    try:
        quota, period = (system / "fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1, int(quota) // int(period))
