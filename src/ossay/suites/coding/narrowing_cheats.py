"""Functions that only seem to narrow: what typescript_narrowing must fail.

Knows nothing of the compiler.
"""

from __future__ import annotations

from ossay.suites.coding import narrowing_puzzle as puzzles
from ossay.suites.coding.narrowing_puzzle import Puzzle


def cheats(puzzle: Puzzle, types: str, right: str) -> dict[str, str]:
    """Name -> a whole answer; `right` is the function that passes."""
    world, member = puzzle.world, puzzle.members[0]
    test = puzzles.condition(puzzle, member)
    line = puzzles.line_of(puzzle, member, f"it.{member.property}")
    by_tag = puzzles.naive(puzzle)

    def each(cast: str) -> str:
        """Every member by the right test, its type then put in place of the proof."""
        order = sorted(puzzle.members, key=lambda one: not one.extra)
        lines = []
        for at, one in enumerate(order):
            given = f"{{ const it = {cast.format(one.name)}; return "
            given += f"{puzzles.line_of(puzzle, one, f'it.{one.property}')}; }}"
            ask = puzzles.condition(puzzle, one).replace("it.", "all.").replace("in it", "in all")
            lines.append(f"  if ({ask}) {given}" if at < 3 else f"  {given}")
        return puzzles.function(puzzle, "\n".join(lines), parameter="all")

    guard = f"function is{member.name}(it: {world.union}): it is {member.name} {{ return {test}; }}"
    silenced = by_tag.replace("      return ", "      // @ts-ignore\n      return ")
    return {
        "asserts": each("all as {}"),
        "asserts_twice": each("all as unknown as {}"),
        "ignores": silenced,
        "any": right.replace(f"(it: {world.union})", "(it: any)"),
        "parses": each("JSON.parse(JSON.stringify(all))"),
        "predicate": f"{guard}\n{right.replace(f'if ({test})', f'if (is{member.name}(it))')}",
        "overload": (
            f"function sure(it: {world.union}): {member.name};\n"
            f"function sure(it: {world.union}): {world.union} {{ return it; }}\n"
            + right.replace(line, line.replace("it.", "sure(it)."))
            + f"\nexport const first = (it: {world.union}) => sure(it).{member.property};\n"
        ),
        "by_tag": by_tag,
        "closes_union": (
            puzzles.types_of(puzzle, closed=True) + puzzles.naive(puzzle, default='"Other"')
        ),
        "constant": puzzles.function(puzzle, f'  return "{member.label}: " + it.{world.tag};'),
        "returns_line": puzzles.function(puzzle, "  return String(it);"),
    }
