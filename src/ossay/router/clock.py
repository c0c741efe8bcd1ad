"""Clock: time as the router is handed it. Knows nothing of what is timed."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Time as an argument. It must follow the event loop's, whose timers cut off what is late."""

    def monotonic(self) -> float:
        """Seconds that only go up."""
        ...

    def unix(self) -> float:
        """Seconds since 1970."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
