"""Which request is answered by what, and who may ask it.

Chats and embeddings are `endpoint`'s and `embedding`'s; here is what is answered without a model.
Knows nothing of what is asked of models.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from ossay.gateway.asking import Asking
from ossay.gateway.embedding import embeddings
from ossay.gateway.endpoint import chat
from ossay.gateway.seeing import metrics, page
from ossay.server.errors import ApiError
from ossay.server.origin import check_host
from ossay.server.respond import send_json

Answer = Callable[[Asking], Awaitable[None]]

_MODELS = "/v1/models"
_MODEL = "/v1/models/"


def answer_of(asking: Asking) -> tuple[str, Answer]:
    """Return the endpoint's name, without anything that a client wrote, and what answers.

    Raises:
        ApiError: 401 and 403 where the caller may not ask, 404 and 405 where nothing answers.
    """
    scope, house = asking.scope, asking.house
    path, method = scope["path"], scope["method"]
    if not house.keyring:
        check_host(scope["headers"])
    if path == "/v1/chat/completions" and method == "POST":  # the first to be looked for
        asking.key = house.keyring.check(asking.headers)
        return path, chat
    if path == "/health":
        return path, _of(method, path, {"GET": health, "HEAD": health})
    if path in _SEEN:  # they ask for the key themselves: a browser's user may type it
        return path, _of(method, path, _SEEN[path])
    asking.key = house.keyring.check(asking.headers)
    if path.startswith(_MODEL):
        return "/v1/models/{name}", _of(method, _MODELS, {"GET": model})
    methods = _METHODS.get(path)
    if methods is None:
        raise ApiError(404, f"there is nothing at {path[:200]!r}", code="not_found")
    return path, _of(method, path, methods)


def _of(method: str, path: str, methods: Mapping[str, Answer]) -> Answer:
    answer = methods.get(method)
    if answer is None:
        raise ApiError(
            405, f"{path!r} takes {', '.join(methods)}, not {method[:20]!r}",
            code="method_not_allowed",
        )  # fmt: skip
    return answer


async def models(asking: Asking) -> None:
    """GET /v1/models: the routes that the key may ask."""
    house = asking.house
    listed = [_entry(name, house.started_at) for name in house.seen_by(asking.key)]
    await send_json(asking.send, 200, {"object": "list", "data": listed}, headers=[])


async def model(asking: Asking) -> None:
    """GET /v1/models/NAME."""
    house = asking.house
    name = asking.scope["path"].removeprefix(_MODEL).removeprefix("ossay/")
    if name not in house.seen_by(asking.key):
        raise house.nowhere(name, asking.key)
    await send_json(asking.send, 200, _entry(name, house.started_at), headers=[])


async def health(asking: Asking) -> None:
    """GET /health: 503 while it drains."""
    is_draining = asking.house.admission.draining
    status = {"status": "draining" if is_draining else "ok"}
    await send_json(asking.send, 503 if is_draining else 200, status, headers=[])


def _entry(name: str, created: int) -> dict[str, object]:
    return {"id": name, "object": "model", "created": created, "owned_by": "ossay"}


_SEEN: dict[str, dict[str, Answer]] = {
    "/": {"GET": page, "HEAD": page},
    "/metrics": {"GET": metrics},
}
_METHODS: dict[str, dict[str, Answer]] = {
    "/v1/chat/completions": {"POST": chat},
    "/v1/embeddings": {"POST": embeddings},
    _MODELS: {"GET": models},
}
