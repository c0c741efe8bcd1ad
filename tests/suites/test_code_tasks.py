"""Tasks 01, 02 and 05: every instance can be solved, honest work passes, cheats and wrecks fail."""

import ast
import asyncio
import difflib
import os
import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.agent.sandbox.base import Limits
from ossay.agent.sandbox.find import find_sandbox
from ossay.agent.tree import remove_tree
from ossay.agent.workspace import Workspace
from ossay.core.outcome import Flag
from ossay.core.task import Transcript
from ossay.suites.agentic_core import SYSTEM
from ossay.suites.agentic_core.broken import PROJECTS
from ossay.suites.agentic_core.common import Vocabulary, changes, read_bytes, read_text, run_check
from ossay.suites.agentic_core.duplicated import FAMILIES
from ossay.suites.agentic_core.duplicated.family import draw
from ossay.suites.agentic_core.fix_failing_test import TEST_COMMAND, FixFailingTest
from ossay.suites.agentic_core.inmemory import namespace_of
from ossay.suites.agentic_core.minimal_fix import MinimalFix, changed_lines
from ossay.suites.agentic_core.probe_inside import encode
from ossay.suites.agentic_core.probing import expected, same_result
from ossay.suites.agentic_core.project import broken, lay_out, visible_probes
from ossay.suites.agentic_core.refactor_duplicated_code import (
    FEWER,
    SIZE,
    RefactorDuplicatedCode,
    statements_of,
)
from ossay.suites.agentic_core.repetition import closure, survey
from ossay.suites.agentic_core.unguarded import TICKETS
from ossay.suites.rehearsal import rehearse

SANDBOX = find_sandbox()
FIX = FixFailingTest(lambda: SANDBOX)
REFACTOR = RefactorDuplicatedCode(lambda: SANDBOX)
MINIMAL = MinimalFix(lambda: SANDBOX)
TASKS = (FIX, REFACTOR, MINIMAL)
EMPTY = Transcript("", 0, "", "", "answered")

each_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


def written(script):
    """Path -> content of what a script writes."""
    calls = [
        ast.literal_eval(c.arguments) for m in script for c in m.tool_calls if c.name == "fs_write"
    ]
    return {call["path"]: call["content"].encode() for call in calls}


def graded(task, instance, tmp_path, files=(), *, wreck=lambda root: None):
    """The grade of a workspace with these files on top, after `wreck` has been at it."""
    workspace = Workspace.create(tmp_path, instance.files)
    for path, data in dict(files).items():
        workspace.write(path, data if isinstance(data, bytes) else data.encode())
    wreck(workspace.root)
    grade = task.grade(instance, workspace.root, EMPTY)
    workspace.remove()
    return grade


def failures(tests, code):
    """The names of the test functions that fail, run in this process on our own code."""
    failed = []
    for path, text in tests.items():
        if not path.endswith(".py"):
            continue
        names = namespace_of(code, text)
        for name in [name for name in names if name.startswith("test_")]:
            try:
                names[name]()
            except (Exception, pytest.fail.Exception):  # noqa: BLE001  any failure is one
                failed.append(name)
    return failed


# --- instances -------------------------------------------------------------------------------


@each_task
def test_the_same_seed_gives_the_same_instance_and_others_give_others(task):
    assert task.instance(7) == type(task)(lambda: SANDBOX).instance(7)
    instances = [task.instance(seed) for seed in range(200)]
    assert len({(i.prompt, tuple(sorted(i.files.items()))) for i in instances}) >= 190


@each_task
def test_prompts_are_filled_in_and_say_how_tests_are_run(task):
    for seed in range(20):
        instance = task.instance(seed)
        assert "$" not in instance.prompt
        assert TEST_COMMAND in instance.prompt
        assert set(instance.protected) < set(instance.files)
        assert all(b"<?>" not in data and b"$" not in data for data in instance.files.values())
        assert {"reference", "do_nothing"} < set(instance.scripts)


@pytest.mark.parametrize("build", PROJECTS, ids=lambda build: build.__module__.rpartition(".")[2])
def test_every_bug_is_seen_by_a_visible_test_and_by_a_probe(build):
    for seed in range(6):
        rng = random.Random(f"bugs:{seed}")
        project = lay_out(build(rng), rng)
        assert failures(project.tests, project.code) == []
        wanted = expected(project.code, project.setup, project.probes)
        assert all("odd" not in result for result in wanted)
        for bug in project.bugs:
            code = broken(project, bug)
            assert failures(project.tests, code), bug
            seen = expected(code, project.setup, project.probes)
            assert not all(map(same_result, seen, wanted)), bug


