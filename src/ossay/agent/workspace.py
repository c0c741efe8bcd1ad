"""A run's own directory, and safe ways in and out of it for files that a model names or made.

Knows nothing of tools, sandboxes or tasks.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from ossay.agent.inside import MAX_PATH, MOUNT, OPEN_FLAGS, PathRefused, PathWalk, open_inside
from ossay.agent.tree import Entry, remove_tree, walk

__all__ = ["MORE", "MOUNT", "PathRefused", "Workspace"]

MAX_ENTRIES = 65_536  # looked at by listing, digests and frozen_copy
HASHED_FILE_BYTES = 1 << 20  # a larger file is compared by size, time and inode
HASHED_TOTAL_BYTES = 32 << 20
COPY_BYTES = 256 << 20  # of one frozen copy
MORE = "\N{HORIZONTAL ELLIPSIS}"  # the key under which digests tells that there was more

_PIECE = 1 << 20


@dataclass(frozen=True)
class Workspace:
    """A directory that holds what a run may change.

    Attributes:
        root: Where it is on this machine.
    """

    root: Path

    @classmethod
    def create(cls, parent: Path, files: Mapping[str, bytes]) -> Workspace:
        """Make a fresh workspace (mode 0700, unguessable name) below `parent` and fill it."""
        root = parent / f"ws-{secrets.token_hex(12)}"
        root.mkdir(mode=0o700, parents=False)
        workspace = cls(root)
        for path, data in files.items():
            workspace.write(path, data)
        return workspace

    def read(self, path: str, limit: int) -> bytes:
        """Return at most `limit` bytes of a regular file. Raises `PathRefused`."""
        with PathWalk(self.root, path) as at:
            if at.name == "":
                raise PathRefused(f"{path!r} is a directory; list it with shell")
            fd = open_inside(path, at.name, os.O_RDONLY | OPEN_FLAGS, at.directory)
            try:
                _require_file(fd, path, 0o400)
                return _read(fd, limit)
            finally:
                os.close(fd)

    def write(self, path: str, data: bytes) -> None:
        """Create or replace a regular file, with the directories above it. Raises `PathRefused`."""
        if path.endswith("/"):
            raise PathRefused(f"{path!r} is a directory, not a file")
        with PathWalk(self.root, path, make=True) as at:
            if at.name == "":
                raise PathRefused(f"{path!r} is a directory, not a file")
            fd = open_inside(path, at.name, os.O_WRONLY | os.O_CREAT | OPEN_FLAGS, at.directory)
            try:
                _require_file(fd, path, 0o200)
                os.ftruncate(fd, 0)
                _write(fd, data)
            finally:
                os.close(fd)

    def listing(self) -> tuple[Entry, ...]:
        """Everything in the workspace, links not followed, sorted by path; at most MAX_ENTRIES."""
        return tuple(sorted(self._entries(), key=lambda entry: entry.path))

    def digests(self, *, max_entries: int = MAX_ENTRIES) -> dict[str, str]:
        """Path -> a token that changes with the file's content, kind or mode.

        Directories have none. A link's token is its target's text. Past `max_entries` the key
        `MORE` says that the rest was not looked at.
        """
        tokens: dict[str, str] = {}
        left = HASHED_TOTAL_BYTES
        count = 0
        for entry in walk(self.root, max_entries):
            count += 1
            if entry.kind == "directory":
                continue
            token = f"{entry.kind} {entry.mode:o} {entry.size}"
            if entry.kind == "link":
                token = f"link {entry.target}"
            elif entry.kind == "file":
                body = None
                if entry.size <= min(HASHED_FILE_BYTES, left):
                    left -= entry.size
                    body = self._hash(entry.path, entry.size)
                token = f"{token} {body or f'{entry.modified_ns} {entry.inode}'}"
            tokens[entry.path] = token
        if count >= max_entries:
            tokens[MORE] = f"only the first {max_entries:,} entries were looked at"
        return tokens

    def frozen_copy(self, dest: Path, *, max_bytes: int = COPY_BYTES) -> Path:
        """Copy regular files and directories to `dest`, which must not exist; return `dest`.

        The copy is what graders see: modes 0444, 0555 and no set-uid. A link is kept, as a relative
        one, if it resolves inside the workspace. Devices, FIFOs, sockets, unreadable files and what
        would go beyond `max_bytes` or MAX_ENTRIES are left out.
        """
        dest.mkdir(mode=0o700, parents=False)
        left = max_bytes
        made = {dest}
        links: list[str] = []
        for entry in self._entries():
            target = dest / entry.path
            if len(entry.path) > MAX_PATH or target.parent not in made:
                continue
            if entry.kind == "directory":
                target.mkdir(mode=0o700, exist_ok=True)
                made.add(target)
            elif entry.kind == "file" and entry.size <= left:
                left -= self._copy_file(entry, target, left)
            elif entry.kind == "link":
                links.append(entry.path)
        for path in links:
            self._copy_link(path, dest)
        for directory in made:
            directory.chmod(0o555)
        return dest

    def remove(self) -> None:
        """Delete the workspace, whatever modes and depths a model left in it."""
        remove_tree(self.root)

    def _entries(self) -> Iterator[Entry]:
        return walk(self.root, MAX_ENTRIES)

    def _hash(self, path: str, size: int) -> str | None:
        try:
            data = self.read(path, size + 1)
        except (PathRefused, OSError):
            return None
        return blake2b(data, digest_size=16).hexdigest()

    def _copy_file(self, entry: Entry, target: Path, left: int) -> int:
        try:
            data = self.read(entry.path, min(left, entry.size))
        except PathRefused:
            return 0
        target.write_bytes(data)
        target.chmod(0o555 if entry.mode & 0o100 else 0o444)
        return len(data)

    def _copy_link(self, path: str, dest: Path) -> None:
        try:
            with PathWalk(self.root, path, must_exist=True) as at:
                inside = "/".join(at.inside)
        except PathRefused:
            return
        link, target = dest / path, dest / inside
        if target.exists():
            link.symlink_to(os.path.relpath(target, link.parent))


def _require_file(fd: int, path: str, bit: int) -> None:
    """Refuse what is not a regular file with the owner's `bit`; for root too, to be the same."""
    mode = os.fstat(fd).st_mode
    if stat.S_ISDIR(mode):
        raise PathRefused(f"{path!r} is a directory; list it with shell")
    if not stat.S_ISREG(mode):
        raise PathRefused(f"{path!r} is not a regular file")
    if not mode & bit:
        raise PathRefused(f"{path!r} cannot be opened: permission denied")


def _read(fd: int, limit: int) -> bytes:
    pieces: list[bytes] = []
    while limit > 0:
        piece = os.read(fd, min(limit, _PIECE))
        if not piece:
            break
        pieces.append(piece)
        limit -= len(piece)
    return b"".join(pieces)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
