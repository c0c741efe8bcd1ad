"""Seen: what one gateway process has counted since it began.

The tally, the counters, the last decisions and the cache hear of every entry of the log. Knows
nothing of how it is shown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from ossay.core.decision import Decision, Entry, Log
from ossay.gateway.cache import Cache
from ossay.gateway.metrics import Metrics
from ossay.gateway.observed import Observed
from ossay.gateway.redacted import Redacted
from ossay.gateway.redaction import Redaction
from ossay.gateway.state import Queued, State
from ossay.router.stage import Upstream
from ossay.router.tally import Tally
from ossay.router.work import Parts

RECENT = 15  # decisions
EMBEDDINGS = "/embeddings"  # what the log adds to a route's name for them


class Seen:
    """All of it.

    Args:
        log: Where entries go; None: nowhere.
        redaction: What bodies are kept without.
        now: Unix time.
        monotonic: Returns seconds that only go up.

    Attributes:
        log: What routers and auditors write to.
        recent: The last decisions, the latest last.
        cache: For routes that have one.
    """

    def __init__(
        self,
        log: Log | None,
        *,
        redaction: Redaction | None = None,
        now: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self.began = now()
        self.now = now
        self.tally = Tally()
        self.metrics = Metrics()
        self.recent: deque[Decision] = deque(maxlen=RECENT)
        self.cache = Cache(monotonic)
        self._queue = log if isinstance(log, Queued) else None
        inner = Redacted(log, redaction) if redaction and log is not None else log
        hears = (self._sum, self.metrics.hear, self._keep, self.cache.hear)
        self.log: Log = Observed(inner, hears)

    def state(self, parts: Iterable[Parts], more: Iterable[Upstream] = ()) -> State:
        """How those routes, and models that they ask besides, are right now."""
        return State(parts, self._queue, more)

    def _sum(self, entry: Entry) -> None:
        """Embeddings are no answers: they neither escape nor save anything."""
        if not (isinstance(entry, Decision) and entry.route.endswith(EMBEDDINGS)):
            self.tally.add(entry)

    def _keep(self, entry: Entry) -> None:
        if isinstance(entry, Decision):
            self.recent.append(entry)
