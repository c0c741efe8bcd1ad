"""A judge model that rates a campaign's answers by the rubrics that people rate by.

Each answer is judged in several showings (`showings`), each a row of kind 'model' in the ledger.
What is there already is not asked again. Knows nothing of what people said.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from ossay.campaign.sheet import question, read_reply
from ossay.campaign.showings import showings, shown_as
from ossay.core.answer import Answer
from ossay.core.errors import ModelCallError, UsageError
from ossay.core.model import Model
from ossay.core.rating import Form, Rating
from ossay.core.rubric import Item, Rubric
from ossay.core.score import open_items, rated
from ossay.core.types import Reply, Usage

if TYPE_CHECKING:
    from ossay.store.ledger import Ledger

# Calls that fail one after the other before it stops: the model is gone, or says no to all.
_IN_A_ROW = 5


class Judging(Struct):
    """How judging stands. Money is USD, None where a call's cost is not known."""

    answers: int = 0  # that have a rubric and something to judge
    decided: int = 0  # answers of which the machine knows everything: entered, not asked
    unrubriced: int = 0  # answers to tasks without a rubric
    showings: int = 0
    done: int = 0  # showings, those of earlier times too
    rated: int = 0  # rows entered now that the model was asked for
    unusable: int = 0  # replies that are not what was asked for
    failed: int = 0  # calls without a reply
    problem: str = ""  # the last of these, for a person
    usage: Usage = msgspec.field(default_factory=Usage)
    cost_usd: float | None = 0.0
    stopped: str = ""


class Judge:
    """One model that judges one campaign.

    Args:
        model: Who judges.
        rubrics: Task -> rubric.
        ledger: Where the answers are and the ratings go.
        campaign: Whose answers.
        clock: Unix time.
        max_usd: No call starts once so much was spent; None for no limit.
        on_progress: Called after each showing.
    """

    def __init__(
        self,
        model: Model,
        rubrics: Mapping[str, Rubric],
        ledger: Ledger,
        campaign: str,
        *,
        clock: Callable[[], float],
        max_usd: float | None = None,
        on_progress: Callable[[Judging], None] | None = None,
    ) -> None:
        self._model = model
        self._rubrics = rubrics
        self._ledger = ledger
        self._campaign = campaign
        self._clock = clock
        self._max_usd = max_usd
        self._on_progress = on_progress
        self._state = Judging()
        self._in_a_row = 0
        self._decided: list[Answer] = []

    async def judge(self, *, concurrency: int = 4, tasks: Sequence[str] = ()) -> Judging:
        """Judge all answers, or those to some tasks; return how it stands then."""
        answers = self._to_judge(self._ledger.answers(self._campaign), tasks)
        shown = showings(answers)
        self._state.answers, self._state.showings = len(answers), len(shown)
        self._state.decided = len(self._decided)
        for task in dict.fromkeys(one.key.task for one in (*answers, *self._decided)):
            await self._ledger.keep_rubric(self._rubrics[task])
        judge = self._model.card.reference
        before = self._ledger.ratings(self._campaign, rater=judge, kind="model")
        there = {row.token for row in before}
        await self._enter_decided(there)
        waiting = iter(shown)
        workers = [asyncio.create_task(self._work(waiting, there)) for _ in range(concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return self._state

    def _to_judge(self, answers: Sequence[Answer], tasks: Sequence[str]) -> list[Answer]:
        found = []
        for answer in answers:
            if tasks and answer.key.task not in tasks:
                continue
            rubric = self._rubrics.get(answer.key.task)
            if rubric is None:
                self._state.unrubriced += 1
            elif not open_items(rubric, answer.facts):
                self._decided.append(answer)
            else:
                found.append(answer)
        return found

    async def _enter_decided(self, there: set[str]) -> None:
        """Enter what the machine alone says: without it, only what is hard to tell has a score."""
        for answer in self._decided:
            if self._token((answer,), 0) not in there:
                await self._ledger.rate(self._row((answer,), 0, (), "", None))

    async def _work(self, waiting: Iterator[tuple[Answer, ...]], there: set[str]) -> None:
        for answers in waiting:
            if not all(self._token(answers, at) in there for at in range(len(answers))):
                if self._over():
                    return
                was_done = await self._show(answers)
            else:
                was_done = True
            self._state.done += was_done
            if self._on_progress is not None:
                self._on_progress(self._state)

    def _over(self) -> bool:
        state = self._state
        if self._in_a_row >= _IN_A_ROW:
            state.stopped = "failing"
        elif self._max_usd is not None and state.cost_usd is None:
            state.stopped = "cost_unknown"
        elif self._max_usd is not None and (state.cost_usd or 0.0) >= self._max_usd:
            state.stopped = "max_usd"
        return bool(state.stopped)

    async def _show(self, answers: tuple[Answer, ...]) -> bool:
        """Ask about one showing and enter what comes back; whether that could be taken."""
        readings = [await asyncio.to_thread(self._ledger.answer, one.run) for one in answers]
        asked = [open_items(self._rubrics[one.key.task], one.facts) for one in answers]
        request = question(readings[0].prompt, [reading.text for reading in readings], asked)
        try:
            reply = await self._model.reply(request)
        except ModelCallError as error:
            self._state.failed += 1
            self._in_a_row += 1
            self._state.problem = str(error)
            return False
        self._in_a_row = 0
        self._book(reply)
        try:
            forms = self._forms(answers, asked, reply)
        except (ValueError, UsageError) as error:
            self._state.unusable += 1
            self._state.problem = str(error)
            return False
        for row in forms:
            await self._ledger.rate(row)
            self._state.rated += 1
        return True

    def _book(self, reply: Reply) -> None:
        state = self._state
        state.usage = state.usage + reply.usage
        price = self._model.card.price
        cost = None if price is None else price.cost(reply.usage)
        state.cost_usd = None if cost is None or state.cost_usd is None else state.cost_usd + cost

    def _forms(
        self, answers: tuple[Answer, ...], asked: Sequence[Sequence[Item]], reply: Reply
    ) -> list[Rating]:
        """The rows of a reply; all of them can be entered, or none is."""
        said = read_reply(reply.message.content, asked)
        return [
            self._row(answers, at, chosen, why, reply.timing.total_s)
            for at, (chosen, why) in enumerate(said)
        ]

    def _row(
        self,
        answers: tuple[Answer, ...],
        at: int,
        chosen: Sequence[str],
        why: str,
        seconds: float | None,
    ) -> Rating:
        answer, token = answers[at], self._token(answers, at)
        form = Form(
            self._campaign,
            answer.run,
            self._model.card.reference,
            "model",
            tuple(chosen),
            self._clock(),
            token,
            notes=why,
            seconds=seconds,
            shown=shown_as(answers, at),
        )
        return rated(self._rubrics[answer.key.task], form, answer.facts, id_=token)

    def _token(self, answers: tuple[Answer, ...], at: int) -> str:
        """The same showing to the same judge by the same rubric is one rating."""
        rubric = self._rubrics[answers[at].key.task]
        shown = [one.run for one in answers]
        judge = self._model.card.reference
        named = msgspec.json.encode((self._campaign, judge, rubric.digest, shown, at))
        return hashlib.sha256(named).hexdigest()
