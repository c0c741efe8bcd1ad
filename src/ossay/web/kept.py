"""What rating needs of a ledger. Knows nothing of how one is kept."""

from __future__ import annotations

from typing import Protocol

from ossay.core.answer import Answer, Reading
from ossay.core.rating import RaterKind, Rating
from ossay.core.rubric import Rubric


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
