"""Observed: a decision log in front of which whoever counts is told of every entry.

Knows nothing of what is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ossay.core.decision import Entry, Log

Hears = Callable[[Entry], None]


class Observed:
    """Satisfies `core.decision.Log`.

    Args:
        log: Where entries go; None: nowhere, they are counted all the same.
        hears: Told of each entry once the log has taken it, in this order.
    """

    def __init__(self, log: Log | None, hears: Sequence[Hears]) -> None:
        self._log = log
        self._hears = tuple(hears)

    async def append(self, entry: Entry, bodies: Mapping[str, bytes], *, durable: bool) -> None:
        """Add an entry, see `Log`. What could not be written is not counted."""
        if self._log is not None:
            await self._log.append(entry, bodies, durable=durable)
        for hear in self._hears:
            hear(entry)
