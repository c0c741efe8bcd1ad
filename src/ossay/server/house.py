"""What all endpoints of one server share: the model, its names, places, counters, time.

Knows nothing of HTTP.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Mapping

from msgspec import Struct
from starlette.types import Receive

from ossay.core.model import Gauged, Model
from ossay.server.admission import Admission, draining
from ossay.server.keys import Keys
from ossay.server.metrics import Metrics
from ossay.server.names import Names
from ossay.server.watch import Watch

# Answers at once where a model does not say how many it can give.
_SLOTS = 32


class Options(Struct, frozen=True):
    """How to serve.

    `max_body` in bytes; `queue` is how many may wait besides those answered; `last_word_s` is for
    a stream's last event, the one that says why it failed.
    """

    aliases: tuple[str, ...] = ()
    keys: Keys = Keys()
    queue: int = 128
    max_body: int = 8 * 2**20
    deadline_s: float = 600.0
    last_word_s: float = 5.0


class House:
    """One served model and what is known of its requests.

    Args:
        model: What answers.
        options: How to serve.
        rng: Draws ids.
        now: Unix time.
        monotonic: Seconds, for durations.

    Attributes:
        stopped: Whether answers were told to end; none begins after that.
    """

    def __init__(
        self,
        model: Model,
        options: Options,
        *,
        rng: random.Random,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model = model
        self.options = options
        self.names = Names(model.card.reference, options.aliases)
        self.admission = Admission(_slots(model) + options.queue)
        self.running: set[Watch] = set()
        self.stopped = False
        self.metrics = Metrics(self.names.first, lambda: len(self.running), self._gauges)
        self.now = now
        self.monotonic = monotonic
        self.started_at = int(now())
        self._rng = rng

    @property
    def fingerprint(self) -> str:
        """Changes with the model and with what it was loaded from."""
        card = self.model.card
        text = repr((card.reference, sorted(card.details.items())))
        return f"fp_{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def unique(self) -> str:
        """Return what makes an id differ from all others."""
        return f"{self._rng.getrandbits(96):024x}"

    def watch(self, receive: Receive | None) -> Watch:
        """Return a watch that `stop_all` ends too. Raises `ApiError` 503 where that has been."""
        if self.stopped:
            raise draining()
        return Watch(receive, self.running)

    def drain(self) -> None:
        """Take no more requests."""
        self.admission.draining = True

    def stop_all(self) -> None:
        """End the answers that still run, each with an error."""
        self.stopped = True
        for watch in list(self.running):
            watch.stop(draining())

    def _gauges(self) -> Mapping[str, float]:
        return self.model.gauges() if isinstance(self.model, Gauged) else {}


def _slots(model: Model) -> int:
    said = model.card.details.get("slots", "")
    return int(said) if said.isdigit() else _SLOTS
