"""Walking, measuring and deleting directory trees that a model made: any depth, mode or number.

Links are never followed; at most two directories are open at once. Knows nothing of workspaces.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct

MAX_DEPTH = 128  # a directory deeper than this is named but not entered
ENTRY_BYTES = 4096  # what an entry counts for at least, so that a million empty files count too

_SET_ID = stat.S_ISUID | stat.S_ISGID
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Entry(Struct, frozen=True):
    """One thing in a tree. `path` is relative; `target` is a link's text; `mode` has 12 bits."""

    path: str
    kind: Literal["file", "directory", "link", "other"]
    size: int
    mode: int
    modified_ns: int
    inode: int
    target: str = ""


def open_directory(path: str | Path, dir_fd: int | None = None) -> int:
    """Open a directory that is not a link."""
    return os.open(path, _DIRECTORY, dir_fd=dir_fd)


def walk(root: Path, max_entries: int, *, force: bool = False) -> Iterator[Entry]:
    """Yield what is below `root`, parents before children, breadth first, at most `max_entries`.

    A directory that cannot be opened, or is deeper than MAX_DEPTH, is yielded and not entered; what
    cannot be looked at, or is another thing by the time it is, is left out.
    `force` gives the owner the right to enter first.
    """
    left = max_entries
    for fd, prefix in directories(root, force=force):
        for entry in _scan(fd, prefix, left):
            left -= 1
            yield entry
        if left <= 0:
            return


def directories(root: Path, *, force: bool = False) -> Iterator[tuple[int, str]]:
    """Yield an open descriptor and the relative path of `root` ('') and each directory below it.

    The descriptor is closed before the next one is opened.
    """
    todo: deque[str] = deque([""])
    while todo:
        prefix = todo.popleft()
        try:
            fd = _descend(root, prefix, force=force)
        except OSError:
            if prefix:
                continue
            raise
        try:
            yield fd, prefix
            if prefix.count("/") < MAX_DEPTH - 1:
                todo.extend(_subdirectories(fd, prefix))
        finally:
            os.close(fd)


def disk_use(root: Path, ceiling: int) -> int:
    """Bytes below `root`, each entry counted as at least ENTRY_BYTES; stops above `ceiling`.

    A sparse file counts in full: what copies it would have to write it. A directory deeper than
    MAX_DEPTH is above any ceiling, since what it holds is not seen.
    """
    total = 0
    for entry in walk(root, ceiling // ENTRY_BYTES + 2, force=True):
        if entry.kind == "directory" and entry.path.count("/") >= MAX_DEPTH:
            return ceiling + 1
        total += max(entry.size, ENTRY_BYTES) if entry.kind == "file" else ENTRY_BYTES
        if total > ceiling:
            break
    return total


def drop_set_id(root: Path) -> None:
    """Take set-uid and set-gid bits from the files below `root`."""
    for fd, _ in directories(root):
        for name in os.listdir(fd):
            info = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISREG(info.st_mode) and info.st_mode & _SET_ID:
                os.chmod(name, stat.S_IMODE(info.st_mode) & ~_SET_ID, dir_fd=fd)


def remove_tree(root: Path) -> None:
    """Delete `root` and all below it; nothing happens where it does not exist.

    Directories are moved up before they are emptied, so that no depth is too deep, and made
    writable first, so that no mode is in the way.
    """
    try:
        _make_enterable(os.fspath(root))
        fd = open_directory(root)
    except FileNotFoundError:
        return
    try:
        while names := os.listdir(fd):
            for name in names:
                _remove_entry(fd, name)
    finally:
        os.close(fd)
    root.rmdir()


def _remove_entry(top: int, name: str) -> None:
    """Delete one entry of `top`; its own subdirectories are moved up into `top`."""
    if not _is_directory(name, top):
        os.unlink(name, dir_fd=top)
        return
    _make_enterable(name, top)
    fd = open_directory(name, top)
    try:
        for child in os.listdir(fd):
            if not _is_directory(child, fd):
                os.unlink(child, dir_fd=fd)
                continue
            _make_enterable(child, fd)
            os.rename(child, f".{secrets.token_hex(16)}", src_dir_fd=fd, dst_dir_fd=top)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=top)


def _make_enterable(name: str, dir_fd: int | None = None) -> None:
    """Give the owner all rights on a directory, never on what a link points to."""
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        mode = os.fstat(fd).st_mode
        if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
            os.chmod(f"/proc/self/fd/{fd}", 0o700)
    finally:
        os.close(fd)


def _is_directory(name: str, dir_fd: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=dir_fd, follow_symlinks=False).st_mode)


def _descend(root: Path, prefix: str, *, force: bool) -> int:
    """Open a directory below `root`, one component at a time, no links."""
    fd = open_directory(root)
    for part in prefix.split("/") if prefix else ():
        try:
            if force:
                _make_enterable(part, fd)
            below = open_directory(part, fd)
        finally:
            os.close(fd)
        fd = below
    return fd


def _subdirectories(fd: int, prefix: str) -> list[str]:
    with os.scandir(fd) as items:
        names = sorted(item.name for item in items if item.is_dir(follow_symlinks=False))
    return [f"{prefix}/{name}" if prefix else name for name in names]


def _scan(fd: int, prefix: str, limit: int) -> Iterator[Entry]:
    """Yield at most `limit` entries of one open directory, in the order of their names."""
    found: list[Entry] = []
    with os.scandir(fd) as items:
        for item in items:
            if len(found) >= limit:
                break
            try:
                found.append(_entry(fd, item, f"{prefix}/{item.name}" if prefix else item.name))
            except OSError:
                continue  # deleted or swapped meanwhile, or in a directory that can't be entered
    found.sort(key=lambda entry: entry.path)
    yield from found


def _entry(fd: int, item: os.DirEntry[str], path: str) -> Entry:
    info = item.stat(follow_symlinks=False)
    kind: Literal["file", "directory", "link", "other"] = "other"
    target = ""
    if stat.S_ISREG(info.st_mode):
        kind = "file"
    elif stat.S_ISDIR(info.st_mode):
        kind = "directory"
    elif stat.S_ISLNK(info.st_mode):
        kind = "link"
        target = os.readlink(item.name, dir_fd=fd)
    mode = stat.S_IMODE(info.st_mode)
    return Entry(path, kind, info.st_size, mode, info.st_mtime_ns, info.st_ino, target)
