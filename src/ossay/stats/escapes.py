"""Watching a rate of escapes through random audits, looking after each request.

Only some requests are audited, each with a chance that is known. An escape found counts as one over
its chance, so the counts are right on average: D. G. Horvitz and D. J. Thompson, Journal of the
American Statistical Association 47 (1952). A bettor who wins where there are more than alpha of
them can't grow by plan while there are not (I. Waudby-Smith and A. Ramdas, "Estimating means of
bounded random variables by betting", Journal of the Royal Statistical Society B 86, 2024, 1-27);
his wealth reaches 1 / level with chance at most level, ever (J. Ville, 1939). Knows nothing of
requests, models or time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ossay.stats.interval import check_alpha

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ossay.stats.arrays import Floats

# Each bet is the best one where the rate is this many times alpha.
_TIMES = (1.25, 1.5, 2.0, 3.0, 5.0, 9.0)


class Alarm(Struct, frozen=True):
    """What is watched for; fixed before the first request.

    Attributes:
        alpha: The rate of escapes that was promised.
        propensity: The least chance with which a request that may escape is audited. A bet may
            depend on what came before, never on the request at hand, so one floor sizes all bets.
        level: The chance of ever raising a false alarm.
    """

    alpha: float
    propensity: float
    level: float = 0.05

    def __post_init__(self) -> None:
        check_alpha(self.alpha)
        check_alpha(self.level)
        if not 0.0 < self.propensity <= 1.0:
            raise ValueError(f"propensity={self.propensity!r} is outside (0, 1]")

    @property
    def stakes(self) -> tuple[float, ...]:
        """What is bet on each unit of the rate above alpha, one for each rate that is feared."""
        times = [one for one in _TIMES if one * self.alpha <= 1.0] or [1.0 / self.alpha]
        return tuple((one - 1.0) * self.propensity for one in times)


class Watch(Struct, frozen=True):
    """Where one stream stands; give each request to `after`, in order.

    Attributes:
        alarm: What it watches for.
        requests: How many were seen.
        known: Of how many it is known whether they escaped.
        escapes: Escapes found, each over the chance of its audit; over `requests` it estimates the
            rate.
        wealth: What each bet holds.
        tripped_at: The request, from 1, that raised the alarm. It stays raised.
    """

    alarm: Alarm
    requests: int = 0
    known: int = 0
    escapes: float = 0.0
    wealth: tuple[float, ...] = ()
    tripped_at: int | None = None

    @property
    def e_value(self) -> float:
        """Evidence against "the rate is at most alpha"; 1 / level raises the alarm."""
        return sum(self.wealth) + reserve(self.requests)

    @property
    def rate(self) -> float | None:
        """The estimated rate of escapes, None before the first request."""
        return self.escapes / self.requests if self.requests else None

    def after(self, escaped: bool | None, propensity: float = 1.0) -> Watch:
        """The watch after one more request.

        `escaped` is None where nobody looked. A request whose answer can't have escaped (the strong
        model wrote it) is False, and no audit is needed for that: give propensity 1. An audit that
        failed is not None, which would hide escapes behind failures: repeat it, or count it True.
        One that is still under way waits: give the request when its outcome is in, as long as how
        late that is doesn't depend on the outcome.

        Raises:
            ValueError: an audit with a propensity below the alarm's floor or above 1.
        """
        if escaped is not None and not self.alarm.propensity <= propensity <= 1.0:
            raise ValueError(
                f"propensity={propensity!r} is outside [{self.alarm.propensity!r}, 1], the alarm's"
            )
        weighted = 1.0 / propensity if escaped else 0.0
        stakes = self.alarm.stakes
        slice_ = (reserve(self.requests) - reserve(self.requests + 1)) / len(stakes)
        before = self.wealth or (0.0,) * len(stakes)
        gain = weighted - self.alarm.alpha
        wealth = tuple(
            (held + slice_) * (1.0 + stake * gain)
            for held, stake in zip(before, stakes, strict=True)
        )
        if self.tripped_at is not None:
            wealth = self.wealth
        now = replace(
            self,
            requests=self.requests + 1,
            known=self.known + (escaped is not None),
            escapes=self.escapes + weighted,
            wealth=wealth,
        )
        if now.tripped_at is None and now.e_value >= 1.0 / self.alarm.level:
            return replace(now, tripped_at=now.requests)
        return now


def reserve(requests: int) -> float:
    """The share of the purse that is not yet bet after so many requests.

    A bet that stood for a long good time holds nothing when the rate jumps. So a slice of the purse
    is laid fresh at each request, in all no more than the purse: a mixture over the moments when
    the rate may have changed, as A. N. Shiryaev's, and no more than one e-value. 1 / log2(t + 2)
    falls so slowly that slices remain for late changes.
    """
    return 1.0 / math.log2(requests + 2.0)


def first_alarms(weighted: Floats, alarm: Alarm) -> NDArray[np.int64]:
    """The request, from 1, at which each stream raises the alarm, 0 where it never does.

    `weighted`, shape [requests, streams], holds one over the propensity for each escape found, else
    0. The same as `Watch` for many streams at once.

    Raises:
        ValueError: a value that is negative or above 1 / alarm.propensity.
    """
    import numpy as np

    if weighted.size and not 0.0 <= weighted.min() <= weighted.max() <= 1.0 / alarm.propensity:
        raise ValueError("weighted escapes lie in [0, 1 / propensity]")
    stakes = np.array(alarm.stakes)[:, None]
    wealth = np.zeros((stakes.size, weighted.shape[1]))
    at = np.zeros(weighted.shape[1], dtype=np.int64)
    for place, row in enumerate(weighted):
        wealth += (reserve(place) - reserve(place + 1)) / stakes.size
        wealth *= 1.0 + stakes * (row - alarm.alpha)
        high = wealth.sum(axis=0) + reserve(place + 1) >= 1.0 / alarm.level
        at[high & (at == 0)] = place + 1
        np.minimum(wealth, 1e100, out=wealth)  # after the alarm nothing more is read from it
    return at
