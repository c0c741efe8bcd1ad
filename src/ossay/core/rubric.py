"""A rubric: base tiers, bonuses, penalties and caps that a score is computed from.

Read from TOML, strictly. An item's id is its question: whoever changes what is asked gives another
id, so that answers to the old one are not taken for answers to the new one; points, caps and
conditions may change with the version. Knows nothing of who answers, or of how a fact was found.
"""

from __future__ import annotations

import datetime
import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import Struct, field

from ossay.core.config import decode_toml
from ossay.core.errors import ConfigError, nearest

Kind = Literal["tier", "bonus", "penalty"]
By = Literal["machine", "rater"]
Fact = bool | int | float | str
Facts = Mapping[str, Fact]

_ID = re.compile(r"[a-z][a-z0-9_]{0,59}")
_TESTS = ("is_", "one_of", "at_least", "at_most", "above", "below")


class Condition(Struct, frozen=True, omit_defaults=True):
    """One test of one fact; just one of the tests is given. `is` may be any value."""

    fact: str
    is_: Fact | None = field(default=None, name="is")
    one_of: tuple[str, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None

    def holds(self, facts: Facts) -> bool | None:
        """Whether it holds; None where the fact is not known, or is no number and should be."""
        value = facts.get(self.fact)
        if value is None:
            return None
        if self.is_ is not None:
            # 1 == True in Python, not in a rubric.
            return isinstance(value, bool) == isinstance(self.is_, bool) and value == self.is_
        if self.one_of is not None:
            return value in self.one_of
        if isinstance(value, bool | str) or math.isnan(value):
            return None
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )


class Item(Struct, frozen=True, omit_defaults=True):
    """One question of a rubric.

    Attributes:
        id: Unique in its rubric.
        text: What it says to a rater.
        kind: A tier is the base of a score, of which there is just one; bonuses and penalties are
            added to it.
        points: Penalties are negative.
        by: Who answers. The machine answers by `when`; where a fact is not known, a rater may.
        when: All of these must hold for the machine's yes; of a rater's item, for it to be asked.
        excludes: Items that cannot hold beside this one. Of two of the machine's, the first in the
            file holds.
        needs: Items that must hold for this one to count.
        added: Whether it is ours, where the published scale has none.
    """

    id: str
    text: str
    kind: Kind
    points: float
    by: By = "rater"
    when: tuple[Condition, ...] = ()
    excludes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    added: bool = False

    def answered(self, facts: Facts) -> bool | None:
        """The machine's answer; None where a rater is to give it.

        No to a rater's item is that it does not apply.
        """
        answers = [condition.holds(facts) for condition in self.when]
        if False in answers:
            return False
        return None if self.by == "rater" or None in answers else True


class Cap(Struct, frozen=True, omit_defaults=True):
    """No score is above `at` where all items of `having` hold; always, where there are none."""

    at: float
    having: tuple[str, ...] = ()
    text: str = ""


class Rubric(Struct, frozen=True, omit_defaults=True):
    """A version of a rubric. `scale` is the lowest and the highest score there can be."""

    name: str
    version: str
    date: datetime.date
    task: str
    title: str
    scale: tuple[float, float]
    tiers: tuple[Item, ...]
    bonuses: tuple[Item, ...] = ()
    penalties: tuple[Item, ...] = ()
    caps: tuple[Cap, ...] = ()

    @property
    def items(self) -> tuple[Item, ...]:
        """All items: tiers, bonuses, penalties, each in the file's order."""
        return self.tiers + self.bonuses + self.penalties

    @property
    def digest(self) -> str:
        """SHA-256 of all that it says, hexadecimal: what a rating was made by."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    def item(self, id_: str) -> Item | None:
        """The item of that id, None where there is none."""
        return next((item for item in self.items if item.id == id_), None)


class _Written(Struct, frozen=True):
    """An item as a file has it: its table tells the kind."""

    id: str
    text: str
    points: float
    by: By = "rater"
    when: tuple[Condition, ...] = ()
    excludes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    added: bool = False


class _File(Struct, frozen=True):
    name: str
    version: str
    date: datetime.date
    task: str
    title: str
    scale: tuple[float, float]
    tier: tuple[_Written, ...]
    bonus: tuple[_Written, ...] = ()
    penalty: tuple[_Written, ...] = ()
    cap: tuple[Cap, ...] = ()


def decode_rubric(text: str, *, source: str) -> Rubric:
    """Read a rubric from TOML; `ConfigError` names the source, the item and what is wrong."""
    file = decode_toml(text, _File, source=source)
    rubric = Rubric(
        file.name,
        file.version,
        file.date,
        file.task,
        file.title,
        file.scale,
        _items(file.tier, "tier"),
        _items(file.bonus, "bonus"),
        _items(file.penalty, "penalty"),
        file.cap,
    )
    problem = next(_problems(rubric), "")
    if problem:
        raise ConfigError(f"{source}: {problem}")
    return rubric


def _items(written: Sequence[_Written], kind: Kind) -> tuple[Item, ...]:
    return tuple(Item(kind=kind, **msgspec.structs.asdict(one)) for one in written)


def _problems(rubric: Rubric) -> Iterator[str]:
    """What is wrong with a rubric, one sentence each."""
    low, high = rubric.scale
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        yield f"scale {list(rubric.scale)!r} must be the lowest and the highest score"
    if not rubric.tiers:
        yield "there is no [[tier]]: a score needs a base"
    ids = [item.id for item in rubric.items]
    for item in rubric.items:
        problem = _problem(item, rubric.scale)
        if problem:
            yield f"item {item.id!r} {problem}"
        if ids.count(item.id) > 1:
            yield f"two items are called {item.id!r}; rename one"
        for other in (*item.excludes, *item.needs):
            if other not in ids:
                yield f"item {item.id!r} names {other!r}{nearest(other, ids)}"
    for cap in rubric.caps:
        if not low <= cap.at <= high:
            yield f"a cap at {cap.at!r} lies outside the scale {list(rubric.scale)!r}"
        for other in cap.having:
            if other not in ids:
                yield f"the cap at {cap.at!r} names {other!r}{nearest(other, ids)}"


def _problem(item: Item, scale: tuple[float, float]) -> str:
    if not _ID.fullmatch(item.id):
        return "needs another id: small letters, digits and '_', up to 60, a letter first"
    if not math.isfinite(item.points):
        return f"has {item.points!r} points"
    if item.kind == "tier" and not scale[0] <= item.points <= scale[1]:
        return f"has {item.points!r} points, outside the scale {list(scale)!r}"
    if item.points * {"tier": 0, "bonus": 1, "penalty": -1}[item.kind] < 0:
        return f"is a {item.kind} of {item.points!r} points: penalties are negative, bonuses not"
    if item.by == "machine" and not item.when:
        return "is the machine's and has no `when`: say which facts make it hold"
    for condition in item.when:
        given = [name for name in _TESTS if getattr(condition, name) is not None]
        if len(given) != 1:
            return f"has {len(given)} tests of fact {condition.fact!r}: give one, such as at_most"
    return ""
