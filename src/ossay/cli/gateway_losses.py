"""Saying on standard error that rows of the decision log could not be written, once a minute.

The page and the metrics count them, and nobody may be looking. Knows nothing of the rows.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ossay.router.clock import Clock

if TYPE_CHECKING:
    from ossay.store.decisions import DecisionLog

_LOOK_S = 1.0
_AGAIN_S = 60.0
_logger = logging.getLogger("ossay.gateway")


async def tell_losses(log: DecisionLog, clock: Clock) -> None:
    """Look for ever."""
    told = 0
    while True:
        await clock.sleep(_LOOK_S)
        missing = log.unwritten - told
        if missing:
            told += missing
            rows = "row" if missing == 1 else "rows"
            _logger.warning(
                "the decision log lacks %d %s that could not be written: %s",
                missing,
                rows,
                log.trouble,
            )
            await clock.sleep(_AGAIN_S)
