"""What is answered without the model: what is served, health, metrics, kept responses.

Knows nothing of questions.
"""

from __future__ import annotations

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ossay.server.errors import ApiError
from ossay.server.house import House
from ossay.server.metrics import CONTENT_TYPE
from ossay.server.respond import send_body, send_json
from ossay.server.responses import Responses


class Methods:
    """One app a method; any other method gets 405."""

    def __init__(self, **apps: ASGIApp) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on. Raises `ApiError` 405."""
        app = self._apps.get(scope["method"])
        if app is None:
            allowed = ", ".join(self._apps)
            scope["ossay.headers"].append((b"allow", allowed.encode()))
            raise ApiError(
                405, f"{scope['path']!r} takes {allowed}, not {scope['method'][:20]!r}",
                code="method_not_allowed",
            )  # fmt: skip
        await app(scope, receive, send)


def routes_of(house: House) -> list[Route]:
    """Return the routes that are answered at once."""

    async def models(scope: Scope, receive: Receive, send: Send) -> None:
        listed = house.names.listed(house.started_at, house.model.card.context_tokens)
        body = {"object": "list", "data": listed}
        await send_json(send, 200, body, headers=scope["ossay.headers"])

    async def model(scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path_params"]["name"]
        house.names.check(name)
        listed = house.names.listed(house.started_at, house.model.card.context_tokens)
        found = next(entry for entry in listed if entry["id"] == name)
        await send_json(send, 200, found, headers=scope["ossay.headers"])

    async def health(scope: Scope, receive: Receive, send: Send) -> None:
        draining = house.admission.draining
        body = {"status": "draining" if draining else "ok", "model": house.names.first}
        await send_json(send, 503 if draining else 200, body, headers=scope["ossay.headers"])

    async def metrics(scope: Scope, receive: Receive, send: Send) -> None:
        await send_body(
            send, 200, house.metrics.text(),
            headers=scope["ossay.headers"], content_type=CONTENT_TYPE,
        )  # fmt: skip

    async def openapi(scope: Scope, receive: Receive, send: Send) -> None:
        from ossay.server.openapi import document

        await send_json(send, 200, document(), headers=scope["ossay.headers"])

    return [
        Route("/v1/models", Methods(GET=models)),
        Route("/v1/models/{name:path}", Methods(GET=model)),
        Route("/health", Methods(GET=health, HEAD=health)),
        Route("/metrics", Methods(GET=metrics)),
        Route("/openapi.json", Methods(GET=openapi)),
    ]


def kept_route(responses: Responses) -> Route:
    """Return the route of responses that are kept: to be read again, or forgotten."""

    async def retrieve(scope: Scope, receive: Receive, send: Send) -> None:
        body = responses.retrieve(scope["path_params"]["id"])
        await send_body(send, 200, body, headers=scope["ossay.headers"])

    async def delete(scope: Scope, receive: Receive, send: Send) -> None:
        body = responses.delete(scope["path_params"]["id"])
        await send_body(send, 200, body, headers=scope["ossay.headers"])

    return Route("/v1/responses/{id}", Methods(GET=retrieve, DELETE=delete))