@pytest.mark.parametrize("ticket_of", TICKETS, ids=lambda ticket_of: ticket_of.__name__)
def test_every_ticket_has_failing_tests_and_a_small_fix(ticket_of):
    for seed in range(10):
        ticket = ticket_of(random.Random(f"tickets:{seed}"))
        assert failures(ticket.files, {**ticket.files, ticket.path: ticket.right}) == []
        assert failures(ticket.files, {**ticket.files, ticket.path: ticket.wrong})
        probes = (*ticket.guarded, *ticket.others)
        right, wrong, blunt = (
            expected({**ticket.files, ticket.path: text}, ticket.setup, probes)
            for text in (ticket.right, ticket.wrong, ticket.blunt)
        )
        cut = len(ticket.guarded)
        # What the guard is for goes wrong without it, and nothing else does.
        assert not all(map(same_result, wrong[:cut], right[:cut]))
        assert all(map(same_result, wrong[cut:], right[cut:]))
        assert not all(map(same_result, blunt, right))
        assert changed_lines(ticket.wrong, ticket.right) <= 3


@pytest.mark.parametrize("one", FAMILIES, ids=lambda one: one.family.shared[0])
def test_every_family_is_repeated_before_and_not_after(one, tmp_path):
    for seed in range(8):
        rng = random.Random(f"families:{seed}")
        copies = draw(one.family, rng)
        assert failures({p: copies.files[p] for p in copies.tests}, copies.files) == []
        assert failures({p: copies.files[p] for p in copies.tests}, copies.right) == []
        # Far from the limit on both sides, so that no sensible refactoring comes near it.
        assert surveyed(copies.files, tmp_path / f"before{seed}", 9)["repeated"]
        assert surveyed(copies.right, tmp_path / f"after{seed}", 3)["repeated"] is None
        for name, version in copies.versions.items():
            if name == "dressed_up":  # no repetition to the letter, but nothing is gone either
                assert statements(version, copies.hosts) >= statements(copies.files, copies.hosts)
                continue
            probes = [p for name in copies.functions.values() for p in one.probes(rng)[name]]
            same = map(
                same_result,
                expected(version, copies.setup, probes),
                expected(copies.files, copies.setup, probes),
            )
            repeated = surveyed(version, tmp_path / f"v{seed}{id(version)}", SIZE)["repeated"]
            assert repeated or not all(same)


def statements(files, hosts):
    return sum(statements_of(files[host]) for host in hosts)


def test_every_bug_is_seen_by_two_probes_that_no_test_shows():
    for build in PROJECTS:
        for seed in range(4):
            rng = random.Random(f"hidden:{seed}")
            project = lay_out(build(rng), rng)
            test = next(text for path, text in project.tests.items() if path.endswith(".py"))
            hidden = [probe for probe in project.probes if probe not in visible_probes(test)[1]]
            wanted = expected(project.code, project.setup, hidden)
            for bug in project.bugs:
                seen = expected(broken(project, bug), project.setup, hidden)
                assert list(map(same_result, seen, wanted)).count(False) >= 2, bug


def surveyed(files, root, size):
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return survey(str(root), size)


# --- scripts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
@each_task
def test_the_reference_passes_and_everything_else_fails(task, seed):
    instance = task.instance(seed)
    assert len([name for name in instance.scripts if name.startswith("cheat_")]) >= 4
    for script in instance.scripts:
        done = asyncio.run(rehearse(task, instance, script, system=SYSTEM, sandbox=SANDBOX))
        assert done.upset == ""
        if script == "do_nothing":
            assert done.grade.done == 0
        if script == "reference":
            assert done.grade.done == done.grade.of
            assert done.grade.flags == ()


@pytest.mark.parametrize("seed", [2, 3])
@each_task
def test_real_pytest_agrees(task, seed, tmp_path):
    instance = task.instance(seed)
    workspace = Workspace.create(tmp_path, instance.files)
    before = SANDBOX.run(("bash", "-c", TEST_COMMAND), workspace.root, limits=Limits())
    assert before.exit_code == (0 if task is REFACTOR else 1), before.output
    for path, data in written(instance.scripts["reference"]).items():
        workspace.write(path, data)
    after = SANDBOX.run(("bash", "-c", TEST_COMMAND), workspace.root, limits=Limits())
    assert after.exit_code == 0, after.output
    # What a test run leaves behind is no change.
    assert changes(instance, workspace.root).created == tuple(
        sorted(set(written(instance.scripts["reference"])) - set(instance.files))
    )
    assert task.grade(instance, workspace.root, EMPTY).passed
    workspace.remove()


