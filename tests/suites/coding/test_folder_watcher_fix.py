"""folder_watcher_fix: the smallest change passes in any form; less or more of it fails."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from ossay.agent.sandbox.find import find_sandbox
from ossay.core.settings import settings_from
from ossay.suites.coding.changes import lines_changed, reply
from ossay.suites.coding.folder_watcher_fix import FolderWatcherFix
from ossay.suites.coding.watcher_app import WATCHER, Case, draw_case
from ossay.suites.coding.watcher_cheats import cheats
from ossay.suites.coding.watcher_use import draw_settings, draw_steps
from ossay.suites.registry import open_suite
from ossay.suites.rehearsal import check_suite
from ossay.suites.toolchain import typescript_is_there

SANDBOX = find_sandbox()
HOME = settings_from(os.environ, Path.cwd()).home
TASK = FolderWatcherFix(lambda: SANDBOX, home=lambda: HOME)

needs_compiler = pytest.mark.skipif(
    "typescript" not in os.environ.get("OSSAY_REQUIRE", "") and not typescript_is_there(HOME),
    reason="no TypeScript here: ossay doctor --install",
)


def drawn(**wanted):
    """The first seed of this kind: its instance and its case."""
    for seed in range(1, 300):
        case = draw_case(random.Random(f"{TASK.name}:{seed}"))
        if all(getattr(case, name) == value for name, value in wanted.items()):
            return TASK.instance(seed), case
    raise AssertionError(wanted)


def another_way(case):
    """Another honest change: a function of its own in a new file, and one loop over the files."""
    root = ", binder.root" if case.list == "folder" else ""
    told = {
        "each": (
            'notify("warning", `${baseName(path)} was not added: "${entry}" is ignored`, '
            "binder.id);",
            "",
        ),
        "names": (
            "",
            'if (out.length) notify("info", "Ignored in " + binder.title + ": " + '
            'out.map(baseName).join(", "), binder.id);',
        ),
        "count": (
            "",
            "if (out.length) notify('info', [binder.title, ': ', out.length, "
            "' new files ignored'].join(''), binder.id);",
        ),
    }[case.manner]
    new = f"""\
import type {{ Binder, FoundFile }} from "../types";
import {{ {case.asks} }} from "./ignoring";
import {{ notify }} from "./notices";
import {{ baseName }} from "./paths";

