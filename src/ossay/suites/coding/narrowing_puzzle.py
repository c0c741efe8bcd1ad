"""One union whose tag does not discriminate, and what tells its members apart instead.

One member's tag is any `string`, so a check of the tag leaves that member in, at compile time and,
where its tag equals another's, at run time too. What does tell the members apart is drawn: the type
of a property that all have, properties that only one has, a second property of unit type, or two of
these together. Knows the right output of each value; knows nothing of TypeScript's compiler.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from ossay.suites.coding.narrowing_worlds import WORDS, WORLDS, World

Kind = Literal["text", "number", "list", "span", "flag"]
Clue = Literal["shared", "own", "second", "mixed"]

TYPES: Mapping[Kind, str] = {
    "text": "string",
    "number": "number",
    "list": "string[]",
    "span": "{ from: number; to: number }",
    "flag": "boolean",
}
RECIPES: Mapping[Kind, str] = {
    "text": "`{}` in capital letters",
    "number": "`{}` with exactly one decimal place (12 gives 12.0)",
    "list": "the items of `{}`, joined by ' + '",
    "span": "`from` and `to` of `{}`, with two dots between them (1..5)",
    "flag": "yes if `{}` is true, else no",
}
_CODE: Mapping[Kind, str] = {
    "text": "{}.toUpperCase()",
    "number": "{}.toFixed(1)",
    "list": '{}.join(" + ")',
    "span": "`${{{0}.from}}..${{{0}.to}}`",
    "flag": '({} ? "yes" : "no")',
}
_TYPE_TESTS: Mapping[Kind, str] = {
    "text": 'typeof {} === "string"',
    "number": 'typeof {} === "number"',
    "list": "Array.isArray({})",
    "span": 'typeof {} === "object"',
    "flag": 'typeof {} === "boolean"',
}


class Member(NamedTuple):
    """One type of the union. `tag` is '' where it may be any string; `unit` is second's value."""

    name: str
    tag: str
    label: str
    property: str
    kind: Kind
    unit: str = ""  # a literal of TypeScript, for the second property
    extra: str = ""  # a property of type string that this member alone has


class Puzzle(NamedTuple):
    """A union and the function that is wanted."""

    world: World
    clue: Clue
    second: str  # the name of the second property, '' where there is none
    members: tuple[Member, ...]  # in the order of the union

    @property
    def open(self) -> Member:
        """The member with any tag."""
        return next(member for member in self.members if not member.tag)


def draw(rng: random.Random) -> Puzzle:
    """Make up a puzzle."""
    world = rng.choice(WORLDS)
    clue: Clue = rng.choice(("shared", "own", "second", "mixed"))
    named = [*rng.sample(world.members, 3), (world.open, "")]
    rng.shuffle(named)
    properties = rng.sample(world.own, 5)
    shared = rng.choice(world.shared)
    units = rng.sample(rng.choice(_UNIT_SETS), 4)
    kinds = _kinds(rng, clue)
    members = tuple(
        Member(
            name,
            tag,
            tag.capitalize(),
            properties[at] if clue == "own" or rng.random() < _OWN[clue] else shared,
            kinds[at],
            units[at] if clue == "second" else "",
        )
        for at, (name, tag) in enumerate(named)
    )
    if clue == "mixed":
        at = rng.choice([at for at, kind in enumerate(kinds) if kind == "text"])
        one = members[at]._replace(extra=properties[4])
        members = (*members[:at], one, *members[at + 1 :])
    second = rng.choice(("phase", "lane")) if clue == "second" else ""
    return Puzzle(world, clue, second, members)


# How often a member has a property of its own name where that is not what tells it apart.
_OWN: Mapping[Clue, float] = {"shared": 0.0, "own": 1.0, "second": 0.5, "mixed": 0.0}
_UNIT_SETS = (["0", "1", "2", "null"], ['"a"', '"b"', '"c"', "false"])


def _kinds(rng: random.Random, clue: Clue) -> list[Kind]:
    """What the members hold.

    To the compiler a span may be an array too, so where the type is the clue a puzzle has either a
    list or a span.
    """
    if clue in ("own", "second"):
        return rng.sample(sorted(TYPES), 4)
    structure: Kind = rng.choice(("list", "span"))
    kinds: list[Kind] = ["text", "number", "flag", structure]
    if clue == "mixed":
        kinds = ["text", "text", *rng.sample(kinds[1:], 2)]
    rng.shuffle(kinds)
    return kinds


