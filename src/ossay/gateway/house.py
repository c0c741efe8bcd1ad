"""What all endpoints of one gateway share: lanes, keys, places, time.

Knows nothing of HTTP.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping

from msgspec import Struct
from starlette.types import Receive

from ossay.core.errors import ConfigError, UnknownName, nearest
from ossay.core.model import Passes
from ossay.gateway.asks import Asks
from ossay.gateway.keyring import Key, Keyring
from ossay.gateway.options import Options
from ossay.gateway.seen import Seen
from ossay.router.stage import Upstream
from ossay.server.admission import Admission, draining
from ossay.server.errors import ApiError
from ossay.server.watch import Line, Watch

_PREFIX = "ossay/"


class Lane(Struct, frozen=True):
    """One route over HTTP.

    Attributes:
        name: What clients send as the model.
        router: What answers: a router, or what stands in front of it.
        embeddings: The model that embeds, which must be one that `core.model.Passes`.
    """

    name: str
    router: Asks
    embeddings: Upstream | None = None


class House:
    """The routes of one gateway and what is known of their requests.

    Args:
        lanes: By name.
        default: The route of a request whose model is no route's name; '' refuses it.
        keyring: Who may ask.
        options: Bounds.
        rng: Draws ids.
        now: Unix time.
        monotonic: Seconds, for durations.
        seen: What was counted; its log is what the lanes' routers write to.

    Attributes:
        running: Answers on their way.
        stopped: Whether answers were told to end; none begins after that.

    Raises:
        ConfigError: no routes at all, or embeddings of a model that can't be passed on to.
        UnknownName: the default, or a key's route, is none of them.
    """

    def __init__(
        self,
        lanes: Mapping[str, Lane],
        default: str,
        keyring: Keyring,
        options: Options,
        *,
        rng: random.Random,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        seen: Seen | None = None,
    ) -> None:
        if not lanes:
            raise ConfigError("a gateway needs a route; 'ossay gateway --example' writes one")
        for lane in lanes.values():
            embeds = lane.embeddings
            if embeds is not None and not isinstance(embeds.model, Passes):
                raise ConfigError(
                    f"route {lane.name!r}: embeddings = {embeds.name!r} is no model behind an "
                    "OpenAI endpoint; name one that is, or leave it out"
                )
        named = [default] if default else []
        for name in [*named, *(route for key in keyring.keys for route in key.routes)]:
            if name not in lanes:
                raise UnknownName.of("route", name, lanes)
        self.lanes = dict(lanes)
        self.default = default
        self.keyring = keyring
        self.options = options
        self.admission = Admission(options.in_flight)
        self.running: set[Watch] = set()
        self.stopped = False
        self.rng = rng
        self.now = now
        self.monotonic = monotonic
        self.started_at = int(now())
        self.seen = seen or Seen(None, now=now, monotonic=monotonic)

    def lane_of(self, model: str, key: Key | None) -> Lane:
        """Return the lane that a request's model names, else the default's.

        Raises:
            ApiError: 404 where there is none, 403 where the key may not ask it.
        """
        lane = self.lanes.get(model) or self.lanes.get(model.removeprefix(_PREFIX))
        if lane is None:
            if not self.default:
                raise self.nowhere(model, key)
            lane = self.lanes[self.default]
        if key is not None and not key.may(lane.name):
            raise ApiError(
                403,
                f"the key {key.name!r} may not ask the route {lane.name!r}; it may ask "
                f"{', '.join(self.seen_by(key))}",
                code="route_not_allowed",
                param="model",
            )
        return lane

    def seen_by(self, key: Key | None) -> list[str]:
        """The names of the routes that a key may ask."""
        return [name for name in self.lanes if key is None or key.may(name)]

    def nowhere(self, model: str, key: Key | None) -> ApiError:
        """The error for a model that is no route."""
        name = model[:200]
        return ApiError(
            404,
            f"there is no route {name!r}{nearest(name, self.seen_by(key))}",
            code="model_not_found",
            param="model",
        )

    def watch(self, receive: Receive | None, line: Line | None = None) -> Watch:
        """Return a watch that `stop_all` ends too. Raises `ApiError` 503 where that has been."""
        if self.stopped:
            raise draining()
        return Watch(receive, self.running, line)

    def drain(self) -> None:
        """Take no more requests."""
        self.admission.draining = True

    def stop_all(self) -> None:
        """End the answers that still run, each with an error."""
        self.stopped = True
        for watch in list(self.running):
            watch.stop(draining())

    async def aclose(self) -> None:
        """Break off the audits that are on their way."""
        for lane in self.lanes.values():
            await lane.router.aclose()
