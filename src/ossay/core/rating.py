"""One rating of one answer, as a row that is only ever added to: Rating.

An edit is a new row that names the one before it, an undo is a row that names what it takes back.
`current` tells what holds. Knows nothing of rubrics' contents or of pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
from msgspec import Struct

RaterKind = Literal["human", "model"]


class Shown(Struct, frozen=True, omit_defaults=True):
    """How the answer was put before the rater.

    `order` is its place in the rater's own queue, from 0; `blind` whether the model was hidden;
    `beside` are the runs that were shown with it.
    """

    order: int = 0
    blind: bool = True
    beside: tuple[str, ...] = ()


class Form(Struct, frozen=True, omit_defaults=True):
    """What a rater hands in, before it is scored; the fields are those of `Rating`."""

    campaign: str
    run: str
    rater: str
    kind: RaterKind
    chosen: tuple[str, ...]
    at: float
    token: str
    notes: str = ""
    seconds: float | None = None
    shown: Shown = Shown()
    supersedes: str | None = None


class Rating(Struct, frozen=True, omit_defaults=True):
    """What one rater said of one answer at one time.

    Attributes:
        id: Unique, made by whoever makes the row.
        campaign: The campaign of the run.
        run: The run's id.
        rater: A person's name, or a model reference.
        kind: Whether a person or a model rated. The two are never mixed.
        rubric, rubric_version, rubric_digest: What it was made by.
        asked: The items that the rater was asked.
        chosen: Those of them that hold, as the rater says.
        filled: The items that the machine answered with yes.
        score: Computed from these; 0 in an undo.
        notes: What the rater wrote.
        at: Unix seconds.
        seconds: From the moment it was shown; None where nobody measured.
        shown: How it was shown.
        supersedes: The row that this one replaces, or takes back; None for a first rating.
        undone: Whether this row is an undo.
        token: One a form that was filled in: the same form sent twice is one rating.
    """

    id: str
    campaign: str
    run: str
    rater: str
    kind: RaterKind
    rubric: str
    rubric_version: str
    rubric_digest: str
    asked: tuple[str, ...]
    chosen: tuple[str, ...]
    filled: tuple[str, ...]
    score: float
    at: float
    token: str
    notes: str = ""
    seconds: float | None = None
    shown: Shown = Shown()
    supersedes: str | None = None
    undone: bool = False

    @property
    def subject(self) -> tuple[str, ...]:
        """Who rated what by which rubric: of one subject one row holds.

        A judge model rates an answer several times, shown otherwise; each showing is its own.
        """
        shown = () if self.kind == "human" else (str(self.shown.order), *self.shown.beside)
        return (self.kind, self.rater, self.run, self.rubric, *shown)


def undo(rating: Rating, *, id_: str, at: float, token: str) -> Rating:
    """The row that takes `rating` back; what it replaced holds again."""
    return msgspec.structs.replace(
        rating,
        id=id_,
        at=at,
        token=token,
        chosen=(),
        filled=(),
        score=0.0,
        notes="",
        seconds=None,
        supersedes=rating.id,
        undone=True,
    )


def current(ratings: Iterable[Rating]) -> list[Rating]:
    """The ratings that hold: of each subject the last row that is no undo and was not undone.

    Takes rows in the ledger's order and keeps it.
    """
    rows: Sequence[Rating] = list(ratings)
    taken_back = {row.supersedes for row in rows if row.undone}
    last = {row.subject: row for row in rows if not row.undone and row.id not in taken_back}
    held = {row.id for row in last.values()}
    return [row for row in rows if row.id in held]
