"""Which answers a judge is shown beside which, so that position and length can be told apart.

Answers to one instance are put in the order of their length, and each is shown beside its shorter
and beside its longer neighbour, both ways round. Knows nothing of what is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from ossay.core.answer import Answer
from ossay.core.rating import Shown


def length_of(answer: Answer) -> float:
    """Characters of a reply; where they are not known, its tokens; 0 where nothing is."""
    characters = answer.facts.get("characters")
    if isinstance(characters, bool | str) or characters is None:
        return float(answer.output_tokens or 0)
    return float(characters)


def showings(answers: Iterable[Answer]) -> list[tuple[Answer, ...]]:
    """What is shown together, in the order of showing: two answers, or one that stands alone.

    n answers to an instance make 2 (n - 1) showings, and all but the shortest and the longest are
    seen four times.
    """
    groups: dict[tuple[str, str, int], list[Answer]] = {}
    for answer in answers:
        key = answer.key
        groups.setdefault((key.suite, key.task, key.seed), []).append(answer)
    shown: list[tuple[Answer, ...]] = []
    for group in groups.values():
        ordered = sorted(group, key=lambda one: (length_of(one), one.run))
        if len(ordered) == 1:
            shown.append((ordered[0],))
        for one, other in pairwise(ordered):
            shown += [(one, other), (other, one)]
    return shown


def shown_as(answers: Sequence[Answer], at: int) -> Shown:
    """How the answer at that place of a showing was shown."""
    return Shown(at, blind=True, beside=tuple(one.run for i, one in enumerate(answers) if i != at))