def types_of(puzzle: Puzzle, *, closed: bool = False) -> str:
    """The type declarations as TypeScript; `closed` leaves the open member out of the union."""
    parts = []
    for member in puzzle.members:
        tag = f'"{member.tag}"' if member.tag else "string"
        lines = [f"  {puzzle.world.tag}: {tag};"]
        if member.unit:
            lines.append(f"  {puzzle.second}: {member.unit};")
        lines.append(f"  {member.property}: {TYPES[member.kind]};")
        if member.extra:
            lines.append(f"  {member.extra}: string;")
        parts.append(f"export interface {member.name} {{\n" + "\n".join(lines) + "\n}\n")
    names = [member.name for member in puzzle.members if member.tag or not closed]
    parts.append(f"export type {puzzle.world.union} = {' | '.join(names)};\n")
    return "\n".join(parts)


def line_of(puzzle: Puzzle, member: Member, value: str) -> str:
    """The expression that gives a member's line; `value` is how its property is reached."""
    head = f'"{member.label}: "' if member.tag else f'"Other (" + it.{puzzle.world.tag} + "): "'
    tail = f' + " / " + it.{member.extra}' if member.extra else ""
    return f"{head} + {_CODE[member.kind].format(value)}{tail}"


def condition(puzzle: Puzzle, member: Member) -> str:
    """An expression that is true for this member alone and that the compiler follows."""
    if puzzle.clue == "second":
        return f"it.{puzzle.second} === {member.unit}"
    if puzzle.clue == "own":
        return f'"{member.property}" in it'
    if member.extra:
        return f'"{member.extra}" in it'
    return _TYPE_TESTS[member.kind].format(f"it.{member.property}")


def solution(puzzle: Puzzle) -> str:
    """The function, right."""
    # The member that has one more property is asked for first.
    order = sorted(puzzle.members, key=lambda member: not member.extra)
    lines = [
        f"  if ({condition(puzzle, member)}) return "
        f"{line_of(puzzle, member, f'it.{member.property}')};"
        for member in order[:-1]
    ]
    last = order[-1]
    lines.append(f"  return {line_of(puzzle, last, f'it.{last.property}')};")
    return function(puzzle, "\n".join(lines))


def function(puzzle: Puzzle, body: str, *, parameter: str = "it") -> str:
    """The function around a body."""
    world = puzzle.world
    return f"export function {world.function}({parameter}: {world.union}): string {{\n{body}\n}}\n"


def naive(puzzle: Puzzle, *, default: str = "") -> str:
    """The function as it was tried first: by the tag. It does not compile."""
    cases = []
    for member in (member for member in puzzle.members if member.tag):
        line = line_of(puzzle, member, f"it.{member.property}")
        cases.append(f'    case "{member.tag}":\n      return {line};')
    free = puzzle.open
    last = default or line_of(puzzle, free, f"it.{free.property}")
    cases.append(f"    default:\n      return {last};")
    body = f"  switch (it.{puzzle.world.tag}) {{\n" + "\n".join(cases) + "\n  }"
    return function(puzzle, body)


def values(puzzle: Puzzle, rng: random.Random) -> list[tuple[dict[str, Any], str]]:
    """Values of the union and their right lines: each member, the open one with every tag too."""
    found = []
    tags = [member.tag for member in puzzle.members if member.tag]
    for member in puzzle.members:
        given = [member.tag] * 3 if member.tag else [*tags, rng.choice(WORDS), rng.choice(WORDS)]
        found += [_value(puzzle, member, tag, rng) for tag in given]
    rng.shuffle(found)
    return found


def _value(
    puzzle: Puzzle, member: Member, tag: str, rng: random.Random
) -> tuple[dict[str, Any], str]:
    value, shown = _drawn(member.kind, rng)
    made: dict[str, Any] = {puzzle.world.tag: tag}
    if member.unit:
        made[puzzle.second] = _UNITS.get(member.unit, member.unit.strip('"'))
    made[member.property] = value
    line = f"{member.label}: {shown}" if member.tag else f"Other ({tag}): {shown}"
    if member.extra:
        made[member.extra] = rng.choice(WORDS)
        line += f" / {made[member.extra]}"
    keys = list(made)
    rng.shuffle(keys)
    return {key: made[key] for key in keys}, line


_UNITS: Mapping[str, Any] = {"0": 0, "1": 1, "2": 2, "null": None, "false": False}


def _drawn(kind: Kind, rng: random.Random) -> tuple[Any, str]:
    if kind == "text":
        text = " ".join(rng.sample(WORDS, 2))
        return text, text.upper()
    if kind == "number":
        tenths = rng.randint(0, 999)
        return tenths / 10, f"{tenths / 10:.1f}"
    if kind == "list":
        items = rng.sample(WORDS, rng.randint(0, 3))
        return items, " + ".join(items)
    if kind == "span":
        low = rng.randint(0, 40)
        high = low + rng.randint(1, 40)
        return {"from": low, "to": high}, f"{low}..{high}"
    flag = rng.random() < 0.5
    return flag, "yes" if flag else "no"
