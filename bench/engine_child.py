"""A process that the engine's bench starts, holds still while another runs, and measures.

Knows nothing of what the process is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path


def forget(path: Path) -> None:
    """Drop a file, or all files of a folder, from the page cache."""
    for file in path.iterdir() if path.is_dir() else [path]:
        with file.open("rb") as opened:
            os.fsync(opened.fileno())  # what is not yet on disk would stay
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Child:
    """A running command whose output is read line by line.

    Attributes:
        began: `time.monotonic()` when it was started.
        peak_gb: The most memory it held: pages of files that it mapped, and all else.
        own_gb: The most memory of its own (anonymous pages).
    """

    def __init__(self, command: list[str], log: Path) -> None:
        self._log = log.open("wb")
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        self.peak_gb = self.own_gb = 0.0
        self._watch = threading.Thread(target=self._watch_memory, daemon=True)
        self._watch.start()

    def line(self, wanted: Callable[[str], bool]) -> str:
        """Wait for a line of its standard output."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if wanted(line):
                return line.strip()
        code = self._process.wait()
        tail = Path(self._log.name).read_text(errors="replace")[-2000:]
        raise SystemExit(f"{self._process.args!r} ended with {code} before it was done:\n{tail}")

    def say(self, text: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n")
        self._process.stdin.flush()

    def hold(self) -> None:
        """Stop it where it is: it keeps its memory and takes no time."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let a held process run again."""
        os.kill(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
        self._log.close()

    def _watch_memory(self) -> None:
        status = Path(f"/proc/{self._process.pid}/status")
        while self._process.poll() is None:
            try:
                lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
            except (OSError, ValueError):
                return
            sizes = {name: int(lines.get(name, "0").split()[0]) for name in ("VmHWM", "RssAnon")}
            self.peak_gb = max(self.peak_gb, sizes["VmHWM"] * 1024 / 1e9)
            self.own_gb = max(self.own_gb, sizes["RssAnon"] * 1024 / 1e9)
            time.sleep(0.05)
