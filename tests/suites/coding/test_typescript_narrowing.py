"""typescript_narrowing: honest answers of many forms pass; what rules a type in by fiat fails."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from ossay.agent.sandbox.find import find_sandbox
from ossay.core.settings import settings_from
from ossay.core.task import Step, Transcript
from ossay.core.types import Message, Reply, Timing, Usage
from ossay.suites.coding import narrowing_puzzle as puzzles
from ossay.suites.coding.compiler import compile_answer
from ossay.suites.coding.typescript_narrowing import TypescriptNarrowing
from ossay.suites.registry import open_suite
from ossay.suites.rehearsal import check_suite
from ossay.suites.toolchain import typescript_is_there

SANDBOX = find_sandbox()
HOME = settings_from(os.environ, Path.cwd()).home
TASK = TypescriptNarrowing(lambda: SANDBOX, home=lambda: HOME)

pytestmark = pytest.mark.skipif(
    "typescript" not in os.environ.get("OSSAY_REQUIRE", "") and not typescript_is_there(HOME),
    reason="no TypeScript here: ossay doctor --install",
)


def answered(instance, reply):
    steps = (Step(Reply(Message("assistant", reply), Usage(), Timing(0.0, 0.0))),)
    return Transcript(instance.task, instance.seed, "", instance.prompt, "answered", steps=steps)


def graded(instance, reply):
    return TASK.grade(instance, Path("nowhere"), answered(instance, reply))


def fenced(code, language="ts"):
    return f"```{language}\n{code.rstrip()}\n```"


def seed_with(clue, start=1):
    """The first seed from `start` on with this clue, its instance and its puzzle."""
    for seed in range(start, start + 200):
        puzzle = puzzles.draw(random.Random(f"{TASK.name}:{seed}"))
        if puzzle.clue == clue:
            return TASK.instance(seed), puzzle
    raise AssertionError(clue)


def branches(puzzle, value="value"):
    """(condition on the property, expression) of each member, for a shared property."""
    at = puzzle.members[0].property
    return [
        (
            puzzles.condition(puzzle, member).replace(f"it.{at}", value),
            puzzles.line_of(puzzle, member, value),
        )
        for member in puzzle.members
    ]


def destructured(puzzle):
    at = puzzle.members[0].property
    lines = [f"  if ({test}) return {line};" for test, line in branches(puzzle)]
    body = f"  const {{ {at}: value }} = it;\n" + "\n".join(lines)
    return puzzles.function(puzzle, body + "\n  return unreachable(value);") + (
        "function unreachable(value: never): never {\n  throw new Error(`odd: ${value}`);\n}\n"
    )


def switched(puzzle):
    at = puzzle.members[0].property
    cases = "\n".join(f"    case {test}: return {line};" for test, line in branches(puzzle))
    body = (
        f"  const value = it.{at};\n  switch (true) {{\n{cases}\n    default: return value;\n  }}"
    )
    return puzzles.function(puzzle, body)


def collected(puzzle):
    """An arrow function, an evolving array, a variable without a type, and a demo at the end."""
    at, world = puzzle.members[0].property, puzzle.world
    lines = " else ".join(
        f"if ({test}) {{ parts.push({line}); }}" for test, line in branches(puzzle, "value")
    )
    return (
        f"export const {world.function} = (it: {world.union}): string => {{\n"
        f"  const parts = [];\n  const value = it.{at};\n  {lines}\n"
        "  let all;\n  all = parts.join('');\n  return all;\n};\n"
        f'console.log("never written as any, no @ts-ignore either", {world.function});\n'
    )


def helped(puzzle):
    """Small functions whose type predicates the compiler infers; no export; a default export."""
    at, world = puzzle.members[0].property, puzzle.world
    helpers = "\n".join(
        f"const test{n} = (value: {world.union}['{at}']) => {test};"
        for n, (test, _) in enumerate(branches(puzzle))
    )
    lines = "\n".join(
        f"  if (test{n}(value)) {{ return {line}; }}"
        for n, (_, line) in enumerate(branches(puzzle))
    )
    body = f"  const value = it.{at};\n{lines}\n  throw new Error('as any');"
    own = puzzles.function(puzzle, body).replace("export function", "export default function")
    return f"{helpers}\n{own}"


@pytest.mark.parametrize("form", [destructured, switched, collected, helped])
def test_honest_answers_of_many_forms_pass(form):
    instance, puzzle = seed_with("shared", start=40)
    grade = graded(instance, "Here it is:\n\n" + fenced(form(puzzle)))
    assert grade.passed, grade.reason
    assert grade.facts["in_operators"] == 0


@pytest.mark.parametrize("clue", ["shared", "own", "second", "mixed"])
def test_whatever_tells_the_members_apart_can_be_used(clue):
    instance, _ = seed_with(clue)
    grade = graded(instance, instance.scripts["reference"][0].content)
    assert grade.passed, grade.reason
    assert (grade.facts["in_operators"] > 0) == (clue in ("own", "mixed"))
    assert grade.facts["extra_declarations"] == 0


def test_every_form_of_reply_counts():
    instance, puzzle = seed_with("second")
    given = next(iter(instance.files.values())).decode()
    file = next(iter(instance.files))
    right, wrong = puzzles.solution(puzzle), puzzles.naive(puzzle)
    start = given.index("export function")
    whole = given[:start] + right
    old, new = given[start:].splitlines(), right.splitlines()
    diff = "\n".join(["@@", *(f"-{line}" for line in old), *(f"+{line}" for line in new)])
    pair = f"<<<<<<< SEARCH\n{given[start:]}=======\n{right}>>>>>>> REPLACE"
    stem = file.removesuffix(".ts")
    importing = f'import type {{ {puzzle.world.union} }} from "./{stem}";\n\n{right}'
    replies = {
        "whole file": fenced(whole),
        "function": f"- like this:\n\n  {fenced(right)}".replace("\n", "\n  "),
        "diff": fenced(f"--- a/{file}\n+++ b/{file}\n{diff}", "diff"),
        "replacements": fenced(pair, f"ts:{file}"),
    }
    for form, reply in replies.items():
        grade = graded(instance, reply)
        assert (grade.passed, grade.facts["form"]) == (True, form), grade.reason
    others = {
        "no fence": right,
        "never closed": f"~~~typescript\n{right}",
        "thoughts first": f"<think>{fenced(wrong)}</think>\n{fenced(right)}",
        "the last one counts": f"Before:\n{fenced(wrong)}\nAfter:\n{fenced(right)}",
        "a use of it after": f"{fenced(right)}\n{fenced('npx tsc --strict', 'sh')}",
        "types imported": fenced(importing),
        "windows": fenced(right).replace("\n", "\r\n"),
    }
    for name, reply in others.items():
        grade = graded(instance, reply)
        assert grade.passed, (name, grade.reason)


def test_what_cannot_be_used_is_told():
    instance, puzzle = seed_with("own")
    name = puzzle.world.function
    reasons = {
        "": f"the reply has no {name}",
        "I need more context.": f"the reply has no {name}",
        fenced("--- a\n+++ b\n@@\n-not there\n+new", "diff"): "a diff that finds no place",
        fenced(f"function {name}(" + "(" * 20_000): "does not compile|broke down",
        fenced(f"{puzzles.solution(puzzle)}\nwhile (true) {{}}"): "limit on",
        fenced(f"{puzzles.solution(puzzle)}\nthrow new Error('\u202eodd')"): "cannot be loaded",
        fenced(f"import fs from 'fs';\n{puzzles.solution(puzzle)}"): "does not compile",
    }
    for reply, reason in reasons.items():
        grade = graded(instance, reply)
        assert not grade.passed
        assert any(part in grade.reason for part in reason.split("|")), grade.reason


FIATS = (
    ("const it = <{0}>all;", "a type assertion"),
    ("[all].find((one) => one)!;", "a non-null assertion"),
    ("const box = new Array(); const it: {0}[] = box;", "a value of type any"),
    ("const it: {0} = eval('all');", "a value of type any"),
    ("let later!: {0};", "a definite assignment assertion"),
    ("function sure(it: unknown): asserts it is {0} {{}}", "a hand-written type predicate"),
    ("namespace A {{ export declare const it: {0}; }}", "a declare statement"),
    ("function sure(it: string): {0}; function sure(it: any) {{ return it; }}", "a function over"),
    ("const it = all as any;", "the type any"),
    ("// @ts-expect-error\n const it: {0} = all;", "a comment that silences the compiler"),
)


def test_a_type_by_fiat_is_seen_wherever_it_is():
    instance, puzzle = seed_with("own")
    member = puzzle.members[0].name
    lines = [f"declare const all: {puzzle.world.union};"]
    starts = []
    for code, _ in FIATS:
        body = code.format(member)
        starts.append(len("\n".join(lines).splitlines()) + 1)
        lines.append(body if body.startswith("namespace") else f"{{ {body} }}")
    lines.append(puzzles.solution(puzzle))
    types = instance.secret["types"]
    compiled = compile_answer(
        SANDBOX,
        HOME,
        {"given.ts": types, "answer.ts": "\n".join(lines)},
        answer="answer.ts",
        given="given.ts",
        wanted=[],
    )
    assert compiled.problems == ()
    for start, (code, what) in zip(starts, FIATS, strict=True):
        near = [b.what for b in compiled.banned if start <= b.line <= start + 1]
        assert any(found.startswith(what) for found in near), (code, near)
    honest = set(range(1, 200)) - {n for s in starts for n in (s, s + 1)} - {1}
    assert [b for b in compiled.banned if b.line in honest] == []


def test_the_same_seed_is_the_same_problem_in_every_style():
    suites = [open_suite(f"coding{end}", lambda: SANDBOX) for end in ("", "-concise", "-changes")]
    made = [suite.tasks[TASK.name].instance(5) for suite in suites]
    assert made[0] == TASK.instance(5)
    assert len({instance.prompt for instance in made}) == 3
    for other in made[1:]:
        assert other.secret == made[0].secret
        assert other.prompt.startswith(made[0].prompt)
    assert "only what you add or change" in made[2].prompt


def test_two_seeds_hold():
    suite = open_suite("coding", lambda: SANDBOX)
    upsets = asyncio.run(check_suite(suite, [7, 8], sandbox=SANDBOX, tasks=[TASK.name]))
    assert [(upset.seed, upset.script, upset.upset) for upset in upsets] == []
