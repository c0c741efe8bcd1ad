"""The pages that only show: home, the queue, agreement, an answer's text and screenshot.

Knows nothing of who may ask: `guard` does.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ossay.core.errors import UnknownName
from ossay.web.agreeing import Agreed, agreed
from ossay.web.card import older_version
from ossay.web.form import rater_named
from ossay.web.frame import Frame, path_of, rater_of
from ossay.web.order import next_open
from ossay.web.study import Study

if TYPE_CHECKING:
    from numpy.random import Generator

_ROWS = 100  # of a page of the queue


class Pages:
    """The pages of one study.

    Args:
        study: What is rated.
        frame: The templates.
        draws: A generator for intervals, the same each time.
    """

    def __init__(self, study: Study, frame: Frame, draws: Callable[[], Generator]) -> None:
        self._study = study
        self._frame = frame
        self._draws = draws

    async def home(self, request: Request) -> Response:
        """Who rates, how far everybody is, and a name to begin with."""
        await self._study.refresh()
        if "name" in request.query_params:
            rater = rater_named(request.query_params["name"])
            return RedirectResponse(path_of("rate", rater), 303)
        raters = [(name, len(self._study.done(name))) for name in self._study.raters]
        return self._frame.page("home.html.j2", raters=raters, of=len(self._study.answers))

    async def next(self, request: Request) -> Response:
        """Go on to the first answer that the rater has not rated."""
        await self._study.refresh()
        rater = rater_of(request)
        run = next_open(
            self._study.order(rater),
            self._study.done(rater),
            after=request.query_params.get("after", ""),
        )
        if run is None:
            return self._frame.of_rater("done.html.j2", rater)
        side = ("compare",) if "beside" in request.query_params else ()
        return RedirectResponse(path_of("rate", rater, *side, run), 303)

    async def queue(self, request: Request) -> Response:
        """All answers in the rater's order, a page at a time."""
        await self._study.refresh()
        rater, study = rater_of(request), self._study
        order = study.order(rater)
        last_page = max(0, (len(order) - 1) // _ROWS)
        asked = request.query_params.get("page", "1")
        page = int(asked) - 1 if re.fullmatch(r"[0-9]{1,9}", asked) else 0
        page = min(max(page, 0), last_page)
        rows = [
            (place + 1, study.answer(run), *self._standing(rater, run))
            for place, run in enumerate(order[page * _ROWS : (page + 1) * _ROWS], page * _ROWS)
        ]
        return self._frame.of_rater(
            "queue.html.j2", rater, rows=rows, page=page + 1, pages=last_page + 1
        )

    async def agreement(self, request: Request) -> Response:
        """How far the raters agree, and whether one drifts."""
        await self._study.refresh()
        found = await asyncio.to_thread(self._agreed)
        return self._frame.page("agreement.html.j2", agreed=found)

    async def text(self, request: Request) -> Response:
        """The whole text of an answer, as a file: a browser shows nothing of it."""
        await self._study.refresh()
        run = self._study.answer(request.path_params["run"]).run
        reading = await asyncio.to_thread(self._study.ledger.answer, run)
        name = re.sub(r"[^A-Za-z0-9_-]", "_", run)[:12]
        headers = {"content-disposition": f'attachment; filename="answer-{name}.txt"'}
        return Response(
            reading.text.encode("utf-8", "replace"), media_type="text/plain", headers=headers
        )

    async def screenshot(self, request: Request) -> Response:
        """What a grader saw of a rendered page."""
        await self._study.refresh()
        run = self._study.answer(request.path_params["run"]).run
        picture = await asyncio.to_thread(self._study.ledger.artefact, run, "screenshot.png")
        if not picture.startswith(b"\x89PNG\r\n\x1a\n"):
            raise UnknownName.of("screenshot", run, ())
        return Response(picture, media_type="image/png")

    def _standing(self, rater: str, run: str) -> tuple[float | None, str]:
        """The score of today, and what became of a rating by an older version."""
        held = self._study.standing(rater, run)
        if held is None:
            return None, ""
        return held.score, older_version(held, self._study.rubric(self._study.answer(run)))

    def _agreed(self) -> Agreed:
        study = self._study
        made_by = study.ledger.rubrics(study.campaign)
        return agreed(study.rescored(), made_by, self._draws())