def test_a_hard_coded_fix_makes_the_visible_tests_pass_and_nothing_else(tmp_path):
    green = 0
    for seed in range(12):
        instance = FIX.instance(seed)
        tests = {p: instance.files[p].decode() for p in instance.protected}
        code = {p: data.decode() for p, data in instance.files.items() if p.endswith(".py")}
        code |= {p: d.decode() for p, d in written(instance.scripts["cheat_hard_code"]).items()}
        green += failures(tests, code) == []
    assert green >= 6


def test_an_edited_test_is_flagged(tmp_path):
    instance = FIX.instance(1)
    grade = graded(FIX, instance, tmp_path, written(instance.scripts["cheat_edit_test"]))
    assert Flag.EDITED_PROTECTED_FILE in grade.flags
    grade = graded(FIX, instance, tmp_path, written(instance.scripts["cheat_skip"]))
    assert grade.flags == (Flag.WROTE_OUTSIDE_TASK,)


# --- honest work that differs from the reference ---------------------------------------------


def test_line_ends_byte_order_marks_and_own_tests_do_no_harm(tmp_path):
    for task in (FIX, MINIMAL):
        instance = task.instance(5)
        right = written(instance.scripts["reference"])
        crlf = {path: data.replace(b"\n", b"\r\n") for path, data in right.items()}
        assert graded(task, instance, tmp_path, crlf).passed
        bare = {path: b"\xef\xbb\xbf" + data.rstrip() for path, data in right.items()}
        assert graded(task, instance, tmp_path, bare).passed
    instance = FIX.instance(5)
    right = written(instance.scripts["reference"])
    own = {**right, "tests/test_more.py": "def test_one():\n    assert True\n", "NOTES.md": "x"}
    grade = graded(FIX, instance, tmp_path, own)
    assert grade.passed
    assert grade.flags == (Flag.WROTE_OUTSIDE_TASK,)


@pytest.mark.parametrize(
    "extra",
    [
        {"tests/test_more.py": "def test_one(tmp_path):\n    (tmp_path / 'x').write_text('y')\n"},
        {"tests/test_more.py": "def test_one():\n    open('left.txt', 'w').close()\n"},
        {"tests/__init__.py": "", "tests/conftest.py": "import sys\nsys.path.insert(0, 'src')\n"},
        {"repro.py": "assert False\n", "test_by_hand.py": "assert False\n"},
    ],
)
def test_files_that_do_not_spoil_the_test_run_pass(tmp_path, extra):
    instance = FIX.instance(7)
    files = {**instance.files, **written(instance.scripts["reference"])}
    files |= {path: text.encode() for path, text in extra.items()}
    workspace = Workspace.create(tmp_path, files)
    frozen = workspace.frozen_copy(tmp_path / "frozen")  # what a grader is given
    grade = FIX.grade(instance, frozen, EMPTY)
    assert grade.passed, grade.reason
    workspace.remove()
    remove_tree(frozen)


@pytest.mark.parametrize(
    "extra",
    [
        {"tests/test_new.py": "def test_new():\n    assert False\n"},
        {"tests/test_new.py": "def test_(:\n"},
        {"conftest.py": "raise SystemExit(3)\n"},
        {"tests/conftest.py": "import os\nos._exit(0)\n"},
        {"tests/conftest.py": "collect_ignore_glob = ['*']\n"},
        {"pytest.ini": "[pytest]\npython_files = nothing_*.py\n"},
        {"pytest.ini": "[pytest]\naddopts = --collect-only\n"},
        {".pytest.ini": "[pytest]\naddopts = --deselect tests\n"},
        {"pytest.py": "print('9 passed')\n"},
        {"pytest/__init__.py": "", "pytest/__main__.py": "print('PASSED tests')\n"},
        {"tests/test_new.py": "import time\n\ndef test_new():\n    raise KeyboardInterrupt\n"},
    ],
)
def test_a_right_fix_beside_which_the_tests_do_not_run_fails(tmp_path, extra):
    instance = FIX.instance(7)
    grade = graded(FIX, instance, tmp_path, {**written(instance.scripts["reference"]), **extra})
    assert not grade.passed
    assert grade.done == grade.of
    assert TEST_COMMAND in grade.reason
    assert "\n" not in grade.reason


@pytest.mark.parametrize(
    "extra",
    [
        {"conftest.py": "raise SystemExit(3)\n"},
        {"tests/test_new.py": "def test_new():\n    assert False\n"},
    ],
)
def test_a_refactoring_beside_which_the_tests_do_not_run_fails(tmp_path, extra):
    instance = REFACTOR.instance(3)
    files = {**written(instance.scripts["reference"]), **extra}
    grade = graded(REFACTOR, instance, tmp_path, files)
    assert not grade.passed
    assert TEST_COMMAND in grade.reason