export function withoutIgnored(binder: Binder, files: FoundFile[]): FoundFile[] {{
  const out: string[] = [];
  const kept = files.filter(({{ path }}) => {{
    const entry = {case.asks}(path{root});
    if (entry === null) return true;
    out.push(path);
    {told[0]}
    return false;
  }});
  {told[1]}
  return kept;
}}
"""
    found = {"live": "files", "scan": "files", "resume": "fresh"}[case.way]
    files = case.files()
    text = files[WATCHER].replace(
        case.fill(f'(binder, {found}, "{case.way}")'),
        case.fill(f'(binder, withoutIgnored(binder, {found}), "{case.way}")'),
    )
    added = 'import { withoutIgnored } from "@/services/sieve";\nimport { parentOf }'
    text = text.replace("import { parentOf }", added)
    return {**files, WATCHER: text, "services/sieve.ts": case.fill(new)}


@needs_compiler
@pytest.mark.parametrize(
    ("way", "list_", "manner"),
    [("live", "folder", "each"), ("scan", "suffix", "count"), ("resume", "prefix", "names")],
)
def test_another_honest_change_passes(graded, way, list_, manner):
    instance, case = drawn(way=way, list=list_, manner=manner)
    grade = graded(TASK, instance, reply(case.files(), another_way(case), 2))
    assert grade.passed, grade.reason
    assert (grade.facts["files_changed"], grade.facts["new_files"]) == (2, 1)
    assert grade.facts["extra_lines"] > 5


@needs_compiler
def test_changes_in_the_forms_that_people_write_are_taken(graded):
    instance, case = drawn(way="scan", list="folder", manner="count")
    before, after = case.files(), case.solved()
    functions = reply(before, after, 2)
    assert "export async function" in functions
    grade = graded(TASK, instance, functions.replace("export ", ""))
    assert grade.passed, grade.reason
    hunks = reply(before, after, 1).partition("@@")[2].rpartition("```")[0]
    grade = graded(
        TASK, instance, f"`{WATCHER}`:\n\n```diff\n@@{hunks}```\n"
    )  # no file's name in it
    assert grade.passed, grade.reason


@needs_compiler
def test_every_form_of_the_smallest_change_passes_and_is_counted(graded):
    instance, case = drawn(way="live", manner="each")
    before, after = case.files(), case.solved()
    pairs = f"<<<<<<< SEARCH\n{before[WATCHER]}=======\n{after[WATCHER]}>>>>>>> REPLACE\n"
    for form, text in {
        "whole": reply(before, after, 0),
        "diff": reply(before, after, 1),
        "declarations": reply(before, after, 2),
        "pairs": f"In **src/{WATCHER}**:\n\n```ts\n{pairs}```",
        "nowhere": reply(before, after, 2).partition("\n\n")[2],
    }.items():
        grade = graded(TASK, instance, text)
        assert grade.passed, (form, grade.reason)
        assert (grade.facts["extra_lines"], grade.facts["files_changed"]) == (0, 1), form
        assert grade.facts["diff_form"] is (form in ("diff", "pairs")), form


@needs_compiler
def test_a_component_may_be_shown_too(graded):
    instance, case = drawn(way="scan")
    files = case.solved()
    files["App.vue"] = files["App.vue"].replace("Attach a folder", "Attach one folder")
    for form in (0, 1):
        grade = graded(TASK, instance, reply(case.files(), files, form))
        assert grade.passed, grade.reason
        assert (grade.facts["files_changed"], grade.facts["extra_lines"]) == (2, 1)


@needs_compiler
def test_what_goes_wrong_is_told(graded):
    instance, case = drawn(way="scan", manner="count")
    right = case.solved()
    for old, new, reason in (
        ("const ignored", "const ignored const", "cannot be parsed: services/watcher.ts"),
        ("(ignored.length > 0)", "(ignored.length > 99)", "not tells 'info | "),
        ("listening = true;", "process.exit(0);", "the process ended"),
        ('"./ignoring"', '"./nothing"', "there is no ./nothing"),
    ):
        assert old in right[WATCHER]
        files = {**right, WATCHER: right[WATCHER].replace(old, new, 1)}
        grade = graded(TASK, instance, reply(case.files(), files, 0))
        assert not grade.passed
        assert reason in grade.reason, grade.reason


@needs_compiler
def test_forged_results_are_wrong_and_no_defect(graded):
    instance, case = drawn(way="live")
    spy = (
        "const write = Buffer.from; (Buffer as any).from = (text: string) => write(typeof text "
        '=== "string" ? text.replace(/"kept":.*/, \'"kept":[7],"shown":{}}\\n\') : text);\n'
    )
    files = {**case.solved(), "types.ts": case.files()["types.ts"] + spy}
    files[WATCHER] += '\nimport "../types";\n'
    grade = graded(TASK, instance, reply(case.files(), files, 0))
    assert not grade.passed
    assert "cannot be read" in grade.reason


@needs_compiler
def test_one_seed_holds():
    suite = open_suite("coding", lambda: SANDBOX)
    upsets = asyncio.run(check_suite(suite, [51], sandbox=SANDBOX, tasks=[TASK.name]))
    assert [(upset.seed, upset.script, upset.upset) for upset in upsets] == []


def test_every_case_can_be_made():
    seen = set()
    for seed in range(150):
        rng = random.Random(seed)
        case = draw_case(rng)
        before, after = case.files(), case.solved()
        assert {path for path in before if before[path] != after[path]} == {WATCHER}
        assert lines_changed(before, after) <= 5
        assert len(cheats(case)) >= 12
        assert not any(word in "".join(before.values()) for word in ("leaf", "Binder", "leaves"))
        assert 24_000 < sum(map(len, before.values())) < 29_000
        steps = draw_steps(rng, case, draw_settings(rng))
        told = {step.do["do"] for step in steps if step.told}
        assert {"wait", "attach", "resume", "hand"} - told <= {"wait", "resume"}
        seen.add(case[1:])
    assert len(seen) == 27
    assert isinstance(case, Case)
