"""Card: one answer as a page shows it: its text, its checks, its rubric's items with their keys.

Knows nothing of HTTP or of how a page looks.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence

from msgspec import Struct

from ossay.core.answer import Reading
from ossay.core.display import visible
from ossay.core.errors import UsageError
from ossay.core.rubric import Item, Rubric
from ossay.core.score import Score, open_items, score
from ossay.records.rescored import Stands
from ossay.web.form import Sent
from ossay.web.markup import MOST_SHOWN, Block, blocks_of

# Keys of items on the keyboard; n, u and the arrows are the page's.
_TIER_KEYS = "123456789"
_ITEM_KEYS = "qwertyasdfghzxcvb"
_MOST_FACTS = 24
_LETTERS = "ABCDEFGH"


class Choice(Struct, frozen=True):
    """An item that the rater is asked."""

    id: str
    text: str
    points: str
    key: str
    chosen: bool


class Found(Struct, frozen=True):
    """An item that the machine answered with yes."""

    text: str
    points: str


class Card(Struct, frozen=True):
    """One answer, ready to show. `model` is '' where it is hidden.

    `facts` are what the grader found, in the form of (name, value); `screenshot` tells whether one
    was kept; `left_out` whether the text is longer than what is shown; `held` the id of the
    rater's rating that holds, '' without one; `older` what became of a rating by an older version
    of the rubric, a sentence.
    """

    number: int
    letter: str
    run: str
    task: str
    seed: int
    model: str
    outcome: str
    reason: str
    prompt: str
    blocks: list[Block]
    left_out: bool
    characters: int
    screenshot: bool
    facts: list[tuple[str, str]]
    tiers: list[Choice]
    items: list[Choice]
    found: list[Found]
    value: float | None
    notes: str
    rubric: Rubric
    token: str
    began: float
    held: str
    older: str


def card_of(
    reading: Reading,
    rubric: Rubric,
    held: Stands | None,
    *,
    now: float,
    blind: bool,
    number: int = 0,
    part: Sent | None = None,
) -> Card:
    """Make an answer's card; `held` is the rater's rating that holds, and how it stands.

    `part` is of a form that came back, and wins over `held`.
    """
    answer = reading.answer
    asked = open_items(rubric, answer.facts)
    came = part or (held.rating if held is not None else None)
    chosen = came.chosen if came is not None else ()
    possible = [item.id for item in asked if item.id in chosen]
    said = _score(rubric, possible, reading)
    return Card(
        number=number,
        letter=_LETTERS[number],
        run=answer.run,
        task=answer.key.task,
        seed=answer.key.seed,
        model="" if blind else answer.key.model,
        outcome=answer.outcome.value.replace("_", " "),
        reason=visible(answer.reason, 500),
        prompt=visible(reading.prompt, MOST_SHOWN),
        blocks=blocks_of(reading.text),
        left_out=len(reading.text) > MOST_SHOWN,
        characters=len(reading.text),
        screenshot="screenshot.png" in reading.artefacts,
        facts=_facts(reading),
        tiers=_choices([i for i in asked if i.kind == "tier"], _TIER_KEYS, possible),
        items=_choices([i for i in asked if i.kind != "tier"], _ITEM_KEYS, possible),
        found=_found(rubric, said),
        value=said.value if said is not None else None,
        notes=came.notes if came is not None else "",
        rubric=rubric,
        token=part.token if part is not None else secrets.token_hex(16),
        began=part.began if part is not None and part.began is not None else round(now, 3),
        held=held.rating.id if held is not None else "",
        older=older_version(held, rubric) if held is not None else "",
    )


def older_version(held: Stands, rubric: Rubric) -> str:
    """What became of a rating by an older version of its rubric, a sentence; '' by this one."""
    if not held.older:
        return ""
    was = f"rated {held.rating.score:g} by version {visible(held.rating.rubric_version, 40)}"
    if held.score is None:
        return f"{was}; cannot be compared: {visible(held.reason, 200)}"
    return f"{was}; {held.score:g} under version {visible(rubric.version, 40)}"


def points(value: float) -> str:
    """Points with their sign and no needless decimals: '+0.25', '−1', '9'."""
    return f"{value:+g}".replace("-", "−")


def _choices(items: Sequence[Item], keys: str, chosen: Collection[str]) -> list[Choice]:
    return [
        Choice(
            item.id,
            visible(item.text),
            f"{item.points:g}" if item.kind == "tier" else points(item.points),
            keys[place] if place < len(keys) else "",
            item.id in chosen,
        )
        for place, item in enumerate(items)
    ]


def _score(rubric: Rubric, chosen: Collection[str], reading: Reading) -> Score | None:
    try:
        return score(rubric, chosen, reading.answer.facts)
    except UsageError:
        return None


def _found(rubric: Rubric, said: Score | None) -> list[Found]:
    parts = said.parts if said is not None else ()
    found: list[Found] = []
    for part in parts:
        item = rubric.item(part.id)
        if item is not None and part.by == "machine":
            value = f"{part.points:g}" if item.kind == "tier" else points(part.points)
            found.append(Found(visible(item.text), value))
    return found


def _facts(reading: Reading) -> list[tuple[str, str]]:
    listed = sorted(reading.answer.facts.items())[:_MOST_FACTS]
    return [(visible(name, 60).replace("_", " "), _said(value)) for name, value in listed]


def _said(value: bool | int | float | str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return visible(value, 120) if isinstance(value, str) else f"{value:,g}"
