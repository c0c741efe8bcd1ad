"""The gateway as an ASGI app: who asks, what for, and every error in OpenAI's shape.

No framework stands on the way of a request. Knows nothing of sockets and signals.
"""

from __future__ import annotations

import logging

from starlette.types import Receive, Scope, Send

from ossay.gateway.asking import Asking
from ossay.gateway.house import House
from ossay.gateway.routes import answer_of
from ossay.server.admission import draining
from ossay.server.body import Gone
from ossay.server.errors import as_api_error

_log = logging.getLogger("ossay.gateway.access")
_LEFT = 499  # as nginx calls a client that left


class App:
    """The whole gateway over one `House`; satisfies `server.serve.Served`."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        asking = Asking(self.house, scope, receive, send)
        at = "other"
        try:
            at, answer = answer_of(asking)
            await answer(asking)
        except Gone:
            if not asking.over:
                asking.status = _LEFT
        except Exception as error:  # noqa: BLE001  whatever it is, it becomes an answer
            if asking.over:
                _log.warning("a model failed after its answer", exc_info=error)
            else:
                await asking.fail(draining() if self.house.stopped else as_api_error(error))
        finally:
            self.house.seen.answered(at, asking.status)
            if _log.isEnabledFor(logging.INFO):
                decided = asking.decided
                id_ = decided.id if decided is not None else "-"
                _log.info("%s %s %d %s", scope["method"], at, asking.status, id_)

    def drain(self) -> None:
        """Take no more requests."""
        self.house.drain()

    def stop_all(self) -> None:
        """End the answers that still run, each with an error."""
        self.house.stop_all()

    async def aclose(self) -> None:
        """End what runs beside answers."""
        await self.house.aclose()