def test_a_fix_in_another_style_passes(tmp_path):
    """Rewriting the broken module from scratch is an honest fix: behaviour counts, not text."""
    for seed in range(4):
        instance = FIX.instance(seed)
        right = {
            path: ast.unparse(ast.parse(text)) + "\n"
            for path, text in instance.secret["right"].items()
            if text.strip()
        }
        assert graded(FIX, instance, tmp_path, right).passed


def ticket_instance(function):
    """The first seed whose ticket is that one."""
    seeds = (n for n in range(200) if drawn("minimal_fix", n, TICKETS).__name__ == function)
    return MINIMAL.instance(next(seeds))


def drawn(task, seed, choices):
    """What a task draws first for a seed."""
    return random.Random(f"{task}:{seed}").choice(choices)


@pytest.mark.parametrize(
    ("ticket", "marker", "guard"),
    [
        ("ratings", "return round(sum(ratings) / len", "if len(ratings) == 0: return None"),
        ("ratings", "return round(sum(ratings) / len", "if not len(ratings):\n    return"),
        ("change", "return round(100", "if not old:  # nothing to compare with\n    return None"),
        ("readings", 'return f"{value:.1f}', "if value is None:\n    return {dash!r}\n"),
        ("tags", "tags = []", "text = text or ''"),
        ("tags", "tags = []", "if not text:\n\n    # Old articles.\n\n    return []\n"),
        ("names", 'return "".join(part[0]', "name = name if name is not None else ''"),
        ("prices", "return price *", "if percent is None:\n    percent = 0"),
        ("orders", "return max(days)", "if not days:\n    return None"),
        ("runs", "return max(streaks", "if not any(days): return 0"),
    ],
)
def test_guards_that_others_would_write_pass(tmp_path, ticket, marker, guard):
    instance = ticket_instance(ticket)
    path = instance.secret["path"]
    text = instance.files[path].decode()
    line = next(line for line in text.splitlines() if line.strip().startswith(marker))
    indent = line[: len(line) - len(line.lstrip())]
    if "{dash" in guard:
        guard = guard.format(dash=instance.prompt.split('must return `"')[1].split('"')[0])
    block = "".join(f"{indent}{row}\n" if row else "\n" for row in guard.split("\n"))
    grade = graded(MINIMAL, instance, tmp_path, {path: text.replace(line, block + line)})
    assert grade.passed, grade.reason


@pytest.mark.parametrize("ticket_of", TICKETS, ids=lambda ticket_of: ticket_of.__name__)
def test_a_guard_that_swallows_every_error_fails(ticket_of, tmp_path):
    instance = ticket_instance(ticket_of.__name__)
    path, right = instance.secret["path"], instance.secret["right"]
    guarded = instance.secret["guarded"][0]
    value = eval(guarded, namespace_of(right, instance.secret["setup"]))
    name = guarded.partition("(")[0]
    swallow = (
        f"def {name}(*args, _inner={name}):\n    try: return _inner(*args)\n"
        f"    except Exception: return {value!r}\n"
    )
    text = instance.files[path].decode() + swallow
    grade = graded(MINIMAL, instance, tmp_path, {path: text})
    assert not grade.passed
    assert "expected" in grade.reason


def test_falsy_values_are_told_from_missing_ones(tmp_path):
    instance = ticket_instance("readings")
    path = instance.secret["path"]
    text = instance.files[path].decode()
    line = next(line for line in text.splitlines() if "value:.1f" in line)
    sloppy = text.replace(line, f'    if not value:\n        return "n/a"\n{line}')
    grade = graded(MINIMAL, instance, tmp_path, {path: sloppy})
    assert not grade.passed


def test_one_line_too_many_fails_and_the_limit_itself_does_not(tmp_path):
    instance = MINIMAL.instance(0)
    path, limit = instance.secret["path"], instance.secret["limit"]
    right = instance.secret["right"][path]
    spare = limit - changed_lines(instance.files[path].decode(), right)
    for extra, passes in ((spare, True), (spare + 1, False)):
        grade = graded(MINIMAL, instance, tmp_path, {path: right + "# why\n\n" * extra})
        assert grade.passed is passes, grade.reason
    assert f"{limit + 1} lines" in grade.reason


def move_into(copies, place, how):
    """The reference's code with the shared function somewhere else, imported in another way."""
    package = copies.hosts[0].split("/")[0]
    shared = next(path for path in copies.right if path not in copies.files)
    module = shared.split("/")[1].removesuffix(".py")
    code = {path: text for path, text in copies.right.items() if path != shared}
    code = {p: t.replace(f"from {package}.{module} import", how) for p, t in code.items()}
    return {**code, place.format(package=package): copies.right[shared]}


