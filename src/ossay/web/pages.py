"""The pages: home, an answer to rate, answers side by side, the queue, agreement.

Each takes a request and returns a response; what they show is `Card`s and the study. Knows nothing
of who may ask: `guard` does.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from jinja2 import Environment
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ossay.core.errors import UnknownName, UsageError
from ossay.core.rating import Form, Rating, Shown, undo
from ossay.core.score import rated, score
from ossay.web.agreeing import Agreed, agreed
from ossay.web.card import Card, card_of, points
from ossay.web.form import Sent, count, fields_of, rater_named, sent
from ossay.web.order import beside, next_open
from ossay.web.study import Study

if TYPE_CHECKING:
    from numpy.random import Generator

_MOST_BESIDE = 4
_ROWS = 100  # of a page of the queue


class Pages:
    """The pages of one study.

    Args:
        study: What is rated.
        environment: The templates.
        now: Unix time.
        draws: A generator for intervals, the same each time.
    """

    def __init__(
        self,
        study: Study,
        environment: Environment,
        now: Callable[[], float],
        draws: Callable[[], Generator],
    ) -> None:
        self._study = study
        self._environment = environment
        self._now = now
        self._draws = draws

    async def home(self, request: Request) -> Response:
        """Who rates, how far everybody is, and a name to begin with."""
        await self._study.refresh()
        if "name" in request.query_params:
            rater = rater_named(request.query_params["name"])
            return RedirectResponse(f"/rate/{quote(rater)}", 303)
        raters = [(name, len(self._study.rated(name))) for name in self._study.raters]
        return self._page("home.html.j2", raters=raters, of=len(self._study.answers))

    async def next(self, request: Request) -> Response:
        """Go on to the first answer that the rater has not rated."""
        await self._study.refresh()
        rater = _rater(request)
        run = next_open(
            self._study.order(rater),
            self._study.rated(rater),
            after=request.query_params.get("after", ""),
        )
        side = "compare/" if "beside" in request.query_params else ""
        if run is None:
            return self._page("done.html.j2", rater=rater, **self._progress(rater))
        return RedirectResponse(f"/rate/{quote(rater)}/{side}{run}", 303)

    async def answer(self, request: Request) -> Response:
        """One answer with its rubric; a form that can't be taken comes back with the reason."""
        return await self._rating(request, side_by_side=False)

    async def compare(self, request: Request) -> Response:
        """Answers of several models at one problem, side by side."""
        return await self._rating(request, side_by_side=True)

    async def undo(self, request: Request) -> Response:
        """Take the rater's latest rating back, and show its answer."""
        fields = await fields_of(request)
        await self._study.refresh()
        rater = _rater(request)
        named = fields.get("rating", [""])[-1]
        held = next((r for r in self._study.rated(rater).values() if r.id == named), None)
        if held is None:  # sent twice, or from a page that is not of today
            return RedirectResponse(f"/rate/{quote(rater)}", 303)
        row = undo(held, id_=uuid.uuid4().hex, at=self._now(), token=f"undo-{held.id}")
        await self._study.enter(row)
        return RedirectResponse(f"/rate/{quote(rater)}/{held.run}", 303)

    async def queue(self, request: Request) -> Response:
        """All answers in the rater's order, a page at a time."""
        await self._study.refresh()
        rater, study = _rater(request), self._study
        order, held = study.order(rater), study.rated(rater)
        last_page = max(0, (len(order) - 1) // _ROWS)
        asked = request.query_params.get("page", "1")
        page = min(max(int(asked) - 1, 0), last_page) if asked.isdecimal() else 0
        rows = [
            (place + 1, study.answer(run), held.get(run))
            for place, run in enumerate(order[page * _ROWS : (page + 1) * _ROWS], page * _ROWS)
        ]
        return self._page(
            "queue.html.j2",
            rater=rater,
            rows=rows,
            page=page + 1,
            pages=last_page + 1,
            **self._progress(rater),
        )

    async def preview(self, request: Request) -> Response:
        """The score of a form as it stands, as JSON; nothing is kept."""
        fields = await fields_of(request)
        await self._study.refresh()
        scores = [self._preview(sent(fields, number)) for number in range(count(fields))]
        return Response(msgspec.json.encode(scores), media_type="application/json")

    async def agreement(self, request: Request) -> Response:
        """How far the raters agree, and whether one drifts."""
        await self._study.refresh()
        found = await asyncio.to_thread(self._agreed)
        return self._page("agreement.html.j2", agreed=found)

    async def text(self, request: Request) -> Response:
        """The whole text of an answer, as a file: a browser shows nothing of it."""
        await self._study.refresh()
        run = self._study.answer(request.path_params["run"]).run
        reading = await asyncio.to_thread(self._study.ledger.answer, run)
        headers = {"content-disposition": f'attachment; filename="answer-{run[:12]}.txt"'}
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

    async def _rating(self, request: Request, *, side_by_side: bool) -> Response:
        study, rater = self._study, _rater(request)
        fields = await fields_of(request) if request.method == "POST" else {}
        await study.refresh()
        first = study.answer(request.path_params["run"])
        runs = [first.run]
        if side_by_side:
            siblings = study.siblings(first)
            runs = beside(siblings, rater=rater, seed=study.seed, most=_MOST_BESIDE)
        if not fields:
            return await self._show(rater, runs, first.run)
        parts = [sent(fields, number) for number in range(count(fields))]
        problem = await self._take(rater, runs, parts)
        if problem:
            return await self._show(rater, runs, first.run, parts=parts, problem=problem)
        way = f"/rate/{quote(rater)}?after={first.run}{'&beside=' if side_by_side else ''}"
        return RedirectResponse(way, 303)

    async def _take(self, rater: str, runs: list[str], parts: list[Sent]) -> str:
        """Enter the ratings of a form; the reason where that can't be."""
        if not parts or any(part.run not in runs for part in parts):
            return "The page shows other answers now; look again."
        try:
            rows = [self._rated(rater, runs, part) for part in parts]
            for row in rows:
                await self._study.ledger.keep_rubric(
                    self._study.rubric(self._study.answer(row.run))
                )
                await self._study.enter(row)
        except UsageError as error:
            return str(error)
        return ""

    def _rated(self, rater: str, runs: list[str], part: Sent) -> Rating:
        study, now = self._study, self._now()
        answer = study.answer(part.run)
        spent = None if part.began is None else max(0.0, now - part.began)
        held = study.rated(rater).get(part.run)
        form = Form(
            campaign=study.campaign,
            run=part.run,
            rater=rater,
            kind="human",
            chosen=part.chosen,
            at=now,
            token=part.token,
            notes=part.notes,
            seconds=spent,
            shown=Shown(
                study.order(rater).index(part.run),
                study.blind,
                tuple(run for run in runs if run != part.run),
            ),
            supersedes=held.id if held is not None and held.token != part.token else None,
        )
        return rated(study.rubric(answer), form, answer.facts, id_=uuid.uuid4().hex)

    async def _show(
        self,
        rater: str,
        runs: list[str],
        first: str,
        *,
        parts: list[Sent] | None = None,
        problem: str = "",
    ) -> Response:
        came = {part.run: part for part in parts or []}
        cards = [
            await self._card(rater, run, number, came.get(run)) for number, run in enumerate(runs)
        ]
        order = self._study.order(rater)
        place = order.index(first)
        return self._page(
            "rate.html.j2",
            400 if problem else 200,
            rater=rater,
            cards=cards,
            first=first,
            place=place + 1,
            before=order[place - 1] if place else "",
            after=order[place + 1] if place + 1 < len(order) else "",
            several=len(self._study.siblings(self._study.answer(first))) > 1,
            problem=problem,
            last=self._study.last(rater),
            **self._progress(rater),
        )

    async def _card(self, rater: str, run: str, number: int, part: Sent | None) -> Card:
        study = self._study
        reading = await asyncio.to_thread(study.ledger.answer, run)
        return card_of(
            reading,
            study.rubric(reading.answer),
            study.rated(rater).get(run),
            now=self._now(),
            blind=study.blind,
            number=number,
            part=part,
        )

    def _agreed(self) -> Agreed:
        study = self._study
        rows = list(study.rows)
        return agreed(rows, study.ledger.rubrics(study.campaign), self._draws())

    def _preview(self, part: Sent) -> dict[str, Any]:
        answer = self._study.answer(part.run)
        rubric = self._study.rubric(answer)
        try:
            found = score(rubric, part.chosen, answer.facts)
        except UsageError as error:
            return {"score": None, "sum": "", "problem": str(error)}
        said = " ".join(points(one.points) for one in found.parts)
        return {"score": found.value, "sum": said.removeprefix("+"), "problem": ""}

    def _progress(self, rater: str) -> dict[str, int]:
        return {"done": len(self._study.rated(rater)), "of": len(self._study.answers)}

    def _page(self, template: str, status: int = 200, **values: Any) -> Response:
        study = self._study
        html = self._environment.get_template(template).render(
            campaign=study.campaign, blind=study.blind, url=_url, **values
        )
        return HTMLResponse(html, status)


def _rater(request: Request) -> str:
    return rater_named(request.path_params["rater"])


def _url(*parts: str) -> str:
    """A path of ours from its parts, each quoted."""
    return str(URL("/" + "/".join(quote(part, safe="") for part in parts)))
