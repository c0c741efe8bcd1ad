"""What people and judge models said of a campaign's answers, as a ledger holds it: Judgements.

It lies beside a campaign's record: a record has runs alone. Knows nothing of where it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from ossay.core.rating import RaterKind, Rating
from ossay.core.rubric import Rubric


def _nothing(run: str, name: str) -> bytes | None:
    return None


class Judgements(Struct, frozen=True):
    """Ratings, and what a grader kept to look at.

    Attributes:
        ratings: Every row, in the ledger's order, or those that hold, scored anew.
        rubrics: Digest -> rubric, of all that the ratings were made by.
        artefact: Run and name, such as 'screenshot.png', to what was kept; None where there is
            nothing.
        notes: By kind of rater, what became of ratings by older versions of a rubric, one
            sentence each.
        together: Where those were scored anew, people's and judges' apart: the same by one version
            of each rubric for both, so that one can be held against the other; else empty.
    """

    ratings: tuple[Rating, ...] = ()
    rubrics: Mapping[str, Rubric] = field(default_factory=dict)
    artefact: Callable[[str, str], bytes | None] = _nothing
    notes: Mapping[RaterKind, tuple[str, ...]] = field(default_factory=dict)
    together: tuple[Rating, ...] = ()


NOTHING = Judgements()
