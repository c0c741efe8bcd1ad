"""Judging a finished run: in a process of its own, on a read-only copy, protected files hashed.

`grade_run` is what a campaign calls; `judge` is what happens inside. Run as a program
(`python -m ossay.suites.grading`) this module reads one JSON job and writes one JSON grade. Knows
nothing of outcomes or ledgers.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import tempfile
import weakref
from pathlib import Path

import msgspec
from msgspec import Struct

from ossay.agent.sandbox.base import Limits, Sandbox
from ossay.agent.sandbox.find import find_sandbox
from ossay.agent.workspace import Workspace
from ossay.core.errors import EnvironmentDefect, OssayError
from ossay.core.outcome import Flag
from ossay.core.task import Grade, Instance, Task, Transcript
from ossay.suites.registry import open_suite
from ossay.suites.toolchain import home_here

# What proves that a need of an instance is met, run inside the sandbox.
_PROOFS = {
    "python": ("python3", "-c", "import sys; sys.exit(sys.version_info < (3, 9))"),
    "pytest": ("python3", "-c", "import pytest"),
    "sqlite3": (
        *("python3", "-c"),
        "import sqlite3; sqlite3.connect(':memory:').execute('select 1')",
    ),
    "node": ("node", "-e", "process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)"),
}

# Needs already proved, per sandbox object: a campaign asks once, not once a run.
_proved: weakref.WeakKeyDictionary[Sandbox, set[str]] = weakref.WeakKeyDictionary()


class Job(Struct, frozen=True):
    """What the grading process is told."""

    suite: str
    task: str
    seed: int
    workspace: str
    trust_local: bool
    transcript: Transcript


class Finding(Struct, frozen=True):
    """What the grading process answers: a grade, or why there is none."""

    grade: Grade | None = None
    defect: str = ""


async def grade_run(
    suite: str,
    instance: Instance,
    workspace: Workspace,
    transcript: Transcript,
    *,
    trust_local: bool = False,
    timeout_s: float = 120.0,
    scratch: Path | None = None,
) -> Grade:
    """Judge a run in a process of its own; its copy of the workspace is made below `scratch`.

    Raises:
        EnvironmentDefect: the grader crashed, ran out of time or could not start. That is a defect
            of ours or of the machine, never a wrong answer.
    """
    with tempfile.TemporaryDirectory(prefix="ossay-grade-", dir=scratch) as place:
        copy = await asyncio.to_thread(workspace.frozen_copy, Path(place) / "workspace")
        job = Job(suite, instance.task, instance.seed, str(copy), trust_local, transcript)
        try:
            answer = await _in_process(msgspec.json.encode(job), Path(place), timeout_s)
        finally:
            await asyncio.to_thread(_make_removable, copy)
    finding = msgspec.json.decode(answer, type=Finding)
    if finding.grade is None:
        raise EnvironmentDefect(f"grader of {instance.task!r}: {finding.defect}")
    return finding.grade


def judge(task: Task, instance: Instance, workspace: Path, transcript: Transcript) -> Grade:
    """Grade, then fail the run if a protected file is not what it was."""
    grade = task.grade(instance, workspace, transcript)
    touched = [path for path in instance.protected if not _intact(instance, workspace, path)]
    if not touched:
        return grade
    flags = tuple(dict.fromkeys((*grade.flags, Flag.EDITED_PROTECTED_FILE)))
    reason = f"protected file {touched[0]!r} was changed"
    return msgspec.structs.replace(
        grade, passed=False, flags=flags, reason=reason if grade.passed else grade.reason
    )


async def check_environment(instance: Instance, sandbox: Sandbox) -> None:
    """Prove inside the sandbox that what the instance needs is there.

    Raises:
        EnvironmentDefect: something is missing; the model must not be scored for that.
    """
    proved = _proved.setdefault(sandbox, set())
    for need in instance.needs:
        if need in proved:
            continue
        if need == "typescript":
            from ossay.suites.coding.compiler import prove_typescript

            await asyncio.to_thread(prove_typescript, sandbox, home_here())
            proved.add(need)
            continue
        if need == "chromium":
            from ossay.suites.coding.browser import prove_chromium

            await asyncio.to_thread(prove_chromium, sandbox)
            proved.add(need)
            continue
        with tempfile.TemporaryDirectory(prefix="ossay-check-") as empty:
            done = await asyncio.to_thread(sandbox.run, _PROOFS[need], Path(empty), limits=Limits())
        if done.exit_code != 0:
            raise EnvironmentDefect(
                f"{need!r} does not work inside the {sandbox.kind} sandbox: "
                f"{done.output.strip()[-300:]!r}; see `ossay doctor`"
            )
        proved.add(need)


async def _in_process(job: bytes, cwd: Path, timeout_s: float) -> bytes:
    keep = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-m", "ossay.suites.grading",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
        env={
            **keep,
            "TMPDIR": str(cwd),
            "HOME": str(cwd),
            "LANG": "C.UTF-8",
            "OSSAY_HOME": str(home_here()),  # where the compilers are
        },
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(job), timeout_s)
    except TimeoutError:
        raise EnvironmentDefect(f"the grader took longer than {timeout_s:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        last = err.decode(errors="replace").strip().splitlines()[-1:]
        raise EnvironmentDefect(f"the grader crashed: {''.join(last)[:300]!r}")
    return out


def _intact(instance: Instance, workspace: Path, path: str) -> bool:
    place = workspace / path
    try:
        if place.is_symlink() or not place.is_file():
            return False
        with place.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return False
    return digest == hashlib.sha256(instance.files[path]).digest()


def _make_removable(root: Path) -> None:
    """Give back the write permission that the copy was frozen by."""
    for directory, _, _ in os.walk(root):
        Path(directory).chmod(0o700)


def _find(job: Job) -> Finding:
    try:
        suite = open_suite(job.suite, lambda: find_sandbox(trust_local=job.trust_local))
        task = suite.tasks[job.task]
        grade = judge(task, task.instance(job.seed), Path(job.workspace), job.transcript)
    except (OssayError, OSError, KeyError) as error:
        return Finding(defect=f"{type(error).__name__}: {error}")
    return Finding(grade)


def main() -> None:
    """Read a `Job` on stdin, write a `Finding` on stdout."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    sys.stdout.buffer.write(msgspec.json.encode(_find(job)))


if __name__ == "__main__":
    main()
