"""A head kept in a file beside a SQLite log, so that a log cut at its end is found out.

It lags behind the log by up to a second, never runs ahead of it. Knows nothing of the rows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from ossay.core.errors import LedgerError
from ossay.store.decisions_chain import START, Head

_EVERY_S = 1.0
_BYTES = 20 + 1 + len(START) + 1


class HeadFile:
    """`LOG.head`: one line, 'seq:hash', always of the same length, written in one piece.

    Several processes may write it. An older head over a newer one does no harm.
    """

    def __init__(self, log: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.path = log.with_name(f"{log.name}.head")
        self._monotonic = monotonic
        self._noted: Head | None = None
        self._written_at = -_EVERY_S

    def note(self, head: Head) -> None:
        """Remember a head that is committed; write it where a second has passed."""
        if self._noted is None or head.seq > self._noted.seq:
            self._noted = head
        if self._monotonic() - self._written_at >= _EVERY_S:
            self.write()

    def write(self) -> None:
        """Write what was noted. Raises `LedgerError`."""
        if self._noted is None:
            return
        line = f"{self._noted.seq:020}:{self._noted.hash}\n".encode()
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.pwrite(descriptor, line, 0)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise LedgerError(f"{str(self.path)!r}: {error.strerror}; check the folder") from error
        self._written_at = self._monotonic()
        self._noted = None

    def read(self) -> Head | None:
        """The head in the file, None where there is none. Raises `LedgerError`: it is damaged."""
        try:
            with self.path.open("rb") as file:
                line = file.read(_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LedgerError(f"{str(self.path)!r}: {error.strerror}; check it") from error
        try:
            if len(line) != _BYTES:
                raise LedgerError("of another length")  # noqa: TRY301  told below, with the path
            seq, _, hash = line.decode("ascii").strip().partition(":")
            return Head.parse(f"{int(seq)}:{hash}")
        except (LedgerError, ValueError):
            raise LedgerError(f"{str(self.path)!r} is damaged; its log may be sound") from None