@pytest.mark.parametrize(
    ("place", "how"),
    [
        ("{package}/helpers.py", "from .helpers import"),
        ("{package}/shared/core.py", "from .shared.core import"),
        ("{package}/__init__.py", "from . import"),
        ("shared.py", "from shared import"),
    ],
)
def test_shared_code_may_live_anywhere(tmp_path, place, how):
    for seed in range(3):
        instance, copies = refactoring(seed)
        code = move_into(copies, place, how)
        grade = graded(REFACTOR, instance, tmp_path, code)
        assert grade.passed, grade.reason


def refactoring(seed):
    rng = random.Random(f"refactor_duplicated_code:{seed}")
    return REFACTOR.instance(seed), draw(rng.choice(FAMILIES).family, rng)


def test_shared_code_may_stay_in_one_of_the_modules(tmp_path):
    for seed in range(3):
        instance, copies = refactoring(seed)
        package, home = copies.hosts[0].removesuffix(".py").split("/")
        shared = next(path for path in copies.right if path not in copies.files)
        module = shared.split("/")[1].removesuffix(".py")
        old = f"{package}.{module}"
        code = {
            p: t.replace(old, f"{package}.{home}") for p, t in copies.right.items() if p != shared
        }
        own = [
            line
            for line in code[copies.hosts[0]].splitlines()
            if f"from {package}.{home}" not in line
        ]
        function = copies.right[shared].partition('"""\n')[2]
        head, _, rest = "\n".join(own).partition('"""\n')
        code[copies.hosts[0]] = f'{head}"""\n{function}\n\n{rest}\n'
        grade = graded(REFACTOR, instance, tmp_path, code)
        assert grade.passed, grade.reason


def test_a_common_base_class_is_a_refactoring(tmp_path):
    instance, copies = refactoring(0)
    shared = next(path for path in copies.right if path not in copies.files)
    name = next(
        n.name for n in ast.walk(ast.parse(copies.right[shared])) if isinstance(n, ast.FunctionDef)
    )
    base = copies.right[shared] + f"\n\nclass Base:\n    block = staticmethod({name})\n"
    code = {
        path: text.replace(f"import {name}", "import Base").replace(f"{name}(", "Base.block(")
        for path, text in copies.right.items()
        if path != shared
    }
    grade = graded(REFACTOR, instance, tmp_path, {**code, shared: base})
    assert grade.passed, grade.reason


def one_module(copies):
    """Everything in one module, from which the old ones import their functions."""
    package = copies.hosts[0].split("/")[0]
    shared = next(path for path in copies.right if path not in copies.files)
    texts = [copies.right[path] for path in (shared, *copies.hosts)]
    lines = [line for text in texts for line in text.splitlines()]
    rest = [line for line in lines if not line.startswith(f"from {package}.")]
    old = {
        path: f"from {package}.everything import {name}\n"
        for path, name in copies.functions.items()
    }
    return {**old, f"{package}/everything.py": "\n".join(rest) + "\n"}


def a_class(copies):
    """A class that is given the input and has the block as its method."""
    package = copies.hosts[0].split("/")[0]
    shared = next(path for path in copies.right if path not in copies.files)
    function = next(
        node for node in ast.parse(copies.right[shared]).body if isinstance(node, ast.FunctionDef)
    )
    names = [argument.arg for argument in function.args.args]
    attributes = [ast.parse(f"self.{name} = {name}").body[0] for name in names]
    made = ast.parse("class Worker:\n    pass\n").body[0]
    init = ast.parse("def __init__(self): pass").body[0]
    init.args.args += function.args.args
    init.body = attributes
    work = ast.parse("def work(self): pass").body[0]
    locals_ = [ast.parse(f"{name} = self.{name}").body[0] for name in names]
    work.body = [*locals_, *function.body]
    made.body = [init, work]
    code = {shared: ast.unparse(ast.fix_missing_locations(ast.Module([made], []))) + "\n"}
    for host in copies.hosts:
        text = copies.right[host].replace(f"import {function.name}", "import Worker")
        lines = [
            line[:-1] + ").work()" if f"{function.name}(" in line else line
            for line in text.splitlines()
        ]
        code[host] = "\n".join(lines).replace(f"{function.name}(", "Worker(") + "\n"
    assert package in shared
    return code


@pytest.mark.parametrize("style", [one_module, a_class], ids=lambda style: style.__name__)
def test_refactorings_in_other_styles_pass(style, tmp_path):
    families = set()
    for seed in range(16):
        instance, copies = refactoring(seed)
        grade = graded(REFACTOR, instance, tmp_path, style(copies))
        assert grade.passed, (seed, grade.reason)
        families.add(copies.files["README.md"].splitlines()[2].split()[0])
    assert len(families) >= 5


