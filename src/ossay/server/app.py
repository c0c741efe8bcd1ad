"""The server as an ASGI app: routes, keys, and every error in OpenAI's shape.

Knows nothing of sockets and signals; `serve` does.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from starlette.routing import Route, Router
from starlette.types import Message, Receive, Scope, Send

from ossay.server.body import Gone
from ossay.server.chat import Chat
from ossay.server.completions import Completions
from ossay.server.endpoint import Endpoint
from ossay.server.errors import ApiError, as_api_error
from ossay.server.house import House
from ossay.server.origin import check_host
from ossay.server.respond import Headers, send_error
from ossay.server.responses import Responses
from ossay.server.routes import Methods, kept_route, routes_of
from ossay.server.wire import Api

_log = logging.getLogger("ossay.server.access")
_LEFT = 499  # as nginx calls a client that left


class App:
    """The whole server over one `House`."""

    def __init__(self, house: House) -> None:
        self.house = house
        responses = Responses(most_bytes=house.options.max_body)
        apis: Sequence[Api] = (
            Chat(house.fingerprint),
            Completions(house.fingerprint),
            responses,
        )
        self._router = Router(
            [
                *(Route(api.path, Methods(POST=Endpoint(api, house))) for api in apis),
                *routes_of(house),
                kept_route(responses),
            ],
            redirect_slashes=False,
            default=_nowhere,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        request_id = f"req_{self.house.unique()}"
        headers: Headers = [(b"x-request-id", request_id.encode())]
        scope["ossay.headers"] = headers
        outcome = _Outcome(send)
        keys = self.house.options.keys
        try:
            if not keys:
                check_host(scope["headers"])
            if scope["path"] != "/health":
                keys.check(scope["headers"])
            await self._router(scope, receive, outcome)
        except Gone:
            self.house.metrics.left()
            outcome.status = outcome.status or _LEFT
        except Exception as error:  # noqa: BLE001  whatever it is, it becomes an answer
            failure = as_api_error(error)
            if not outcome.status:
                await send_error(outcome, failure, headers=headers)
        finally:
            route = scope.get("route")
            path = route.path_format if route is not None else "other"
            self.house.metrics.request(path, outcome.status)
            _log.info("%s %s %d %s", scope["method"], path, outcome.status, request_id)

    def drain(self) -> None:
        """Take no more requests."""
        self.house.drain()

    def stop_all(self) -> None:
        """End the answers that still run, each with an error."""
        self.house.stop_all()

    async def aclose(self) -> None:
        """Close the model."""
        await self.house.model.aclose()


class _Outcome:
    """Passes messages on and keeps the status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        """Send."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    raise ApiError(404, f"there is nothing at {scope['path'][:200]!r}", code="not_found")
