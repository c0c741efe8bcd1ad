"""How much memory this process may still take: what the machine has, and what its group may use.

Reads /proc and /sys/fs/cgroup (both versions). Knows nothing of models.
"""

from __future__ import annotations

from pathlib import Path


def available_memory(
    proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")
) -> int | None:
    """Return bytes, the least of all limits; None where nothing tells."""
    known = [free for free in (_machine(proc), *_groups(proc, groups)) if free is not None]
    return min(known) if known else None


def _machine(proc: Path) -> int | None:
    for line in _lines(proc / "meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024  # the file says kB and means KiB
    return None


def _groups(proc: Path, groups: Path) -> list[int | None]:
    """What each control group that this process is in, and each one above it, has left."""
    left: list[int | None] = []
    for line in _lines(proc / "self" / "cgroup"):
        number, controllers, path = line.split(":", 2)
        if number == "0":
            root, names = groups, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root = groups / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        place = root / path.strip("/")
        while True:
            left.append(_left(place, *names))
            if place == root:
                break
            place = place.parent
    return left


def _left(place: Path, limit: str, usage: str, reclaimable: str) -> int | None:
    most, used = _number(place / limit), _number(place / usage)
    if most is None or used is None:
        return None
    for line in _lines(place / "memory.stat"):
        name, _, value = line.partition(" ")
        if name == reclaimable:  # pages of files: given back when memory is short
            used -= int(value)
    return max(0, most - used)


def _number(path: Path) -> int | None:
    lines = _lines(path)
    return int(lines[0]) if lines and lines[0].isdigit() else None  # "max" is no limit


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