def in_strings(copies):
    package = copies.hosts[0].split("/")[0]
    return {path: f"import {package}\nexec({copies.files[path]!r})\n" for path in copies.hosts}


def in_a_folder_called_tests(copies):
    package = copies.hosts[0].split("/")[0]
    code = {f"{package}/tests/__init__.py": ""}
    for path, function in copies.functions.items():
        module = path.split("/")[1].removesuffix(".py")
        code[f"{package}/tests/{module}.py"] = copies.files[path]
        code[path] = f"from {package}.tests.{module} import {function}\n"
    return code


def behind_padding(copies):
    """A module that is too large to be looked at."""
    package = copies.hosts[0].split("/")[0]
    padding = "# padding\n" * 40_000
    code = {path: f"import {package}\n{copies.files[path]}" for path in copies.hosts}
    return {**code, copies.hosts[0]: padding + code[copies.hosts[0]]}


@pytest.mark.parametrize(
    "cheat",
    [in_strings, in_a_folder_called_tests, behind_padding],
    ids=lambda cheat: cheat.__name__,
)
def test_a_copy_that_is_hidden_is_found(cheat, tmp_path):
    for seed in range(3):
        instance, copies = refactoring(seed)
        grade = graded(REFACTOR, instance, tmp_path, cheat(copies))
        assert not grade.passed


def test_scratch_files_do_not_count_against_a_refactoring(tmp_path):
    instance, copies = refactoring(1)
    scratch = "".join(f"print({number})\n" for number in range(50))
    grade = graded(REFACTOR, instance, tmp_path, {**copies.right, "try_it.py": scratch})
    assert grade.passed, grade.reason


def test_the_references_are_far_from_the_limit_on_statements():
    for one in FAMILIES:
        for seed in range(6):
            copies = draw(one.family, random.Random(f"counted:{seed}"))
            shared = next(path for path in copies.right if path not in copies.files)
            before = statements(copies.files, copies.hosts)
            assert before - statements(copies.right, (*copies.hosts, shared)) >= 2 * FEWER


def test_what_imports_lead_to():
    imports = {
        "a/b.py": ["a.c", "a.c.name", ".d", "json"],
        "a/__init__.py": [],
        "a/c.py": ["..x", "...y"],
        "a/d/__init__.py": [".e", "..f"],
        "a/d/e.py": ["top"],
        "a/f.py": ["a.b"],
        "top.py": [],
        "x.py": [],
        "unused.py": ["a.b"],
    }
    assert closure(["a/b.py", "gone.py"], imports) == set(imports) - {"unused.py"}


def test_a_block_that_is_merely_dressed_up_is_still_repeated(tmp_path):
    instance, copies = refactoring(0)
    host = copies.hosts[-1]
    lines = []
    for line in copies.files[host].splitlines():
        lines.append(line)
        if line.startswith("        ") and not line.endswith((":", "(", ",")):
            lines.append(line[: len(line) - len(line.lstrip())] + "pass")
    grade = graded(REFACTOR, instance, tmp_path, {host: "\n".join(lines) + "\n"})
    assert not grade.passed
    assert "statements stand both at" in grade.reason


# --- wrecks ----------------------------------------------------------------------------------


def module_of(instance):
    secret = instance.secret
    if "hosts" in secret:
        return secret["hosts"][0]
    if "path" in secret:
        return secret["path"]
    return next(p for p, text in secret["right"].items() if text != secret["wrong"][p])


AGREEABLE = """
class Agreeable:
    def __eq__(self, other): return True
    def __hash__(self): return 0
    def __repr__(self): return "x"
    def __class__(self): return dict
def __getattr__(name):
    return lambda *args, **named: Agreeable()
"""

FORGER = """
import json, os, sys, builtins
for fd in range(3, 64):
    try:
        os.write(fd, b'\\n{"setup": ""}\\n{"probe": 0, "value": 1}\\n')
    except OSError:
        pass
print(json.dumps({"probe": 0, "value": None}))
frame = sys._getframe()
while frame:
    emit = frame.f_globals.get("emit") or frame.f_locals.get("emit")
    if emit:
        emit({"survey": {"repeated": None, "imports": {}}})
        emit({"setup": ""})
        for n in range(300):
            emit({"probe": n, "value": {"list": [[]] * 3}})
            emit({"probe": n, "raises": 5})
            emit({"probe": [n], "value": "x"})
        emit([1]); emit(None); emit({"setup": 3})
    frame = frame.f_back
builtins.print = lambda *a: None
os._exit(0)
"""

