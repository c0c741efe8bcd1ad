"""The pages on which answers are rated: one alone or several side by side, the score, the undo.

A form that can't be taken comes back with what was in it and the reason. Knows nothing of who may
ask: `guard` does.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ossay.core.errors import UsageError
from ossay.core.rating import Form, Rating, Shown, undo
from ossay.core.score import rated, score
from ossay.web.card import Card, card_of, points
from ossay.web.form import Sent, count, fields_of, sent
from ossay.web.frame import Frame, path_of, rater_of
from ossay.web.order import beside
from ossay.web.study import Study

_MOST_BESIDE = 4


class RatingPages:
    """The pages of one study that take ratings.

    Args:
        study: What is rated.
        frame: The templates.
        now: Unix time.
    """

    def __init__(self, study: Study, frame: Frame, now: Callable[[], float]) -> None:
        self._study = study
        self._frame = frame
        self._now = now

    async def answer(self, request: Request) -> Response:
        """One answer with its rubric."""
        return await self._rating(request, side_by_side=False)

    async def compare(self, request: Request) -> Response:
        """Answers of several models at one problem, side by side."""
        return await self._rating(request, side_by_side=True)

    async def undo(self, request: Request) -> Response:
        """Take the rater's latest rating back, and show its answer."""
        fields = await fields_of(request)
        await self._study.refresh()
        rater = rater_of(request)
        named = fields.get("rating", [""])[-1]
        held = next((r for r in self._study.rated(rater).values() if r.id == named), None)
        if held is None:  # sent twice, or from a page that is not of today
            return RedirectResponse(path_of("rate", rater), 303)
        row = undo(held, id_=uuid.uuid4().hex, at=self._now(), token=f"undo-{held.id}")
        await self._study.enter(row)
        return RedirectResponse(path_of("rate", rater, held.run), 303)

    async def preview(self, request: Request) -> Response:
        """The score of a form as it stands, as JSON; nothing is kept."""
        fields = await fields_of(request)
        await self._study.refresh()
        scores = [self._preview(sent(fields, number)) for number in range(count(fields))]
        return Response(msgspec.json.encode(scores), media_type="application/json")

    async def _rating(self, request: Request, *, side_by_side: bool) -> Response:
        study, rater = self._study, rater_of(request)
        fields = await fields_of(request) if request.method == "POST" else {}
        await study.refresh()
        first = study.answer(request.path_params["run"])
        runs = [first.run]
        if side_by_side:
            siblings = study.siblings(first)
            runs = beside(siblings, first.run, rater=rater, seed=study.seed, most=_MOST_BESIDE)
        if not fields:
            return await self._show(rater, runs, first.run)
        parts = [sent(fields, number) for number in range(count(fields))]
        problem = await self._take(rater, runs, parts)
        if problem:
            again = [msgspec.structs.replace(p, token=secrets.token_hex(16)) for p in parts]
            return await self._show(rater, runs, first.run, parts=again, problem=problem)
        way = f"{path_of('rate', rater)}?after={first.run}{'&beside=' if side_by_side else ''}"
        return RedirectResponse(way, 303)

    async def _take(self, rater: str, runs: list[str], parts: list[Sent]) -> str:
        """Enter the ratings of a form; the reason where that can't be."""
        if not parts or any(part.run not in runs for part in parts):
            return "The page shows other answers now; look again."
        try:
            rows = [self._rated(rater, runs, part) for part in parts]
            stored = [await self._study.enter(row) for row in rows]
        except UsageError as error:
            return str(error)
        held = {row.id for row in self._study.rated(rater).values()}
        was_there = [row for row, made in zip(stored, rows, strict=True) if row.id != made.id]
        if any(row.id not in held for row in was_there):
            return "This was sent before, and taken back or changed since. Send it again to keep it"
        return ""

    def _rated(self, rater: str, runs: list[str], part: Sent) -> Rating:
        study, now = self._study, self._now()
        answer = study.answer(part.run)
        spent = None if part.began is None else max(0.0, now - part.began)
        held = study.rated(rater).get(part.run)
        token = _token(rater, part)
        form = Form(
            campaign=study.campaign,
            run=part.run,
            rater=rater,
            kind="human",
            chosen=part.chosen,
            at=now,
            token=token,
            notes=part.notes,
            seconds=spent,
            shown=Shown(
                study.order(rater).index(part.run),
                study.blind,
                tuple(run for run in runs if run != part.run),
            ),
            supersedes=held.id if held is not None and held.token != token else None,
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
        return self._frame.of_rater(
            "rate.html.j2",
            rater,
            400 if problem else 200,
            cards=cards,
            first=first,
            place=place + 1,
            before=order[place - 1] if place else "",
            after=order[place + 1] if place + 1 < len(order) else "",
            several=len(self._study.siblings(self._study.answer(first))) > 1,
            problem=problem,
            last=self._study.last(rater),
        )

    async def _card(self, rater: str, run: str, number: int, part: Sent | None) -> Card:
        study = self._study
        reading = await asyncio.to_thread(study.ledger.answer, run)
        return card_of(
            reading,
            study.rubric(reading.answer),
            study.standing(rater, run),
            now=self._now(),
            blind=study.blind,
            number=number,
            part=part,
        )

    def _preview(self, part: Sent) -> dict[str, Any]:
        answer = self._study.answer(part.run)
        rubric = self._study.rubric(answer)
        try:
            found = score(rubric, part.chosen, answer.facts)
        except UsageError as error:
            return {"score": None, "sum": "", "problem": str(error)}
        if found.value is None:
            return {"score": None, "sum": "", "problem": "Choose a base."}
        said = " ".join(points(one.points) for one in found.parts)
        return {"score": found.value, "sum": said.removeprefix("+"), "problem": ""}


def _token(rater: str, part: Sent) -> str:
    """One for what a form said: sent twice it is one rating; changed after 'back', an edit."""
    said = msgspec.json.encode((rater, part.token, part.run, part.chosen, part.notes))
    return hashlib.sha256(said).hexdigest()
