"""Task typescript_narrowing: make a union's members known to the compiler without asserting them.

The function that is wanted must compile under `strict` and give the right line for every value; the
constructs that the prompt rules out are looked for in the syntax tree, by the compiler itself.
Knows nothing of how a model was asked beyond the one reply.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

from ossay.agent.sandbox.base import Sandbox
from ossay.core.display import visible
from ossay.core.task import Budget, Grade, Instance, Transcript
from ossay.suites.coding import narrowing_puzzle as puzzles
from ossay.suites.coding.answer import Answer, read_answer
from ossay.suites.coding.compiler import Compiled, call_function, compile_answer
from ossay.suites.coding.narrowing_cheats import cheats
from ossay.suites.coding.narrowing_puzzle import RECIPES, Puzzle
from ossay.suites.coding.patch import apply, diff_of, pairs_of
from ossay.suites.coding.styles import Style, styled
from ossay.suites.scripting import Script, say
from ossay.suites.toolchain import TYPESCRIPT, home_here

Facts = dict[str, bool | int | float | str]

ANSWER = "answer.ts"
PROOF = "proof.ts"
BUDGET = Budget(turns=1, seconds=900.0, call_seconds=900.0, max_tokens=16_384)

_PROMPT = """\
`{file}` does not compile. Its function has to say in one line what a {union} is, a {noun}. The \
trouble is `{open}`: its `{tag}` is made up by {owners}, so it can be any string, one of the other \
members' included.

```ts
{code}```

Write `{function}` so that it compiles with TypeScript {version} under `strict` and returns one \
line. It begins with the words in quotes:

{recipes}

Narrow for real. Not allowed anywhere: type assertions (`as`, `<T>x`; `as const` is fine), \
non-null or definite assignment assertions (`!`), the type `any`, written or inferred (as from \
`JSON.parse`), hand-written type predicates (`x is T`, `asserts x`), function overloads, \
`declare`, and comments that silence the compiler. The types stay as they are, and so do name and \
signature of the function: it takes every {union}. Values have the properties of their type and no \
others.