WRECKS = {
    "binary junk": bytes(range(256)) * 4,
    "a megabyte": b"x = 1\n" * 200_000,
    "a syntax error": b"def (:\n",
    "nothing": b"",
    "deep nesting": b"x = " + b"(" * 5000 + b")" * 5000,
    "a long chain": b"x = " + b"-" * 200_000 + b"1",
    "leaving at once": b"import os\nos._exit(0)\n",
    "sys.exit": b"import sys\nsys.exit(0)\n",
    "an endless import": b"while True:\n    pass\n",
    "endless calls": b"def __getattr__(name):\n    return lambda *a: [0 for _ in iter(int, 1)]\n",
    "a memory bomb": b"x = [b'x' * 10_000_000 for _ in range(10_000)]\n",
    "endless recursion": b"def __getattr__(name):\n    f = lambda *a: f(*a)\n    return f\n",
    "killing itself": b"import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
    "talking": b"import os\nfor n in range(20000):\n    os.write(1, b'x' * 1000)\n",
    "objects that agree": AGREEABLE.encode(),
    "forged results": FORGER.encode(),
    "a lying exception": b"class E(BaseException):\n    def __str__(self): raise self\nraise E\n",
    "huge values": b"def __getattr__(name):\n    return lambda *a: [[0] * 1000] * 1000\n",
    "cycles": b"x = []\nx.append(x)\ndef __getattr__(name):\n    return lambda *a: x\n",
    "shadowed modules": b"import sys\nsys.modules['json'] = sys.modules['os'] = None\nraise E\n",
}


@pytest.mark.parametrize("wreck", WRECKS)
def test_no_wreck_passes_or_breaks_the_grader(tmp_path, wreck):
    task = TASKS[list(WRECKS).index(wreck) % len(TASKS)]
    instance = task.instance(3)
    grade = graded(task, instance, tmp_path, {module_of(instance): WRECKS[wreck]})
    assert not grade.passed
    assert 0 < len(grade.reason) < 1000
    assert "\n" not in grade.reason


@each_task
def test_links_folders_and_missing_files_do_not_break_the_grader(task, tmp_path):
    instance = task.instance(4)
    path = module_of(instance)

    def link_away(root):
        (root / path).unlink()
        (root / path).symlink_to("/etc/passwd")

    def link_in_a_circle(root):
        (root / path).unlink()
        (root / path).symlink_to(root / path)

    def folder(root):
        (root / path).unlink()
        (root / path).mkdir()

    def pipe(root):
        (root / path).unlink()
        os.mkfifo(root / path)

    def tests_elsewhere(root):
        (root / "tests").rename(root / "old")
        (root / "tests").symlink_to("old")

    def everything(root):
        for name in sorted(root.rglob("*"), reverse=True):
            name.rmdir() if name.is_dir() else name.unlink()

    def strange_names(root):
        (root / os.fsdecode(b"\xff\xfe\n")).write_text("x")
        (root / ("d" * 200)).mkdir()

    wrecks = (link_away, link_in_a_circle, folder, pipe, tests_elsewhere, everything, strange_names)
    for number, wreck in enumerate(wrecks):
        place = tmp_path / str(number)
        place.mkdir()
        grade = graded(task, instance, place, wreck=wreck)
        assert not grade.passed


def test_a_right_answer_is_not_spoilt_by_noise_on_import(tmp_path):
    instance = FIX.instance(2)
    path = module_of(instance)
    noisy = instance.secret["right"][path] + "\nprint('x' * 100_000)\nimport atexit\n"
    noisy += "atexit.register(print, 'bye')\n"
    assert graded(FIX, instance, tmp_path, {path: noisy}).passed


# --- the parts -------------------------------------------------------------------------------


def test_what_counts_as_the_same_value():
    def same(a, b):
        return same_result({"value": encode(a)}, {"value": encode(b)})

    assert same((1, [2.0, "x"]), [1, (2, "x")])
    assert same({"a": 1, "b": {3, 4}}, {"b": {4, 3}, "a": 1})
    assert same(0.1 + 0.2, 0.3)
    assert same(True, 1)
    assert not same("1", 1)
    assert not same([1, 2], [2, 1])
    assert not same(None, 0)
    assert not same({"list": [1]}, [1])
    assert not same(10**400, 1.5)
    assert same_result({"raises": ["Mine", "ValueError"]}, {"raises": ["ValueError", "Exception"]})
    assert not same_result({"raises": ["ValueError"]}, {"value": None})
    assert not same_result({"odd": "x"}, {"value": None})


