"""What stands in front of a route's router: a cache, and the hiding of what is not to go upstream.

Knows nothing of either.
"""

from __future__ import annotations

from ossay.gateway.asks import Asks
from ossay.gateway.cache import Cache
from ossay.gateway.cached import Cached
from ossay.gateway.hiding import Hiding
from ossay.gateway.redaction import Redaction


def front_of(
    router: Asks, *, cache: Cache, cache_s: float = 0.0, hides: Redaction | None = None
) -> Asks:
    """Return what is to be asked instead of a router; the router itself where nothing is set.

    The cache lies behind the hiding, so it keeps placeholders, and two callers' secrets never meet.
    """
    asks = router
    if cache_s > 0.0:
        asks = Cached(asks, cache, cache_s)
    if hides:
        asks = Hiding(asks, hides)
    return asks