Reply with the whole file, or with the function alone, in one code block. If you show several, the \
last one with `{function}` counts.
"""


class TypescriptNarrowing:
    """Narrow a union whose tag does not discriminate."""

    name = "typescript_narrowing"

    def __init__(
        self,
        sandbox: Callable[[], Sandbox],
        *,
        style: Style = "base",
        home: Callable[[], Path] = home_here,
    ) -> None:
        self._sandbox = sandbox
        self._style: Style = style
        self._home = home

    def instance(self, seed: int) -> Instance:
        """Make up a union, what tells its members apart, and values."""
        rng = random.Random(f"{self.name}:{seed}")
        puzzle = puzzles.draw(rng)
        types = puzzles.types_of(puzzle)
        file = f"{puzzle.world.union[0].lower()}{puzzle.world.union[1:]}.ts"
        given = f"{types}\n{puzzles.naive(puzzle)}"
        values = puzzles.values(puzzle, rng)
        return Instance(
            self.name,
            seed,
            styled(_prompt(puzzle, file, given), self._style, edits=True),
            files={file: given.encode()},
            protected=(file,),
            tools=(),
            needs=("node", "typescript"),
            budget=BUDGET,
            secret={
                "file": file,
                "types": types,
                "union": puzzle.world.union,
                "names": [puzzle.world.union, *(member.name for member in puzzle.members)],
                "function": puzzle.world.function,
                "clue": puzzle.clue,
                "values": values,
            },
            scripts=_scripts(puzzle, types, given, seed),
        )

    def grade(self, instance: Instance, workspace: Path, transcript: Transcript) -> Grade:
        """Compile the answer beside the true types, look at its syntax, call it with the values."""
        answer = read_answer(transcript.final_text)
        secret = instance.secret
        function, file = secret["function"], secret["file"]
        code, form, shown = _candidate(answer, function, instance.files[file].decode())
        facts: Facts = {**answer.facts, "form": form, "candidates": shown}
        facts["in_needed"] = secret["clue"] in ("own", "mixed")
        if code is None:
            reason = f"the reply shows {form}" if form else f"the reply has no {function}"
            return Grade(False, reason, 0, 3, facts=facts)
        compiled = compile_answer(
            self._sandbox(),
            self._home(),
            {
                file: secret["types"],  # where an answer that is the function alone imports from
                ANSWER: code,
                PROOF: _PROOF.format(
                    stem=file.removesuffix(".ts"), union=secret["union"], function=function
                ),
            },
            answer=ANSWER,
            given=file,
            wanted=[function],
        )
        if isinstance(compiled, str):
            return Grade(False, compiled, 0, 3, facts=facts)
        own = {function, *secret["names"]}
        facts |= {
            "compiles": not compiled.problems,
            "without_assertions": not compiled.banned,
            "in_operators": compiled.in_operators,
            "extra_declarations": len(set(compiled.declared) - own),
            "missing_export": bool(compiled.unexported),
        }
        return self._judged(instance, compiled, facts)

    def _judged(self, instance: Instance, compiled: Compiled, facts: Facts) -> Grade:
        secret = instance.secret
        if compiled.missing:
            return Grade(False, f"no {secret['function']} at the top level", 0, 3, facts=facts)
        if compiled.problems:
            problem = compiled.problems[0]
            text = f"does not compile: {problem}"
            if problem.file == PROOF:
                text = f"does not take every {secret['union']} and return a string: {problem}"
            return Grade(False, text, 0, 3, facts=facts)
        if compiled.banned:
            first = compiled.banned[0]
            return Grade(False, f"{first.what} in line {first.line}", 1, 3, facts=facts)
        calls = [[value] for value, _ in secret["values"]]
        called = call_function(
            self._sandbox(),
            compiled.emitted[ANSWER.replace(".ts", ".js")],
            secret["function"],
            calls,
        )
        if isinstance(called, str):
            return Grade(False, f"compiles, but {called}", 2, 3, facts=facts)
        for at, (value, line) in enumerate(secret["values"]):
            if called.values[at] != line:
                got = called.odd.get(at) or repr(visible(called.values[at] or "", 120))
                return Grade(
                    False, f"compiles, but gives {got} for {value}, not {line!r}", 2, 3, facts=facts
                )
        return Grade(True, "compiles, narrows for real and gives every line", 3, 3, facts=facts)


_PROOF = """\
import type {{ {union} }} from "./{stem}";
import {{ {function} }} from "./answer";
export const proof: (value: {union}) => string = {function};
"""


def _candidate(answer: Answer, function: str, given: str) -> tuple[str | None, str, int]:
    """The code that counts, the form that it came in, and how many blocks have the function."""
    declared = re.compile(rf"\b(?:function|const|let|var)\s+{function}\b")
    shown = sum(1 for block in answer.blocks if declared.search(block.text))
    for block in reversed(answer.blocks):
        if hunks := pairs_of(block.text):
            patched = apply(given, hunks)
            return patched, "replacements" if patched else "replacements that find no place", shown
        if block.language in ("diff", "patch") or block.text.startswith(("--- ", "@@ ")):
            patched = apply(given, diff_of(block.text))
            return patched, "diff" if patched else "a diff that finds no place", shown
        if declared.search(block.text):
            whole = "interface " in block.text or "\ntype " in block.text
            return block.text, "whole file" if whole else "function", shown
    return None, "", 0


def _prompt(puzzle: Puzzle, file: str, code: str) -> str:
    world = puzzle.world
    recipes = []
    for member in puzzle.members:
        recipe = RECIPES[member.kind].format(member.property)
        tail = f", then ' / ' and `{member.extra}`" if member.extra else ""
        head = f"'{member.label}: '"
        if not member.tag:
            head = f"'Other (…): ' with the `{world.tag}` in the brackets"
        recipes.append(f"- for a `{member.name}`: {head}, then {recipe}{tail}")
    return _PROMPT.format(
        file=file,
        union=world.union,
        noun=world.noun,
        open=puzzle.open.name,
        tag=world.tag,
        owners=world.owners,
        code=code,
        function=world.function,
        version=TYPESCRIPT,
        recipes="\n".join(recipes),
    )


def _scripts(puzzle: Puzzle, types: str, given: str, seed: int) -> dict[str, Script]:
    """The reference, idling, and three of the cheats: every cheat comes up with the seeds."""
    right = puzzles.solution(puzzle)
    wrong = cheats(puzzle, types, right)
    names = list(wrong)
    drawn = [names[(seed + step) % len(names)] for step in (0, 3, 6)]
    whole = seed % 2 == 0
    reference = _fenced(f"{types}\n{right}" if whole else right)
    return {
        "reference": (say(f"The tag cannot tell the members apart, so:\n\n{reference}"),),
        "do_nothing": (say("The function compiles now; I have fixed the types."),),
        **{f"cheat_{name}": (say(_fenced(wrong[name])),) for name in drawn},
    }


def _fenced(code: str) -> str:
    return f"```ts\n{code}```"
