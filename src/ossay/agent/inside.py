"""Walking a path inside a directory, one component at a time, so that it can never lead out.

Each component is opened relative to the open directory above it and never through a link that the
kernel chose to follow, so a link swapped in at the wrong moment cannot win. Knows nothing of what
is done with the file at the end.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import NoReturn

from ossay.agent.tree import open_directory
from ossay.core.errors import OssayError

MOUNT = "/workspace"  # what the directory is called inside a sandbox
MAX_PATH = 1024  # characters
MAX_NAME = 255  # bytes of one component
MAX_LINKS = 16  # symbolic links followed on one path

OPEN_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class PathRefused(OssayError):
    """A path that a model gave cannot be used. The text is meant for the model."""


class PathWalk:
    """Walks a path from `root`; holds the open directory that it ended in until it is left.

    Attributes:
        name: The last component, '' where the path is a directory on the way or `root` itself.
        inside: The components of the resolved path.

    Links are followed as long as they stay inside. `make` creates missing directories on the way;
    `must_exist` refuses a path whose end is not there. Raises `PathRefused`.
    """

    def __init__(
        self, root: Path, path: str, *, make: bool = False, must_exist: bool = False
    ) -> None:
        self._path = path
        self._make = make
        self._must_exist = must_exist
        self._links = 0
        self._todo = list(reversed(_components(path)))
        self._fds = [open_directory(root)]
        self.inside: list[str] = []
        self.name = ""
        try:
            self._go()
        except BaseException:
            self._close()
            raise

    @property
    def directory(self) -> int:
        """The descriptor of the directory that holds `name`."""
        return self._fds[-1]

    def __enter__(self) -> PathWalk:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        while self._fds:
            os.close(self._fds.pop())

    def _go(self) -> None:
        while self._todo:
            name = self._todo.pop()
            if name in ("", "."):
                continue
            if name == "..":
                self._up()
                continue
            target = self._link(name)
            if target is not None:
                self._follow(target)
            elif self._todo:
                self._down(name)
            else:
                self.name = name
                self.inside.append(name)

    def _up(self) -> None:
        if len(self._fds) == 1:
            raise PathRefused(f"{self._path!r} leaves the workspace")
        os.close(self._fds.pop())
        self.inside.pop()

    def _link(self, name: str) -> str | None:
        """The target of `name` if it is a link; None for anything else, or nothing."""
        try:
            return os.readlink(name, dir_fd=self.directory)
        except FileNotFoundError:
            if self._must_exist:
                raise PathRefused(f"{self._path!r} does not exist") from None
            return None
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTDIR):
                return None
            raise PathRefused(f"{self._path!r}: {os.strerror(error.errno or 0)}") from error

    def _follow(self, target: str) -> None:
        self._links += 1
        if self._links > MAX_LINKS:
            raise PathRefused(f"{self._path!r} goes through too many symbolic links")
        try:
            parts = _components(target)
        except PathRefused:
            parts = None
        if parts is None:
            raise PathRefused(f"{self._path!r} is a symbolic link that leaves the workspace")
        if target.startswith("/"):
            while len(self._fds) > 1:
                os.close(self._fds.pop())
            self.inside.clear()
        self._todo.extend(reversed(parts))

    def _down(self, name: str) -> None:
        flags = os.O_RDONLY | os.O_DIRECTORY | OPEN_FLAGS
        if self._make:
            try:
                os.mkdir(name, 0o755, dir_fd=self.directory)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTDIR):
                    _refuse(self._path, error)
        self._fds.append(open_inside(self._path, name, flags, self.directory))
        self.inside.append(name)


def _components(path: str) -> list[str]:
    """Split a path as a model writes it: 'x', './x', '/workspace/x'."""
    if not path.strip():
        raise PathRefused("the path is empty; give one such as 'src/app.py'")
    if "\0" in path:
        raise PathRefused(f"{path[:80]!r} contains a NUL character")
    if len(path) > MAX_PATH:
        raise PathRefused(f"the path has {len(path):,} characters; at most {MAX_PATH:,} are taken")
    if path.startswith("/"):
        if path != MOUNT and not path.startswith(MOUNT + "/"):
            raise PathRefused(
                f"{path!r} is outside the workspace; paths are relative to it, as in 'src/app.py'"
            )
        path = path[len(MOUNT) :]
    parts = path.split("/")
    for part in parts:
        try:
            size = len(os.fsencode(part))
        except UnicodeEncodeError:
            raise PathRefused(f"{path[:80]!r} is not a valid file name") from None
        if size > MAX_NAME:
            raise PathRefused(f"{part[:40]!r}… is too long for a name: {size:,} bytes")
    return parts


def open_inside(path: str, name: str, flags: int, directory: int) -> int:
    """Open `name` in an open directory; `path` is what errors name."""
    try:
        return os.open(name, flags, 0o644, dir_fd=directory)
    except OSError as error:
        _refuse(path, error)


_TEXTS = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "goes through something that is not a directory",
    errno.EISDIR: "is a directory, not a file",
    errno.ELOOP: "is a symbolic link that changed while it was followed",
    errno.ENXIO: "is not a regular file",
    errno.ENODEV: "is not a regular file",
    errno.EACCES: "cannot be opened: permission denied",
    errno.EPERM: "cannot be opened: operation not permitted",
    errno.EEXIST: "exists and is not a directory",
    errno.ENAMETOOLONG: "is too long for a name",
    errno.EILSEQ: "is not a valid file name",
    errno.EINVAL: "is not a valid file name",
}


def _refuse(path: str, error: OSError) -> NoReturn:
    """Turn what a path can cause into text for the model; a full disk stays an `OSError`."""
    text = _TEXTS.get(error.errno or 0)
    if text is None:
        raise error
    raise PathRefused(f"{path!r} {text}") from error
