"""Following the decision log, so that every process of a gateway sees what drifts, as it is logged.

All read the same rows in the same order and come to the same state; one of them notes the trips.
What was tripped before is known before the first request; how near others are is read up beside
the requests. Knows nothing of what counts as drift.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ossay.core.decision import Trip
from ossay.core.errors import LedgerError
from ossay.router.clock import Clock
from ossay.router.drift import Monitor
from ossay.store.decisions_find import Found, Wanted

if TYPE_CHECKING:
    from ossay.store.decisions import DecisionLog

_LOOK_S = 0.5
_AT_ONCE = 500
_logger = logging.getLogger("ossay.gateway")


class Following:
    """Shows a log's entries to a monitor.

    Args:
        log: Of all processes.
        monitor: It trips the planners of this process.
        unique: Draws the id of a trip; None: another process notes them.
    """

    def __init__(
        self, log: DecisionLog, monitor: Monitor, unique: Callable[[], str] | None
    ) -> None:
        self._log = log
        self._monitor = monitor
        self._unique = unique
        self._after = 0

    def heed(self) -> None:
        """Trip what the log says was tripped. Raises `LedgerError`."""
        for found in self._log.scan(Wanted(kinds=("trip",))):
            self._monitor.see(found.entry)

    async def keep(self, clock: Clock) -> None:
        """Follow for ever."""
        while True:
            try:
                part = await asyncio.to_thread(self._next)
            except LedgerError as error:
                _logger.warning("drift can't be watched: %s", error)
                part = []
            for found in part:
                self._after = found.head.seq
                trip = self._monitor.see(found.entry)
                if trip is not None:
                    await self._note(trip)
            if len(part) < _AT_ONCE:
                await clock.sleep(_LOOK_S)

    def _next(self) -> list[Found]:
        return list(islice(self._log.scan(Wanted(after=self._after)), _AT_ONCE))

    async def _note(self, trip: Trip) -> None:
        _logger.warning("%s", told(trip))
        if self._unique is None:
            return
        try:
            await self._log.append(replace(trip, id=self._unique()), {}, durable=False)
        except LedgerError:
            return  # it holds all the same, and the log counts what it could not write


def told(trip: Trip) -> str:
    """A trip in words."""
    return (
        f"route {trip.route!r}: {trip.stratum!r} now goes to the strong model: {trip.why}; "
        "calibrate anew, or set another cheap model"
    )
