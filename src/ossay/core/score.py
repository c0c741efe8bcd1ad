"""Computing a score from a rubric, a rater's choices and a grade's facts. It is never typed in.

The same function serves people, models and machines. Knows nothing of ledgers or pages.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import msgspec
from msgspec import Struct

from ossay.core.errors import UsageError, nearest
from ossay.core.rating import Form, Rating
from ossay.core.rubric import By, Facts, Item, Rubric

_DIGITS = 6  # of a sum: 8 + 0.1 + 0.2 is 8.3, as 8 + 0.3 is


class Part(Struct, frozen=True):
    """An item that holds, with its points and whose answer that is."""

    id: str
    points: float
    by: By


class Score(Struct, frozen=True):
    """What came out.

    Attributes:
        value: Within the rubric's scale; None as long as there is no tier.
        parts: The items that hold, the tier first.
        unanswered: The machine's items whose facts are not known: they don't hold, unless a rater
            chose them.
        capped_from: The sum before a cap or the scale cut it; None where nothing was cut.
    """

    value: float | None
    parts: tuple[Part, ...]
    unanswered: tuple[str, ...] = ()
    capped_from: float | None = None

    @property
    def filled(self) -> tuple[str, ...]:
        """The ids of the items that the machine answered with yes."""
        return tuple(part.id for part in self.parts if part.by == "machine")


class NotComparable(Struct, frozen=True):
    """Why an old rating says nothing under a new rubric, for a person."""

    reason: str


def open_items(rubric: Rubric, facts: Facts) -> tuple[Item, ...]:
    """The items that a rater is asked: judgements, and what the machine could not find out.

    Where the machine found the tier, no tier is asked for.
    """
    tiers = () if _machine_tier(rubric, facts) else rubric.tiers
    asked = (*tiers, *rubric.bonuses, *rubric.penalties)
    undecided = (item for item in asked if item.kind == "tier" or item.answered(facts) is None)
    return tuple(item for item in undecided if item.answered(facts) is not False)


def score(rubric: Rubric, chosen: Collection[str], facts: Facts) -> Score:
    """Compute the score of an answer.

    Args:
        rubric: What is asked.
        chosen: Ids of the items that the rater says hold.
        facts: What the grader found, by name.

    Raises:
        UsageError: an id is none of `open_items`, two tiers are chosen, two chosen items exclude
            each other, or one lacks an item that it needs.
    """
    asked = {item.id: item for item in open_items(rubric, facts)}
    _check(rubric, chosen, asked)
    tier = _machine_tier(rubric, facts)
    by: dict[str, By] = {} if tier is None else {tier.id: "machine"}
    by |= {item.id: "rater" for item in rubric.items if item.id in chosen}
    found = [item for item in (*rubric.bonuses, *rubric.penalties) if item.answered(facts)]
    for item in found:
        whole = _with_needs(item, found, by)
        if _fits(rubric, whole, by):
            by |= {one.id: "machine" for one in whole}
    _check_together(rubric, by, asked)
    parts = tuple(Part(item.id, item.points, by[item.id]) for item in rubric.items if item.id in by)
    unknown = tuple(id_ for id_, item in asked.items() if item.by == "machine")
    if not any(item.id in by for item in rubric.tiers):
        return Score(None, parts, unknown)
    total = round(math.fsum(part.points for part in parts), _DIGITS)
    most = min([rubric.scale[1], *(cap.at for cap in rubric.caps if by.keys() >= {*cap.having})])
    value = max(rubric.scale[0], min(most, total))
    return Score(value, parts, unknown, None if value == total else total)


def rated(rubric: Rubric, form: Form, facts: Facts, *, id_: str) -> Rating:
    """Score a form and make the row of it.

    Raises:
        UsageError: as `score` says, or no tier is chosen and the machine found none.
    """
    found = score(rubric, form.chosen, facts)
    if found.value is None:
        raise UsageError(
            f"nothing can be scored without a base: choose one of "
            f"{', '.join(repr(tier.id) for tier in rubric.tiers)}"
        )
    asked = tuple(item.id for item in open_items(rubric, facts))
    own = {
        "id": id_,
        "rubric": rubric.name,
        "rubric_version": rubric.version,
        "rubric_digest": rubric.digest,
        "asked": asked,
        "chosen": tuple(item for item in asked if item in form.chosen),
        "filled": found.filled,
        "score": found.value,
    }
    return Rating(**{**msgspec.structs.asdict(form), **own})


def rescore(rubric: Rubric, rating: Rating, facts: Facts) -> Score | NotComparable:
    """What an earlier rating gives under another version of its rubric.

    Items that are gone no longer count; what a rater said of an item that the machine answers now
    gives way to the machine. Where something is asked now that was not asked then, nothing can be
    said.
    """
    if rating.rubric != rubric.name:
        return NotComparable(f"it was made by the rubric {rating.rubric!r}, not {rubric.name!r}")
    now = {item.id: item for item in open_items(rubric, facts)}
    new = [id_ for id_ in now if id_ not in rating.asked]
    if new and rating.rubric_digest != rubric.digest:
        return NotComparable(f"{new[0]!r} was not asked then")
    kept = [id_ for id_ in rating.chosen if id_ in now]
    try:
        found = score(rubric, kept, facts)
    except UsageError as error:
        return NotComparable(str(error))
    if found.value is None:
        gone = [id_ for id_ in rating.chosen if id_ not in now]
        return NotComparable(f"its tier is gone: {', '.join(gone) or 'none was chosen'}")
    return found


def _machine_tier(rubric: Rubric, facts: Facts) -> Item | None:
    """The first tier that holds, if the machine could rule out all before it."""
    open_ = (tier for tier in rubric.tiers if tier.answered(facts) is not False)
    first = next(open_, None)
    return first if first is not None and first.answered(facts) else None


def _check(rubric: Rubric, chosen: Collection[str], asked: Collection[str]) -> None:
    for id_ in chosen:
        if id_ in asked:
            continue
        if rubric.item(id_) is None:
            known = [item.id for item in rubric.items]
            raise UsageError(f"rubric {rubric.name!r} has no item {id_!r}{nearest(id_, known)}")
        raise UsageError(f"item {id_!r} is answered by the machine for this answer; leave it out")
    tiers = [item.id for item in rubric.tiers if item.id in chosen]
    if len(tiers) > 1:
        raise UsageError(f"{tiers[0]!r} and {tiers[1]!r} are both tiers; choose one")


def _check_together(rubric: Rubric, by: Collection[str], asked: Collection[str]) -> None:
    for item in rubric.items:
        if item.id not in by:
            continue
        other = next((id_ for id_ in item.excludes if id_ in by), "")
        if other:
            raise UsageError(f"{item.id!r} and {other!r} exclude each other; choose one")
        lacking = next((id_ for id_ in item.needs if id_ not in by), "")
        if lacking:
            way = "; choose both or neither"
            if lacking not in asked:
                way = ", which does not hold for this answer; leave it out"
            raise UsageError(f"{item.id!r} counts only with {lacking!r}{way}")


def _with_needs(item: Item, found: Sequence[Item], by: Collection[str]) -> list[Item]:
    """One of the machine's items and all of its others that must hold for it, not yet held."""
    whole = [item]
    for one in whole:  # grows meanwhile
        needed = (other for other in found if other.id in one.needs and other.id not in by)
        whole += [other for other in needed if other not in whole]
    return whole


def _fits(rubric: Rubric, new: Sequence[Item], by: Collection[str]) -> bool:
    """Whether these items of the machine's count together, beside those that hold."""
    ids = {*by, *(item.id for item in new)}
    held = [other for other in rubric.items if other.id in ids]
    excluded = any(
        one.id in item.excludes or item.id in one.excludes for one in held for item in new
    )
    return not excluded and all(id_ in ids for item in new for id_ in item.needs)