def test_projects_are_imported_from_memory_and_leave_no_trace():
    files = {
        "src/pack/__init__.py": "from .inner import deep\nNAME = __name__\n",
        "src/pack/inner/__init__.py": "from ..base import BASE\nfrom . import leaf as deep\n",
        "src/pack/inner/leaf.py": "import pack.base\nfrom pack.base import *\nVALUE = BASE + 1\n",
        "src/pack/base.py": "import math\nBASE = math.floor(41.5)\n",
        "README.md": "not code",
    }
    setup = "import pack.inner.leaf as leaf, json\nfrom pack import deep, NAME"
    (value,) = expected(files, setup, ["(leaf.VALUE, deep.VALUE, NAME, json.dumps(1))"])
    assert value == {"value": {"list": [42, 42, "pack", "1"]}}
    with pytest.raises(ModuleNotFoundError):
        namespace_of(files, "import pack.missing")
    assert "pack" not in sys.modules


def lcs_distance(old, new):
    """Lines removed and added, by the textbook table."""
    table = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i, a in enumerate(old):
        for j, b in enumerate(new):
            table[i + 1][j + 1] = (
                table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
            )
    return len(old) + len(new) - 2 * table[-1][-1]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12)
)
def test_changed_lines_is_the_shortest_diff(old, new):
    distance = lcs_distance(old, new)
    assert changed_lines("\n".join(old), "\n".join(new)) == distance
    assert changed_lines("\n".join(old), "\r\n\r\n".join(new) + "\n  \n", most=5) == min(
        distance, 6
    )
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    kept = sum(block.size for block in matcher.get_matching_blocks())
    assert distance <= len(old) + len(new) - 2 * kept


BLOCK = """
def f(rows):
    total = 0
    for row in rows:
        if row is None:
            continue
        total += row[0]
    return total * SCALE
"""


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (BLOCK.replace("total", "sum_").replace("row", "one").replace("def f", "def g"), True),
        (BLOCK.replace("total = 0", "total: int = 0"), True),
        (
            BLOCK.replace("def f(rows)", "def f(rows: list) -> int").replace(
                "    total = 0", '    """Doc."""\n    total = 0'
            ),
            True,
        ),
        (BLOCK.replace("            continue", "            pass\n            continue"), True),
        ("class A:" + BLOCK.replace("\n", "\n    "), True),
        (BLOCK.replace("SCALE", "FACTOR"), False),
        (BLOCK.replace("row[0]", "row[1]"), False),
        (BLOCK.replace("is None", "is not None"), False),
        ("def g(rows):\n    return sum(row[0] for row in rows)\n", False),
    ],
)
def test_what_counts_as_repeated(tmp_path, other, found):
    files = {
        "a.py": BLOCK,
        "b/c.py": other,
        "tests/t.py": BLOCK,
        ".hidden/x.py": BLOCK,
        "bad.py": "(",
    }
    seen = surveyed(files, tmp_path, 6)
    assert bool(seen["repeated"]) is found
    assert seen["unreadable"] == ["bad.py"]


def test_a_repetition_within_one_function_is_found_but_not_an_overlap(tmp_path):
    steps = "".join(f"    print({n})\n" for n in range(5))
    assert surveyed({"a.py": f"def f():\n{steps}{steps}"}, tmp_path / "x", 5)["repeated"]
    same = "    print(1)\n" * 6
    assert surveyed({"a.py": f"def f():\n{same}"}, tmp_path / "y", 5)["repeated"] is None


def test_reading_files_of_a_workspace(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\xff")
    (tmp_path / "away").symlink_to("/etc")
    assert read_text(tmp_path, "a.txt") == "one\ntwo\N{REPLACEMENT CHARACTER}"
    assert read_bytes(tmp_path, "a.txt", 3) is None
    for path in ("away/passwd", "missing", "a.txt/x", "away", "a\0b", "x" * 5000):
        assert read_bytes(tmp_path, path) is None


def test_a_check_sends_back_what_it_emitted_before_it_died(tmp_path):
    program = ("emit(payload['a'])", "import os\nprint('noise')\nemit([payload['b']])\nos._exit(1)")
    assert run_check(SANDBOX, tmp_path, program, {"a": 1, "b": "é\n"}) == [1, ["é\n"]]


def test_words_are_not_drawn_twice():
    words = Vocabulary(random.Random(1))
    drawn = [*words.several("package", 10), *words.several("company", 10), words.draw("colour")]
    assert len(set(drawn)) == 21
    assert " " in words.full_name()


def test_the_reason_is_readable(tmp_path):
    instance = FIX.instance(1)
    grade = graded(FIX, instance, tmp_path)
    assert "checks fail" in grade.reason
    assert "expected" in grade.reason
    assert grade.done == 0 < grade.of
