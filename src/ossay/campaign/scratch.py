"""Where the workspaces of a session are, and clearing away what dead sessions left.

A session holds a lock on a file beside its folder; the kernel lets it go when the process dies,
however it dies. Knows nothing of what is in a workspace.
"""

from __future__ import annotations

import fcntl
import os
import re
import uuid
from pathlib import Path

from ossay.agent.tree import remove_tree

_LOCK = re.compile(r"session-[0-9a-f]{32}\.lock")


class Scratch:
    """A folder of this session's own below `parent`; it goes when the session ends."""

    def __init__(self, parent: Path) -> None:
        """Clear dead sessions away and make a folder. Raises `OSError` where that cannot be."""
        parent.mkdir(parents=True, exist_ok=True)
        _clear(parent)
        name = f"session-{uuid.uuid4().hex}"
        self._lock = parent / f"{name}.lock"
        # Locked before it has the name that others look for.
        unnamed = parent / f".{name}"
        self._fd = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unnamed.rename(self._lock)
        self.root = parent / name
        self.root.mkdir(mode=0o700)

    def close(self) -> None:
        """Remove the folder. What cannot be removed now is removed by a later session."""
        try:
            remove_tree(self.root)
            self._lock.unlink(missing_ok=True)
        except OSError:
            pass
        os.close(self._fd)


def _clear(parent: Path) -> None:
    for lock in sorted(parent.iterdir()):
        if not _LOCK.fullmatch(lock.name):
            continue
        try:
            fd = os.open(lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue  # gone meanwhile, or not ours
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder = lock.with_suffix("")
            if folder.is_dir() and not folder.is_symlink():
                remove_tree(folder)
            lock.unlink(missing_ok=True)
        except OSError:
            continue  # at work, or not removable by us
        finally:
            os.close(fd)
