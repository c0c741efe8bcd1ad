"""Descriptors to hand to a child, closed here whatever happens. Knows nothing of what they hold."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

_SEALED = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


def memory_file(name: str, content: bytes) -> int:
    """A descriptor, at its start, from which `content` can be read; the caller closes it.

    The child cannot write to it either: otherwise it would be memory that no limit counts.
    """
    writing = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(writing, view) :]
        fcntl.fcntl(writing, fcntl.F_ADD_SEALS, _SEALED)
        return os.open(f"/proc/self/fd/{writing}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(writing)


class Descriptors:
    """Descriptors for one command; its child gets those that are passed."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self.passed: list[int] = []

    @contextmanager
    def open(self) -> Iterator[Descriptors]:
        """Close on leaving what is still open."""
        try:
            yield self
        finally:
            for fd in self._open:
                os.close(fd)

    def pipe(self) -> tuple[int, int]:
        """A pipe whose writing end is passed on and whose reading end does not block."""
        reading, writing = os.pipe()
        self._open |= {reading, writing}
        os.set_blocking(reading, False)
        return reading, self.passing(writing)

    def data(self, name: str, content: bytes) -> int:
        """A read-only descriptor of `content`."""
        fd = memory_file(name, content)
        self._open.add(fd)
        return fd

    def passing(self, fd: int) -> int:
        """Pass `fd` on to the child."""
        self.passed.append(fd)
        return fd

    def close_passed(self) -> None:
        """Close what the child has by now."""
        for fd in self.passed:
            self._open.discard(fd)
            os.close(fd)
        self.passed.clear()
