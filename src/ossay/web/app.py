"""The pages as an ASGI app, and a study served on a socket.

Knows nothing of the command that starts it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ossay.core.display import visible
from ossay.core.errors import OssayError, UnknownName, UsageError
from ossay.web.frame import Frame, environment
from ossay.web.guard import Guard
from ossay.web.pages import Pages
from ossay.web.rating import RatingPages
from ossay.web.study import Study

if TYPE_CHECKING:
    from numpy.random import Generator

_TEMPLATES = files("ossay.web") / "templates"


class App:
    """All pages of one study; satisfies `server.serve.Served`.

    Args:
        study: What is rated.
        secret: What the first link carries, see `guard`.
        draws: A generator for intervals, the same each time.
        loopback: Whether only this machine can reach it.
        now: Unix time.
    """

    def __init__(
        self,
        study: Study,
        secret: str,
        *,
        draws: Callable[[], Generator],
        loopback: bool = True,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._frame = Frame(study, environment())
        pages = Pages(study, self._frame, draws)
        rating = RatingPages(study, self._frame, now)
        starlette = Starlette(
            routes=[
                Route("/", pages.home),
                Route("/rate.css", _style),
                Route("/rate.js", _script),
                Route("/favicon.ico", _nothing),
                Route("/agreement", pages.agreement),
                Route("/preview", rating.preview, methods=["POST"]),
                Route("/text/{run}", pages.text),
                Route("/screenshot/{run}.png", pages.screenshot),
                Route("/rate/{rater}", pages.next),
                Route("/rate/{rater}/queue", pages.queue),
                Route("/rate/{rater}/undo", rating.undo, methods=["POST"]),
                Route("/rate/{rater}/compare/{run}", rating.compare, methods=["GET", "POST"]),
                Route("/rate/{rater}/{run}", rating.answer, methods=["GET", "POST"]),
            ],
            exception_handlers={OssayError: self._said},
        )
        self._guarded = Guard(starlette, secret, loopback=loopback)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._guarded(scope, receive, send)

    def drain(self) -> None:
        """Nothing to do: an answer takes milliseconds."""

    def stop_all(self) -> None:
        """Nothing to do, as in `drain`."""

    async def aclose(self) -> None:
        """Nothing is held: the ledger is its opener's."""

    async def _said(self, request: Request, error: Exception) -> Response:
        """An error of ours as a page."""
        status = 404 if isinstance(error, UnknownName) else 400
        if not isinstance(error, UsageError):
            status = 500
        said = visible(str(error), 1_000)
        return self._frame.page("error.html.j2", status, said=said, status_code=status)


async def _style(request: Request) -> Response:
    from pygments.formatters import HtmlFormatter

    light = HtmlFormatter(style="default").get_style_defs("pre code")
    dark = HtmlFormatter(style="github-dark").get_style_defs("pre code")
    own = (_TEMPLATES / "rate.css").read_text(encoding="utf-8")
    text = f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n{own}"
    return Response(text, media_type="text/css")


async def _nothing(request: Request) -> Response:
    return Response(status_code=204)


async def _script(request: Request) -> Response:
    text = (_TEMPLATES / "rate.js").read_text(encoding="utf-8")
    return Response(text, media_type="text/javascript")
