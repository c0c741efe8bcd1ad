"""Study: what is rated: a campaign's answers, the rubrics for them, and the ratings there are.

Answers and ratings are kept in memory and looked up again after a while, since other processes may
add to them; nothing is rated from memory alone. Knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Protocol

from ossay.core.answer import Answer, Reading
from ossay.core.errors import UnknownName
from ossay.core.rating import RaterKind, Rating, current
from ossay.core.rubric import Rubric
from ossay.web.order import order_of

# Seconds after which the ledger is asked again what has been added by others.
_STALE_S = 5.0


class Kept(Protocol):
    """The part of a ledger that rating needs."""

    def answers(self, campaign: str, *, after: int = -1, limit: int | None = None) -> list[Answer]:
        """Return a campaign's answers, without their texts."""
        ...

    def answer(self, run: str) -> Reading:
        """Return one answer with its text."""
        ...

    def artefact(self, run: str, name: str) -> bytes:
        """Return what a grader kept."""
        ...

    def ratings(
        self, campaign: str, *, rater: str | None = None, kind: RaterKind | None = None
    ) -> list[Rating]:
        """Return all rows of ratings."""
        ...

    def rubrics(self, campaign: str) -> dict[str, Rubric]:
        """Return the rubrics that ratings were made by, by digest."""
        ...

    def stamp(self, campaign: str, kind: RaterKind | None = None) -> tuple[int, int]:
        """Return how many finished runs and rows of ratings there are."""
        ...

    async def keep_rubric(self, rubric: Rubric) -> None:
        """Write a rubric, unless it is there."""
        ...

    async def rate(self, rating: Rating) -> Rating:
        """Write a rating."""
        ...


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
        self._rows: list[Rating] = []
        self._held: dict[str, dict[str, Rating]] = {}
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
        self._rows = rows
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
        """The rater's ratings that hold, by run."""
        return self._held.get(rater, {})

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
        """The runs at the same problem, one a model: its first attempt, but this one itself."""
        key = answer.key
        found = {key.model: answer.run}
        for other in self._answers.values():
            same = (other.key.suite, other.key.task, other.key.seed) == (
                key.suite, key.task, key.seed,
            )  # fmt: skip
            if same:
                found.setdefault(other.key.model, other.run)
        return list(found.values())

    async def enter(self, rating: Rating) -> Rating:
        """Write a rating; returns the row that the ledger has."""
        await self.ledger.keep_rubric(self.rubric(self.answer(rating.run)))
        stored = await self.ledger.rate(rating)
        if all(row.id != stored.id for row in reversed(self._rows[-200:])):
            self._rows.append(stored)
            self._hold(stored.rater)
        return stored

    def _read(self) -> tuple[list[Answer], list[Rating]]:
        answers = self.ledger.answers(self.campaign)
        rows = self.ledger.ratings(self.campaign, kind="human")
        return [one for one in answers if one.key.task in self.rubrics], rows

    def _hold(self, rater: str | None = None) -> None:
        by_rater: dict[str, list[Rating]] = defaultdict(list)
        for row in self._rows:
            if rater is None or row.rater == rater:
                by_rater[row.rater].append(row)
        if rater is None:
            self._held.clear()
        for name, rows in by_rater.items():
            self._held[name] = {row.run: row for row in current(rows)}
