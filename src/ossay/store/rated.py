"""What a ledger does with answers and their ratings. Reading is plain, writing is awaited.

Knows nothing of how the database is opened, or of when a transaction ends.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from sqlalchemy import Connection

from ossay.core.answer import Answer, Reading
from ossay.core.rating import RaterKind, Rating
from ossay.core.rubric import Rubric
from ossay.store.answers import list_answers, read_answer, read_artefact
from ossay.store.ratings import count_rated, enter_rating, keep_rubric, list_ratings, rubrics_of

T = TypeVar("T")


class Rated(ABC):
    """The part of a `Ledger` that has answers and ratings."""

    def answers(self, campaign: str, *, after: int = -1, limit: int | None = None) -> list[Answer]:
        """Return what can be rated of a campaign, in the order of the plan, without the texts.

        `after` is the `position` of the last answer of the page before. Raises `UnknownName`.
        """
        with self._reading() as connection:
            return list_answers(connection, campaign, after=after, limit=limit)

    def answer(self, run: str) -> Reading:
        """Return one answer with its text; raises `UnknownName` where the run has none."""
        with self._reading() as connection:
            return read_answer(connection, run)

    def artefact(self, run: str, name: str) -> bytes:
        """Return what a grader kept of a run, such as 'screenshot.png'; raises `UnknownName`."""
        with self._reading() as connection:
            return read_artefact(connection, run, name)

    def ratings(
        self, campaign: str, *, rater: str | None = None, kind: RaterKind | None = None
    ) -> list[Rating]:
        """Return a campaign's ratings, every row in the order of entry; `current` tells which hold.

        `rater` and `kind` pick some. No such campaign has no ratings.
        """
        with self._reading() as connection:
            return list_ratings(connection, campaign, rater=rater, kind=kind)

    def rubrics(self, campaign: str) -> dict[str, Rubric]:
        """Digest -> rubric, of all that a campaign's ratings were made by."""
        with self._reading() as connection:
            return rubrics_of(connection, campaign)

    def stamp(self, campaign: str, kind: RaterKind | None = None) -> tuple[int, int]:
        """How many finished runs and how many rows of ratings there are: equal where none came."""
        with self._reading() as connection:
            return count_rated(connection, campaign, kind)

    async def keep_rubric(self, rubric: Rubric) -> None:
        """Enter a version of a rubric, unless it is there. Needed before ratings by it."""
        await self._do(lambda connection: keep_rubric(connection, rubric))

    async def rate(self, rating: Rating) -> Rating:
        """Enter a rating and return it once it is durable.

        Where its token was entered before, nothing is written and that row is returned: a form sent
        twice is one rating.

        Raises:
            UsageError: no such run, rubric or rating to replace, or another rating's token.
        """
        return await self._do(lambda connection: enter_rating(connection, rating))

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Connection]:
        """A transaction that reads."""

    @abstractmethod
    async def _do(self, job: Callable[[Connection], T]) -> T:
        """Return what `job` returns, once what it wrote is durable."""
