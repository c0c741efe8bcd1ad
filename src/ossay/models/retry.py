"""When a failed attempt may be repeated, and after how long.

Knows nothing of HTTP but the two spellings of Retry-After.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from msgspec import Struct

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")


class RetryPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """How often to try, and how long to wait in between. `attempts` counts the first try."""

    attempts: int = 5
    base_s: float = 0.5
    cap_s: float = 30.0

    def wait_s(self, attempt: int, asked_s: float | None, rng: random.Random) -> float | None:
        """Seconds to wait after attempt number `attempt` failed; None to give up.

        What the server asked for is kept, plus up to `base_s` so that callers who were told the
        same do not come back together. Otherwise exponential back-off, half of it jitter.
        """
        if attempt >= self.attempts:
            return None
        if asked_s is not None:
            return asked_s + rng.uniform(0.0, self.base_s)
        return min(self.cap_s, self.base_s * 2.0 ** min(attempt - 1, 30)) * rng.uniform(0.5, 1.0)


def retry_after_s(headers: Mapping[str, str], now_unix: float) -> float | None:
    """Seconds that a server asked to wait, None where it did not say or cannot be understood.

    Reads `retry-after-ms`, and `Retry-After` as seconds or as an HTTP date (RFC 9110, 10.2.3).
    """
    ms = headers.get("retry-after-ms", "").strip()
    if _SECONDS.fullmatch(ms):
        return float(ms) / 1000.0
    value = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    if not value:
        return None
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, OverflowError, TypeError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, when.timestamp() - now_unix)
