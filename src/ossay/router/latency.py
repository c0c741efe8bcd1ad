"""Latencies: how long something took, in buckets of 2 %, so that memory stays bounded.

Knows nothing of what took so long.
"""

from __future__ import annotations

import math

from msgspec import Struct

# From 10 microseconds to a day in steps of 2 %: some 1,150 buckets. A percentile is off by half a
# step, 1 %.
_STEP = math.log(1.02)
_LEAST_S, _MOST_S = 1e-5, 86_400.0


class Latency(Struct, frozen=True):
    """Seconds: how many were timed, their mean, the time that half and 95 % of them kept within."""

    count: int
    mean_s: float
    p50_s: float
    p95_s: float


class Latencies:
    """Add seconds; ask for percentiles at any time."""

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self._count = 0
        self._sum_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one; what is no time (negative, not a number) counts as none at all."""
        if not seconds >= 0.0:
            seconds = 0.0
        kept = min(max(seconds, _LEAST_S), _MOST_S)
        bucket = math.floor(math.log(kept / _LEAST_S) / _STEP)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self._count += 1
        self._sum_s += min(seconds, _MOST_S)

    def summary(self) -> Latency | None:
        """What was seen; None before the first."""
        if not self._count:
            return None
        mean_s = self._sum_s / self._count
        return Latency(self._count, mean_s, self.quantile(0.5), self.quantile(0.95))

    def quantile(self, share: float) -> float:
        """Seconds that this share kept within, to 1 %; 0 before the first."""
        wanted, seen = share * self._count, 0
        for bucket, count in sorted(self._buckets.items()):
            seen += count
            if seen >= wanted:
                return _LEAST_S * math.exp((bucket + 0.5) * _STEP)
        return 0.0
