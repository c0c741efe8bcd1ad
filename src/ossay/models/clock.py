"""Time as an argument: the machine's own, or one that passes only when somebody waits.

Knows nothing of what is timed.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Time as an argument."""

    def monotonic(self) -> float:
        """Seconds that only go up."""
        ...

    def unix(self) -> float:
        """Seconds since 1970."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own time."""

    def monotonic(self) -> float:
        """Seconds that only go up."""
        return time.monotonic()

    def unix(self) -> float:
        """Seconds since 1970."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock for rehearsals: it stands still, and `sleep` moves it at once.

    Args:
        unix: The Unix time at which it starts.

    Attributes:
        slept: Every wait that was asked for, in seconds.
    """

    def __init__(self, unix: float = 1_800_000_000.0) -> None:
        self._unix = unix
        self._passed = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        """Seconds since it was made."""
        return self._passed

    def unix(self) -> float:
        """Seconds since 1970."""
        return self._unix + self._passed

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += seconds

    async def sleep(self, seconds: float) -> None:
        """Let time pass, and give way to other tasks."""
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)
