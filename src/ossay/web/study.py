"""Study: what is rated: a campaign's answers, the rubrics for them, and the ratings there are.

Answers and ratings are kept in memory and looked up again after a while, since other processes may
add to them; nothing is rated from memory alone. Knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping

from ossay.core.answer import Answer
from ossay.core.errors import UnknownName
from ossay.core.rating import Rating, current
from ossay.core.records import RunKey
from ossay.core.rubric import Rubric
from ossay.records.rescored import Rescored, Stands, rescored, stands
from ossay.web.kept import Kept
from ossay.web.order import order_of

# Seconds after which the ledger is asked again what has been added by others.
_STALE_S = 5.0


class Study:
    """One campaign being rated.

    Args:
        ledger: Where answers are and ratings go.
        campaign: Its name.
        rubrics: By task; an answer of another task can't be rated.
        blind: Whether models are hidden.
        seed: Of the order in which raters see answers.
        monotonic: Seconds.
    """

    def __init__(
        self,
        ledger: Kept,
        campaign: str,
        rubrics: Mapping[str, Rubric],
        *,
        blind: bool,
        seed: int,
        monotonic: Callable[[], float],
    ) -> None:
        self.ledger = ledger
        self.campaign = campaign
        self.rubrics = dict(rubrics)
        self.blind = blind
        self.seed = seed
        self._monotonic = monotonic
        self._answers: dict[str, Answer] = {}
        self._siblings: dict[tuple[str, str, int, int], list[str]] = {}
        self._rows: list[Rating] = []
        self._ids: set[str] = set()
        self._digests = {task: rubric.digest for task, rubric in self.rubrics.items()}
        self._entered: set[str] = set()
        self._held: dict[str, dict[str, Rating]] = {}
        self._stands: dict[str, Stands] = {}
        self._done: dict[str, set[str]] = {}
        self._orders: dict[str, list[str]] = {}
        self._finished = -1
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()

    async def refresh(self) -> None:
        """Look what others have added to the ledger, unless that was done a moment ago."""
        if self._monotonic() - self._looked_at < _STALE_S:
            return
        async with self._looking:
            if self._monotonic() - self._looked_at < _STALE_S:
                return
            self._looked_at = self._monotonic()
            stamp = await asyncio.to_thread(self.ledger.stamp, self.campaign, "human")
            if stamp != (self._finished, len(self._rows)):
                self._look(*await asyncio.to_thread(self._read))
            self._finished = stamp[0]

    def _look(self, answers: list[Answer], rows: list[Rating]) -> None:
        self._answers = {answer.run: answer for answer in answers}
        self._orders.clear()
        read = {row.id for row in rows}
        # No row ever goes: one that was not read was entered here meanwhile.
        self._rows = [*rows, *(row for row in self._rows if row.id not in read)]
        self._ids = {row.id for row in self._rows}
        self._siblings = defaultdict(list)
        for answer in answers:
            self._siblings[_problem(answer.key)].append(answer.run)
        self._hold()

    @property
    def answers(self) -> Mapping[str, Answer]:
        """What can be rated, by run, in the order of the plan."""
        return self._answers

    @property
    def rows(self) -> list[Rating]:
        """People's ratings as they were entered, undone ones too."""
        return self._rows

    @property
    def raters(self) -> list[str]:
        """Who has rated, by name."""
        return sorted(self._held)

    def order(self, rater: str) -> list[str]:
        """All runs in the rater's order."""
        if rater not in self._orders:
            self._orders[rater] = order_of(self._answers, rater=rater, seed=self.seed)
        return self._orders[rater]

    def rated(self, rater: str) -> Mapping[str, Rating]:
        """The rater's ratings that hold, by run; only those by a version of the study's rubric."""
        return self._held.get(rater, {})

    def standing(self, rater: str, run: str) -> Stands | None:
        """How the rater's rating of a run stands by the rubric of today, None where there is none.

        Kept, since neither a row nor an answer's facts ever change.
        """
        row = self.rated(rater).get(run)
        if row is None:
            return None
        if row.id not in self._stands:
            answer = self.answer(run)
            digest = self._digests[answer.key.task]
            self._stands[row.id] = stands(row, self.rubric(answer), answer.facts, digest=digest)
        return self._stands[row.id]

    def done(self, rater: str) -> set[str]:
        """The runs that the rater need not see again: those with a score by the rubric of today."""
        if rater not in self._done:
            found = ((run, self.standing(rater, run)) for run in self.rated(rater))
            self._done[rater] = {run for run, one in found if one and one.score is not None}
        return self._done[rater]

    def rescored(self) -> Rescored:
        """All people's ratings that hold, by the rubrics of today."""
        return rescored(list(self._rows), self.rubrics, self._answers)

    def last(self, rater: str) -> Rating | None:
        """The rater's latest rating that holds."""
        rows = list(self.rated(rater).values())
        return rows[-1] if rows else None

    def rubric(self, answer: Answer) -> Rubric:
        """The rubric for an answer."""
        return self.rubrics[answer.key.task]

    def answer(self, run: str) -> Answer:
        """The answer of a run. Raises `UnknownName`."""
        found = self._answers.get(run)
        if found is None:
            raise UnknownName.of("answer", run, ())
        return found

    def siblings(self, answer: Answer) -> list[str]:
        """The runs at the same problem in the same attempt, this one among them: one a model."""
        return self._siblings[_problem(answer.key)]

    async def enter(self, rating: Rating) -> Rating:
        """Write a rating; returns the row that the ledger has."""
        task = self.answer(rating.run).key.task
        if task not in self._entered:
            await self.ledger.keep_rubric(self.rubrics[task])
            self._entered.add(task)
        stored = await self.ledger.rate(rating)
        if stored.id not in self._ids:
            self._rows.append(stored)
            self._ids.add(stored.id)
            self._add(stored)
        return stored

    def _read(self) -> tuple[list[Answer], list[Rating]]:
        answers = self.ledger.answers(self.campaign)
        rows = self.ledger.ratings(self.campaign, kind="human")
        return [one for one in answers if one.key.task in self.rubrics], rows

    def _add(self, row: Rating) -> None:
        """Take a new row up, at a cost that does not grow with what is there."""
        if row.undone or not self._is_ours(row):
            self._hold(row.rater)
            return
        held = self._held.setdefault(row.rater, {})
        held.pop(row.run, None)  # it is the latest now
        held[row.run] = row
        if row.rater in self._done:
            now = self.standing(row.rater, row.run)
            if now is not None and now.score is not None:
                self._done[row.rater].add(row.run)

    def _hold(self, rater: str | None = None) -> None:
        by_rater: dict[str, list[Rating]] = defaultdict(list)
        for row in self._rows:
            if rater is None or row.rater == rater:
                by_rater[row.rater].append(row)
        if rater is None:
            self._held.clear()
            self._done.clear()
        for name, rows in by_rater.items():
            self._done.pop(name, None)
            self._held[name] = {row.run: row for row in current(rows) if self._is_ours(row)}

    def _is_ours(self, row: Rating) -> bool:
        """Whether it was made by some version of the rubric that its answer has here."""
        answer = self._answers.get(row.run)
        return answer is not None and self.rubric(answer).name == row.rubric


def _problem(key: RunKey) -> tuple[str, str, int, int]:
    return (key.suite, key.task, key.seed, key.attempt)
