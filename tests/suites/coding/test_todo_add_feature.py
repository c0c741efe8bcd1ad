"""todo_add_feature: changed parts in every form are put together, and the app is then used."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from ossay.agent.sandbox.find import find_sandbox
from ossay.core.settings import settings_from
from ossay.core.task import Step, Transcript
from ossay.core.types import Message, Reply, Timing, Usage
from ossay.suites.coding import todo_app
from ossay.suites.coding.answer import read_answer
from ossay.suites.coding.parts import parts_of
from ossay.suites.coding.todo_add_feature import TodoAddFeature, _shown
from ossay.suites.coding.todo_app import DB, PAGE, TYPES
from ossay.suites.coding.todo_use import draw_steps
from ossay.suites.registry import open_suite
from ossay.suites.rehearsal import check_suite
from ossay.suites.toolchain import typescript_is_there

SANDBOX = find_sandbox()
HOME = settings_from(os.environ, Path.cwd()).home
TASK = TodoAddFeature(lambda: SANDBOX, home=lambda: HOME)

needs_compiler = pytest.mark.skipif(
    "typescript" not in os.environ.get("OSSAY_REQUIRE", "") and not typescript_is_there(HOME),
    reason="no TypeScript here: ossay doctor --install",
)


def graded(instance, reply):
    steps = (Step(Reply(Message("assistant", reply), Usage(), Timing(0.0, 0.0))),)
    said = Transcript(instance.task, instance.seed, "", instance.prompt, "answered", steps=steps)
    return TASK.grade(instance, Path("nowhere"), said)


def drawn(feature):
    """The first seed with this feature: its instance and its app."""
    for seed in range(1, 100):
        app = todo_app.draw_app(random.Random(f"{TASK.name}:{seed}"))
        if app.feature == feature:
            return TASK.instance(seed), app
    raise AssertionError(feature)


def blocks(files, *, above="`{}`:", info="{}"):
    return "\n\n".join(
        f"{above.format(path)}\n\n```{info.format(path)}\n{text}```" for path, text in files.items()
    )


def other_way(app):
    """Another honest solution: milliseconds in the table, a file of its own, spread in the API."""
    stamps = {
        "created": ("at: Date.now()", ""),
        "changed": ("at: Date.now()", "row.at = Date.now();"),
        "finished": ("", "if (!$flag) delete row.at; else if (!row.is_$flag) row.at = Date.now();"),
    }
    added, kept = stamps[app.feature]
    return {
        TYPES: app.fill(
            "export interface $Entity {\n  id: number;\n  $text: string;\n  $flag: boolean;\n"
            "  readonly $field: string | null;\n}\n"
        ),
        DB: app.fill(
            "interface Row {\n  id: number;\n  $text: string;\n  is_$flag: 0 | 1;\n"
            "  at?: number; // when, in ms\n}\n\n"
            "const moment = (at?: number) => (at ? new Date(at).toISOString() : null);\n\n"
            "function to$Entity(row: Row): $Entity {\n"
            "  return { id: row.id, $text: row.$text, $flag: row.is_$flag === 1, "
            "$field: moment(row.at) };\n}\n\n"
            "export async function add$Entity($text: string): Promise<$Entity> {\n"
            f"  const row: Row = {{ id: table.length + 1, $text, is_$flag: 0, {added} }};\n"
            "  table.push(row);\n  return to$Entity(row);\n}\n\n"
            "export async function set$Flag(id: number, $flag: boolean) {\n"
            "  const row = table.find((one) => one.id === id);\n  if (!row) return null;\n"
            f"  {kept}\n  row.is_$flag = $flag ? 1 : 0;\n  return to$Entity(row);\n}}\n"
        ),
        app.route: app.fill("const shown = (item: $Entity) => ({ ...item });\n"),
        "app/stamp.tsx": (
            "import React from 'react';\n\n"
            "export function Stamp({ at }: { at: string | null }) {\n"
            "  if (!at) return null;\n  const shown = React.useMemo(() => at.slice(0, 10), [at]);\n"
            "  return <>since <time className='when' dateTime={at}>{shown}</time></>;\n"
            "}\n"
        ),
        PAGE: app.fill(
            'import { Stamp } from "@/app/stamp";\n\nfunction Item({ item }: { item: $Entity }) {\n'
            "  return (\n    <li>\n      <b>{item.$text}</b> <Stamp at={item.$field} />\n"
            "    </li>\n  );\n}\n"
        ),
    }


@needs_compiler
@pytest.mark.parametrize("feature", ["created", "changed", "finished"])
def test_another_honest_solution_passes(feature):
    instance, app = drawn(feature)
    grade = graded(instance, blocks(other_way(app)))
    assert grade.passed, grade.reason
    assert (grade.facts["files_changed"], grade.facts["new_files"]) == (5, 1)


@needs_compiler
def test_the_path_may_stand_anywhere():
    instance, app = drawn("created")
    parts = other_way(app)
    stamp = {"app/stamp.tsx": parts.pop("app/stamp.tsx")}
    new = blocks(stamp, above="A new file, **app/stamp.tsx**:", info="tsx")
    for name, reply in {
        "heading": blocks(parts, above="### `{}`", info="tsx"),
        "info": blocks(parts, above="Then:", info="ts:{}"),
        "title": blocks(parts, above="", info='tsx title="src/{}"'),
        "comment": blocks({p: f"// {p}\n{t}" for p, t in parts.items()}, above="-", info="ts"),
        "nowhere": blocks(parts, above="And:", info="ts"),
        "elided": blocks({p: f"// ...\n{t}// ... the rest stays\n" for p, t in parts.items()}),
    }.items():
        grade = graded(instance, f"{reply}\n\n{new}\n\nTry it:\n\n```sh\nnpm run dev\n```")
        assert grade.passed, (name, grade.reason)
        assert not grade.facts["diff_form"]


@needs_compiler
def test_replacements_and_diffs_pass_and_are_counted():
    instance, app = drawn("finished")
    files, right = app.files(), app.solved()
    pairs = {}
    for path in files:
        old, new = files[path], right[path]
        pairs[path] = f"<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n"
    grade = graded(instance, blocks(pairs, info="ts"))
    assert grade.passed, grade.reason
    assert (grade.facts["diff_form"], grade.facts["whole_files"]) == (True, 0)
    whole = graded(instance, blocks(right))
    assert (whole.passed, whole.facts["whole_files"]) == (True, 4)
    assert whole.facts["lines_shown"] > 4 * whole.facts["lines_changed"]


@needs_compiler
def test_what_goes_wrong_is_told():
    instance, app = drawn("created")
    right = app.solved()
    for path, old, new, reason in (
        (PAGE, "dateTime={", "title={", "(none, in a <time>)"),
        (PAGE, "<span>", "<span", "cannot be parsed: app/page.tsx"),
        (PAGE, app.fill("{item.$text}"), "{item}", "not valid as a React child"),
        (app.route, "status: 201", "status: 200", "status 200, not 201"),
        (DB, "table.push(row);", "for (;;);", "limit on"),
        (DB, "table.push(row);", "process.exit(0);", "the process ended"),
        (DB, "table.push(row);", "", "gives"),
        (DB, '"./types"', '"./nothing"; import "left-pad"', "left-pad"),
    ):
        assert old in right[path]
        grade = graded(instance, blocks({**right, path: right[path].replace(old, new, 1)}))
        assert not grade.passed
        assert reason in grade.reason, grade.reason
    assert graded(instance, "```diff\n--- a/lib/db.ts\n+++ b/lib/db.ts\n-no\n+yes\n```").reason == (
        "a diff finds no place in lib/db.ts"
    )


def test_paths_lead_nowhere_else():
    app = todo_app.draw_app(random.Random(1))
    for path in ("../../etc/x.ts", "/etc/passwd", "a/../../b.ts", "x.ts", "lib/.ts/../db.sh"):
        reply = f"`{path}`\n\n```ts\nexport const odd = 1;\n```"
        assert parts_of(read_answer(reply), app.files()).parts == (), path


def test_every_solution_of_every_world_can_be_made():
    for seed in range(200):
        app = todo_app.draw_app(random.Random(seed))
        changed = {path for path, text in app.solved().items() if text != app.files()[path]}
        assert changed == set(app.files())
        steps = draw_steps(random.Random(seed), app, 1_700_000_000_000)
        assert {step.do for step in steps} == {"get", "post", "patch", "page"}


@needs_compiler
def test_three_seeds_hold():
    suite = open_suite("coding", lambda: SANDBOX)
    upsets = asyncio.run(check_suite(suite, [30, 31, 32], sandbox=SANDBOX, tasks=[TASK.name]))
    assert [(upset.seed, upset.script, upset.upset) for upset in upsets] == []


def test_hostile_pages_end_soon():
    assert _shown("<li>" * 500_000, ["a"]) == ["(shown 0 times)"]
    assert _shown("<li>a" + "<time " * 300_000 + "</li>", ["a"]) == ["(none, in a <time>)"]
    assert _shown('<ul><li class="x"><b>a</b><time dateTime="now">x</time></li></ul>', ["a"]) == [
        "now"
    ]
    mention = f"{'a/' * 400_000}\n\n```ts\nconst b = 1;\n```"
    assert parts_of(read_answer(mention), {"lib/a.ts": "const a = 1;"}).parts == ()
