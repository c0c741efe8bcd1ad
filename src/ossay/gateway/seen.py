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
# Entries that are summed up together: that takes half the time of one after each request.
_AT_ONCE = 64
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
        self.cache = Cache(monotonic)
        self._heard: list[Entry] = []
        self._tally = Tally()
        self._metrics = Metrics()
        self._recent: deque[Decision] = deque(maxlen=RECENT)
        self._queue = log if isinstance(log, Queued) else None
        inner = Redacted(log, redaction) if redaction and log is not None else log
        self.log: Log = Observed(inner, (self.cache.hear, self._hear))

    @property
    def tally(self) -> Tally:
        """Sums of all that was logged."""
        self._sum_up()
        return self._tally

    @property
    def metrics(self) -> Metrics:
        """Counters of all that was logged and answered."""
        self._sum_up()
        return self._metrics

    @property
    def recent(self) -> deque[Decision]:
        """The last decisions, the latest last."""
        self._sum_up()
        return self._recent

    def answered(self, endpoint: str, status: int) -> None:
        """Count an answer over HTTP, see `Metrics.request`."""
        self._metrics.request(endpoint, status)

    def state(self, parts: Iterable[Parts], more: Iterable[Upstream] = ()) -> State:
        """How those routes, and models that they ask besides, are right now."""
        return State(parts, self._queue, more)

    def _hear(self, entry: Entry) -> None:
        self._heard.append(entry)
        if len(self._heard) >= _AT_ONCE:
            self._sum_up()

    def _sum_up(self) -> None:
        heard, self._heard = self._heard, []
        self._recent.extend(entry for entry in heard if isinstance(entry, Decision))
        for entry in heard:
            self._metrics.hear(entry)
        for entry in heard:
            # Embeddings are no answers: they neither escape nor save anything.
            if not (isinstance(entry, Decision) and entry.route.endswith(EMBEDDINGS)):
                self._tally.add(entry)
