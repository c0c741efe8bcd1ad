"""Grading in a process of its own, on a read-only copy, protected files hashed."""

import asyncio
import os

import msgspec
import pytest

from ossay.agent.sandbox.find import find_sandbox
from ossay.agent.workspace import Workspace
from ossay.core.errors import EnvironmentDefect
from ossay.core.outcome import Flag
from ossay.core.task import Grade, Instance, Transcript
from ossay.suites.grading import check_environment, grade_run, judge
from ossay.suites.registry import open_suite
from ossay.suites.rehearsal import check_suite, rehearse

TASK = "multi_step_plan"


@pytest.fixture(scope="module")
def sandbox():
    return find_sandbox()


@pytest.fixture(scope="module")
def suite(sandbox):
    return open_suite("agentic-core", lambda: sandbox)


def played(suite, sandbox, script, seed=3):
    task = suite.tasks[TASK]
    return asyncio.run(
        rehearse(task, task.instance(seed), script, system=suite.system, sandbox=sandbox)
    )


def test_the_process_and_the_function_agree(suite, sandbox, tmp_path):
    task = suite.tasks[TASK]
    instance = task.instance(3)
    workspace = Workspace.create(tmp_path, instance.files)
    transcript = played(suite, sandbox, "do_nothing").transcript
    inside = judge(task, instance, workspace.root, transcript)
    outside = asyncio.run(grade_run("agentic-core", instance, workspace, transcript))
    assert outside == inside
    assert not outside.passed


def test_a_grader_that_cannot_answer_is_a_defect(suite, sandbox, tmp_path):
    instance = suite.tasks[TASK].instance(3)
    workspace = Workspace.create(tmp_path, instance.files)
    transcript = played(suite, sandbox, "do_nothing").transcript
    with pytest.raises(EnvironmentDefect, match="longer than"):
        asyncio.run(grade_run("agentic-core", instance, workspace, transcript, timeout_s=0.001))
    with pytest.raises(EnvironmentDefect, match="no-such-suite"):
        asyncio.run(grade_run("no-such-suite", instance, workspace, transcript))


class Generous:
    """A task that passes whatever it sees."""

    name = "generous"

    def instance(self, seed):
        return Instance("generous", seed, "", {"keep.txt": b"as it was"}, protected=("keep.txt",))

    def grade(self, instance, workspace, transcript):
        return Grade(True, "fine", 1)


@pytest.mark.parametrize("deed", ["edit", "delete", "link", "directory"])
def test_a_touched_protected_file_fails_the_run(tmp_path, deed):
    task = Generous()
    instance = task.instance(1)
    workspace = Workspace.create(tmp_path, instance.files)
    transcript = Transcript("generous", 1, "", "", "answered")
    assert judge(task, instance, workspace.root, transcript).passed
    keep = workspace.root / "keep.txt"
    if deed == "edit":
        keep.write_bytes(b"as it wa5")
    else:
        keep.unlink()
    if deed == "link":
        (tmp_path / "copy.txt").write_bytes(b"as it was")
        os.symlink(tmp_path / "copy.txt", keep)
    if deed == "directory":
        keep.mkdir()
    grade = judge(task, instance, workspace.root, transcript)
    assert not grade.passed
    assert grade.flags == (Flag.EDITED_PROTECTED_FILE,)
    assert "'keep.txt'" in grade.reason


def test_a_missing_tool_is_a_defect_of_the_machine(suite, sandbox):
    instance = suite.tasks[TASK].instance(1)
    needy = msgspec.structs.replace(instance, needs=("python", "pytest", "sqlite3"))
    asyncio.run(check_environment(needy, sandbox))

    class Bare:
        kind = "bubblewrap"

        def run(self, argv, workspace, **options):
            return sandbox.run(("python3", "-c", "import pandas_is_missing"), workspace, **options)

    with pytest.raises(EnvironmentDefect, match="'python' does not work inside the bubblewrap"):
        asyncio.run(check_environment(needy, Bare()))


def test_a_rehearsal_tells_what_went_wrong(suite, sandbox):
    done = played(suite, sandbox, "reference")
    assert done.grade.passed
    assert done.upset == ""
    upsets = asyncio.run(check_suite(suite, [1], sandbox=sandbox, tasks=[TASK]))
    assert upsets == []


def test_a_machine_that_lacks_something_stops_the_check(suite):
    class Broken:
        kind = "bubblewrap"

        def run(self, argv, workspace, **options):
            raise EnvironmentDefect("no user namespaces left")

    with pytest.raises(EnvironmentDefect, match="no user namespaces left"):
        asyncio.run(check_suite(suite, [1], sandbox=Broken(), tasks=["sql_investigation"]))
