"""How fast the calls of one model were answered: Speed.

Counts calls that were answered, whatever became of their run; failed, lost and open calls have no
speed. Times are those of the attempt that answered: waiting after a refused one is not in them.
Knows nothing of where the time went.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from ossay.core.records import CallRecord


class Throughput(Struct, frozen=True):
    """Output tokens a second. `overall` is all tokens over all seconds, `p50` the median call."""

    overall: float | None
    p50: float | None
    calls: int


class Latency(Struct, frozen=True):
    """Seconds; quantiles between two calls are interpolated linearly (Hyndman and Fan, type 7)."""

    p50_s: float | None
    p95_s: float | None
    calls: int


class Speed(Struct, frozen=True):
    """Speed over the answered calls of a model.

    Attributes:
        answered, failed, lost: How many calls ended so; `lost` holds those still open.
        request: Output tokens over the whole request. Left out: calls without an output token
            count or without a measured time.
        decode: (output tokens - 1) over (total - first token). Left out besides: calls without a
            time to first token, with fewer than two output tokens, or all in one piece.
        first_token: From sending the request to the first piece of the answer. Left out: calls
            without that time.
    """

    answered: int
    failed: int
    lost: int
    request: Throughput
    decode: Throughput
    first_token: Latency


def speed_of(calls: Sequence[CallRecord]) -> Speed:
    """Measure the calls of one model."""
    answered = [call for call in calls if call.state == "done"]
    failed = sum(call.state == "failed" for call in calls)
    first = [call.first_token_s for call in answered if call.first_token_s is not None]
    return Speed(
        answered=len(answered),
        failed=failed,
        lost=len(calls) - len(answered) - failed,
        request=_throughput([pair for call in answered if (pair := _whole(call))]),
        decode=_throughput([pair for call in answered if (pair := _decode(call))]),
        first_token=Latency(_quantile(first, 0.5), _quantile(first, 0.95), len(first)),
    )


def _whole(call: CallRecord) -> tuple[int, float] | None:
    """Return (tokens, seconds) of the whole request, None where one is not known."""
    tokens, seconds = call.usage.output_tokens, call.total_s
    if tokens is None or seconds is None or seconds <= 0:
        return None
    return tokens, seconds


def _decode(call: CallRecord) -> tuple[int, float] | None:
    """Return (tokens, seconds) after the first token, None where one is not known."""
    whole = _whole(call)
    if whole is None or call.first_token_s is None or whole[0] < 2:
        return None
    seconds = whole[1] - call.first_token_s
    return (whole[0] - 1, seconds) if seconds > 0 else None


def _throughput(pairs: Sequence[tuple[int, float]]) -> Throughput:
    if not pairs:
        return Throughput(None, None, 0)
    overall = sum(tokens for tokens, _ in pairs) / math.fsum(seconds for _, seconds in pairs)
    return Throughput(overall, _quantile([t / s for t, s in pairs], 0.5), len(pairs))


def _quantile(values: Sequence[float], q: float) -> float | None:
    if not values:
        return None
    import numpy as np

    return float(np.quantile(values, q))
