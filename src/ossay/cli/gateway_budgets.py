"""Budgets of a gateway's keys: what was spent in this period already, and the next period.

Periods are counted from 1970-01-01 UTC, so that a restart begins none. Several processes share a
budget out, each its part, and ask nobody. Knows nothing of the log's rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from ossay.gateway.file import KeyTable
from ossay.router.budget import Budget
from ossay.router.clock import Clock

_DAY_S = 86_400.0
_LOOK_S = 30.0  # a wall clock may be set, so it is looked at this often


class Share(Struct, frozen=True):
    """Which of several processes this is.

    `again`: it takes the place of one that died, and can't know what that one had spent.
    """

    number: int = 0
    of: int = 1
    again: bool = False


class Budgets:
    """The budgets of the keys that have one, by the key's name.

    Args:
        keys: By name.
        share: The part of each that this process may spend.
        spent_usd: Says what a key has spent since a time.
        now: Unix seconds.
    """

    def __init__(
        self,
        keys: Mapping[str, KeyTable],
        share: Share,
        spent_usd: Callable[[str, float], float],
        now: float,
    ) -> None:
        self.by_key: dict[str, Budget] = {}
        self._periods: dict[str, tuple[float, int]] = {}  # length in seconds, the current one
        for name, key in keys.items():
            if key.budget_usd is None:
                continue
            length = key.budget_days * _DAY_S
            period = int(now // length)
            spent = spent_usd(name, period * length)
            # Whoever comes late may not spend what the dead one may have spent: all of it.
            part = spent if share.again else spent / share.of
            self.by_key[name] = Budget(key.budget_usd / share.of, part)
            self._periods[name] = (length, period)

    def renew(self, now: float) -> None:
        """Begin the periods that have begun."""
        for name, (length, period) in self._periods.items():
            current = int(now // length)
            if current > period:  # a clock that goes back gives nothing back
                self.by_key[name].renew()
                self._periods[name] = (length, current)

    async def keep(self, clock: Clock) -> None:
        """Renew for ever."""
        while self.by_key:
            await clock.sleep(_LOOK_S)
            self.renew(clock.unix())
