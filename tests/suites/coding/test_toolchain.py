"""The compiler: where it is missing a task cannot run, and that is never the model's failure."""

import asyncio
import os
from pathlib import Path

import pytest

from ossay.agent.sandbox.find import find_sandbox
from ossay.agent.workspace import Workspace
from ossay.core.errors import EnvironmentDefect, UsageError
from ossay.core.settings import settings_from
from ossay.core.task import Step, Transcript
from ossay.core.types import Message, Reply, Timing, Usage
from ossay.suites.coding.clean_markdown import CleanMarkdown
from ossay.suites.coding.compiler import prove_typescript
from ossay.suites.grading import grade_run
from ossay.suites.toolchain import find_typescript, install_typescript, typescript_is_there

SANDBOX = find_sandbox()
HOME = settings_from(os.environ, Path.cwd()).home

needs_compiler = pytest.mark.skipif(
    "typescript" not in os.environ.get("OSSAY_REQUIRE", "") and not typescript_is_there(HOME),
    reason="no TypeScript here: ossay doctor --install",
)


def answered(instance, reply):
    steps = (Step(Reply(Message("assistant", reply), Usage(), Timing(0.0, 0.0))),)
    return Transcript(instance.task, instance.seed, "", instance.prompt, "answered", steps=steps)


def test_a_missing_compiler_is_a_defect_with_the_next_step(tmp_path):
    with pytest.raises(EnvironmentDefect, match="doctor --install"):
        find_typescript(tmp_path)
    task = CleanMarkdown(lambda: SANDBOX, home=lambda: tmp_path)
    instance = task.instance(1)
    right = answered(instance, instance.scripts["reference"][0].content)
    with pytest.raises(EnvironmentDefect, match="doctor --install"):
        task.grade(instance, tmp_path, right)


def test_without_npm_the_next_step_is_told(tmp_path):
    with pytest.raises(UsageError, match="npm is not on PATH"):
        install_typescript(tmp_path, {"PATH": str(tmp_path)})


def npm(folder, script):
    """A program called npm that does something else."""
    folder.mkdir()
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo no route to host >&2; exit 1", "no route to host"),
        ("printf x > typescript-5.9.3.tgz", "not the archive that was promised"),
    ],
)
def test_what_npm_brings_is_held_against_its_hash(tmp_path, script, told):
    npm(tmp_path / "bin", script)
    with pytest.raises(UsageError, match=told):
        install_typescript(tmp_path / "home", {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"})
    assert not typescript_is_there(tmp_path / "home")
    assert list((tmp_path / "home" / "tools").iterdir()) == []


@needs_compiler
def test_the_compiler_works_in_the_sandbox():
    prove_typescript(SANDBOX, HOME)


@needs_compiler
def test_a_grader_in_its_own_process_finds_the_compiler(tmp_path):
    instance = CleanMarkdown(lambda: SANDBOX).instance(2)
    workspace = Workspace.create(tmp_path, instance.files)
    right = answered(instance, instance.scripts["reference"][0].content)
    grade = asyncio.run(grade_run("coding", instance, workspace, right))
    assert grade.passed, grade.reason
    assert grade.facts["tier"] == "exact"
