"""Lending a workspace to an unprivileged user for one command, when ossay itself runs as root.

Root is exempt from the kernel's limit on processes and may read every file of the machine, so a
command started by root is run under a user id that nothing else has. Knows nothing of sandboxes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

from ossay.agent.tree import directories

# Above the ranges that distributions hand out to people, services and containers.
FIRST_ID = 1_879_048_192
IDS_PER_PROCESS = 128


class _Place:
    """One workspace; gone when nobody uses it."""

    def __init__(self) -> None:
        self.lock = Lock()


_taken: set[int] = set()
_ids = Lock()
_places: WeakValueDictionary[str, _Place] = WeakValueDictionary()


def can_lend() -> bool:
    """Whether this process is root and the kernel knows the ids that would be used."""
    if os.geteuid() != 0:
        return False
    lines = Path("/proc/self/uid_map").read_text().splitlines()
    ranges = (tuple(map(int, line.split())) for line in lines)
    return any(
        first <= _first() and _first() + IDS_PER_PROCESS <= first + n for first, _, n in ranges
    )


@contextmanager
def lent(workspace: Path) -> Iterator[int]:
    """Give `workspace` to a fresh user id, yield the id, take the workspace back.

    Calls for one workspace come one after another.
    """
    key = os.path.realpath(workspace)
    with _ids:
        place = _places.setdefault(key, _Place())
    with place.lock:
        number = _take()
        try:
            give(workspace, number)
            yield number
        finally:
            give(workspace, 0)
            with _ids:
                _taken.discard(number)


def give(root: Path, number: int) -> None:
    """Change the owner of `root` and of all below it; links themselves, not what they point to.

    A change of owner also takes away set-uid bits.
    """
    os.chown(root, number, number, follow_symlinks=False)
    for fd, _ in directories(root):
        for name in os.listdir(fd):
            os.chown(name, number, number, dir_fd=fd, follow_symlinks=False)


def _first() -> int:
    return FIRST_ID + (os.getpid() % (1 << 21)) * IDS_PER_PROCESS


def _take() -> int:
    with _ids:
        first = _first()
        for number in range(first, first + IDS_PER_PROCESS):
            if number not in _taken:
                _taken.add(number)
                return number
    raise OSError(f"more than {IDS_PER_PROCESS} commands at once as root")
